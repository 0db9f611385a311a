"""Philips files: compression, limb leads, calibration, and what the real files must give."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heart_reader.data.device_report import Patient
from heart_reader.data.formats import read_record
from heart_reader.data.formats.xli import XliError, xli_blocks, xli_samples
from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import reference
from tests.hostile.write_xml import philips_text, xli_bytes

REAL = Path(os.environ.get("HEART_READER_DATA", "")) / "formats" / "philips"


def write(folder: Path, text: str) -> Path:
    path = folder / "a.xml"
    path.write_bytes(text.encode("utf-8"))
    return path


@given(st.lists(st.integers(-4000, 4000), min_size=3, max_size=300))
def test_what_is_compressed_comes_out_again(values: list[int]) -> None:
    row = np.array(values, np.int64)
    [(start, codes)] = xli_blocks(xli_bytes(row[None]))
    assert np.array_equal(xli_samples(start, codes, len(row)), row)


def test_a_full_table_of_codes_stays_as_it_is() -> None:
    row = np.random.default_rng(3).integers(-2000, 2000, 6000)
    [(start, codes)] = xli_blocks(xli_bytes(row[None]))
    assert np.array_equal(xli_samples(start, codes, len(row)), row)


def test_a_block_that_swells_is_refused_before_it_fills_the_memory() -> None:
    row = np.zeros((1, 100_000), np.int64)
    [(start, codes)] = xli_blocks(xli_bytes(row))
    with pytest.raises(XliError, match="more samples than are declared"):
        xli_samples(start, codes, 1000)
    with pytest.raises(XliError, match="kind 7"):
        xli_blocks(struct.pack("<ihh", 4, 7, 0) + bytes(4))


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("compressed", [False, True])
def test_every_version_gives_the_same_signal(tmp_path: Path, *, old: bool, compressed: bool) -> None:
    record = read_record(write(tmp_path, philips_text(reference(), step_uv=2.5, compressed=compressed, old=old)))
    assert (record.source_format, record.fs, record.lead_names, record.age, record.sex) == (
        "philips",
        250.0,
        STANDARD_LEADS,
        62.0,
        "female",
    )
    assert record.warnings == ()
    # Each lead comes back to its own step, the limb leads of differences too.
    assert np.abs(record.signal - reference().signal).max() <= 0.00126


def test_the_calibration_pulse_is_cut_off_and_said(tmp_path: Path) -> None:
    record = read_record(write(tmp_path, philips_text(reference(), calibration=True)))
    assert record.n_times == reference().n_times
    assert record.warnings == ("the last 0.40 s hold a calibration pulse of 1 mV in all leads and were left out",)


def test_a_recording_that_ends_in_silence_is_kept_whole(tmp_path: Path) -> None:
    truth = reference()
    signal = truth.signal.copy()
    signal[:, -200:] = 0.0
    quiet = type(truth)("quiet", signal, truth.fs, truth.lead_names)
    record = read_record(write(tmp_path, philips_text(quiet)))
    assert (record.n_times, record.warnings) == (truth.n_times, ())


def test_what_the_device_says_comes_along(tmp_path: Path) -> None:
    report = read_record(write(tmp_path, philips_text(reference())), identity=True).device_report
    assert report is not None
    assert (report.device, report.acquired, report.confirmed) == ("PageWriter, Philips, M5000, C.01", "2020-12-11T15:21:27", True)
    assert (report.low_hz, report.high_hz, report.notch_hz) == (0.05, 150.0, 50.0)
    assert report.statements == ("SINUS RHYTHM (normal P axis)", "NORMAL ECG")
    assert report.measurements == {
        "heart_rate_bpm": 84, "pr_ms": 144, "qrs_ms": 84, "qt_ms": 352, "qtc_bazett_ms": 417, "qtc_fridericia_ms": 394, "qrs_axis_deg": 78,
    }  # fmt: skip
    assert report.medians is not None
    assert np.abs(report.medians.signal - reference().signal[:, :100]).max() < 0.001
    assert report.patient == Patient("Doe, Jane", "4711", None)


@pytest.mark.parametrize(
    ("stated", "age"), [("<weeks>26</weeks>", 26 * 7 / 365.25), ("<dateofbirth>1950-12-12</dateofbirth>", 69.0), ("", None)]
)
def test_ages(tmp_path: Path, stated: str, age: float | None) -> None:
    text = philips_text(reference()).replace("<age><years>62</years>", f'<age defaultage="50">{stated}')
    assert read_record(write(tmp_path, text)).age == (age if age is None else pytest.approx(age))


@pytest.mark.realdata
@pytest.mark.skipif(not REAL.is_dir(), reason="HEART_READER_DATA has no formats/philips")
@pytest.mark.parametrize(
    ("name", "n_times", "rate", "first_of_i"),
    [("129DYPRG.XML", 5264, 41.0, (48, 44, 40, 34)), ("3191723_ZZDEMOPTONLY_1-04_orig.xml", 5300, 84.0, (33, 33, 30, 30))],
)
def test_real_files(name: str, n_times: int, rate: float, first_of_i: tuple[int, ...]) -> None:
    read_record(REAL / name)
    started = time.process_time()
    record = read_record(REAL / name)
    # Thirteen milliseconds on a slow machine; the limit is thirty, with room for others on it.
    assert time.process_time() - started < 0.06
    assert (record.signal.shape, record.fs, record.lead_names, record.sex) == ((12, n_times), 500.0, STANDARD_LEADS, "male")
    assert [message.code for message in record.warnings] == ["calibration_cut"]  # type: ignore[attr-defined]
    assert np.allclose(record.lead("I")[:4], np.array(first_of_i) * 0.005)
    assert record.device_report is not None
    assert record.device_report.measurements["heart_rate_bpm"] == rate
    if "1-04" in name:
        # This recorder computes limb leads from I and II: half a step is all that they may miss.
        for lead, made in (("aVL", record.lead("I") - record.lead("II") / 2), ("aVF", record.lead("II") - record.lead("I") / 2)):
            assert np.abs(record.lead(lead) - made).max() <= 0.0025 + 1e-6
        assert np.abs(record.lead("aVR") + (record.lead("I") + record.lead("II")) / 2).max() <= 0.0025 + 1e-6
