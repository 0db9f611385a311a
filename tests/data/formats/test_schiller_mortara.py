"""Schiller and Mortara files, which state their scale themselves or are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from heart_reader.data.device_report import Patient
from heart_reader.data.formats import read_record
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.errors import UnreadableRecord
from tests.hostile.case import reference
from tests.hostile.write_xml import EIGHT, mortara_text, schiller_text


def write(folder: Path, text: str) -> Path:
    path = folder / "a.xml"
    path.write_bytes(text.encode("utf-8"))
    return path


@pytest.mark.parametrize("name", ["schiller", "mortara"])
def test_eight_and_twelve_leads_give_the_reference(tmp_path: Path, name: str) -> None:
    make: Callable[..., str] = schiller_text if name == "schiller" else mortara_text
    for leads in (STANDARD_LEADS, EIGHT):
        record = read_record(write(tmp_path, make(reference(), leads)))
        assert (record.source_format, record.fs, record.lead_names, record.sex, record.age) == (name, 250.0, STANDARD_LEADS, "female", 62.0)
        assert np.abs(record.signal - reference().signal).max() < 0.002
        assert record.device_report is not None
        assert record.device_report.medians is not None
        assert np.abs(record.device_report.medians.signal - reference().signal[:, :100]).max() < 0.002


def test_what_schiller_says_comes_along(tmp_path: Path) -> None:
    report = read_record(write(tmp_path, schiller_text(reference())), identity=True).device_report
    assert report is not None
    assert (report.device, report.acquired) == ("Schiller, AT-102, 1.2", "2020-12-11T15:21:27")
    assert report.measurements == {"heart_rate_bpm": 65.0}
    assert report.patient == Patient("Doe, Jane", "4711", "1958-03-04")


def test_what_mortara_says_comes_along(tmp_path: Path) -> None:
    report = read_record(write(tmp_path, mortara_text(reference())), identity=True).device_report
    assert report is not None
    assert (report.device, report.acquired, report.high_hz) == ("Mortara Instrument, Inc., ELI250c", "2020-12-11T15:21:27", 150.0)
    assert report.statements == ("SINUS RHYTHM", "LEFT AXIS DEVIATION (QRS AXIS < -30)")
    assert report.measurements == {
        "heart_rate_bpm": 65, "p_ms": 110, "pr_ms": 184, "qrs_ms": 100, "qt_ms": 420, "qtc_bazett_ms": 437, "qtc_fridericia_ms": 431,
        "p_axis_deg": 42, "qrs_axis_deg": -35, "t_axis_deg": 12, "rr_mean_ms": 923, "n_beats": 4,
    }  # fmt: skip
    assert report.patient == Patient("Doe, Jane", "4711", "1958-03-04")


def test_an_offset_whose_meaning_is_not_known_is_refused(tmp_path: Path) -> None:
    text = mortara_text(reference()).replace('OFFSET="0"', 'OFFSET="12"', 1)
    with pytest.raises(UnreadableRecord, match=r"channel I with samples of 16 SIGNED BASE64 and offset 12, which cannot be read"):
        read_record(write(tmp_path, text))
