"""GE MUSE files: the signal, what the device says, and what its real files must give."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from heart_reader.data.device_report import Patient
from heart_reader.data.formats import find_records, read_record
from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import reference
from tests.hostile.write_xml import EIGHT, muse_text

REAL = Path(os.environ.get("HEART_READER_DATA", "")) / "formats" / "muse"


def write(folder: Path, text: str) -> Path:
    path = folder / "a.xml"
    path.write_bytes(text.encode("latin-1"))
    return path


def test_eight_leads_become_twelve_and_the_page_is_told(tmp_path: Path) -> None:
    record = read_record(write(tmp_path, muse_text(reference(), step_uv=4.88)))
    assert (record.source_format, record.fs, record.lead_names, record.age, record.sex) == ("muse", 250.0, STANDARD_LEADS, 62.0, "female")
    assert record.warnings == ("derived from I and II: III, aVR, aVL, aVF",)
    for name in STANDARD_LEADS:
        # Half a step of I and of II is in a derived lead, and the rounding of the reference.
        assert np.abs(record.lead(name) - reference().lead(name)).max() <= (0.00245 if name in EIGHT else 0.0064)


def test_what_the_device_says_comes_along(tmp_path: Path) -> None:
    report = read_record(write(tmp_path, muse_text(reference()))).device_report
    assert report is not None
    assert (report.device, report.acquired, report.confirmed) == ("MAC55, MUSE 9.0.7", "2020-12-11T15:21:27", True)
    assert (report.low_hz, report.high_hz, report.notch_hz) == (0.16, 150.0, 50.0)
    assert report.statements == ("Normal sinus rhythm", "Possible left atrial enlargement")
    assert report.measurements == {
        "heart_rate_bpm": 65, "p_ms": 114, "pr_ms": 184, "qrs_ms": 100, "qt_ms": 420, "qtc_bazett_ms": 437, "qtc_fridericia_ms": 431,
        "p_axis_deg": 42, "qrs_axis_deg": -2, "t_axis_deg": 12, "n_beats": 4,
    }  # fmt: skip
    assert report.medians is not None
    assert (report.medians.signal.shape, report.medians.lead_names, report.medians.fs) == ((12, 300), STANDARD_LEADS, 250.0)
    assert np.abs(report.medians.signal - reference().signal[:, :300]).max() < 0.002
    assert report.patient is None


def test_who_was_recorded_is_read_on_request_alone(tmp_path: Path) -> None:
    report = read_record(write(tmp_path, muse_text(reference())), identity=True).device_report
    assert report is not None
    assert report.patient == Patient("Doe, Jane", "4711", "1958-03-04")


def test_ages_in_other_units_and_from_dates(tmp_path: Path) -> None:
    text = muse_text(reference())
    months = text.replace("<PatientAge>62<", "<PatientAge>18<").replace("YEARS", "MONTHS")
    assert read_record(write(tmp_path, months)).age == 1.5
    # Born on 4 March 1958, recorded on 11 December 2020; 12-11 is no 12th of November there.
    assert read_record(write(tmp_path, text.replace("<PatientAge>62</PatientAge>", ""))).age == 62.0
    earlier = text.replace("<PatientAge>62</PatientAge>", "").replace("03-04-1958", "12-12-1958")
    assert read_record(write(tmp_path, earlier)).age == 61.0


def test_another_correction_of_qt_is_not_called_bazett(tmp_path: Path) -> None:
    text = muse_text(reference()).replace("<VentricularRate>65<", "<VentricularRate>100<").replace("<QTCorrected>437<", "<QTCorrected>498<")
    report = read_record(write(tmp_path, text)).device_report
    assert report is not None
    assert "qtc_bazett_ms" not in report.measurements


def test_xml_of_others_is_no_record_in_a_folder(tmp_path: Path) -> None:
    path = write(tmp_path, muse_text(reference()))
    (tmp_path / "b.xml").write_text("<settings><RestingECG/></settings>")
    assert find_records(tmp_path) == [path]


@pytest.mark.realdata
@pytest.mark.skipif(not REAL.is_dir(), reason="HEART_READER_DATA has no formats/muse")
@pytest.mark.parametrize(("name", "rate"), [("example1.xml", 48.0), ("example2.xml", 65.0)])
def test_real_files(name: str, rate: float) -> None:
    read_record(REAL / name)
    started = time.process_time()
    record = read_record(REAL / name)
    # Three to four milliseconds on a slow machine; a limit of ten with room for others on it.
    assert time.process_time() - started < 0.03
    assert (record.signal.shape, record.fs, record.lead_names) == ((12, 5000), 500.0, STANDARD_LEADS)
    assert [message.code for message in record.warnings] == ["leads_derived"]  # type: ignore[attr-defined]
    report = record.device_report
    assert report is not None
    assert report.medians is not None
    assert report.measurements["heart_rate_bpm"] == rate
    assert report.measurements["pr_ms"] > report.measurements["p_ms"] > 90
    assert report.medians.signal.shape == (12, 600)
    assert 0.5 < np.ptp(record.lead("II")) < 5
