"""Simulated rhythms: each is what its name says, and the signal holds what the truth says."""

from __future__ import annotations

import hashlib
import itertools
import time

import numpy as np
import pytest

from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.scp_statements import SCP_STATEMENTS
from heart_reader.data.synthetic import SIMULATED_RHYTHMS, EcgParameters, EcgTruth, NoiseLevels, SimulatedEcg, simulate, simulate_rhythm
from heart_reader.errors import ConfigError
from heart_reader.features.qrs_detection import detect_qrs
from heart_reader.features.rhythm import RHYTHM_FINDINGS, RHYTHMS

SILENT = NoiseLevels(baseline_uv=0.0, muscle_uv=0.0, mains_uv=0.0)
SEEDS = range(3)


def drawn(name: str, seed: int, *, fs: float = 500.0, duration_s: float = 10.0, noise: NoiseLevels | None = None) -> SimulatedEcg:
    return simulate_rhythm(name, rng=np.random.default_rng(seed), fs=fs, duration_s=duration_s, noise=noise)


def truths(name: str, duration_s: float = 60.0) -> list[EcgTruth]:
    return [drawn(name, seed, fs=100.0, duration_s=duration_s).truth for seed in SEEDS]


def kinds(truth: EcgTruth) -> str:
    return "".join(kind[0] for kind in truth.beat_kinds)


@pytest.mark.parametrize("name", SIMULATED_RHYTHMS)
@pytest.mark.parametrize(("fs", "duration_s"), [(100.0, 3.0), (257.0, 10.0), (1000.0, 4.5)])
def test_every_rhythm_is_a_lawful_ecg_with_an_orderly_truth(name: str, fs: float, duration_s: float) -> None:
    for seed in SEEDS:
        ecg = drawn(name, seed, fs=fs, duration_s=duration_s)
        record, truth = ecg.record, ecg.truth
        assert record.lead_names == STANDARD_LEADS
        assert record.signal.shape == (12, round(duration_s * fs))
        assert np.isfinite(record.signal).all()
        assert np.abs(record.signal).max() < 8.0
        np.testing.assert_allclose(record.lead("III"), record.lead("II") - record.lead("I"), atol=1e-5)
        assert truth.rhythm in RHYTHMS
        assert set(truth.rhythm_findings) <= set(RHYTHM_FINDINGS)
        assert set(ecg.parameters.scp_codes) <= {statement.code for statement in SCP_STATEMENTS}
        assert len(truth.beat_kinds) == len(truth.beat_s) > 0
        assert set(truth.beat_kinds) <= {"normal", "supraventricular", "ventricular", "paced"}
        order = (truth.qrs_onset_s, truth.beat_s, truth.qrs_offset_s, truth.t_onset_s, truth.t_offset_s)
        assert all((earlier < later).all() for earlier, later in itertools.pairwise(order))
        # One beat is over when the next begins.
        assert (truth.t_offset_s[:-1] < truth.qrs_onset_s[1:]).all()
        for times in (truth.visible_p_s, truth.spike_s, truth.qrs_onset_s):
            assert (np.diff(times) > 0).all()
            assert ((times >= 0) & (times < duration_s)).all()


@pytest.mark.parametrize("name", SIMULATED_RHYTHMS)
def test_the_same_seed_gives_the_same_bits_and_another_another_person(name: str) -> None:
    first, again, other = (drawn(name, seed).record.signal for seed in (4, 4, 5))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_records_without_a_rhythm_are_those_of_before() -> None:
    """In whole microvolts, records equal those of earlier versions."""
    record = simulate(EcgParameters(), rng=np.random.default_rng(11), fs=100.0, duration_s=10.0)
    microvolts = np.rint(record.signal * 1000.0).astype("<i2").tobytes()
    assert hashlib.sha256(microvolts).hexdigest()[:16] == "c2fae2587ef94b7e"


# Where the detector errs: broad beats without rest between them have too little contrast, and a P
# wave late in a long interval passes for a beat.
DETECTOR_ERRS = {"ventricular_tachycardia", "av_block_3"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.xfail(reason="the detector errs", strict=False)) if name in DETECTOR_ERRS else name
        for name in SIMULATED_RHYTHMS
    ],
)
def test_the_beats_are_where_the_truth_says(name: str) -> None:
    for seed in SEEDS:
        ecg = drawn(name, seed)
        found = detect_qrs(ecg.record.signal, 500.0) / 500.0
        truth = ecg.truth.beat_s
        missed = [beat for beat in truth if np.abs(found - beat).min(initial=np.inf) > 0.1]
        # Beats that the ends of the record cut are found or not.
        extra = [at for at in found if np.abs(truth - at).min() > 0.1 and 0.3 < at < 9.7]
        assert len(missed) <= 1, (name, seed, missed)
        assert not extra, (name, seed, extra)


