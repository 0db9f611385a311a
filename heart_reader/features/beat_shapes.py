"""The kinds and widths of all beats of a record; those of a long recording beyond its measured
minute, too.

A longer recording is sorted minute by minute, and the kinds of each minute are matched with those
of the measured one, so that time and memory grow no faster than the recording.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.record import FLAT_MV, EcgRecord
from heart_reader.features.beat_analysis import STRETCH_S, BeatAnalysis
from heart_reader.features.beats import BEAT_FROM, beat_classes, median_beat
from heart_reader.features.conditioning import MEASURING_HZ, condition, level_baseline
from heart_reader.features.noise import lead_noise_mv, lead_weights
from heart_reader.features.premature import BeatShapes, qrs_spans
from heart_reader.features.ranks import median

__all__ = ["WIDER_MS", "beat_shapes"]

Array = NDArray[np.floating]
Kinds = NDArray[np.int64]

# A beat is wider than another from this many milliseconds on.
WIDER_MS = 14.0
# Beats of a kind that makes up this share of a record may be its usual beats.
_OFTEN = 0.3
_BESIDE_S = 1.0
# Kinds of two minutes are one if their QRS complexes correlate by this much when moved by up to 50
# ms.
_ALIKE, _SHIFT, _QRS_FROM, _QRS_TO = 0.85, round(0.05 * MEASURING_HZ), round(0.08 * MEASURING_HZ), round(0.10 * MEASURING_HZ)


def beat_shapes(record: EcgRecord, analysis: BeatAnalysis) -> BeatShapes:
    """Tell kinds and widths of all beats.

    Parameters
    ----------
    record
        The one that was analysed.
    analysis
        Its beats.
    """
    n_beats = len(analysis.r_peaks_s)
    kind, begin_ms, end_ms = np.full(n_beats, -1, np.int64), np.full(n_beats, math.nan), np.full(n_beats, math.nan)
    if analysis.main is None:
        return BeatShapes(kind, begin_ms, end_ms, math.nan)
    kinds = (analysis.main.beats, *analysis.others)
    for number, beats in enumerate(kinds):
        rows = analysis.in_stretch[beats.members]
        kind[rows] = number
        begin_ms[rows], end_ms[rows] = qrs_spans(analysis.signal, beats.at)
    if len(analysis.in_stretch) < n_beats:
        medians = [analysis.main.median, *(median_beat(analysis.signal, beats.at) for beats in analysis.others)]
        for start, end in _pieces(record.duration_s, analysis.stretch_s):
            _add_piece(record, analysis, (start, end), medians, (kind, begin_ms, end_ms))
    usual_ms = _put_usual_first(kind, end_ms - begin_ms)
    return BeatShapes(kind, begin_ms, end_ms, usual_ms)


def _put_usual_first(kind: Kinds, width_ms: Array) -> float:
    """Number the usual kind 0 in place: the commonest, or a common narrow one; return its width."""
    count = np.bincount(kind[kind >= 0])
    usual = {number: float(median(width_ms[kind == number])) for number in np.flatnonzero(count >= _OFTEN * count.sum()).tolist()}
    if not usual:
        return float(median(width_ms[kind == 0])) if (kind == 0).any() else math.nan
    narrowest = min(usual, key=lambda number: usual[number])
    if 0 not in usual or usual[narrowest] < usual[0] - WIDER_MS:
        was_first = kind == 0
        kind[kind == narrowest] = 0
        kind[was_first] = narrowest
        return usual[narrowest]
    return usual[0]


def _pieces(duration_s: float, stretch_s: tuple[float, float]) -> list[tuple[float, float]]:
    """Return begin and end of the minutes before and after the measured one."""
    pieces = []
    for first, last in ((0.0, stretch_s[0]), (stretch_s[1], duration_s)):
        count = math.ceil((last - first) / STRETCH_S)
        pieces += [(first + n * STRETCH_S, min(first + (n + 1) * STRETCH_S, last)) for n in range(count)]
    return pieces


def _add_piece(
    record: EcgRecord, analysis: BeatAnalysis, piece_s: tuple[float, float], medians: list[Array], told: tuple[Kinds, Array, Array]
) -> None:
    """Sort the beats of one minute; note kind, begin and end of those not yet known."""
    kind, begin_ms, end_ms = told
    # A little more on both sides, so that the beats at its ends are whole.
    start_s, end_s = max(piece_s[0] - _BESIDE_S, 0.0), min(piece_s[1] + _BESIDE_S, record.duration_s)
    first, last = round(start_s * record.fs), round(end_s * record.fs)
    rows = np.arange(*np.searchsorted(analysis.r_peaks_s, (start_s, end_s)))
    alive = [record.lead_names.index(name) for name in analysis.lead_names]
    signal = record.signal[alive, first:last]
    if not len(rows) or np.ptp(signal) < FLAT_MV:
        return
    found = np.rint(analysis.r_peaks_s[rows] * record.fs).astype(np.int64) - first
    cut = condition(signal, record.fs, np.clip(found, 0, last - first - 1), 0, last - first)
    levelled = level_baseline(cut.signal, cut.beats)
    weights = lead_weights(lead_noise_mv(levelled))
    for beats in beat_classes(levelled * weights[:, None], cut.beats):
        new = kind[rows[beats.members]] < 0
        here = rows[beats.members][new]
        kind[here] = _match(median_beat(levelled, beats.at), medians)
        begin_ms[here], end_ms[here] = qrs_spans(levelled, beats.at[new])


def _match(beat: Array, medians: list[Array]) -> int:
    """Return which of the known kinds a median beat is, or one more than there are."""
    of_beat = _complex(beat, 0)
    likeness = [max(float((of_beat * _complex(known, shift)).sum()) for shift in range(-_SHIFT, _SHIFT + 1, 2)) for known in medians]
    best = int(np.argmax(likeness))
    return best if likeness[best] > _ALIKE else len(medians)


def _complex(beat: Array, shift: int) -> Array:
    """Return the QRS complex of a median beat, without the mean of each lead, of length one."""
    cut = beat[:, BEAT_FROM + shift - _QRS_FROM : BEAT_FROM + shift + _QRS_TO]
    cut = cut - cut.mean(axis=1, keepdims=True)
    answer: Array = cut / max(float(np.linalg.norm(cut)), 1e-9)
    return answer
