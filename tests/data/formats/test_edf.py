"""EDF files against the independent pyedflib, and headers that lie."""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path

import numpy as np
import pyedflib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heart_reader.data.formats import find_records, read_record
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.errors import LeadError, RecordError, UnitError, UnreadableRecord

# Where the fields of the fixed part stand.
HEADER_BYTES, RESERVED, N_RECORDS, RECORD_S, N_SIGNALS = (184, 192), (192, 236), (236, 244), (244, 252), (252, 256)


def wave(fs: float, duration_s: float = 10.0, amplitude: float = 1.0) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * 1.5 * np.arange(round(fs * duration_s)) / fs)


def write(
    path: Path,
    labels: tuple[str, ...] = STANDARD_LEADS,
    rates: tuple[int, ...] | int = 500,
    unit: str = "mV",
    amplitude: float = 1.0,
    *,
    plus: bool = False,
) -> Path:
    """Write ten seconds with pyedflib, each signal of another amplitude."""
    rates = (rates,) * len(labels) if isinstance(rates, int) else rates
    kind = pyedflib.FILETYPE_EDFPLUS if plus else pyedflib.FILETYPE_EDF
    writer = pyedflib.EdfWriter(str(path), len(labels), file_type=kind)
    limit = 5.0 * amplitude
    for row, (label, fs) in enumerate(zip(labels, rates, strict=True)):
        limits = {"physical_max": limit, "physical_min": -limit, "digital_max": 32767, "digital_min": -32768}
        writer.setSignalHeader(
            row, {"label": label, "dimension": unit, "sample_frequency": fs, "transducer": "", "prefilter": "", **limits}
        )
    if plus:
        writer.setSex(0)
        writer.setBirthdate(datetime(1950, 6, 1))
        writer.setStartdatetime(datetime(2020, 5, 31))
        writer.writeAnnotation(1.0, -1, "an event")
    writer.writeSamples([wave(fs, 10.0, amplitude * (row + 1) / len(labels)) for row, fs in enumerate(rates)])
    writer.close()
    return path


def golden(path: Path) -> np.ndarray:
    with pyedflib.EdfReader(str(path)) as reader:
        return np.stack([reader.readSignal(row) for row in range(reader.signals_in_file)])


def set_field(path: Path, field: tuple[int, int], text: str) -> Path:
    content = bytearray(path.read_bytes())
    content[field[0] : field[1]] = text.ljust(field[1] - field[0]).encode("ascii")
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("plus", [False, True])
def test_signals_equal_pyedflib(tmp_path, plus):
    path = write(tmp_path / "a.edf", plus=plus)
    record = read_record(path)
    np.testing.assert_allclose(record.signal, golden(path), atol=1e-6)
    assert (record.lead_names, record.fs, record.n_times) == (STANDARD_LEADS, 500.0, 5000)
    assert (record.record_id, record.source_format, record.warnings) == ("a", "edf", ())


def test_age_and_sex_of_an_edf_plus_file(tmp_path):
    record = read_record(write(tmp_path / "a.edf", plus=True))
    assert (record.age, record.sex) == (69.0, "female")
    assert (read_record(write(tmp_path / "b.edf")).age, read_record(tmp_path / "b.edf").sex) == (None, None)


def test_microvolts_are_converted_and_a_given_unit_is_obeyed_aloud(tmp_path):
    path = write(tmp_path / "a.edf", unit="uV", amplitude=1000.0)
    record = read_record(path)
    np.testing.assert_allclose(record.signal, golden(path) / 1000, atol=1e-6)
    with pytest.raises(UnitError, match="--unit uV"):
        read_record(path, unit="mV")
    assert "read as nV as requested; the header says uV" in read_record(path, unit="nV").warnings


def test_labels_of_sleep_laboratories(tmp_path):
    record = read_record(write(tmp_path / "a.edf", ("EEG C3-A2", "ECG II", "EKG", "ECG V5"), (100, 250, 100, 250)))
    assert record.lead_names == ("II", "V5")
    assert record.fs == 250.0
    assert "not read because they are not ECG leads: EEG C3-A2, EKG" in record.warnings


def test_slower_leads_are_resampled_aloud(tmp_path):
    record = read_record(write(tmp_path / "a.edf", ("I", "II", "V1"), (250, 500, 250)))
    assert (record.fs, record.signal.shape) == (500.0, (3, 5000))
    assert record.warnings == ("resampled to 500 Hz to match the fastest lead: I (250 Hz), V1 (250 Hz)",)
    inner = slice(500, -500)
    np.testing.assert_allclose(record.lead("I")[inner], wave(500, 10, 1 / 3)[inner], atol=0.002)


