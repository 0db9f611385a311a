"""The rhythm of recordings composed of beats, P waves and spikes, and of those without one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.record import EcgRecord, build_record
from heart_reader.data.signal import resample
from heart_reader.features import FEATURE_NAMES, measure
from heart_reader.features.beat_analysis import analyse
from heart_reader.features.beat_shapes import shares_of_patterns, time_beats
from heart_reader.features.feature_names import RHYTHM_FEATURES
from heart_reader.features.rhythm import RHYTHM_FINDINGS, RHYTHMS, Rhythm
from heart_reader.features.rhythm_numbers import gather
from heart_reader.features.rhythm_rules import _name
from heart_reader.messages import Message

# What the leads I, II and V1 to V6 see of each wave; the other limb leads follow from I and II.
P = np.array([0.08, 0.14, 0.06, 0.07, 0.08, 0.08, 0.08, 0.07])
NARROW = np.array([0.7, 1.0, -0.6, -0.3, 0.6, 1.2, 1.3, 1.0])
WIDE = np.array([-0.4, 0.9, -1.1, -1.2, -0.5, 0.4, 0.9, 1.1])
BRANCH = np.array([0.9, 0.4, -0.9, -1.1, -0.7, 0.3, 0.9, 1.1])
T = np.array([0.2, 0.3, 0.05, 0.25, 0.35, 0.3, 0.25, 0.2])
SAW = np.array([0.03, 0.16, 0.10, 0.05, 0.03, 0.03, 0.03, 0.03])
SPIKE = np.array([0.5, 0.9, 0.4, 0.6, 0.7, 0.7, 0.6, 0.5])

# Kind of beat: vector, standard deviation of the halves of QRS in seconds, vector and place of T.
SHAPES = {
    "narrow": (NARROW, 0.011, T, 0.26),
    "branch": (BRANCH, 0.034, -T, 0.32),
    "wide": (WIDE, 0.040, -T, 0.34),
}


def draw(
    beats: Iterable[tuple[float, str]],
    duration_s: float = 10.0,
    p_s: Sequence[float] = (),
    fs: float = 500.0,
    saw_hz: float = 0.0,
    spikes_s: Sequence[float] = (),
    noise_mv: float = 0.008,
    fibrillation_mv: float = 0.0,
    seed: int = 0,
) -> EcgRecord:
    """Draw beats (time of R and kind), P waves at ``p_s``, flutter waves and spikes of 2 ms."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(duration_s * fs)) / fs
    signal = noise_mv * rng.standard_normal((8, len(times)))

    def add(vector: np.ndarray, centre: float, sd: float) -> None:
        low, high = np.searchsorted(times, (centre - 5 * sd, centre + 5 * sd))
        signal[:, low:high] += vector[:, None] * np.exp(-0.5 * np.square((times[low:high] - centre) / sd))

    for r, kind in beats:
        qrs, sd, t, t_after = SHAPES[kind]
        add(qrs, r, sd)
        add(-0.35 * np.roll(qrs, 1), r + 2.2 * sd, sd)
        add(t, r + t_after, 0.045)
    for centre in p_s:
        add(P, centre, 0.022)
    if saw_hz:
        turn = 2.0 * np.pi * saw_hz * times
        signal += SAW[:, None] * (np.sin(turn) + 0.4 * np.sin(2.0 * turn + 0.8))
    if fibrillation_mv:
        phase = 2 * np.pi * np.cumsum(6.0 + 1.5 * np.sin(2 * np.pi * 0.4 * times)) / fs
        signal += fibrillation_mv * np.array([0.3, 0.8, 1.0, 0.6, 0.3, 0.3, 0.2, 0.2])[:, None] * np.sin(phase)
    for at in spikes_s:
        signal[:, round(at * fs)] += 2.5 * SPIKE
    i, ii = signal[:2]
    limbs = [i, ii, ii - i, -(i + ii) / 2, i - ii / 2, ii - i / 2]
    return build_record("simulated", np.stack([*limbs, *signal[2:]]), fs, STANDARD_LEADS)


