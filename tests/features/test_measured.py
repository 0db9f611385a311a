"""Measurements of simulated ECGs against the truth, and of recordings with little to measure."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.record import EcgRecord, build_record
from heart_reader.data.synthetic import EcgParameters, NoiseLevels, simulate_with_truth
from heart_reader.features import FEATURE_NAMES, measure
from heart_reader.features.feature_names import GLOBAL_UNITS, LEAD_UNITS

TEN = (
    "heart_rate_bpm", "p_ms", "pr_ms", "qrs_ms", "qt_ms", "qtc_fridericia_ms", "qtc_bazett_ms", "p_axis_deg", "qrs_axis_deg", "t_axis_deg",
)  # fmt: skip
WAVES = ("p_ms", "pr_ms", "qrs_ms", "qt_ms", "qtc_fridericia_ms", "p_axis_deg", "qrs_axis_deg")


def simulated(seed: int = 1, fs: float = 500.0, duration_s: float = 10.0, **parameters):
    return simulate_with_truth(EcgParameters(**parameters), rng=np.random.default_rng(seed), fs=fs, duration_s=duration_s)


def noise_record(n_leads: int = 12, level_mv: float = 0.2) -> EcgRecord:
    rng = np.random.default_rng(3)
    return build_record("noise", level_mv * rng.standard_normal((n_leads, 5000)), 500.0, STANDARD_LEADS[:n_leads])


def assert_reasoned(measurements) -> None:
    """Every name is there, and what has no value has a reason."""
    assert tuple(measurements.values) == tuple(GLOBAL_UNITS)
    for name, of in measurements.values.items():
        assert of.unit == GLOBAL_UNITS[name]
        assert (of.value is None) <= bool(of.reason), name
        assert of.value is None or np.isfinite(of.value), name
    for lead, stems in measurements.leads.items():
        assert tuple(stems) == tuple(LEAD_UNITS), lead
        assert all(of.value is not None or of.reason for of in stems.values()), lead


@pytest.mark.parametrize("noise", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("rate", [50.0, 75.0, 105.0])
def test_intervals_equal_the_truth(rate, noise):
    ecg = simulated(heart_rate_bpm=rate, qt_ms=330.0, pr_ms=150.0, noise=NoiseLevels(30.0 * noise, 7.0 * noise, noise))
    values, truth = measure(ecg.record).values, ecg.truth
    assert values["heart_rate_bpm"].value == pytest.approx(truth.heart_rate_bpm, abs=1.0)
    assert values["pr_ms"].value == pytest.approx(truth.pr_ms, abs=15.0)
    assert values["qrs_ms"].value == pytest.approx(truth.qrs_ms, abs=15.0)
    assert values["qt_ms"].value == pytest.approx(truth.qt_ms, abs=25.0)
    assert values["qrs_axis_deg"].value == pytest.approx(truth.axis_deg, abs=6.0)


@pytest.mark.parametrize("fs", [100.0, 250.0, 360.0, 500.0, 1000.0])
def test_rate_of_the_record_changes_little(fs):
    ecg = simulated(fs=fs)
    values = measure(ecg.record).values
    assert values["qrs_ms"].value == pytest.approx(ecg.truth.qrs_ms, abs=20.0)
    assert values["qt_ms"].value == pytest.approx(ecg.truth.qt_ms, abs=25.0)


def test_longer_intervals_are_measured_longer():
    short, long = (measure(simulated(pr_ms=pr, qrs_ms=qrs).record).values for pr, qrs in ((130.0, 80.0), (230.0, 140.0)))
    assert long["pr_ms"].value - short["pr_ms"].value == pytest.approx(100.0, abs=20.0)
    assert long["qrs_ms"].value - short["qrs_ms"].value == pytest.approx(60.0, abs=20.0)


def test_amplitudes_scale_with_the_signal():
    record = simulated(noise=NoiseLevels(0.0, 1.0, 0.0)).record
    once, twice = measure(record), measure(replace(record, signal=record.signal * 2))
    for stem in ("R_Amp", "T_Amp", "ST_Amp80ms", "QRS_AmpPP"):
        assert twice.leads["V5"][stem].value == pytest.approx(2 * once.leads["V5"][stem].value, rel=0.1, abs=0.02), stem
    assert twice.values["sokolow_lyon_mv"].value == pytest.approx(2 * once.values["sokolow_lyon_mv"].value, rel=0.1)
    for name in ("qrs_ms", "qt_ms", "pr_ms"):
        assert twice.values[name].value == pytest.approx(once.values[name].value, abs=4.0), name


def test_names_units_json_and_vector():
    measurements = measure(simulated().record)
    assert_reasoned(measurements)
    assert tuple(measurements.values)[:10] == TEN
    plain = json.loads(json.dumps({**measurements.to_json(), "leads": measurements.leads_to_json()}, allow_nan=False))
    assert plain["qrs_ms"].keys() == {"value", "unit", "reason"}
    leads = json.loads(json.dumps(measurements.leads_to_json(), allow_nan=False))
    assert leads["V1"].keys() == LEAD_UNITS.keys()
    assert leads["V1"]["R_Amp"] == pytest.approx(measurements.leads["V1"]["R_Amp"].value, abs=1e-4)
    vector = measurements.vector()
    assert vector.shape == (len(FEATURE_NAMES),)
    assert vector.dtype == np.float32
    assert vector[FEATURE_NAMES.index("QRS_Dur_Global")] == pytest.approx(measurements.values["qrs_ms"].value)
    assert vector[FEATURE_NAMES.index("R_Amp_V5")] == pytest.approx(measurements.leads["V5"]["R_Amp"].value)
    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES)


def test_measuring_changes_nothing_and_repeats_itself():
    record = simulated().record
    before = record.signal.copy()
    first, second = measure(record), measure(record)
    np.testing.assert_array_equal(record.signal, before)
    np.testing.assert_array_equal(first.vector(), second.vector())


def test_order_of_leads_does_not_matter():
    record = simulated().record
    turned = replace(record, signal=np.ascontiguousarray(record.signal[::-1]), lead_names=record.lead_names[::-1])
    np.testing.assert_allclose(measure(turned).vector(), measure(record).vector(), rtol=1e-3, atol=2e-2)


def test_fiducials_lie_on_the_beats():
    ecg = simulated()
    fiducials = measure(ecg.record).fiducials
    inside = np.array(fiducials.r_peaks_s)
    assert len(inside) >= len(ecg.truth.beat_s)
    assert max(np.abs(inside - beat).min() for beat in ecg.truth.beat_s) < 0.03
    marks = fiducials.global_ms
    assert marks["p_on"] < marks["p_off"] <= marks["qrs_on"] < 0 < marks["qrs_off"] < marks["t_on"] < marks["t_off"]
    json.dumps(fiducials.to_json(), allow_nan=False)


def fibrillating() -> EcgRecord:
    """Irregular beats without P, over waves of 6 Hz that go their own way."""
    rng = np.random.default_rng(5)
    beats = np.cumsum(rng.uniform(0.45, 1.05, 16))
    times = np.arange(5000) / 500.0
    record = simulated(noise=NoiseLevels(0.0, 2.0, 0.0), heart_rate_bpm=60.0).record
    median = measure(record)
    signal = np.zeros_like(record.signal)
    for row, lead in enumerate(record.lead_names):
        wave = median.median_beat_mv[lead][median.r_index - 35 : median.r_index + 190]
        wave = (wave - wave[0]) * np.minimum(1.0, (len(wave) - np.arange(len(wave))) / 20.0)
        for beat in beats[beats < 9.4]:
            at = int(beat * 500)
            signal[row, at : at + len(wave)] += wave[: 5000 - at]
        signal[row] += 0.06 * np.sin(2 * np.pi * 6.3 * times + row) * (1 + 0.4 * np.sin(2 * np.pi * 0.7 * times))
    signal += 0.005 * rng.standard_normal(signal.shape).astype(np.float32)
    return replace(record, signal=signal)


def test_atrial_fibrillation_has_no_pr():
    values = measure(fibrillating()).values
    assert values["qrs_ms"].value is not None
    for name in ("p_ms", "pr_ms", "p_axis_deg"):
        assert values[name].value is None
        assert "no P wave" in values[name].reason
    assert values["p_found"].value == 0.0
    assert values["rr_sd_ms"].value > 80


def test_complete_block_has_no_pr():
    """P waves at a rate of their own are averaged away, and no interval is made of them."""
    ecg = simulated(heart_rate_bpm=38.0, pr_ms=60.0, p_ms=50.0, qt_ms=420.0, noise=NoiseLevels(0.0, 3.0, 0.0))
    times = np.arange(5000) / 500.0
    p = np.exp(-0.5 * ((np.mod(times, 0.67) - 0.4) / 0.022) ** 2)
    beat = measure(ecg.record)
    quiet = ecg.record.signal.copy()
    for r in beat.fiducials.r_peaks_s:
        first, last = int((r - 0.13) * 500), int((r - 0.055) * 500)
        if first >= 0:
            quiet[:, first:last] = np.linspace(quiet[:, first], quiet[:, last], last - first, axis=1)
    values = measure(replace(ecg.record, signal=(quiet + 0.12 * p).astype(np.float32))).values
    assert values["heart_rate_bpm"].value == pytest.approx(38.0, abs=4.0)
    assert values["pr_ms"].value is None
    assert "no P wave" in values["pr_ms"].reason


def test_paced_beats_are_named():
    ecg = simulated(noise=NoiseLevels(10.0, 3.0, 0.0))
    signal = ecg.record.signal.copy()
    for onset in ecg.truth.qrs_onset_s:
        signal[:, int(onset * 500) - 5] += 2.0
    measurements = measure(replace(ecg.record, signal=signal))
    assert "pacemaker" in measurements.values["pr_ms"].reason
    assert measurements.values["pr_ms"].value is None
    assert measurements.values["qrs_ms"].value == pytest.approx(ecg.truth.qrs_ms, abs=25.0)
    assert "paced" in measurements.values["qrs_ms"].reason
    assert any("pacemaker" in note for note in measurements.notes)


@pytest.mark.parametrize(
    ("rate", "parameters"),
    [(30.0, {"qt_ms": 460.0}), (220.0, {"p_ms": 30.0, "pr_ms": 45.0, "qrs_ms": 60.0, "qt_ms": 215.0, "rr_variability": 0.0})],
)
def test_slow_and_fast_hearts(rate, parameters):
    ecg = simulated(heart_rate_bpm=rate, **parameters)
    measurements = measure(ecg.record)
    assert_reasoned(measurements)
    assert measurements.values["heart_rate_bpm"].value == pytest.approx(ecg.truth.heart_rate_bpm, rel=0.03)
    assert measurements.values["qrs_ms"].value == pytest.approx(ecg.truth.qrs_ms, abs=25.0)


def around_fourth_beat(ecg, before, after):
    r = int(ecg.truth.beat_s[3] * 500)
    return replace(ecg.record, signal=np.ascontiguousarray(ecg.record.signal[:, r - before : r + after]))


def test_one_beat_has_intervals_but_no_rate():
    ecg = simulated(heart_rate_bpm=60.0)
    measurements = measure(around_fourth_beat(ecg, 250, 250))
    assert_reasoned(measurements)
    assert measurements.values["heart_rate_bpm"].value is None
    assert measurements.values["heart_rate_bpm"].reason == "only one heartbeat"
    assert measurements.values["qtc_bazett_ms"].value is None
    assert measurements.values["qrs_ms"].value == pytest.approx(ecg.truth.qrs_ms, abs=25.0)
    assert "low confidence" in measurements.values["qrs_ms"].reason


def test_a_strip_of_two_seconds():
    measurements = measure(simulated(duration_s=2.0, heart_rate_bpm=75.0).record)
    assert_reasoned(measurements)
    assert measurements.values["heart_rate_bpm"].value == pytest.approx(75.0, abs=8.0)


def test_one_beat_without_room_for_a_p_wave():
    ecg = simulated(heart_rate_bpm=60.0)
    measurements = measure(around_fourth_beat(ecg, 80, 300))
    assert_reasoned(measurements)
    assert measurements.values["pr_ms"].value is None
    assert measurements.values["qrs_ms"].value is not None


@pytest.mark.parametrize("n_times", [1, 3, 20, 140, 400])
def test_shreds_are_survived(n_times):
    measurements = measure(build_record("shred", np.random.default_rng(0).standard_normal((12, n_times)), 500.0, STANDARD_LEADS))
    assert_reasoned(measurements)


@pytest.mark.parametrize(
    "record",
    [
        noise_record(),
        noise_record(1),
        build_record("flat", np.zeros((12, 5000)), 500.0, STANDARD_LEADS),
        build_record("drift", np.tile(np.linspace(0, 5, 5000), (12, 1)), 500.0, STANDARD_LEADS),
    ],
    ids=["noise", "one lead of noise", "flat", "drift"],
)
def test_no_heart_no_number(record):
    measurements = measure(record)
    assert_reasoned(measurements)
    for name in ("heart_rate_bpm", *WAVES):
        assert measurements.values[name].value is None, name
    assert measurements.fiducials.global_ms["qrs_on"] is None


def test_one_lead_of_noise_among_twelve():
    ecg = simulated()
    signal = ecg.record.signal.copy()
    signal[7] = np.random.default_rng(0).standard_normal(5000) * 0.5
    values = measure(replace(ecg.record, signal=signal)).values
    assert values["heart_rate_bpm"].value == pytest.approx(ecg.truth.heart_rate_bpm, abs=1.0)
    assert values["qrs_ms"].value == pytest.approx(ecg.truth.qrs_ms, abs=20.0)


def test_a_flat_lead_has_reasons():
    record = simulated().record
    signal = record.signal.copy()
    signal[8] = 0.0
    measurements = measure(replace(record, signal=signal))
    assert {of.reason for of in measurements.leads["V3"].values()} == {"the lead has no signal"}
    assert measurements.values["cornell_mv"].value is None
    assert "V3" in measurements.values["cornell_mv"].reason


def test_two_leads_have_no_chest_voltages():
    record = simulated().record
    two = replace(record, signal=np.ascontiguousarray(record.signal[:2]), lead_names=("I", "II"))
    measurements = measure(two)
    assert measurements.values["sokolow_lyon_mv"].value is None
    assert measurements.values["qrs_axis_deg"].value == pytest.approx(45.0, abs=8.0)
    assert np.isnan(measurements.vector()[FEATURE_NAMES.index("R_Amp_V1")])


def test_a_long_record_says_which_part():
    ecg = simulated(fs=250.0, duration_s=150.0)
    measurements = measure(ecg.record)
    assert measurements.fiducials.stretch_s[1] - measurements.fiducials.stretch_s[0] == pytest.approx(60.0)
    assert len(measurements.fiducials.r_peaks_s) == pytest.approx(len(ecg.truth.beat_s), abs=2)
    assert any("quietest" in note for note in measurements.notes)