def test_ventricular_tachycardia_repeats_itself_at_its_rate() -> None:
    for seed in SEEDS:
        ecg = drawn("ventricular_tachycardia", seed)
        assert 142 - 5 < ecg.truth.heart_rate_bpm < 190 + 5
        assert ecg.truth.qrs_ms > 140
        lead = ecg.record.lead("II").astype(np.float64)
        spectrum = np.abs(np.fft.rfft(lead - lead.mean()))
        hz = np.fft.rfftfreq(len(lead), 1 / 500.0)
        band = (hz > 1.5) & (hz < 20.0)
        assert hz[band][np.argmax(spectrum[band])] * 60 == pytest.approx(ecg.truth.heart_rate_bpm, rel=0.05)
        assert len(ecg.truth.visible_p_s) < len(ecg.truth.beat_s)


def test_fibrillation_has_no_p_and_no_rule() -> None:
    for truth in truths("atrial_fibrillation"):
        rr = np.diff(truth.beat_s)
        assert rr.std() / rr.mean() > 0.15
        assert abs(np.corrcoef(rr[1:], rr[:-1])[0, 1]) < 0.35
        assert np.isnan(truth.p_onset_s).all()
        assert truth.visible_p_s.size == 0


@pytest.mark.parametrize(("name", "low", "high"), [("atrial_fibrillation", 350, 500), ("atrial_flutter_4_1", 250, 340)])
def test_atrial_waves_have_their_rate(name: str, low: float, high: float) -> None:
    """Between T and the next QRS complex, in V1 (fibrillation) or II (flutter)."""
    for seed in SEEDS:
        ecg = drawn(name, seed, duration_s=60.0, noise=SILENT)
        lead = ecg.record.lead("V1" if low > 300 else "II").astype(np.float64)
        silent = np.ones(len(lead), dtype=bool)
        for begin, end in zip(ecg.truth.qrs_onset_s, ecg.truth.t_offset_s, strict=True):
            silent[int(begin * 500) : int(end * 500) + 1] = False
        silent[: int(ecg.truth.t_offset_s[0] * 500)] = False
        silent[int(ecg.truth.qrs_onset_s[-1] * 500) :] = False
        assert 0.05 < np.ptp(lead[silent]) < 0.8
        rates = np.arange(150.0, 700.0, 2.0)
        power = np.zeros(len(rates))
        times = np.arange(len(lead)) / 500.0
        for piece in np.split(np.flatnonzero(silent), np.flatnonzero(np.diff(np.flatnonzero(silent)) > 1) + 1):
            if len(piece) > 100:
                waves = np.exp(-2j * np.pi * np.outer(rates / 60.0, times[piece]))
                power += np.abs(waves @ (lead[piece] - lead[piece].mean())) ** 2
        assert low - 25 <= rates[np.argmax(power)] <= high + 25


@pytest.mark.parametrize("ratio", [2, 3, 4])
def test_flutter_conducts_at_a_ratio(ratio: int) -> None:
    for truth in truths(f"atrial_flutter_{ratio}_1"):
        assert 250 < truth.heart_rate_bpm * ratio < 340
        assert np.diff(truth.beat_s).std() < 0.01


def test_ventricular_beats_are_early_wide_and_compensate() -> None:
    for truth in truths("premature_ventricular"):
        at = np.flatnonzero(np.array(truth.beat_kinds) == "ventricular")
        at = at[(at > 1) & (at < len(truth.beat_s) - 1)]
        assert at.size
        rr = np.diff(truth.qrs_onset_s)
        usual = np.median(rr)
        assert (rr[at - 1] < 0.85 * usual).all()
        np.testing.assert_allclose(rr[at - 1] + rr[at], 2 * usual, rtol=0.15)
        wide = (truth.qrs_offset_s - truth.qrs_onset_s)[at]
        assert (wide > 0.13).all()
        assert np.isnan(truth.p_onset_s[at]).all()


