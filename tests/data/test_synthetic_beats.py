"""The simulated signal: lawful, reproducible, and where its truth says it is."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.synthetic import EcgParameters, NoiseLevels, draw_parameters, simulate, simulate_with_truth
from heart_reader.data.synthetic.heart import MAX_BEAT_SHARE
from heart_reader.errors import ConfigError

SILENT = NoiseLevels(baseline_uv=0.0, muscle_uv=0.0, mains_uv=0.0)


@st.composite
def parameter_sets(draw: st.DrawFn) -> EcgParameters:
    heart_rate = draw(st.floats(35.0, 125.0))
    room_ms = MAX_BEAT_SHARE * 60_000.0 / heart_rate
    pr = draw(st.floats(100.0, min(300.0, room_ms - 350.0)))
    qrs = draw(st.floats(60.0, 180.0))
    return EcgParameters(
        heart_rate_bpm=heart_rate,
        p_ms=draw(st.floats(50.0, pr)),
        pr_ms=pr,
        qrs_ms=qrs,
        qt_ms=draw(st.floats(qrs + 150.0, min(600.0, room_ms - pr))),
        axis_deg=draw(st.floats(-180.0, 180.0)),
        rr_variability=draw(st.floats(0.0, 0.1)),
        noise=NoiseLevels(draw(st.floats(0.0, 300.0)), draw(st.floats(0.0, 60.0)), draw(st.floats(0.0, 50.0))),
    )


@settings(max_examples=40, deadline=None)
@given(parameters=parameter_sets(), fs=st.sampled_from([100.0, 257.0, 500.0, 1000.0]), seed=st.integers(0, 2**32 - 1))
def test_any_parameters_give_a_finite_lawful_ecg(parameters: EcgParameters, fs: float, seed: int) -> None:
    record = simulate(parameters, rng=np.random.default_rng(seed), fs=fs, duration_s=4.0)
    assert record.lead_names == STANDARD_LEADS
    assert record.signal.shape == (12, round(4.0 * fs))
    assert np.isfinite(record.signal).all()
    assert 0.1 < np.ptp(record.signal, axis=1).max() < 20.0
    lead = dict(zip(record.lead_names, record.signal.astype(np.float64), strict=True))
    laws = {
        "III": lead["II"] - lead["I"],
        "aVR": -(lead["I"] + lead["II"]) / 2,
        "aVL": (lead["I"] - lead["III"]) / 2,
        "aVF": (lead["II"] + lead["III"]) / 2,
    }
    for name, expected in laws.items():
        np.testing.assert_allclose(lead[name], expected, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(parameters=parameter_sets(), seed=st.integers(0, 2**32 - 1))
def test_the_truth_keeps_the_parameters(parameters: EcgParameters, seed: int) -> None:
    truth = simulate_with_truth(parameters, rng=np.random.default_rng(seed), fs=100.0, duration_s=10.0).truth
    assert truth.p_ms == pytest.approx(parameters.p_ms)
    assert truth.pr_ms == pytest.approx(parameters.pr_ms)
    assert truth.qrs_ms == pytest.approx(parameters.qrs_ms)
    assert math.remainder(truth.axis_deg - parameters.axis_deg, 360.0) == pytest.approx(0.0, abs=1e-6)
    order = (truth.p_onset_s, truth.p_offset_s, truth.qrs_onset_s, truth.beat_s, truth.qrs_offset_s, truth.t_onset_s, truth.t_offset_s)
    assert all((earlier <= later + 1e-9).all() for earlier, later in itertools.pairwise(order))
    # T is over before the next P begins.
    assert (truth.t_offset_s[:-1] <= truth.p_onset_s[1:] + 1e-9).all()


@pytest.mark.parametrize("heart_rate", [45.0, 72.0, 110.0])
def test_heart_rate_and_qt_can_be_found_again(heart_rate: float) -> None:
    parameters = EcgParameters(heart_rate_bpm=heart_rate, qt_ms=340.0)
    truth = simulate_with_truth(parameters, rng=np.random.default_rng(1), fs=100.0, duration_s=60.0).truth
    assert truth.heart_rate_bpm == pytest.approx(heart_rate, rel=0.02)
    assert truth.qt_ms == pytest.approx(340.0, rel=0.03)
    rr = np.diff(truth.beat_s)
    qt = (truth.t_offset_s - truth.qrs_onset_s)[:-1]
    np.testing.assert_allclose(qt / np.cbrt(rr), qt[0] / np.cbrt(rr[0]), rtol=1e-6)


def test_without_variability_the_rate_is_exact() -> None:
    parameters = EcgParameters(heart_rate_bpm=75.0, rr_variability=0.0)
    truth = simulate_with_truth(parameters, rng=np.random.default_rng(0), fs=100.0, duration_s=10.0).truth
    assert truth.heart_rate_bpm == pytest.approx(75.0)


def test_nothing_lies_outside_the_waves() -> None:
    parameters = EcgParameters(noise=SILENT)
    ecg = simulate_with_truth(parameters, rng=np.random.default_rng(3), fs=1000.0, duration_s=10.0)
    times = np.arange(ecg.record.n_times) / ecg.record.fs
    truth = ecg.truth
    silent = np.ones(ecg.record.n_times, dtype=bool)
    for begin, end in ((truth.p_onset_s, truth.p_offset_s), (truth.qrs_onset_s, truth.t_offset_s)):
        for b, e in zip(begin, end, strict=True):
            silent &= ~((times >= b) & (times <= e))
    # Beats cut off by the record's ends are not in the truth.
    silent &= (times > truth.t_offset_s[0]) & (times < truth.p_onset_s[-1])
    assert silent.sum() > 100
    assert np.abs(ecg.record.signal[:, silent]).max() == 0.0


@pytest.mark.parametrize("finding", ["normal", "left bundle branch block", "right bundle branch block", "left ventricular hypertrophy"])
def test_waves_can_be_seen_from_their_onset_to_their_offset(finding: str) -> None:
    """Waves exceed 10 microvolts within 20 (P), 5 (QRS) and 15 ms (T) of the truth."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        parameters = replace(draw_parameters([finding], rng), noise=SILENT, rr_variability=0.0)
        ecg = simulate_with_truth(parameters, rng=rng, fs=1000.0, duration_s=5.0)
        seen = np.abs(ecg.record.signal).max(axis=0) > 0.010
        begin, onset, offset, end = (
            round(1000 * float(times[1]))
            for times in (ecg.truth.p_onset_s, ecg.truth.qrs_onset_s, ecg.truth.qrs_offset_s, ecg.truth.t_offset_s)
        )
        assert np.flatnonzero(seen[begin:offset])[0] <= 20
        assert np.flatnonzero(seen[onset:offset])[0] <= 5
        assert end - (onset + np.flatnonzero(seen[onset:end])[-1]) <= 15


