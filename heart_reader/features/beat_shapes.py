"""When beats come and how they look: early or late, wide, of another kind, and in what patterns.

A beat is early or late compared with the running median of the RR intervals around it; its QRS
complex is wide if its slopes last long. A kind of beat (``beats.beat_classes``) other than the
commonest one means another shape. Beyond the measured minute, beats are compared with its kinds.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.record import FLAT_MV, EcgRecord
from heart_reader.features.beat_analysis import STRETCH_S, BeatAnalysis
from heart_reader.features.beats import BEAT_FROM, beat_classes, median_beat
from heart_reader.features.conditioning import MEASURING_HZ, condition, level_baseline
from heart_reader.features.noise import lead_noise_mv, lead_weights
from heart_reader.features.ranks import middle, steps
from heart_reader.kernels.single_beats import steep_spans, usual_rr

__all__ = [
    "EARLY",
    "LATE",
    "WIDER_MS",
    "BeatShapes",
    "Timing",
    "beat_shapes",
    "qrs_spans",
    "run_lengths",
    "shares_of_patterns",
    "time_beats",
]

Array = NDArray[np.floating]
Flags = NDArray[np.bool_]

# A beat is early or late where its RR interval is this much shorter or longer than the median of
# nine around it.
EARLY, LATE, _N_RR = 0.85, 1.15, 9
# Where early and late beats alternate, their median is one of the two: the mean of an early and a
# late interval is the usual one then, unless the longer of the two is a pause.
_DROP_BEFORE, _PAUSE = 0.87, 1.8
# Slopes of a QRS complex are taken over this many time points, their energy is smoothed over some
# more, and the complex lasts while the root of that exceeds a share of its highest; this measure is
# that much shorter than the QRS duration of the median beat.
_SLOPE_OVER, _BOX, _WIDTH_SHARE, _WIDTH_ADDED_MS = 5, 10, 0.15, 9.0
_FROM, _TO, _MS = round(0.12 * MEASURING_HZ), round(0.18 * MEASURING_HZ), 1000.0 / MEASURING_HZ
# What does not exceed the stillest tenth by this much is noise; a complex exceeds noise at this
# share of its highest in any case.
_OVER_STILL, _WIDTH_MOST = 2.0, 0.3
_STEEP = np.array([_WIDTH_SHARE, _OVER_STILL, _WIDTH_MOST])


@dataclass(frozen=True, eq=False)
class Timing:
    """When the beats come, beside those around them.

    Parameters
    ----------
    ratio
        (n_beats,) RR interval before the beat over the usual one there; NaN for the first beat.
    early, late
        (n_beats,) whether it is much shorter or longer.
    """

    ratio: Array
    early: Flags
    late: Flags


@dataclass(frozen=True, eq=False)
class BeatShapes:
    """The shapes of all beats of a record.

    Parameters
    ----------
    kind
        (n_beats,) number of the kind of beat, 0 is the usual one; -1 where the beat is not whole.
    begin_ms, end_ms
        (n_beats,) begin and end of its QRS complex, milliseconds from R; NaN where the beat is not
        whole.
    usual_ms
        Median width of the beats of kind 0; NaN without any.
    """

    kind: NDArray[np.int64]
    begin_ms: Array
    end_ms: Array
    usual_ms: float

    @property
    def width_ms(self) -> Array:
        """(n_beats,) how long QRS lasts, as far as a single beat shows it."""
        return self.end_ms - self.begin_ms

    @property
    def other(self) -> Flags:
        """(n_beats,) whether the beat has another shape than most."""
        return self.kind > 0


def time_beats(r_peaks_s: Array) -> Timing:
    """Compare each RR interval with those around it.

    Parameters
    ----------
    r_peaks_s
        (n_beats,) seconds, rising.

    Examples
    --------
    >>> time_beats(np.array([0.0, 0.8, 1.6, 2.1, 3.2, 4.0])).early.tolist()
    [False, False, False, True, False, False]
    """
    n_beats = len(r_peaks_s)
    ratio = np.full(n_beats, np.nan)
    if n_beats < 3:
        return Timing(ratio, np.zeros(n_beats, bool), np.zeros(n_beats, bool))
    rr = steps(r_peaks_s)
    ratio[1:] = rr / usual_rr(rr, _N_RR, _DROP_BEFORE, _PAUSE)
    return Timing(ratio, ratio < EARLY, ratio > LATE)


def qrs_spans(signal: Array, at: NDArray[np.int64]) -> tuple[Array, Array]:
    """Return begin and end of each QRS complex, twice (n_beats,), milliseconds from R.

    Parameters
    ----------
    signal
        (n_leads, n_times) in mV at ``MEASURING_HZ``.
    at
        (n_beats,) indices of R.
    """
    signal = np.ascontiguousarray(signal, dtype=np.float32)
    first, n_steep = steep_spans(signal, at, -_FROM - _BOX, _TO, _SLOPE_OVER, _BOX, _STEEP)
    # The smoothing makes up for slopes that are too low to be seen, so that the width is what is
    # steep.
    begin = (first - _FROM) * _MS
    return begin, begin + (n_steep * _MS + _WIDTH_ADDED_MS)


def run_lengths(flags: Flags) -> list[int]:
    """Return the lengths of the runs of true values.

    Examples
    --------
    >>> run_lengths(np.array([True, True, False, True]))
    [2, 1]
    """
    # A byte each: runs are what lies between the false ones.
    return [len(run) for run in flags.tobytes().split(b"\0") if run]


def shares_of_patterns(ectopic: Flags) -> tuple[float, float]:
    """Return the shares, 0 to 1, of a record that are bigeminy and trigeminy.

    Parameters
    ----------
    ectopic
        (n_beats,) which beats are premature or of another kind.
    """
    n_beats = len(ectopic)
    if n_beats < 4 or not ectopic.any():
        return 0.0, 0.0
    usual = ~ectopic
    in_pairs = ectopic[:-2] & usual[1:-1] & ectopic[2:]
    in_threes = ectopic[:-3] & usual[1:-2] & usual[2:-1] & ectopic[3:]
    return min(1.0, 2.0 * in_pairs.sum() / (n_beats - 1)), min(1.0, 3.0 * in_threes.sum() / (n_beats - 1))


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
    """Return kinds and widths of all beats.

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
    widths: dict[int, list[float]] = defaultdict(list)
    for number, width in zip(kind.tolist(), width_ms.tolist(), strict=True):
        widths[number].append(width)
    least = _OFTEN * sum(len(of) for number, of in widths.items() if number >= 0)
    usual = {number: middle(widths[number]) for number in sorted(widths) if number >= 0 and len(widths[number]) >= least}
    if not usual:
        return middle(widths[0]) if 0 in widths else math.nan
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
    record: EcgRecord, analysis: BeatAnalysis, piece_s: tuple[float, float], medians: list[Array], known: tuple[Kinds, Array, Array]
) -> None:
    """Sort the beats of one minute; note kind, begin and end of those not yet known."""
    kind, begin_ms, end_ms = known
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