def steady(bpm: float, duration_s: float = 10.0, start: float = 0.45, jitter: float = 0.015, seed: int = 1) -> list[float]:
    rng, rr = np.random.default_rng(seed), 60.0 / bpm
    times = [start]
    while times[-1] + rr < duration_s - 0.45:
        times.append(times[-1] + rr * (1.0 + jitter * rng.standard_normal()))
    return times


def chaotic(bpm: float, duration_s: float = 10.0, seed: int = 2) -> list[float]:
    rng, times = np.random.default_rng(seed), [0.4]
    while times[-1] < duration_s - 1.3:
        times.append(times[-1] + 60.0 / bpm * float(np.clip(1.0 + 0.24 * rng.standard_normal(), 0.55, 1.7)))
    return times


def before(times: Iterable[float], pr_s: float = 0.16) -> list[float]:
    return [r - pr_s + 0.045 for r in times]


def normal(bpm: float = 70.0, duration_s: float = 10.0, **more) -> EcgRecord:
    times = steady(bpm, duration_s)
    return draw([(r, "narrow") for r in times], duration_s, before(times), **more)


def with_ectopics(kinds: str, wide: bool = True, rr: float = 0.85) -> tuple[EcgRecord, int]:
    """Turn letters into beats: n is normal, x comes early after 0.6 RR, with a pause."""
    now, beats, p_s = 0.5, [], []
    for place, letter in enumerate(kinds):
        beats.append((now, "wide" if letter == "x" and wide else "narrow"))
        if letter == "n" or not wide:
            p_s.append(now - 0.115)
        following = kinds[place + 1 : place + 2]
        now += (0.6 if following == "x" else 1.35 if letter == "x" and wide else 1.0) * rr
    return draw(beats, now + 0.3, p_s), kinds.count("x")


def rhythm(record: EcgRecord) -> Rhythm:
    """Measure, and see that what is said is well formed whatever the record."""
    found = measure(record).rhythm
    assert found.name is None or found.name in RHYTHMS
    assert set(found.findings) <= set(RHYTHM_FINDINGS)
    assert isinstance(found.reason, Message)
    assert tuple(found.values) == tuple(RHYTHM_FEATURES)
    assert all((of.value is None) == bool(of.reason) for of in found.values.values())
    json.dumps(found.to_json(), allow_nan=False)
    return found


@pytest.mark.parametrize("fs", [100.0, 360.0, 500.0, 1000.0])
@pytest.mark.parametrize("bpm", [48.0, 70.0, 110.0])
def test_a_sinus_rhythm_is_called_so_and_nothing_beside_it(fs, bpm):
    found = rhythm(normal(bpm, fs=fs))
    assert (found.name, found.findings) == ("sinus", ())
    assert set(found.beats) <= {"normal", "unknown"}
    assert found.beats.count("unknown") <= 2
    assert found.values["rr_cv"].value == pytest.approx(0.015, abs=0.012)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["narrow", "branch"])
@pytest.mark.parametrize("bpm", [70.0, 110.0])
def test_fibrillation_with_and_without_a_bundle_branch_block(bpm, kind, seed):
    found = rhythm(draw([(r, kind) for r in chaotic(bpm, seed=seed)], fibrillation_mv=0.05, seed=seed))
    assert found.name == "atrial_fibrillation"
    assert "irregular" in found.findings
    assert "supraventricular" not in found.beats
    assert "ventricular" not in found.beats


def test_irregular_beats_with_p_waves_are_no_fibrillation():
    times = chaotic(65.0)
    assert rhythm(draw([(r, "narrow") for r in times], p_s=before(times))).name == "sinus"


def test_flutter_in_step_with_the_beats():
    rng = np.random.default_rng(4)
    beats = [(0.3 + 0.8 * n + 0.012 * rng.standard_normal(), "narrow") for n in range(12)]
    found = rhythm(draw(beats, saw_hz=5.0))
    assert found.name == "atrial_flutter"
    assert found.values["flutter_rate_bpm"].value == pytest.approx(300.0, abs=16.0)


def test_ventricular_and_supraventricular_tachycardia():
    fast = rhythm(draw([(r, "wide") for r in steady(130.0)]))
    assert (fast.name, "premature_ventricular" in fast.findings) == ("ventricular_tachycardia", False)
    assert rhythm(draw([(r, "narrow") for r in steady(185.0)])).name == "supraventricular_tachycardia"
    # Not so wide and not so fast: it may be either.
    assert rhythm(draw([(r, "branch") for r in steady(112.0)])).name is None


