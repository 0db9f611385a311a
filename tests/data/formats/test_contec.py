"""Contec's ECG90A: its files and their tables give one signal."""

from __future__ import annotations

import numpy as np
import pytest

from heart_reader.data.formats import find_records, read_record
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.errors import LeadError
from tests.hostile.case import reference
from tests.hostile.write_contec import Contec, stored, write_file, write_table


def test_a_file_of_the_device(tmp_path):
    path = write_file(tmp_path, Contec())
    record = read_record(path)
    np.testing.assert_allclose(record.signal, reference().signal, atol=0.0051)
    assert (record.fs, record.lead_names, record.age, record.sex) == (800.0, STANDARD_LEADS, 62.0, "female")
    assert [warning.code for warning in record.warnings] == ["contec_assumed"]
    assert (record.device_report.device, record.device_report.acquired) == ("Contec ECG90A", "2020-11-16T21:44:39")
    assert read_record(path, identity=True).device_report.patient.name == "Jane D"
    assert find_records(tmp_path) == [path]


def test_a_table_is_known_by_its_content_and_equals_the_file(tmp_path):
    spec = Contec(off=range(2, 8))
    table, file = write_table(tmp_path, spec), write_file(tmp_path, spec)
    assert find_records(tmp_path) == [file, table]
    renamed = table.rename(tmp_path / "b.txt")
    of_table, of_file = read_record(renamed), read_record(file)
    np.testing.assert_allclose(of_table.signal, of_file.signal, atol=0.0026)
    assert of_table.masked_leads == of_file.masked_leads == STANDARD_LEADS[6:]
    np.testing.assert_allclose(of_table.lead("II"), stored(spec)[0] * 0.005, atol=1e-6)
    assert (of_table.fs, of_table.source_format) == (800.0, "contec")


def test_the_caller_knows_better(tmp_path):
    path = write_table(tmp_path, Contec())
    record = read_record(path, fs=500.0, unit="uV", leads=STANDARD_LEADS)
    np.testing.assert_allclose(record.lead("II"), stored(Contec())[0] / 1000, atol=1e-6)
    assert (record.fs, record.warnings) == (500.0, ())


def test_a_table_of_whole_numbers_from_elsewhere_is_no_contec(tmp_path):
    values = np.rint(reference().signal * 1000).astype(int)
    (tmp_path / "a.csv").write_text("\n".join(",".join(map(str, row)) for row in values.T) + "\n")
    with pytest.raises(LeadError, match="no row of lead names"):
        read_record(tmp_path / "a.csv")