def test_several_rates_without_lead_names_are_refused(tmp_path):
    with pytest.raises(LeadError, match=r"a\.edf: .*pass --leads"):
        read_record(write(tmp_path / "a.edf", ("ch1", "ch2"), (250, 500)))


def test_names_given_for_nameless_signals(tmp_path):
    path = write(tmp_path / "a.edf", ("ch1", "ch2"))
    assert read_record(path, leads=("I", "II")).lead_names == ("I", "II")
    with pytest.raises(LeadError, match="1 lead names given for 2 signals"):
        read_record(path, leads=("I",))


def test_a_rate_that_contradicts_the_file_is_refused(tmp_path):
    with pytest.raises(UnreadableRecord, match="the header says 500 Hz, but 250 Hz was requested"):
        read_record(write(tmp_path / "a.edf"), fs=250)


def test_no_voltage(tmp_path):
    with pytest.raises(UnitError, match=r"no voltage among I \(mmHg\)"):
        read_record(write(tmp_path / "a.edf", ("I",), unit="mmHg"))


def test_a_placeholder_range_is_named(tmp_path):
    path = write(tmp_path / "a.edf", ("I", "II"), amplitude=1.0)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"-5      -5      ", b"-1000   -1000   ").replace(b"5       5       ", b"1000    1000    "))
    path.write_bytes(path.read_bytes()[: 256 * 3] + (np.arange(10_000) % 50).astype("<i2").tobytes())
    assert any("may be wrong by a constant factor" in text for text in read_record(path).warnings)


@pytest.mark.parametrize(
    ("field", "text", "complaint"),
    [
        (N_RECORDS, "99999999", "10 data records are present, but the header declares 99999999"),
        (N_RECORDS, "11", "10 data records are present, but the header declares 11"),
        (N_RECORDS, "0", "at least one"),
        (N_RECORDS, "-5", "at least one"),
        (N_RECORDS, "1e3x", "a number is needed"),
        (N_RECORDS, "2.5", "a whole number is needed"),
        (RECORD_S, "0", "longer than 0 s"),
        (RECORD_S, "nan", "a number is needed"),
        (RECORD_S, "1e-7", "a sampling rate of"),
        (N_SIGNALS, "9999", "1 to 512 signals"),
        (HEADER_BYTES, "256", "1 to 512 signals"),
        (RESERVED, "EDF+D", "do not all say when they begin"),
    ],
)
def test_headers_that_lie(tmp_path, field, text, complaint):
    with pytest.raises(UnreadableRecord, match=complaint):
        read_record(set_field(write(tmp_path / "a.edf"), field, text))


def test_an_open_number_of_records_is_counted(tmp_path):
    path = write(tmp_path / "a.edf")
    expected = read_record(path).signal
    np.testing.assert_array_equal(read_record(set_field(path, N_RECORDS, "-1")).signal, expected)


def test_more_than_declared_is_named(tmp_path):
    record = read_record(set_field(write(tmp_path / "a.edf"), N_RECORDS, "4"))
    assert record.duration_s == 4.0
    assert any("its header declares 4" in text for text in record.warnings)


