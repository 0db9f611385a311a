"""A real aECG, against values that another program reads in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heart_reader.data.formats import read_record
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.writers import WRITERS

pytestmark = pytest.mark.realdata


@pytest.fixture
def path(real_data: Path) -> Path:
    found = real_data / "formats" / "aecg" / "Example aECG.xml"
    if not found.is_file():
        pytest.skip("no aECG at hand")
    return found


def test_what_the_file_holds(path: Path) -> None:
    record = read_record(path)
    assert (set(record.lead_names), record.fs, record.signal.shape) == (set(STANDARD_LEADS), 500.0, (12, 5000))
    assert (record.age, record.sex) == (46.0, "male")
    assert [said.code for said in record.warnings] == ["age_contradicts"]
    digits = record.signal.astype(np.float64) / 0.0025
    np.testing.assert_allclose(digits, np.rint(digits), atol=1e-3)
    assert np.rint(digits[record.lead_names.index("I"), :6]).tolist() == [-2, -2, -2, -2, -3, -4]
    assert np.median(np.abs(record.lead("II") - record.lead("I") - record.lead("III"))) < 0.005
    report = record.device_report
    assert report is not None
    assert (report.device, report.acquired, report.statements) == (
        "Mortara Instrument, Inc. ELI250 5.3",
        "2002-11-22T09:10:00",
        ("Sinus Rhythm",),
    )
    assert (report.low_hz, report.high_hz, report.notch_hz, report.patient) == (None, 150.0, 60.0, None)
    assert report.measurements == {
        "p_ms": 102.0, "pr_ms": 148.0, "qrs_ms": 120.0, "qt_ms": 420.0, "p_axis_deg": 44.0, "qrs_axis_deg": -61.0, "t_axis_deg": 86.0,
    }  # fmt: skip
    assert report.medians is not None
    assert (report.medians.signal.shape, report.medians.fs) == ((12, 599), 500.0)


def test_it_comes_back_from_what_we_write(path: Path, tmp_path: Path) -> None:
    record = read_record(path, identity=True)
    files, lost = WRITERS["aecg"].write(record, tmp_path, "a")
    back = read_record(files[0], identity=True)
    np.testing.assert_array_equal(back.signal, record.signal)
    assert (lost, back.lead_names, back.fs, back.age, back.sex) == ([], record.lead_names, 500.0, 46.0, "male")
    assert back.device_report is not None
    assert record.device_report is not None
    assert (back.device_report.to_json(), back.device_report.patient) == (record.device_report.to_json(), record.device_report.patient)
