"""Measurements of real recordings: reference beats, boundaries, device values, false alarms."""

from __future__ import annotations

import csv
import warnings

import numpy as np
import pytest

from heart_reader.data.annotations import read_annotations
from heart_reader.data.formats import read_record
from heart_reader.features import assess_signal, measure
from heart_reader.studies.delineation_errors import delineation_errors
from heart_reader.studies.mitbih import BeatCounts, compare_detector
from heart_reader.studies.wrong_files import SAYS_SO, WAYS, record_sets

with warnings.catch_warnings():
    # The library itself makes a deprecated pandas call while it is imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    import wfdb

pytestmark = pytest.mark.realdata


def folder(real_data, name):
    found = real_data / name
    if not found.is_dir():
        pytest.skip(f"no folder {found}")
    return found


def test_annotations_equal_the_wfdb_library(real_data):
    for path in (*sorted(folder(real_data, "mitbih").glob("*.atr"))[:4], folder(real_data, "ludb") / "1.ii"):
        times, symbols = read_annotations(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reference = wfdb.rdann(str(path.with_suffix("")), path.suffix[1:])
        np.testing.assert_array_equal(times, reference.sample)
        assert symbols == reference.symbol


@pytest.mark.slow
def test_beats_of_the_arrhythmia_database(real_data):
    total = sum((compare_detector(path) for path in sorted(folder(real_data, "mitbih").glob("*.hea"))), BeatCounts(0, 0, 0))
    assert total.found > 1000
    assert total.sensitivity >= 99.7
    assert total.predictivity >= 99.7


@pytest.mark.slow
def test_boundaries_marked_by_cardiologists(real_data):
    errors = delineation_errors(folder(real_data, "ludb"), refit=False)
    for wave, (sensitivity, mean, spread) in {"p": (98.0, 5.0, 15.0), "qrs": (99.7, 5.0, 12.0), "t": (98.5, 10.0, 25.0)}.items():
        for side in ("on", "off"):
            of = errors[f"{wave}_{side}"]
            assert of.sensitivity >= sensitivity, (wave, side)
            assert abs(of.median_ms.mean()) <= mean, (wave, side)
            assert of.median_ms.std() <= spread, (wave, side)


@pytest.mark.slow
def test_p_waves_are_neither_missed_nor_invented(real_data):
    """Their weights were fitted to PTB-XL, so that every one of these records is new to them."""
    errors = delineation_errors(folder(real_data, "ludb"), refit=False)
    for boundary in ("p_on", "p_off"):
        assert errors[boundary].sensitivity >= 97.5
        assert errors[boundary].predictivity >= 99.0


def test_a_device_agrees(real_data):
    values = measure(read_record(folder(real_data, "formats") / "dicom" / "waveform_ecg.dcm")).values
    for name, theirs, within in (("pr_ms", 161.0, 15.0), ("qrs_ms", 75.0, 15.0), ("qt_ms", 368.0, 20.0), ("qrs_axis_deg", 52.0, 8.0)):
        assert values[name].value == pytest.approx(theirs, abs=within), name


def ptbxl_rows(real_data):
    with (folder(real_data, "ptbxl") / "ptbxl_database.csv").open(newline="", encoding="utf-8") as stream:
        return [row for row in csv.DictReader(stream) if int(row["strat_fold"]) == 9]


def test_few_false_alarms_and_few_failures(real_data):
    noise = ("static_noise", "burst_noise", "baseline_drift", "electrodes_problems")
    rows = [row for row in ptbxl_rows(real_data) if not any(row[column] for column in noise)][:60]
    alarms = failures = 0
    for row in rows:
        record = read_record(real_data / "ptbxl" / f"{row['filename_lr']}.hea")
        measurements = measure(record)
        failures += measurements.values["qrs_ms"].value is None
        alarms += assess_signal(record, measurements).verdict != "good"
    assert failures == 0
    assert alarms <= 0.05 * len(rows)


def test_fibrillation_has_no_pr_and_sinus_rhythm_has_one(real_data):
    rows = ptbxl_rows(real_data)
    measured = {}
    for code in ("'AFIB'", "'SR'"):
        chosen = [row for row in rows if code in row["scp_codes"]][:25]
        records = [read_record(real_data / "ptbxl" / f"{row['filename_lr']}.hea") for row in chosen]
        measured[code] = np.mean([measure(record).values["pr_ms"].value is not None for record in records])
    assert measured["'AFIB'"] <= 0.15
    assert measured["'SR'"] >= 0.9


@pytest.mark.slow
def test_wrong_files_are_noted_and_right_ones_are_not(real_data):
    """Validation records: the weights were fitted to training records."""
    paths = next(iter(dict(record_sets(folder(real_data, "ptbxl").parent, "val")).values()))[:48]
    records = [read_record(path) for path in paths]
    seen = [assess_signal(record) for record in records]
    assert sum(one.verdict == "poor" for one in seen) <= 1
    assert sum(any(sentence.code in SAYS_SO for sentence in one.findings) for one in seen) <= 2
    for number, (way, change) in enumerate(WAYS.items()):
        some = [assess_signal(change(record, np.random.default_rng(number))) for record in records[number % 2 :: 2]]
        noted = [any(sentence.code in SAYS_SO for sentence in one.findings) for one in some]
        assert np.mean(noted) >= 0.8, way
        assert np.mean([one.verdict == "poor" for one in some]) >= 0.6, way
