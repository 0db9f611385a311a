"""Real records, compared with the wfdb library."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.readers import find_records, read_record
from heart_reader.errors import LeadError, UnreadableRecord

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
    assert record.warnings == ()


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
        assert "1313 feature columns were not read" in record.warnings


def test_clinical_table_without_names(real_data):
    for path in headers(real_data / "formats" / "contec", "*.csv"):
        with pytest.raises(LeadError, match="no row of lead names"):
            read_record(path)
        record = read_record(path, fs=500, unit="uV", leads=STANDARD_LEADS)
        assert record.masked_leads == STANDARD_LEADS[6:]


def test_original_structs_and_clinical_files_are_refused_with_a_reason(real_data):
    for path in headers(real_data / "cpsc2018" / "original_struct", "*.mat"):
        with pytest.raises(UnreadableRecord, match="MATLAB workspace"):
            read_record(path)
    for pattern in ("scp/*", "edf/*", "dicom/*", "muse/*", "philips/*", "aecg/*"):
        for path in headers(real_data / "formats", pattern):
            with pytest.raises(UnreadableRecord):
                read_record(path)


def test_folders_list_each_record_once(real_data):
    for folder in ("challenge", "cpsc2018"):
        assert find_records(real_data / folder) == headers(real_data / folder)
