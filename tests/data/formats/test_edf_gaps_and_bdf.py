"""EDF+D with gaps, BDF against pyedflib, and what both say of the recording."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pyedflib
import pytest

from heart_reader.data import signal as signal_module
from heart_reader.data.formats import find_records, read_record
from heart_reader.errors import UnitError, UnreadableRecord
from tests.hostile.case import reference
from tests.hostile.write_edf import Edf
from tests.hostile.write_edf import write as write_edf

RECORD_S = 0.5


def onsets(*gaps: tuple[int, float], first_s: float = 0.0) -> list[str]:
    """Onsets of the eight data records of 0.5 s, with gaps before some of them."""
    times = [first_s + number * RECORD_S + sum(gap for at, gap in gaps if number >= at) for number in range(8)]
    return [f"{time:+.6g}\x14\x14\0" for time in times]


def gappy(folder: Path, *gaps: tuple[int, float], **more) -> Path:
    return write_edf(folder, Edf(record_s=RECORD_S, onsets=onsets(*gaps), head={"reserved": "EDF+D"}, **more))


@pytest.mark.parametrize("gaps", [[(3, 0.5)], [(1, 0.24), (7, 1.0)], [(4, 0.123)]])
def test_gaps_are_missing_values_and_what_follows_stands_where_it_was(tmp_path, gaps):
    record, truth = read_record(gappy(tmp_path, *gaps)), reference().signal
    missing = round(sum(gap for _, gap in gaps) * 250)
    assert record.n_times == 1000 + missing
    assert any(text.startswith(f"{missing} missing values in lead V6 were bridged") for text in record.warnings)
    begin = 0
    for number in range(8):
        begin = round((number * RECORD_S + sum(gap for at, gap in gaps if number >= at)) * 250)
        np.testing.assert_allclose(record.signal[:, begin : begin + 125], truth[:, number * 125 : number * 125 + 125], atol=2e-3)


def test_without_gaps_it_is_the_continuous_file_in_parts_too(tmp_path, monkeypatch):
    np.testing.assert_allclose(read_record(gappy(tmp_path)).signal, reference().signal, atol=2e-3)
    whole = read_record(gappy(tmp_path, (2, 1.0), (5, 0.02)))
    monkeypatch.setattr(signal_module, "PART_VALUES", 12 * 100)
    np.testing.assert_allclose(read_record(tmp_path / "a.edf").signal, whole.signal, atol=1e-6)


def test_slower_leads_stay_in_step_over_gaps(tmp_path):
    path = write_edf(
        tmp_path, Edf(record_s=1.0, onsets=[f"{time:+g}\x14\x14\0" for time in (0, 1, 3, 4)], head={"reserved": "EDF+D"}, slower=("I",))
    )
    record = read_record(path)
    assert record.n_times == 1250
    assert sum("resampled to 250 Hz" in text for text in record.warnings) == 1
    np.testing.assert_allclose(record.lead("II")[750:], reference().lead("II")[500:], atol=2e-3)
    assert np.corrcoef(record.lead("I")[770:1230], reference().lead("I")[520:980])[0, 1] > 0.99


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        (onsets((4, 10.5)), "gap_too_long"),
        (onsets((4, -0.25)), "edf_jump"),
        (onsets((4, -3.0)), "edf_jump"),
        ([*onsets()[:5], "\0", *onsets()[6:]], "edf_gaps"),
        ([*onsets()[:5], "+1.5\x14VES\x14\0", *onsets()[6:]], "edf_gaps"),
        (["+0\x14\x14\0"] * 8, "edf_jump"),
        (None, "edf_gaps"),
    ],
)
def test_gaps_that_are_too_long_or_unclear(tmp_path, texts, code):
    path = write_edf(tmp_path, Edf(record_s=RECORD_S, onsets=texts, head={"reserved": "EDF+D"}))
    with pytest.raises(UnreadableRecord) as caught:
        read_record(path)
    assert caught.value.args[0].code == code


def test_a_giant_gap_costs_no_memory(tmp_path):
    path = write_edf(tmp_path, Edf(record_s=RECORD_S, onsets=[*onsets()[:7], "+1e15\x14\x14\0"], head={"reserved": "EDF+D"}))
    with pytest.raises(UnreadableRecord) as caught:
        read_record(path)
    assert caught.value.args[0].code == "gap_too_long"


def bdf(path: Path, labels=("I", "II", "Status"), *, plus: bool = False, unit: str = "uV") -> tuple[Path, np.ndarray]:
    """Four seconds of 24 bits by pyedflib."""
    rng = np.random.default_rng(0)
    writer = pyedflib.EdfWriter(str(path), len(labels), file_type=pyedflib.FILETYPE_BDFPLUS if plus else pyedflib.FILETYPE_BDF)
    digital = rng.integers(-30_000, 30_000, (len(labels), 2000)).astype(np.int32)
    digital[:, 7] = [-8_388_607, 8_388_607, 5][: len(labels)]
    for row, label in enumerate(labels):
        limits = {"physical_min": -262144, "physical_max": 262143, "digital_min": -(1 << 23), "digital_max": (1 << 23) - 1}
        dimension = "Boolean" if label == "Status" else unit
        writer.setSignalHeader(
            row, {"label": label, "dimension": dimension, "sample_frequency": 500, "transducer": "", "prefilter": "HP:0.05Hz", **limits}
        )
    if plus:
        writer.setSex(1)
        writer.setBirthdate(datetime(1950, 6, 1))
        writer.setPatientName("Jane_Doe")
        writer.setPatientCode("4711")
        writer.setEquipment("Mark_2")
        writer.setStartdatetime(datetime(2020, 5, 31, 13, 14, 15))
    writer.writeSamples(list(digital), digital=True)
    writer.close()
    with pyedflib.EdfReader(str(path)) as reader:
        return path, np.stack([reader.readSignal(row) for row in range(2)]) / (1000.0 if unit == "uV" else 1.0)


@pytest.mark.parametrize("plus", [False, True])
def test_bdf_equals_pyedflib(tmp_path, plus):
    path, expected = bdf(tmp_path / "a.bdf", plus=plus)
    record = read_record(path)
    np.testing.assert_allclose(record.signal, expected, atol=1e-4, rtol=1e-6)
    assert (record.source_format, record.fs, record.lead_names, record.n_times) == ("bdf", 500.0, ("I", "II"), 2000)
    assert "not read because they are not ECG leads: Status" in record.warnings
    assert find_records(tmp_path) == [path]


def test_bdf_is_known_by_its_content(tmp_path):
    path, expected = bdf(tmp_path / "a.bdf")
    path = path.rename(tmp_path / "a.edf")
    np.testing.assert_allclose(read_record(path).signal, expected, atol=1e-4, rtol=1e-6)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UnreadableRecord, match="the file is truncated"):
        read_record(path)


def test_bdf_in_impossible_units(tmp_path):
    with pytest.raises(UnitError):
        read_record(bdf(tmp_path / "a.bdf", unit="V")[0])


def test_what_a_file_says_of_the_recording(tmp_path):
    path, _ = bdf(tmp_path / "a.bdf", plus=True)
    record = read_record(path)
    report = record.device_report
    assert report is not None
    assert (record.age, record.sex) == (69.0, "male")
    assert (report.acquired, report.device, report.low_hz, report.high_hz) == ("2020-05-31T13:14:15", "Mark 2", 0.05, None)
    assert report.patient is None
    patient = read_record(path, identity=True).device_report.patient
    assert (patient.name, patient.patient_id, patient.birth_date) == ("Jane Doe", "4711", "1950-06-01")


@pytest.mark.parametrize(
    ("started", "acquired"),
    [
        ("01.02.8503.04.05", "1985-02-01T03:04:05"),
        ("01.02.8403.04.05", "2084-02-01T03:04:05"),
        ("31.02.2003.04.05", None),
        (" " * 16, None),
    ],
)
def test_dates_of_plain_edf(tmp_path, started, acquired):
    path = write_edf(tmp_path, Edf())
    content = path.read_bytes()
    path.write_bytes(content[:168] + started.encode() + content[184:])
    assert read_record(path).device_report.acquired == acquired
