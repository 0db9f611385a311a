"""The rhythm of a record in numbers, for trees and for the rules of ``rhythm_rules``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.record import EcgRecord
from heart_reader.features.atrial_activity import ATRIAL_HZ, AtrialActivity, atrial_activity
from heart_reader.features.beat_analysis import BeatAnalysis
from heart_reader.features.beat_shapes import WIDER_MS, BeatShapes, Timing, beat_shapes, run_lengths, shares_of_patterns, time_beats
from heart_reader.features.beats import BEAT_FROM
from heart_reader.features.conditioning import MEASURING_HZ
from heart_reader.features.feature_names import RHYTHM_FEATURES
from heart_reader.features.ranks import median, middle, steps
from heart_reader.features.smeared_spikes import SmearedSpikes, smeared_spikes

__all__ = ["RhythmEvidence", "gather"]

Array = NDArray[np.floating]

# A beat is wide if its slopes last this much longer than those of the usual beat, and at least so
# long.
_WIDE_MS = 110.0
_PAUSE_S = 2.0
# An RR interval of this many usual ones may be a dropped beat.
_DOUBLE = (1.75, 2.25)
# A gap this much longer than usual may hold a P wave without QRS.
_GAP, _AFTER_T_S, _BEFORE_QRS_S = 1.5, 0.36, 0.26
_TACHYCARDIA_BPM, _WIDE_QRS_MS = 100.0, 120.0
_PAIRS = 50.0
_OF_ECTOPIC_BEATS = (
    "others_early_share",
    "wide_early_share",
    "narrow_early_share",
    "wide_other_share",
    "bigeminy",
    "trigeminy",
    "longest_ectopic_run",
)


@dataclass(frozen=True, eq=False)
class RhythmEvidence:
    """What is known of the rhythm of a record.

    Parameters
    ----------
    numbers
        Every name of ``RHYTHM_FEATURES``; NaN where it cannot be measured.
    timing
        Which beats are early or late.
    shapes
        Which have another shape, and how wide they are.
    wide
        (n_beats,) whether a beat is wider than the usual beat.
    ectopic
        (n_beats,) whether it is early, or wide and of another shape. In most records none is.
    """

    numbers: dict[str, float]
    timing: Timing
    shapes: BeatShapes
    wide: NDArray[np.bool_]
    ectopic: NDArray[np.bool_]


def gather(record: EcgRecord, analysis: BeatAnalysis) -> RhythmEvidence:
    """Measure the rhythm of a record.

    Parameters
    ----------
    record
        Of any length, rate and number of leads.
    analysis
        Its beats.
    """
    timing = time_beats(analysis.r_peaks_s)
    shapes = beat_shapes(record, analysis)
    # Without a usual width no beat exceeds it.
    wide = shapes.width_ms > max(shapes.usual_ms + WIDER_MS, _WIDE_MS)
    ectopic = timing.early | (shapes.other & wide)
    atrial, rest = atrial_activity(analysis)
    numbers = (
        dict.fromkeys(RHYTHM_FEATURES, math.nan)
        | _of_intervals(analysis.r_peaks_s, timing)
        | _of_beats(timing, shapes, wide, ectopic)
        | _of_waves(analysis)
        | _of_atria(atrial, analysis.rr)
        | _of_spikes(analysis, shapes)
        | {"gap_p_likeness": _p_in_gap(analysis, rest)}
    )
    numbers["wide_tachycardia"] = min(numbers["rate_max4_bpm"] / _TACHYCARDIA_BPM, shapes.usual_ms / _WIDE_QRS_MS)
    return RhythmEvidence(numbers, timing, shapes, wide, ectopic)


def _of_intervals(r_peaks_s: Array, timing: Timing) -> dict[str, float]:
    # A dozen numbers: Python is done before NumPy is called as often as here.
    times, n = r_peaks_s.tolist(), len(r_peaks_s) - 1
    if n < 2:
        return {}
    rr = [after - before for before, after in pairwise(times)]
    changes = [abs(after - before) for before, after in pairwise(rr)]
    ordered = sorted(rr)
    usual, mean = middle(ordered), sum(rr) / n
    off = [interval - mean for interval in rr]
    power = sum(value * value for value in off)
    numbers = {
        "rr_cv": math.sqrt(power / n) / mean,
        "rr_pnn50": sum(change > 1e-3 * _PAIRS for change in changes) / len(changes),
        "rr_step": middle(changes) / usual,
        "rr_early_share": np.count_nonzero(timing.early) / n,
        "rr_late_share": np.count_nonzero(timing.late) / n,
        "rr_min_ratio": ordered[0] / usual,
        "rr_max_ratio": ordered[-1] / usual,
        "rr_early_late_share": np.count_nonzero(timing.early[:-1] & timing.late[1:]) / n,
        "rr_gap": max(after - before for before, after in pairwise(ordered)) / usual,
        "rr_double_share": sum(_DOUBLE[0] * usual < interval < _DOUBLE[1] * usual for interval in rr) / n,
        "pause_count": float(sum(interval > _PAUSE_S for interval in rr)),
    }
    if n >= 4:
        numbers["rr_autocorrelation"] = sum(before * after for before, after in pairwise(off)) / max(power, 1e-9)
        numbers["rate_max4_bpm"] = 180.0 / min(last - first for first, last in zip(times, times[3:], strict=False))
    return numbers


def _of_beats(timing: Timing, shapes: BeatShapes, wide: NDArray[np.bool_], ectopic: NDArray[np.bool_]) -> dict[str, float]:
    kinds = float(shapes.kind.max(initial=-1))
    if kinds < 0.0:
        return {}
    if not ectopic.any():
        return dict.fromkeys(_OF_ECTOPIC_BEATS, 0.0) | {"kinds": kinds}
    n_beats, other, early = len(shapes.kind), shapes.other, timing.early
    bigeminy, trigeminy = shares_of_patterns(ectopic)
    shares = (
        np.count_nonzero(early & other) / max(int(np.count_nonzero(other)), 1),
        np.count_nonzero(early & wide) / n_beats,
        np.count_nonzero(early & ~wide & ~other) / n_beats,
        np.count_nonzero(other & wide) / n_beats,
        bigeminy,
        trigeminy,
        float(max(run_lengths(ectopic))),
    )
    return dict(zip(_OF_ECTOPIC_BEATS, shares, strict=True)) | {"kinds": kinds}


def _of_waves(analysis: BeatAnalysis) -> dict[str, float]:
    main, waves = analysis.main, analysis.p_waves
    numbers = {
        "p_probability": waves.record_probability,
        "p_likeness": waves.likeness,
        "p_share": waves.share,
        "pr_sd_ms": waves.pr_sd_ms,
    }
    if main is None:
        return numbers
    delineation = main.delineation
    numbers["pr_rr_ratio"] = delineation.interval("p_on", "qrs_on") / (analysis.rr * 1000.0 / MEASURING_HZ)
    numbers["pr_segment_ms"] = delineation.interval("p_off", "qrs_on")
    onset = max(2, BEAT_FROM + round(delineation.overall[2] * MEASURING_HZ / 1000.0))
    step = main.median[:, onset - 2 : onset + 62] - main.median[:, onset : onset + 64]
    # Half of the highest slope is a quarter of its square.
    energy = np.square(step).sum(axis=0)
    numbers["slurred_onset_ms"] = float(np.argmax(energy > 0.25 * energy.max())) * 1000.0 / MEASURING_HZ
    return numbers


def _of_atria(atrial: AtrialActivity, rr: float) -> dict[str, float]:
    ventricular_bpm = 60.0 * MEASURING_HZ / rr
    return vars(atrial) | {
        "flutter_ratio": atrial.flutter_rate_bpm / ventricular_bpm,
        "dissociation": _dissociation(atrial.atrial_periodicity, atrial.atrial_rate_bpm / ventricular_bpm),
    }


def _dissociation(periodicity: float, ratio: float) -> float:
    """Return the periodicity of P waves whose rate is no multiple of the ventricular rate."""
    if math.isnan(ratio):
        return math.nan
    beside = abs(math.log2(ratio) - round(math.log2(ratio)))
    return max(periodicity, 0.0) * min(1.0, beside / 0.2)


def _of_spikes(analysis: BeatAnalysis, shapes: BeatShapes) -> dict[str, float]:
    n_beats = len(analysis.in_stretch)
    known = np.flatnonzero(shapes.kind >= 0)
    at = np.rint((analysis.r_peaks_s[known] - analysis.stretch_s[0]) * MEASURING_HZ).astype(np.int64)
    spikes = SmearedSpikes() if analysis.main is None else smeared_spikes(analysis.signal, at, shapes, known)
    return {
        "spikes_per_beat": analysis.n_spikes / n_beats if n_beats else math.nan,
        "spike_mv": spikes.height_mv,
        "spike_sharpness": spikes.sharpness,
        "spike_share": spikes.share,
        "spike_spread_ms": spikes.spread_ms,
        "spike_to_end_ms": spikes.to_end_ms,
        "pacing_score": spikes.score,
    }


def _p_in_gap(analysis: BeatAnalysis, rest: Array) -> float:
    """Return the correlation of the longest gap with the P wave; NaN without a gap or a P wave."""
    main = analysis.main
    peaks = analysis.r_peaks_s[analysis.in_stretch]
    if main is None or len(peaks) < 3 or math.isnan(main.delineation.overall[0]):
        return math.nan
    rr = steps(peaks)
    gap = int(rr.argmax())
    if rr[gap] < _GAP * median(rr):
        return math.nan
    p_on, p_off = (float(main.delineation.overall[n]) / 1000.0 - sign * 0.02 for n, sign in ((0, 1), (1, -1)))
    start = analysis.stretch_s[0]
    at = np.rint(main.beats.at * (ATRIAL_HZ / MEASURING_HZ)).astype(np.int64)
    length = max(6, round((p_off - p_on) * ATRIAL_HZ))
    template = _levelled(
        median(rest.take(at[:, None] + round(p_on * ATRIAL_HZ) + np.arange(length), axis=1, mode="clip").transpose(0, 2, 1))
    )
    first = round((peaks[gap] - start + _AFTER_T_S) * ATRIAL_HZ)
    last = round((peaks[gap + 1] - start - _BEFORE_QRS_S) * ATRIAL_HZ) - length
    if last <= first:
        return math.nan
    windows = rest.take(np.arange(first, last)[:, None] + np.arange(length), axis=1, mode="clip")
    return max(_correlation(_levelled(windows[:, n]), template) for n in range(windows.shape[1]))


def _levelled(cut: Array) -> Array:
    """Take mean and slope out of each row."""
    ramp = np.linspace(-1.0, 1.0, cut.shape[-1])
    cut = cut - cut.mean(axis=-1, keepdims=True)
    answer: Array = cut - (cut @ ramp / (ramp @ ramp))[..., None] * ramp
    return answer


def _correlation(first: Array, second: Array) -> float:
    return float((first * second).sum() / max(math.sqrt(float((first * first).sum() * (second * second).sum())), 1e-9))