def test_a_cut_file(tmp_path):
    path = write(tmp_path / "a.edf")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UnreadableRecord, match="the file is truncated"):
        read_record(path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(UnreadableRecord, match="in a file of 300 bytes"):
        read_record(path)


def test_content_decides_and_folders_list_it(tmp_path):
    path = write(tmp_path / "a.edf").rename(tmp_path / "a.dat")
    assert read_record(path).source_format == "edf"
    path.rename(tmp_path / "b.EDF")
    assert find_records(tmp_path) == [tmp_path / "b.EDF"]


def raw(path: Path, samples: np.ndarray, first: int = 0) -> Path:
    """Overwrite samples of the only signal of a file."""
    content = bytearray(path.read_bytes())
    start = 512 + 2 * first
    content[start : start + 2 * len(samples)] = samples.astype("<i2").tobytes()
    path.write_bytes(content)
    return path


def test_a_run_of_the_smallest_number_is_a_gap_and_one_of_them_is_not(tmp_path):
    path = write(tmp_path / "a.edf", ("II",))
    expected = read_record(path).signal
    record = read_record(raw(path, np.full(20, -32768), first=1000))
    assert record.warnings == ("20 missing values in lead II were bridged by straight lines",)
    np.testing.assert_allclose(record.signal, expected, atol=0.01)
    path = raw(write(tmp_path / "b.edf", ("II",)), np.full(1, -32768), first=1000)
    assert read_record(path).warnings == ()
    assert read_record(path).signal.min() == pytest.approx(-5)
    with pytest.raises(RecordError):
        read_record(raw(write(tmp_path / "c.edf", ("II",)), np.full(5000, -32768)))


def test_a_wave_that_is_cut_off_at_the_limit_is_no_gap(tmp_path):
    cut = np.maximum(np.rint(32768 * 1.2 * np.sin(2 * np.pi * 1.5 * np.arange(5000) / 500)), -32768)
    record = read_record(raw(write(tmp_path / "a.edf", ("II",)), np.minimum(cut, 32767)))
    assert record.warnings == ()


def test_onsets_that_jump_are_a_gap(tmp_path):
    path = write(tmp_path / "a.edf", plus=True)
    content = path.read_bytes()
    assert content.count(b"+7\x14\x14") == 1
    path.write_bytes(content.replace(b"+7\x14\x14", b"+9\x14\x14"))
    with pytest.raises(UnreadableRecord, match=r"data record 8 starts at 9\.000 s, but the one before it ends at 7\.000 s"):
        read_record(path)


def test_falling_physical_limits_are_named_and_a_range_that_is_left_too(tmp_path):
    path = write(tmp_path / "a.edf", ("I",))
    expected = read_record(path).signal
    content = path.read_bytes()
    path.write_bytes(content.replace(b"-5      5       ", b"5       -5      "))
    record = read_record(path)
    np.testing.assert_allclose(record.signal, -expected, atol=1e-6)
    assert record.warnings == ("stored upside down according to the header (negative scale) and turned upright: I",)
    path.write_bytes(content.replace(b"-32768  32767   ", b"-2048   2047    "))
    assert any("exceed the digital range" in text for text in read_record(path).warnings)


def test_values_that_no_electrode_has_are_refused(tmp_path):
    path = write(tmp_path / "a.edf", ("I",))
    path.write_bytes(path.read_bytes().replace(b"-5      5       ", b"1e7     10000010"))
    with pytest.raises(UnitError, match="lead I reaches 1e\\+07 mV, but an electrode stays below 5000 mV"):
        read_record(path)


def test_filters_that_change_what_is_read_are_named(tmp_path):
    path = write(tmp_path / "a.edf", ("I",))
    content = bytearray(path.read_bytes())
    content[256 + 136 : 256 + 136 + 15] = b"HP:1Hz LP:20Hz "
    path.write_bytes(content)
    assert read_record(path).warnings == (
        "recorded without frequencies below 1 Hz, which distorts ST segments: I",
        "recorded without frequencies above 20 Hz, which lowers QRS complexes and smooths their notches: I",
    )


@pytest.mark.parametrize(
    ("patient", "recording", "age", "sex"),
    [
        ("X F 01-JUN-1951 X", "Startdate 31-MAY-2020", 68.0, "female"),
        ("X F 01-JUN-1951 X", "Startdate 01-JUN-2020", 69.0, "female"),
        ("X M 29-FEB-2000 X", "Startdate 28-FEB-2001", 0.0, "male"),
        ("X M X X", "Startdate 01-JUN-2020", None, "male"),
        ("Jane M Doe", "", None, None),
    ],
)
def test_people_of_edf_headers(tmp_path, patient, recording, age, sex):
    path = set_field(set_field(write(tmp_path / "a.edf", ("I",)), (8, 88), patient), (88, 168), recording)
    record = read_record(path)
    assert (record.age, record.sex) == (age, sex)


@settings(max_examples=150, deadline=2000)
@given(st.data())
def test_mutated_files_are_read_or_refused(tmp_path_factory, data):
    path = write(tmp_path_factory.mktemp("edf") / "a.edf", ("I", "II"), 50)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, 256 * 3))
        length = data.draw(st.integers(0, 8))
        content[at : at + length] = data.draw(st.one_of(st.binary(max_size=8), st.integers(-9999999, 99999999).map(lambda n: b"%d " % n)))
    path.write_bytes(content)
    with contextlib.suppress(RecordError):
        record = read_record(path)
        assert np.isfinite(record.signal).all()
        assert record.signal.shape[0] == len(record.lead_names)
