"""Real records, compared with the wfdb library."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pydicom
import pyedflib
import pytest
from scipy.io import loadmat

from heart_reader.data.formats import find_records, read_record
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.errors import UnreadableRecord

with warnings.catch_warnings():
    # The library itself makes a deprecated pandas call while it is imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    import wfdb

pytestmark = pytest.mark.realdata

# The header names the record "E07500.mat", which the wfdb library refuses.
REFUSED_BY_WFDB = {"E07500"}


def headers(folder: Path, pattern: str = "*.hea") -> list[Path]:
    found = sorted(folder.glob(pattern))
    if not found:
        pytest.skip(f"no records in {folder}")
    return found


def assert_equals_wfdb(header: Path) -> None:
    record = read_record(header)
    signal, fields = wfdb.rdsamp(str(header.with_suffix("")))
    np.testing.assert_array_equal(record.signal, signal.T.astype(np.float32))
    assert record.fs == fields["fs"]
    # MIT-BIH has a modified lead II, and a message says how to have it read.
    assert [said.code for said in record.warnings] == (["modified_lead"] if "MLII" in record.lead_names else [])


@pytest.mark.parametrize(
    ("pattern", "n_records"),
    [
        ("ptbxl/records100/*/*.hea", 50),
        ("ptbxl/records500/*/*.hea", 10),
        ("challenge/*.hea", 100),
        ("cpsc2018/*.hea", 100),
        ("ludb/*.hea", 5),
        ("mitbih/100.hea", 1),
    ],
)
def test_signals_equal_the_wfdb_library(real_data, pattern, n_records):
    found = headers(real_data, pattern)
    for header in found[:: max(1, len(found) // n_records)]:
        if header.stem not in REFUSED_BY_WFDB:
            assert_equals_wfdb(header)


def test_twelve_standard_leads_everywhere(real_data):
    for pattern in ("ptbxl/records100/00000/*.hea", "challenge/*.hea", "cpsc2018/*.hea", "ludb/?.hea"):
        for header in headers(real_data, pattern)[:20]:
            record = read_record(header)
            assert record.lead_names == STANDARD_LEADS
            # LUDB's limb leads were digitised each for itself and do not add up.
            if not pattern.startswith("ludb"):
                error_mv = np.abs(record.lead("II") - record.lead("I") - record.lead("III"))
                assert np.median(error_mv) < 0.002, header


def test_a_record_the_wfdb_library_refuses(real_data):
    header = headers(real_data / "challenge", "E07500.hea")[0]
    with pytest.raises(ValueError, match="invalid syntax"):
        wfdb.rdsamp(str(header.with_suffix("")))
    record = read_record(header.with_suffix(""))
    raw = np.fromfile(header.with_suffix(".mat"), "<i2", offset=24).reshape(-1, 12).T
    np.testing.assert_array_equal(record.signal, (raw / 1000.0).astype(np.float32))
    assert (record.age, record.sex, record.fs) == (78.0, "male", 500.0)


def test_arrhythmia_record(real_data):
    record = read_record(headers(real_data / "mitbih", "100.hea")[0])
    assert (record.lead_names, record.n_times, record.fs) == (("MLII", "V5"), 650_000, 360.0)
    assert (record.age, record.sex) == (69.0, "male")


def test_table_with_feature_columns(real_data):
    for name in ("norm", "mi", "sttc"):
        path = real_data / "ptbxl-plus" / f"sample_{name}.csv"
        if not path.exists():
            pytest.skip(f"no {path}")
        record = read_record(path)
        assert (record.lead_names, record.n_times, record.fs) == (STANDARD_LEADS, 1000, 100.0)
        assert record.published_features is not None
        assert np.isfinite(record.published_features).all()


def test_a_table_of_contec(real_data):
    for path in headers(real_data / "formats" / "contec", "*.csv"):
        record = read_record(path)
        assert (record.fs, record.source_format, record.lead_names) == (800.0, "contec", STANDARD_LEADS)
        assert record.masked_leads == STANDARD_LEADS[6:]
        assert 0.5 < np.ptp(record.lead("II")) < 3.0
        given = read_record(path, fs=500, unit="uV", leads=STANDARD_LEADS)
        np.testing.assert_allclose(given.signal * 5, record.signal, atol=1e-5)


def test_one_recording_as_edf_and_as_a_table(real_data):
    edf, table = headers(real_data / "formats" / "edf", "0000050*")[0], headers(real_data / "formats" / "contec", "0000050*")[0]
    record = read_record(edf)
    assert (record.fs, record.signal.shape, record.lead_names) == (800.0, (12, 37_855), STANDARD_LEADS)
    # In the EDF file a range of -1000 to 1000 mV was never filled in.
    assert [text.code for text in record.warnings] == ["contec_scale", "flat_leads"]
    np.testing.assert_array_equal(record.signal, read_record(table).signal)
    assert record.device_report.acquired == "2020-11-16T21:44:39"


def test_edf_equals_pyedflib_where_the_caller_says_that_the_header_is_right(real_data):
    for path in headers(real_data / "formats" / "edf", "*.edf"):
        with pyedflib.EdfReader(str(path)) as reader:
            expected = np.stack([reader.readSignal(row) for row in range(reader.signals_in_file)])
        np.testing.assert_allclose(read_record(path, unit="mV").signal, expected, atol=1e-5)


@pytest.mark.parametrize(("name", "fs", "duration_s", "mv_per_unit"), [("waveform_ecg", 1000, 10, 1e-3), ("test_ecg", 240, 10, 1)])
def test_dicom_equals_pydicom(real_data, name, fs, duration_s, mv_per_unit):
    path = headers(real_data / "formats" / "dicom", f"{name}.dcm")[0]
    record = read_record(path)
    np.testing.assert_allclose(record.signal, pydicom.dcmread(path).waveform_array(0).T * mv_per_unit, atol=1e-6)
    assert (record.fs, record.duration_s, record.lead_names) == (fs, duration_s, STANDARD_LEADS)
    error_mv = np.abs(record.lead("II") - record.lead("I") - record.lead("III"))
    assert np.median(error_mv) < 0.005


def test_what_real_dicom_files_say(real_data):
    folder = real_data / "formats" / "dicom"
    report = read_record(headers(folder, "waveform_ecg.dcm")[0]).device_report
    measured = {"rr_mean_ms": 982, "pr_ms": 161, "qrs_ms": 75, "qt_ms": 368, "p_axis_deg": 74, "qrs_axis_deg": 52, "t_axis_deg": 57}
    assert (report.measurements, report.statements) == (measured, ("RITMO SINUSALE", "ECG NORMALE"))
    assert (report.device, report.acquired) == ("Mortara Instrument, Inc. el250 0.0.0", "2013-01-25T10:59:19")
    assert (report.low_hz, report.high_hz, report.notch_hz, report.patient) == (0.05, 300.0, None, None)
    median = pydicom.dcmread(headers(folder, "waveform_ecg.dcm")[0]).waveform_array(1).T * 1e-3
    np.testing.assert_allclose(report.medians.signal, median, atol=1e-6)
    assert (report.medians.fs, report.medians.lead_names) == (1000.0, STANDARD_LEADS)
    report = read_record(headers(folder, "test_ecg.dcm")[0], identity=True).device_report
    assert (report.measurements, report.acquired) == ({"heart_rate_bpm": 69.0}, "1999-12-23T10:07:09")
    assert report.patient.birth_date == "1944-01-02"


def test_original_structs_equal_scipy(real_data):
    for path in headers(real_data / "cpsc2018" / "original_struct", "*.mat"):
        record, truth = read_record(path), loadmat(path)["ECG"][0, 0]
        np.testing.assert_allclose(record.signal, truth["data"], atol=1e-6)
        assert (record.fs, record.lead_names) == (500.0, STANDARD_LEADS)
        assert (record.age, record.sex) == (float(truth["age"][0, 0]), str(truth["sex"][0]).lower())


def test_one_recording_as_scp_and_as_edf(real_data):
    edf, scp = headers(real_data / "formats" / "edf", "0000050*")[0], headers(real_data / "formats" / "scp", "0000050*")[0]
    record = read_record(scp)
    # The file declares more samples than it holds.
    assert [text.code for text in record.warnings] == ["scp_samples_missing", "flat_leads"]
    np.testing.assert_allclose(record.signal, read_record(edf).signal[:, : record.n_times], atol=1e-6)
    assert (record.fs, record.lead_names, record.device_report.acquired) == (800.0, STANDARD_LEADS, "2020-11-16T21:44:39")


def test_what_another_scp_file_says(real_data):
    record = read_record(headers(real_data / "formats" / "scp", "demo.scp")[0])
    assert (record.fs, record.n_times, record.age, record.sex) == (1000.0, 10_000, 47.0, "male")
    assert record.lead_names == STANDARD_LEADS
    assert [text.code for text in record.warnings] == ["leads_derived"]
    assert 0.5 < np.ptp(record.lead("II")) < 5.0


def test_a_file_that_is_not_written_to_the_standard_is_refused_with_the_reason(real_data):
    with pytest.raises(UnreadableRecord, match="not written as EN 1064 defines SCP-ECG"):
        read_record(headers(real_data / "formats" / "scp", "62.SCP")[0])


def test_folders_list_each_record_once(real_data):
    for folder in ("challenge", "cpsc2018"):
        originals = sorted((real_data / folder).glob("original_struct/*.mat"))
        assert find_records(real_data / folder) == [*headers(real_data / folder), *originals]
