"""ISHNE Holter files: what the header says, and long ones that stay on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heart_reader.data import record as record_module
from heart_reader.data import signal as signal_module
from heart_reader.data.formats import find_records, read_record
from heart_reader.data.stored_signal import StoredSignal
from heart_reader.errors import UnreadableRecord
from tests.hostile.case import reference
from tests.hostile.write_ishne import Ishne, content_of, write


def test_signal_leads_and_facts(tmp_path):
    path = write(tmp_path, Ishne(block=b"any text", texts={"first": "Jane", "last": "Doe", "number": "4711", "recorder": "Mark 2"}))
    record = read_record(path)
    np.testing.assert_allclose(record.signal, reference().signal, atol=1e-6)
    assert (record.fs, record.lead_names, record.warnings) == (250.0, reference().lead_names, ())
    assert (record.age, record.sex, record.source_format) == (62.0, "female", "ishne")
    report = record.device_report
    assert (report.acquired, report.device, report.patient) == ("2020-03-01T13:14:15", "Mark 2", None)
    patient = read_record(path, identity=True).device_report.patient
    assert (patient.name, patient.patient_id, patient.birth_date) == ("Jane Doe", "4711", "1958-02-01")
    assert find_records(tmp_path) == [path]


def test_steps_of_each_lead_in_nanovolts(tmp_path):
    values = np.arange(-600, 600).reshape(3, 400)
    (tmp_path / "a.ecg").write_bytes(content_of(values, 200.0, Ishne(leads=("I", "II", "V1"), steps=(1000, 2500, 5000))))
    record = read_record(tmp_path / "a.ecg")
    np.testing.assert_allclose(record.signal, values * np.array([[0.001], [0.0025], [0.005]]), atol=1e-6)
    assert record.fs == 200.0


def test_parts_are_the_whole_and_a_long_one_stays_on_disk(tmp_path, monkeypatch):
    path = write(tmp_path, Ishne())
    whole = read_record(path)
    monkeypatch.setattr(signal_module, "PART_VALUES", 1001)
    monkeypatch.setattr(record_module, "STORED_VALUES", 1000)
    record = read_record(path)
    assert isinstance(record.signal, StoredSignal)
    np.testing.assert_array_equal(np.asarray(record.signal), whole.signal)
    np.testing.assert_array_equal(record.signal[3, 101:305], whole.signal[3, 101:305])


def test_a_changed_header_is_told_by_its_checksum(tmp_path):
    path = write(tmp_path, Ishne(block=b"abc"))
    content = bytearray(path.read_bytes())
    content[206:208] = (2000).to_bytes(2, "little")
    path.write_bytes(content)
    assert [warning.code for warning in read_record(path).warnings if hasattr(warning, "code")] == ["checksum_wrong"]


def test_other_files_of_that_name_are_not_listed(tmp_path):
    Path(tmp_path, "a.ecg").write_bytes(b"\0something else")
    assert find_records(tmp_path) == []
    with pytest.raises(UnreadableRecord, match="in none of the formats"):
        read_record(tmp_path / "a.ecg")