@pytest.mark.parametrize(
    ("kinds", "findings"),
    [
        ("nnnxnnnnnnn", {"premature_ventricular"}),
        ("nnnxxnnnnnn", {"premature_ventricular", "couplet"}),
        ("nnnnxxxxnnnnn", {"premature_ventricular", "ventricular_run"}),
        ("nxnxnxnxnxnxn", {"premature_ventricular", "bigeminy"}),
        ("nnxnnxnnxnnx", {"premature_ventricular", "trigeminy"}),
    ],
)
def test_ventricular_beats_are_counted_and_their_pattern_named(kinds, findings):
    record, count = with_ectopics(kinds)
    found = rhythm(record)
    assert found.name == "sinus"
    assert found.beats.count("ventricular") == count
    assert set(found.findings) - {"irregular", "pause"} == findings


def test_early_narrow_beats_are_supraventricular():
    record, count = with_ectopics("nnnxnnnnxnnnn", wide=False)
    found = rhythm(record)
    assert found.beats.count("supraventricular") == count
    assert "premature_supraventricular" in found.findings
    assert "premature_ventricular" not in found.findings


def test_a_pause_of_four_seconds():
    times = [0.5, 1.3, 2.1, 2.9, 6.9, 7.7, 8.5, 9.3]
    found = rhythm(draw([(r, "narrow") for r in times], p_s=before(times)))
    assert found.name == "sinus"
    assert "pause" in found.findings
    assert found.values["pause_count"].value == 1


def test_spikes_of_a_pacemaker_are_recognised_by_their_number():
    times = steady(68.0, jitter=0.001)
    found = rhythm(draw([(r, "wide") for r in times], spikes_s=[r - 0.10 for r in times]))
    assert (found.name, found.reason.code) == ("paced", "rhythm_paced_spikes")
    assert set(found.beats) <= {"paced", "unknown"}
    assert "pacing_spikes" in found.findings


def test_paced_beats_are_recognised_where_a_file_has_smeared_their_spikes():
    times = steady(68.0, jitter=0.001)
    sharp = draw([(r, "wide") for r in times], spikes_s=[r - 0.10 for r in times])
    smeared = build_record("smeared", resample(sharp.signal, 500.0, 100.0), 100.0, STANDARD_LEADS)
    found = rhythm(smeared)
    assert (found.name, found.reason.code) == ("paced", "rhythm_paced_smeared")
    blocked = build_record("blocked", resample(draw([(r, "branch") for r in times], p_s=before(times, 0.2)).signal, 500.0, 100.0), 100.0,
                           STANDARD_LEADS)  # fmt: skip
    assert rhythm(blocked).name == "sinus"


def test_paced_beats_among_own_ones():
    times = steady(68.0, jitter=0.001)
    beats = [(r, "wide" if n % 3 else "narrow") for n, r in enumerate(times)]
    found = rhythm(
        draw(beats, spikes_s=[r - 0.10 for r, kind in beats if kind == "wide"], p_s=[r - 0.12 for r, kind in beats if kind == "narrow"])
    )
    assert found.name == "paced"


def test_block_of_first_second_and_third_degree():
    times = steady(62.0)
    first = rhythm(draw([(r, "narrow") for r in times], p_s=before(times, 0.28)))
    assert (first.name, first.findings) == ("sinus", ("av_block_1",))
    p_s = [0.3 + 0.75 * n for n in range(13)]
    dropped = [p for n, p in enumerate(p_s) if n % 4 != 3]
    second = rhythm(draw([(p + 0.13, "narrow") for p in dropped], p_s=p_s))
    assert second.name == "sinus"
    assert "av_block_2" in second.findings
    third = rhythm(draw([(r, "narrow") for r in steady(37.0, jitter=0.002)], p_s=[0.2 + 0.71 * n for n in range(14)]))
    assert "av_block_3" in third.findings
    assert third.name != "atrial_fibrillation"


@pytest.mark.parametrize("n_beats", [0, 1, 2])
def test_too_few_beats_have_no_rhythm(n_beats):
    found = rhythm(draw([(1.0 + 0.9 * n, "narrow") for n in range(n_beats)], 3.0))
    assert found.name is None
    assert found.reason
    assert found.findings == ()


