"""Limb leads that stand in each other's place are named on reading, and no others are."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from heart_reader import build_record, find_records, read_record, write_record
from heart_reader.data.leads import LIMB_LEADS, STANDARD_LEADS
from heart_reader.data.limb_leads import exchanged_limb_leads
from heart_reader.data.synthetic import EcgParameters, simulate

ECG = simulate(EcgParameters(), rng=np.random.default_rng(2), fs=500.0, duration_s=10.0)


def exchanged(first: str, second: str) -> np.ndarray:
    signal = ECG.signal.copy()
    rows = [STANDARD_LEADS.index(name) for name in (first, second)]
    signal[rows] = signal[rows[::-1]]
    return signal


@pytest.mark.parametrize(("first", "second"), tuple(combinations(LIMB_LEADS[2:], 2)))
def test_a_pair_is_named(first, second):
    assert exchanged_limb_leads(exchanged(first, second), STANDARD_LEADS) == (first, second)
    said = [said for said in build_record("a", exchanged(first, second), 500.0, STANDARD_LEADS).warnings if hasattr(said, "code")]
    assert [(one.code, dict(one.values)) for one in said] == [("limb_leads_exchanged", {"first": first, "second": second})]


@pytest.mark.parametrize("kind", ["csv", "dicom", "edf", "wfdb"])
def test_whatever_the_format(kind, tmp_path):
    files, _ = write_record(build_record("a", exchanged("aVL", "aVF"), 500.0, STANDARD_LEADS), tmp_path, kind)
    assert "limb_leads_exchanged" in {said.code for said in read_record(files[0]).warnings}


def test_a_lead_without_a_signal_hides_nothing():
    signal = exchanged("aVL", "aVF")
    signal[2] = np.nan
    assert "limb_leads_exchanged" in {said.code for said in build_record("a", signal, 500.0, STANDARD_LEADS).warnings}


def test_what_fits_neither_way_is_not_exchanged():
    rng = np.random.default_rng(0)
    assert exchanged_limb_leads(ECG.signal, STANDARD_LEADS) is None
    assert exchanged_limb_leads(ECG.signal[:3], STANDARD_LEADS[:3]) is None
    for noise in (0.05, 0.3, 2.0):
        assert exchanged_limb_leads(ECG.signal + rng.normal(0, noise, ECG.signal.shape), STANDARD_LEADS) is None
    # Recorded three at a time, each lead scaled by itself, or nothing but noise.
    assert exchanged_limb_leads(np.stack([np.roll(lead, 700 * (row // 3)) for row, lead in enumerate(ECG.signal)]), STANDARD_LEADS) is None
    assert exchanged_limb_leads(ECG.signal / np.ptp(ECG.signal, axis=1, keepdims=True), STANDARD_LEADS) is None
    assert exchanged_limb_leads(rng.normal(size=(12, 5000)), STANDARD_LEADS) is None


@pytest.mark.realdata
def test_no_real_record_is_said_to_have_them(real_data: Path):
    records = [path for name in ("ludb", "challenge", "cpsc2018") for path in find_records(real_data / name)]
    assert len(records) >= 100
    for path in records:
        record = read_record(path)
        assert exchanged_limb_leads(record.signal, record.lead_names) is None, path
