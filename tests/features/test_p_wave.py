"""P waves before beats: hearts with them, without them, and recordings that leave it open."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.record import EcgRecord, build_record
from heart_reader.data.synthetic import EcgParameters, NoiseLevels, simulate_with_truth
from heart_reader.features import measure
from heart_reader.features.beat_analysis import all_kinds, analyse, mark_beats
from heart_reader.studies.p_wave_fit import fit_logistic
from heart_reader.studies.p_wave_simulated import simulated_rhythm

N = 20


def simulated(seed: int = 1, fs: float = 500.0, duration_s: float = 10.0, **parameters):
    return simulate_with_truth(EcgParameters(**parameters), rng=np.random.default_rng(seed), fs=fs, duration_s=duration_s)


def with_leads(record: EcgRecord, *names: str) -> EcgRecord:
    rows = [record.lead_names.index(name) for name in names]
    return replace(record, signal=np.ascontiguousarray(record.signal[rows]), lead_names=names)


def share_present(atrium: str, **heart: float) -> float:
    # Other seeds than those that the weights were fitted with.
    records = [simulated_rhythm(atrium, np.random.default_rng([77, number]), fs=500.0, **heart) for number in range(N)]
    return float(np.mean([analyse(record).p_waves.present is True for record in records]))


@pytest.mark.parametrize(("atrium", "most"), [("fibrillation", 0.05), ("block", 0.10), ("flutter", 0.25)])
def test_no_p_wave_is_invented(atrium, most):
    assert share_present(atrium) <= most


def test_p_waves_are_found():
    assert share_present("sinus") >= 0.95


@pytest.mark.parametrize(("rate", "pr"), [(50.0, 160.0), (75.0, 120.0), (60.0, 300.0), (100.0, 130.0)])
def test_every_beat_has_one_where_it_is(rate, pr):
    ecg = simulated(heart_rate_bpm=rate, pr_ms=pr, qt_ms=330.0)
    p_waves = analyse(ecg.record).p_waves
    assert p_waves.present is True
    assert p_waves.record_probability > 0.7
    judged = np.isfinite(p_waves.probability)
    assert judged.sum() >= len(judged) - 2
    assert p_waves.share == pytest.approx(1.0)
    assert p_waves.pr_sd_ms < 5.0
    np.testing.assert_allclose(np.diff(p_waves.onset_ms[judged]), 0.0, atol=16.0)


def test_a_ventricular_beat_has_none():
    ecg = simulated(heart_rate_bpm=60.0, qt_ms=380.0, noise=NoiseLevels(10.0, 5.0, 0.0))
    signal, fs = ecg.record.signal.copy(), ecg.record.fs
    r = int(ecg.truth.beat_s[5] * fs)
    first, last = r - int(0.25 * fs), r + int(0.07 * fs)
    times = np.arange(last - first) / fs
    wide = np.exp(-0.5 * ((times - 0.23) / 0.03) ** 2)
    # The P wave gives way to the level before it, QRS to a wide complex.
    signal[:, first:last] = signal[:, first : first + 1] + np.outer(np.linspace(0.8, 1.6, 12), wide).astype(np.float32)
    record = replace(ecg.record, signal=signal)
    analysis = analyse(record)
    assert analysis.p_waves.present is True
    beat = int(np.abs(analysis.r_peaks_s[analysis.in_stretch] - ecg.truth.beat_s[5]).argmin())
    assert np.isnan(analysis.p_waves.onset_ms[beat])
    assert not analysis.p_waves.probability[beat] >= 0.5
    others = np.delete(analysis.p_waves.onset_ms, beat)
    assert np.isfinite(others).sum() >= len(others) - 2
    times_s, marks = mark_beats(analysis, all_kinds(analysis))
    marked = int(np.abs(times_s - ecg.truth.beat_s[5]).argmin())
    assert np.isnan(marks[marked, :, :2]).all()
    assert np.isfinite(marks[marked, :, 2]).all()


def test_one_and_two_leads_tell():
    record = simulated(heart_rate_bpm=70.0).record
    for names in (("II",), ("I", "II")):
        assert analyse(with_leads(record, *names)).p_waves.present is True, names
    fibrillating = simulated_rhythm("fibrillation", np.random.default_rng(3), fs=500.0)
    assert analyse(with_leads(fibrillating, "II")).p_waves.present is not True


def test_low_rates_of_storage_change_little():
    p_waves = analyse(simulated(fs=100.0).record).p_waves
    assert p_waves.present is True
    assert p_waves.share == pytest.approx(1.0)


def test_a_paced_ventricle_leaves_it_open():
    ecg = simulated(noise=NoiseLevels(10.0, 3.0, 0.0))
    signal = ecg.record.signal.copy()
    for onset in ecg.truth.qrs_onset_s:
        signal[:, int(onset * 500) - 5] += 2.0
    p_waves = analyse(replace(ecg.record, signal=signal)).p_waves
    assert p_waves.present is None
    assert np.isnan(p_waves.onset_ms).all()


def test_two_beats_can_be_compared_and_one_cannot():
    ecg = simulated(heart_rate_bpm=60.0)
    second, third = (int(beat * 500) for beat in ecg.truth.beat_s[2:4])
    one, two = (
        replace(ecg.record, signal=np.ascontiguousarray(ecg.record.signal[:, third - before : third + 250]))
        for before in (250, third - second + 250)
    )
    assert analyse(one).p_waves.present is None
    assert analyse(two).p_waves.present is True
    assert measure(one).values["pr_ms"].reason


@pytest.mark.parametrize("n_leads", [1, 12])
@pytest.mark.parametrize("n_times", [1, 20, 400, 1500])
def test_noise_is_survived_and_says_nothing(n_leads, n_times):
    noise = 0.2 * np.random.default_rng(n_times).standard_normal((n_leads, n_times))
    p_waves = analyse(build_record("noise", noise, 500.0, STANDARD_LEADS[:n_leads])).p_waves
    assert p_waves.present is not True
    assert np.isnan(p_waves.onset_ms).all()


@pytest.mark.slow
def test_half_an_hour_is_judged_by_one_part():
    record = simulated(fs=100.0, duration_s=1800.0).record
    analysis = analyse(record)
    assert analysis.p_waves.present is True
    assert len(analysis.p_waves.probability) == len(analysis.in_stretch) < len(analysis.r_peaks_s)


def test_logistic_regression_finds_what_made_the_truth():
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((4000, 3))
    truth = rng.random(4000) < 1.0 / (1.0 + np.exp(-(0.0 + 2.0 * inputs[:, 0] - 1.0 * inputs[:, 1])))
    weights = fit_logistic(inputs, truth, np.ones(4000))
    np.testing.assert_allclose(weights, [0.0, 2.0, -1.0, 0.0], atol=0.2)