@pytest.mark.parametrize("duration_s", [3.0, 10.0])
@pytest.mark.parametrize("n_leads", [1, 2, 12])
def test_noise_has_no_rhythm(n_leads, duration_s):
    rng = np.random.default_rng(5)
    record = build_record("noise", 0.2 * rng.standard_normal((n_leads, round(500 * duration_s))), 500.0, STANDARD_LEADS[:n_leads])
    assert rhythm(record).name is None


def test_flat_leads_have_no_rhythm():
    assert rhythm(build_record("flat", np.zeros((12, 5000)), 500.0, STANDARD_LEADS)).name is None


def test_short_and_single_lead_records_are_named_where_they_can_be():
    assert rhythm(normal(80.0, 3.5)).name == "sinus"
    whole = normal(70.0)
    assert rhythm(build_record("II", whole.signal[1:2], 500.0, ("II",))).name == "sinus"


def test_noise_in_half_of_the_record_makes_no_rhythm_up():
    record = normal(70.0)
    signal = record.signal.copy()
    signal[:, 2500:] += 0.6 * np.random.default_rng(7).standard_normal((12, 2500))
    found = rhythm(build_record("half", signal, 500.0, STANDARD_LEADS))
    assert found.name in (None, "sinus")
    assert "ventricular_run" not in found.findings


def test_every_minute_of_a_long_recording_is_reported():
    times = steady(70.0, 300.0)
    early = set(range(20, len(times) - 2, 40))
    beats = [(r - 0.3, "wide") if n in early else (r, "narrow") for n, r in enumerate(times)]
    found = rhythm(draw(beats, 300.0, [r - 0.115 for r, kind in beats if kind == "narrow"], fs=250.0))
    assert found.name == "sinus"
    assert found.beats.count("ventricular") == len(early)
    assert found.beats.count("unknown") < 0.03 * len(beats)


def test_half_an_hour_takes_half_an_hour_s_time():
    def seconds(minutes: int) -> float:
        record = normal(75.0, 60.0 * minutes, fs=250.0)
        record = build_record("two", record.signal[[1, 6]], 250.0, ("II", "V1"))
        start = time.process_time()
        rhythm(record)
        return time.process_time() - start

    seconds(1)
    assert seconds(30) < 8.0 * seconds(10)


def test_the_vector_ends_with_the_rhythm():
    measured = measure(normal())
    last = [name for name, _ in RHYTHM_FEATURES.values()]
    assert FEATURE_NAMES[-len(last) :] == tuple(last)
    values = [of.value for of in measured.rhythm.values.values()]
    expected = np.array([np.nan if value is None else value for value in values], np.float32)
    np.testing.assert_array_equal(measured.vector()[-len(last) :], expected)
    assert np.isfinite(expected).mean() > 0.9


def test_early_and_late_are_judged_by_the_usual_interval():
    timing = time_beats(np.cumsum([0.0, 0.8, 0.8, 0.5, 1.1, 0.8, 0.8, 0.8]))
    assert np.flatnonzero(timing.early).tolist() == [3]
    assert np.flatnonzero(timing.late).tolist() == [4]
    alternating = time_beats(np.cumsum([0.0] + [0.6, 1.0] * 6))
    assert alternating.early[3:-1:2].all()
    assert not alternating.early[2::2].any()
    assert time_beats(np.array([0.0, 1.0])).early.tolist() == [False, False]


def test_patterns_are_shares_of_a_record():
    assert shares_of_patterns(np.array([False, True] * 6)) == (pytest.approx(10.0 / 11.0), 0.0)
    assert shares_of_patterns(np.array([False, False, True] * 4))[1] > 0.7
    assert shares_of_patterns(np.zeros(10, bool)) == (0.0, 0.0)


def test_a_measured_part_with_too_few_beats_is_judged_by_all_beats():
    record = normal()
    analysis = analyse(record)
    evidence = gather(record, analysis)
    evidence.shapes.kind[1] = 1
    few = replace(analysis, in_stretch=analysis.in_stretch[:2])
    assert _name(few, evidence) == _name(analysis, evidence)