def test_rate_changes_neither_the_moment_nor_the_size_of_a_beat() -> None:
    parameters = EcgParameters(noise=SILENT, rr_variability=0.0)
    coarse, fine = (simulate(parameters, rng=np.random.default_rng(5), fs=fs, duration_s=10.0) for fs in (250.0, 1000.0))
    difference = np.abs(coarse.signal - fine.signal[:, ::4])[:, 10:-10]
    assert difference.max() < 0.02


def test_same_seed_same_bits_and_other_seed_other_bits() -> None:
    first, again, other = (simulate(EcgParameters(), rng=np.random.default_rng(seed), fs=100.0, duration_s=10.0) for seed in (1, 1, 2))
    assert np.array_equal(first.signal, again.signal)
    assert not np.array_equal(first.signal, other.signal)


def test_noise_is_as_loud_as_asked() -> None:
    levels = NoiseLevels(baseline_uv=0.0, muscle_uv=50.0, mains_uv=0.0)
    loud, silent = (
        simulate(EcgParameters(noise=noise), rng=np.random.default_rng(4), fs=500.0, duration_s=20.0) for noise in (levels, SILENT)
    )
    # Lead I is the difference of two arms.
    assert 0.03 < float((loud.lead("I") - silent.lead("I")).std()) / np.sqrt(2.0) < 0.09


@pytest.mark.parametrize(
    "wrong",
    [{"heart_rate_bpm": 0.0}, {"heart_rate_bpm": 180.0}, {"qrs_ms": -1.0}, {"qt_ms": 100.0}, {"p_ms": 400.0}, {"rr_variability": 0.5}],
)
def test_impossible_beats_are_refused_in_one_line(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="simulated beat") as caught:
        EcgParameters(**wrong)
    assert "\n" not in str(caught.value)


def test_an_axis_out_of_reach_is_refused() -> None:
    backwards = tuple(wave._replace(vector=(0.01, 0.0, 1.0)) for wave in EcgParameters().morphology.qrs)
    parameters = EcgParameters(morphology=replace(EcgParameters().morphology, qrs=backwards), axis_deg=40.0)
    with pytest.raises(ConfigError, match="cannot be reached"):
        simulate(parameters, rng=np.random.default_rng(0), fs=100.0, duration_s=2.0)
