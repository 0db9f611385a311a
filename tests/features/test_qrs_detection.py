"""Beats are found where they are, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heart_reader.data.synthetic import EcgParameters, NoiseLevels, simulate_with_truth
from heart_reader.features.beat_analysis import analyse
from heart_reader.features.qrs_detection import detect_qrs
from heart_reader.studies.mitbih import compare_beats


def simulated(seed=0, fs=360.0, duration_s=60.0, **parameters):
    return simulate_with_truth(EcgParameters(**parameters), rng=np.random.default_rng(seed), fs=fs, duration_s=duration_s)


@pytest.mark.parametrize("fs", [100.0, 250.0, 360.0, 500.0, 1000.0])
@pytest.mark.parametrize("n_leads", [1, 12])
def test_every_beat_is_found_at_every_rate(fs, n_leads):
    ecg = simulated(fs=fs, rr_variability=0.12, noise=NoiseLevels(60.0, 15.0, 3.0))
    found = detect_qrs(ecg.record.signal[:n_leads], fs) / fs
    # A beat that is cut by the end of the record may be found as well.
    counts = compare_beats(ecg.truth.beat_s, found[(found > 0.1) & (found < 59.9)], 0.05)
    assert counts.missed <= 1
    assert counts.invented <= 1


def test_long_recordings_are_the_same_in_pieces():
    ecg = simulated(fs=100.0, duration_s=700.0, heart_rate_bpm=80.0)
    found = detect_qrs(ecg.record.signal[:2], 100.0)
    assert np.all(np.diff(found) > 20)
    counts = compare_beats(ecg.truth.beat_s, found / 100.0)
    assert counts.sensitivity > 99.8
    assert counts.predictivity > 99.8


def test_a_low_beat_between_high_ones():
    ecg = simulated(noise=NoiseLevels(0.0, 3.0, 0.0))
    signal = ecg.record.signal[:1].copy()
    times = np.arange(signal.shape[1]) / 360.0
    low = ecg.truth.beat_s[20]
    signal[:, np.abs(times - low) < 0.3] *= 0.35
    found = detect_qrs(signal, 360.0) / 360.0
    assert np.abs(found - low).min() < 0.08


def test_nothing_in_noise_and_silence():
    assert len(detect_qrs(np.zeros((2, 5000)), 500.0)) == 0
    assert len(detect_qrs(np.zeros((2, 10)), 500.0)) == 0


def test_premature_wide_beats_are_a_kind_of_their_own():
    ecg = simulated(fs=500.0, duration_s=10.0, heart_rate_bpm=70.0, noise=NoiseLevels(0.0, 5.0, 0.0))
    signal = ecg.record.signal.copy()
    wide = np.sin(np.pi * np.arange(90) / 90.0) * 1.6
    for at in (2, 6):
        start = int((ecg.truth.beat_s[at] + 0.43) * 500)
        signal[:, start : start + 90] += wide * np.where(np.arange(12) % 3 == 0, -1.0, 0.7)[:, None]
    analysis = analyse(replace(ecg.record, signal=signal.astype(np.float32)))
    assert [len(kind.members) for kind in analysis.others] == [2]
    assert len(analysis.main.beats.members) >= 8
