"""Noise in one lead makes no beats and no runs; what moves all leads is looked at in all."""

from __future__ import annotations

import numpy as np
import pytest

from heart_reader.data.record import EcgRecord
from heart_reader.data.synthetic import simulate_rhythm
from heart_reader.long.read import read_long
from heart_reader.long.scan import scan
from heart_reader.long.usable import PIECE_S, disturbed_leads, find_beats

FS = 250.0
LEADS = ("II", "V2")
NOISY_S = (90.0, 130.0)


def of_rhythm(name: str, duration_s: float = 300.0) -> tuple[EcgRecord, np.ndarray]:
    ecg = simulate_rhythm(name, rng=np.random.default_rng(7), fs=FS, duration_s=duration_s)
    rows = [ecg.record.lead_names.index(lead) for lead in LEADS]
    return EcgRecord("simulated", ecg.record.signal[rows].copy(), FS, LEADS), ecg.truth.beat_s


def shaken(record: EcgRecord, leads: tuple[int, ...]) -> EcgRecord:
    """An electrode that is pulled at: wide deflections of millivolts, some a second."""
    first, end = (round(at * FS) for at in NOISY_S)
    random = np.random.default_rng(1)
    for lead in leads:
        knots = random.normal(0.0, 3.0, (end - first) // 25 + 2)
        record.signal[lead, first:end] += np.interp(np.arange(end - first), 25 * np.arange(len(knots)), knots).astype(np.float32)
    return record


def away_s(found_s: np.ndarray, true_s: np.ndarray) -> np.ndarray:
    return np.abs(found_s[:, None] - true_s).min(axis=1)


def test_noise_in_one_lead_makes_no_beats_and_no_runs() -> None:
    record, true_s = of_rhythm("sinus")
    reading = read_long(shaken(record, (1,)))
    times = reading.beats.times_s
    assert (away_s(times, true_s) < 0.15).all()
    assert (away_s(true_s[1:-1], times) < 0.15).all()
    assert reading.beats.counts["V"] == 0
    assert not any("run" in one.kind or "gem" in one.kind for one in reading.episodes)


def test_without_that_rule_there_would_be_beats_that_are_none() -> None:
    record, true_s = of_rhythm("sinus")
    record = shaken(record, (1,))
    everywhere = np.zeros((2, round(300 / PIECE_S)), bool)
    assert (away_s(find_beats(record, everywhere) / FS, true_s) > 0.15).any()


def test_noise_is_found_where_it_is_and_never_in_all_leads() -> None:
    record, _ = of_rhythm("sinus")
    disturbed = scan(shaken(record, (1,)), 10.0).disturbed
    pieces = np.flatnonzero(disturbed[1]) * PIECE_S
    assert not disturbed[0].any()
    assert NOISY_S[0] - 2 * PIECE_S <= pieces.min() <= NOISY_S[0]
    assert NOISY_S[1] - PIECE_S <= pieces.max() <= NOISY_S[1] + 2 * PIECE_S
    record, _ = of_rhythm("sinus")
    assert not scan(shaken(record, (0, 1)), 10.0).disturbed.all(axis=0).any()


@pytest.mark.parametrize("rhythm", ["ventricular_run", "ventricular_tachycardia", "bigeminy", "atrial_fibrillation"])
def test_a_ventricle_that_runs_is_looked_at_in_all_leads(rhythm: str) -> None:
    record, _ = of_rhythm("sinus", 120.0)
    running, _ = of_rhythm(rhythm, 120.0)
    joined = EcgRecord("joined", np.concatenate([record.signal, running.signal], axis=1), FS, LEADS)
    assert scan(joined, 10.0).disturbed.mean() < 0.1


def test_most_of_the_other_leads_must_be_calm() -> None:
    movement = np.ones((4, 12))
    movement[:3, 5] = 4.0
    nothing = np.zeros((4, 12), bool)
    assert not disturbed_leads(movement, nothing).any()
    movement[1:3, 5] = 1.0
    assert disturbed_leads(movement, nothing).sum(axis=1).tolist() == [3, 0, 0, 0]


def test_useless_leads_are_left_out_where_another_is_there() -> None:
    useless = np.zeros((2, 4), bool)
    useless[0, 1] = useless[:, 2] = True
    found = disturbed_leads(np.ones((2, 4)), useless)
    assert found.astype(int).tolist() == [[0, 1, 0, 0], [0, 0, 0, 0]]