def test_atrial_premature_beats_are_early_and_narrow_and_do_not_compensate() -> None:
    for truth in truths("premature_supraventricular"):
        at = np.flatnonzero(np.array(truth.beat_kinds) == "supraventricular")
        at = at[(at > 1) & (at < len(truth.beat_s) - 1)]
        assert at.size
        rr = np.diff(truth.qrs_onset_s)
        usual = np.median(rr)
        assert (rr[at - 1] < 0.85 * usual).all()
        assert (rr[at - 1] + rr[at]).mean() < 1.9 * usual
        assert np.ptp(truth.qrs_offset_s - truth.qrs_onset_s) < 1e-9
        assert np.isfinite(truth.p_onset_s[at]).all()


def test_patterns_of_ventricular_beats() -> None:
    for truth in truths("bigeminy"):
        assert "nvnvnvnvnvnv" in kinds(truth)
        assert "vv" not in kinds(truth)
    for truth in truths("trigeminy"):
        assert "vnnvnnvnnvnn" in kinds(truth)
    for truth in truths("ventricular_run"):
        runs = [run for run in kinds(truth).split("n") if run]
        # The record may cut the last one.
        assert runs
        assert all(3 <= len(run) <= 6 for run in runs[:-1])


def test_av_blocks() -> None:
    for truth in truths("av_block_1"):
        assert 225 < truth.pr_ms < 325
        assert len(truth.visible_p_s) == pytest.approx(len(truth.beat_s), abs=1)
    for truth in truths("av_block_2_mobitz_1"):
        pr = truth.qrs_onset_s - truth.p_onset_s
        dropped = np.flatnonzero(np.diff(truth.qrs_onset_s) > 1.5 * np.median(np.diff(truth.visible_p_s)))
        assert dropped.size
        assert (pr[dropped] > pr[dropped + 1] + 0.1).all()
        grows = np.setdiff1d(np.arange(len(pr) - 1), dropped)
        assert (pr[grows + 1] > pr[grows]).all()
    for truth in truths("av_block_2_mobitz_2"):
        assert np.ptp(truth.qrs_onset_s - truth.p_onset_s) < 1e-9
        assert 1.2 < len(truth.visible_p_s) / len(truth.beat_s) < 1.6
    for truth in truths("av_block_3"):
        assert truth.heart_rate_bpm < 45
        assert len(truth.visible_p_s) > 1.4 * len(truth.beat_s)
        before = [onset - truth.visible_p_s[truth.visible_p_s < onset][-1] for onset in truth.qrs_onset_s[1:]]
        assert np.ptp(before) > 0.3


def test_tachycardia_junction_pause_and_preexcitation() -> None:
    for truth in truths("supraventricular_tachycardia"):
        assert 150 < truth.heart_rate_bpm < 220
        assert truth.visible_p_s.size == 0
        assert truth.qrs_ms < 112
    for truth in truths("junctional"):
        assert 38 < truth.heart_rate_bpm < 60
        assert truth.visible_p_s.size == 0
    for truth in truths("pause"):
        rr = np.diff(truth.beat_s)
        assert 2.2 < rr.max() < 3.6
        assert rr.max() > 2 * np.median(rr)
    for truth in truths("preexcitation"):
        assert truth.pr_ms < 120 < truth.qrs_ms
        assert truth.visible_p_s.size


@pytest.mark.parametrize("fs", [500.0, 1000.0])
def test_spikes_stand_out_where_the_truth_says(fs: float) -> None:
    for seed in SEEDS:
        ecg = drawn("paced", seed, fs=fs)
        assert kinds(ecg.truth).strip("p") == ""
        assert ecg.truth.spike_s.size >= len(ecg.truth.beat_s)
        steps = np.abs(np.diff(ecg.record.lead("II").astype(np.float64)))
        for spike_s in ecg.truth.spike_s:
            at = round(spike_s * fs)
            near = steps[max(0, at - 3) : at + 4]
            assert near.max() > 0.3
            assert near.max() > 3 * np.median(steps)
    assert all(truth.spike_s.size == 0 for name in SIMULATED_RHYTHMS if name != "paced" for truth in truths(name, 3.0))


@pytest.mark.slow
def test_half_an_hour_takes_seconds() -> None:
    """Of the processor, so that what else it does makes no difference."""
    begin = time.process_time()
    ecg = drawn("atrial_fibrillation", 0, fs=250.0, duration_s=1800.0)
    assert ecg.record.signal.shape == (12, 450_000)
    assert len(ecg.truth.beat_s) > 1800
    assert time.process_time() - begin < 60.0


def test_an_unknown_rhythm_is_refused_in_one_line() -> None:
    with pytest.raises(ConfigError, match="choose among sinus, atrial_fibrillation") as caught:
        drawn("waltz", 0)
    assert "\n" not in str(caught.value)
