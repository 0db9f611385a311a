"""Kernels of wave edges: where the slope of each wave of a median beat starts and ends.

Each wave is found in all leads together (the root of the weighted mean square slope) and then
looked at in each lead. What the kernels give are the values of
:class:`heart_reader.features.wave_edges.Wave`, in its order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from heart_reader.kernels import kernel

__all__ = ["BEAT_FROM", "p_edges", "qrs_edges", "settled", "t_edges", "weighed"]

Array = NDArray[np.floating]
Beat = NDArray[np.float32]
Indices = NDArray[np.int64]
# Onset, offset, candidates for the onset and for the offset, size, slope, peak.
Edges = tuple[int, int, Array, Array, Array, float, int]

# R in a beat of 650 time points, and time points in a millisecond.
BEAT_FROM, _MS = 250, 0.5

# Slopes of a wave start and end where they first and last exceed this share of the highest.
_QRS_SHARE, _P_SHARE = 0.30, 0.5
# Where all leads together are still: this share of the time around R, and of the time before QRS.
_QRS_STILL, _P_STILL = 0.10, 0.15
# At the peak of R the slope of all leads may vanish for a moment: a QRS complex ends where it stays
# low for this many time points.
_QRS_STAY = 7
# For the same reason the search for its onset starts at least this far before R.
_ONSET_TO_R = 9
# A crossing of a single lead is looked for among this many time points.
_LONGEST_WAY = 61
# What is likely a wave is active for this many time points.
_ACTIVE = 60
# Leads with less than this share of the slope of all leads together say little about the whole
# heart.
_WEAK_LEAD = 0.3
_SHORTEST_MS = {"p": 30.0, "qrs": 30.0, "t": 50.0}


@kernel
def qrs_edges(beat: Beat, shares: Array, tables: tuple[Array, ...]) -> Edges:
    """Find the QRS complex of a beat.

    Parameters
    ----------
    beat
        (n_leads, 650) in mV, R at ``BEAT_FROM``.
    shares
        (n_leads,) of each lead in what all leads say together.
    tables
        Factors that measure the slope, (2 * reach + 1,); fractions of the highest slope where its
        flanks are crossed, of all leads together and of each.
    """
    bell, fractions, lead_fractions = tables
    slope, together = _slopes(beat, shares, bell, 0, beat.shape[1])
    low, high = BEAT_FROM - 60, BEAT_FROM + 80
    top = float(together[low:high].max())
    still = 1.2 * _ranked(together[BEAT_FROM - 200 : BEAT_FROM + 300], _QRS_STILL)
    first, last = _flanks(together[None, low:high], _QRS_SHARE)
    levels = np.maximum(fractions * top, still)
    onsets = np.maximum(_outwards(together, min(first[0] + low, BEAT_FROM - _ONSET_TO_R), levels, -1, reach=100), BEAT_FROM - 100)
    offsets = np.minimum(_outwards(together, last[0] + low, levels, 1, reach=130, stay=_QRS_STAY), BEAT_FROM + 130)
    onset, offset = int(onsets[2]), int(offsets[4])
    # The lowest threshold may be crossed far away, where noise allows it.
    onsets, offsets = _within(onsets, onset - 20, onset + 20), _within(offsets, offset - 25, offset + 25)
    tops, own_on, own_off = _own_crossings(slope, (onset - 6, offset + 7), _QRS_SHARE, lead_fractions)
    return (
        onset,
        offset,
        _candidates(onsets - onset, _limited(own_on, onset, 18)),
        _candidates(offsets - offset, _limited(own_off, offset, 18)),
        tops / max(top, 1e-9),
        top,
        BEAT_FROM,
    )


@kernel
def t_edges(beat: Beat, shares: Array, tables: tuple[Array, ...], likely: Array, qrs: tuple[int, int]) -> Edges:
    """Find the largest deflection after QRS, then the steepest points beside it.

    Parameters
    ----------
    beat, shares
        As for :func:`qrs_edges`.
    tables
        Factors that measure the slope; that smooth the signal, to measure its height; fractions of
        the highest slope, of all leads together and of each.
    likely
        (n,) how likely the peak is there, from the eighth time point after QRS on.
    qrs
        Onset and offset, indices into the beat.
    """
    bell, height_bell, fractions, lead_fractions = tables
    qrs_offset = qrs[1]
    first = qrs_offset + 8
    last = first + len(likely)
    slope, together = _slopes(beat, shares, bell, qrs_offset + 2, beat.shape[1])
    height = _above_line(beat, height_bell, qrs, first, last)
    # A running mean of squares may fall below zero by rounding.
    around = np.maximum(ndimage.uniform_filter1d(np.square(together), _ACTIVE, mode="constant")[first:last], 0.0)
    size = (shares[:, None] * np.square(height)).sum(axis=0)
    peak = first + 8 + int((np.sqrt(size * around) * likely)[8:].argmax())
    down = peak + int(together[peak : min(last, peak + 75)].argmax())
    up_from = max(first, peak - 90)
    up = up_from + int(together[up_from : peak + 1].argmax())
    offsets = _outwards(together, down, together[down] * fractions, 1, reach=70)
    onsets = np.maximum(_outwards(together, up, together[up] * fractions, -1, reach=60), first - 5)
    onset, offset = int(onsets[2]), int(offsets[2])
    # Where the slope fades slowly, the lowest threshold is crossed anywhere.
    offsets = _within(offsets, offset - 30, offset + 30)
    near = max(first, peak - 30)
    peaks = near + np.abs(height[:, near - first : peak + 30 - first]).argmax(axis=1)
    downs, ups = _steepest(slope, peaks, 1, 70, last), _steepest(slope, peaks, -1, 80, first)
    rows = np.arange(len(slope))
    own_on, own_off = _crossings(slope, (ups, downs), (slope[rows, ups], slope[rows, downs]), lead_fractions)
    common_on = np.concatenate([onsets, (up, peak, qrs_offset)]) - onset
    common_off = np.concatenate([offsets, (down, peak)]) - offset
    beside_peak = _limited(peaks[:, None], peak, 60)
    top = float(together[first:last].max())
    return (
        onset,
        offset,
        _candidates(common_on, _limited(own_on, onset, 45), _limited(ups[:, None], onset, 60), beside_peak),
        _candidates(common_off, _limited(own_off, offset, 30), _limited(downs[:, None], offset, 60), beside_peak),
        slope[:, first:last].max(axis=1) / max(top, 1e-9),
        top,
        peak,
    )


@kernel
def p_edges(beat: Beat, shares: Array, tables: tuple[Array, ...], likely: Array, places: tuple[int, int]) -> Edges | None:
    """Find the most active part before QRS, which is cut off before smoothing; None without room.

    Parameters
    ----------
    beat, shares
        As for :func:`qrs_edges`.
    tables
        Factors that measure the slope; fractions of the highest slope of all leads together where
        its flanks are crossed, and that its flanks exceed; fractions of that of each lead.
    likely
        (n,) how likely the middle is so many time points before QRS onset.
    places
        Where the search begins, and QRS onset, indices into the beat.
    """
    bell, fractions, inner_shares, lead_fractions = tables
    first, qrs_onset = places
    slope, together = _slopes(beat, shares, bell, 0, qrs_onset - 1)
    last = qrs_onset - 2
    # What still rises towards the QRS complex belongs to it: look no further than the lowest point
    # before it.
    near = max(first, last - 22)
    last = near + int(together[near:last].argmin()) + 1
    # Likewise what still falls from the T wave before.
    if last - first > 44:
        first += int(together[first : first + 22].argmin())
    if last - first < 20:
        return None
    still = _ranked(together[first:last], _P_STILL)
    activity = ndimage.uniform_filter1d(np.square(np.maximum(together[first:last] - still, 0.0)), _ACTIVE, mode="constant")
    centre = first + int((activity * likely[qrs_onset - np.arange(first, last)]).argmax())
    low, high = max(first, centre - 40), min(last, centre + 41)
    top = float(together[low:high].max())
    inner_first, inner_last = _flanks(together[None, low:high], inner_shares[:, None])
    levels = fractions * top
    out_on = np.maximum(_outwards(together, inner_first[0] + low, levels, -1, reach=30), first)
    out_off = np.minimum(_outwards(together, inner_last[0] + low, levels, 1, reach=30), last)
    onset, offset = int(out_on[1]), int(out_off[1])
    common_on = np.concatenate([out_on, inner_first + low, [centre]]) - onset
    common_off = np.concatenate([out_off, inner_last + low, [centre, qrs_onset]]) - offset
    tops, own_on, own_off = _own_crossings(slope, (max(4, onset - 12), min(qrs_onset, offset + 14)), _P_SHARE, lead_fractions)
    return (
        onset,
        offset,
        _candidates(common_on, _limited(own_on, onset, 24)),
        _candidates(common_off, _limited(own_off, offset, 24)),
        tops / max(top, 1e-9),
        top,
        centre,
    )


@kernel
def weighed(guess: float, candidates: Array, log_size: NDArray[np.float32], columns: Indices, weights: Array) -> Array:
    """Return (n_leads,) times of one boundary: weighted sums of its candidates, in their order.

    Parameters
    ----------
    guess
        Milliseconds from R, from which candidates are counted.
    candidates
        (n_leads, n_candidates).
    log_size
        (n_leads,) logarithm of the size of the wave.
    columns
        (n_leads,) which of the standard leads each is, -1 for another one.
    weights
        (n_candidates + 14,) a constant, of candidates, of the size, a constant per standard lead.
    """
    of_lead = columns[:, None] == np.arange(12)
    inputs = np.concatenate([np.ones((len(candidates), 1)), candidates, log_size[:, None], of_lead], axis=1)
    inputs *= weights
    answer: Array = guess + inputs.cumsum(axis=1)[:, -1]
    return answer


@kernel
def settled(leads: Array, sizes: NDArray[np.float32], beyond: Array) -> tuple[Array, Array]:
    """Put the boundaries of each lead in order, and find those of all leads together.

    Parameters
    ----------
    leads
        (n_leads, 6) onset and offset of P, QRS and T, NaN for a wave that was not found.
    sizes
        (3, n_leads) of P, QRS and T.
    beyond
        (6,) shares of the leads that may lie beyond each common boundary.

    Returns
    -------
    tuple
        (n_leads, 6): P before QRS before T, and every wave longer than nothing; and (6,).
    """
    p_on, p_off, qrs_on, qrs_off, t_on, t_off = leads.T
    qrs_off = np.maximum(qrs_off, qrs_on + _SHORTEST_MS["qrs"])
    p_off = np.minimum(p_off, qrs_on)
    p_on = np.minimum(p_on, p_off - _SHORTEST_MS["p"])
    t_on = np.maximum(t_on, qrs_off)
    t_off = np.maximum(t_off, t_on + _SHORTEST_MS["t"])
    ordered = np.stack([p_on, p_off, qrs_on, qrs_off, t_on, t_off], axis=1)
    overall = np.full(6, np.nan)
    for column, size in zip((0, 2, 4), sizes, strict=True):
        if np.isnan(ordered[0, column]):
            continue
        strong = ordered[size >= min(np.float32(_WEAK_LEAD), size.max()), column : column + 2]
        onsets, offsets = np.sort(strong, axis=0).T
        most = len(strong) - 1
        overall[column] = onsets[int(beyond[column] * most)]
        overall[column + 1] = offsets[most - int(beyond[column + 1] * most)]
    return ordered, overall


def _slopes(beat: Beat, shares: Array, bell: Array, start: int, end: int) -> tuple[Array, Array]:
    """Return the size of the slope in every lead, and of all leads together, mV per time point.

    The part from ``start`` to ``end`` is smoothed by itself; outside of it they are zero.
    """
    slope, together = np.zeros_like(beat), np.zeros(beat.shape[1])
    part = np.abs(ndimage.correlate1d(beat[:, start:end], bell, axis=1, mode="nearest"))
    slope[:, start:end] = part
    together[start:end] = np.sqrt((shares[:, None] * np.square(part)).sum(axis=0))
    return slope, together


def _above_line(beat: Beat, bell: Array, qrs: tuple[int, int], first: int, last: int) -> Array:
    """Return what rises above the line from the level before QRS to that at ``last``."""
    onset, start = qrs[0], qrs[1] + 2
    part = ndimage.correlate1d(beat[:, start:], bell, axis=1, mode="nearest")[:, first - start : last - start]
    base = beat[:, onset - 16 : onset - 2].cumsum(axis=1)[:, -1:] / np.float32(14)
    # A U wave or the next P wave at the end must not tilt the line.
    middle = np.sort(part[:, -8:], axis=1)[:, 3:5]
    drift = _within(np.float32(0.5) * (middle[:, :1] + middle[:, 1:]) - base, -0.05, 0.05)
    answer: Array = part - base - drift * np.linspace((first - onset) / (last - onset), 1.0, last - first)
    return answer


def _ranked(values: Array, share: float) -> float:
    rank = int(share * len(values))
    return float(np.partition(values, rank)[rank])


def _flanks(slope: Array, share: float | Array) -> tuple[Indices, Indices]:
    """Return the first and last index of each row that exceeds a share of its maximum."""
    high = slope >= share * slope.max(axis=1, keepdims=True)
    return high.argmax(axis=1), high.shape[1] - 1 - high[:, ::-1].argmax(axis=1)


def _steepest(slope: Array, peaks: Indices, step: int, reach: int, limit: int) -> Indices:
    """Return where each row is steepest within ``reach`` beside its peak, not past ``limit``."""
    at = peaks[:, None] + step * np.arange(reach)
    at = np.minimum(at, limit - 1) if step > 0 else np.maximum(at, limit)
    rows = np.arange(len(slope))
    answer: Indices = at[rows, slope[rows[:, None], at].argmax(axis=1)]
    return answer


def _outwards(together: Array, start: int, levels: Array, step: int, *, reach: int, stay: int = 1) -> Indices:
    """Return where the slope first falls to each level and stays, going one way from ``start``."""
    along = together.take(np.arange(start, start + step * (reach + stay), step), mode="clip")
    highest = along[: reach + 1]
    for later in range(1, stay):
        highest = np.maximum(highest, along[later : later + reach + 1])
    below = highest <= levels[:, None]
    below[:, -1] = True
    return _within(start + step * below.argmax(axis=1), 0, len(together) - 1)


def _own_crossings(slope: Array, part: tuple[int, int], share: float, fractions: Array) -> tuple[Array, Indices, Indices]:
    """Return the highest slope of each lead in a part, and where it falls to fractions of it."""
    low, high = part
    first, last = _flanks(slope[:, low:high], share)
    tops = slope[:, low:high].max(axis=1)
    own_on, own_off = _crossings(slope, (first + low, last + low), (tops, tops), fractions)
    return tops, own_on, own_off


def _crossings(slope: Array, starts: tuple[Indices, Indices], tops: tuple[Array, Array], fractions: Array) -> Indices:
    """Return (2, n_leads, n_fractions) where slopes first fall to fractions of their top.

    Parameters
    ----------
    starts, tops
        (n_leads,) each: the first of the two for the way back to the onset, the second for the way
        on to the offset.
    """
    n_leads, n_times = slope.shape
    begin, way = np.array(starts)[:, :, None], np.array([-1, 1])[:, None, None]
    along = slope[np.arange(n_leads)[:, None], _within(begin + way * np.arange(_LONGEST_WAY), 0, n_times - 1)]
    levels = np.array(tops)[:, :, None] * fractions.astype(slope.dtype)
    below = along[:, :, None] <= levels[:, :, :, None]
    below[:, :, :, -1] = True
    return _within(begin + way * below.argmax(axis=3), 0, n_times - 1)


def _limited(places: Indices, guess: int, limit: int) -> Indices:
    return _within(places - guess, -limit, limit)


def _candidates(common: Indices, *own: Indices) -> Array:
    """Return (n_leads, n) milliseconds from the guess: of all leads together, then of each."""
    candidates = np.empty((len(own[0]), len(common) + sum(places.shape[1] for places in own)))
    candidates[:, : len(common)] = common
    column = len(common)
    for places in own:
        candidates[:, column : column + places.shape[1]] = places
        column += places.shape[1]
    candidates /= _MS
    return candidates


def _within(values: NDArray[Any], low: float, high: float) -> NDArray[Any]:
    """Do what ``np.clip`` does, which is far slower on arrays as short as these."""
    answer: NDArray[Any] = np.minimum(np.maximum(values, low), high)
    return answer
