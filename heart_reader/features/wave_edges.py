"""Candidates for the edges of waves: threshold crossings of the slope, by lead and overall.

The slope of a wave is high on its flanks and low before its onset and after its offset. Its
smoothed size is compared with several fractions of its maximum; the crossings bracket the boundary,
and ``delineation`` makes one time of them. All leads together (the root of the mean square slope)
say where the wave is, so that a lead with hardly any deflection does not follow its noise.

References
----------
Laguna P. et al. Automatic detection of wave boundaries in multilead ECG signals: validation with
the CSE database. Comput. Biomed. Res. 27 (1994) 45-60. Martinez J. P. et al. A wavelet-based ECG
delineator: evaluation on standard databases. IEEE Trans. Biomed. Eng. 51 (2004) 570-581.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from heart_reader.features.beats import BEAT_FROM
from heart_reader.features.conditioning import MEASURING_HZ
from heart_reader.features.ranks import median, ranked

__all__ = ["BOUNDARIES", "Wave", "find_waves"]

Array = NDArray[np.floating]
Indices = NDArray[np.int64]

BOUNDARIES = ("p_on", "p_off", "qrs_on", "qrs_off", "t_on", "t_off")

_MS = MEASURING_HZ / 1000.0
# Standard deviation of the Gaussian whose derivative measures the slope, milliseconds: about a
# tenth of the wave.
_QRS_SMOOTH_MS, _P_SMOOTH_MS, _T_SMOOTH_MS = 5.0, 10.0, 16.0
# The height of a T wave is measured on a signal smoothed by this.
_HEIGHT_SMOOTH_MS = 8.0
# Slopes of a wave start and end where they first and last exceed this share of the highest.
_QRS_SHARE, _WAVE_SHARE = 0.30, 0.35
# Thresholds outwards from there, as shares of the highest slope; the third and the second are the
# first guess of onset and offset.
_QRS_FRACTIONS = (0.02, 0.035, 0.05, 0.07, 0.10, 0.15, 0.25)
_WAVE_FRACTIONS = (0.20, 0.27)
# At the peak of R the slope of all leads may vanish for a moment: a QRS complex ends where it stays
# low for this many time points.
_QRS_STAY = 7
# For the same reason the search for its onset starts at least this far before R.
_ONSET_TO_R = 9
_INNER_SHARES = (0.35, 0.45, 0.55, 0.70)
_T_FRACTIONS = (0.2, 0.3, 0.4, 0.5, 0.6)
_LEAD_QRS_FRACTIONS, _LEAD_P_FRACTIONS, _LEAD_T_FRACTIONS = (0.03, 0.05, 0.10, 0.20), (0.20, 0.35, 0.50), (0.20, 0.30, 0.45)
# A crossing of a single lead is looked for among this many time points.
_LONGEST_WAY = 61


@dataclass(frozen=True, eq=False)
class Wave:
    """Candidates for the two boundaries of one wave.

    Parameters
    ----------
    onset, offset
        First guesses from all leads together, indices into the beat.
    onset_candidates, offset_candidates
        (n_leads, n_candidates) milliseconds from the first guess, positive is later.
    size
        (n_leads,) highest slope of each lead over that of all leads together.
    slope
        Highest slope of all leads together, mV per time point.
    peak
        Index where the wave is largest.
    """

    onset: int
    offset: int
    onset_candidates: Array
    offset_candidates: Array
    size: Array
    slope: float
    peak: int


def find_waves(beat: Array, rr: float, weights: Array | None = None) -> dict[str, Wave]:
    """Look for QRS, T and P in a median beat, in this order: each limits where the next may be.

    Parameters
    ----------
    beat
        (n_leads, n_times) in mV at ``MEASURING_HZ``, R at ``BEAT_FROM``.
    rr
        Usual RR interval in time points.
    weights
        (n_leads,) share of each lead in what all leads say together, 0 to 1; None is one for all.

    Returns
    -------
    dict
        ``"qrs"``, and ``"t"`` and ``"p"`` where there is room for them. Whether a P wave is there
        is not decided here.
    """
    weights = np.ones(len(beat)) if weights is None else weights
    qrs = _find_qrs(beat, weights)
    waves = {"qrs": qrs}
    last = round(min(BEAT_FROM + 390, BEAT_FROM + rr - 50, qrs.onset + 300 * math.sqrt(rr / MEASURING_HZ), beat.shape[1] - 40))
    t = _find_t(beat, weights, qrs, last, rr) if last - qrs.offset > 58 else None
    if t is not None:
        waves["t"] = t
    before = BEAT_FROM - rr + ((t.offset if t is not None else last) - BEAT_FROM) - 2
    first = max(BEAT_FROM - 200, round(before), 4)
    p = _find_p(beat, weights, qrs, first) if qrs.onset - 2 - first >= 30 else None
    if p is not None:
        waves["p"] = p
    return waves


def _find_qrs(beat: Array, weights: Array) -> Wave:
    slope, together = _slopes(beat, weights, _QRS_SMOOTH_MS)
    low, high = BEAT_FROM - 60, BEAT_FROM + 80
    top = float(together[low:high].max())
    still = 1.2 * _ranked(together[BEAT_FROM - 200 : BEAT_FROM + 300], 0.10)
    first, last = _flanks(together[None, low:high], _QRS_SHARE)
    levels = np.maximum(np.array(_QRS_FRACTIONS) * top, still)
    onsets = np.maximum(_outwards(together, min(first[0] + low, BEAT_FROM - _ONSET_TO_R), levels, -1, reach=100), BEAT_FROM - 100)
    offsets = np.minimum(_outwards(together, last[0] + low, levels, 1, reach=130, stay=_QRS_STAY), BEAT_FROM + 130)
    onset, offset = int(onsets[2]), int(offsets[4])
    # The lowest threshold may be crossed far away, where noise allows it.
    onsets, offsets = _within(onsets, onset - 20, onset + 20), _within(offsets, offset - 25, offset + 25)
    low, high = onset - 6, offset + 7
    first, last = _flanks(slope[:, low:high], _QRS_SHARE)
    tops = slope[:, low:high].max(axis=1)
    own_on, own_off = _crossings(slope, (first + low, last + low), (tops, tops), _LEAD_QRS_FRACTIONS)
    return Wave(
        onset,
        offset,
        _candidates(onsets, own_on, guess=onset, limit=18),
        _candidates(offsets, own_off, guess=offset, limit=18),
        tops / max(top, 1e-9),
        top,
        BEAT_FROM,
    )


def _find_t(beat: Array, weights: Array, qrs: Wave, last: int, rr: float) -> Wave:
    """Find the largest deflection between QRS and ``last``, then the steepest points beside it."""
    first = qrs.offset + 8
    slope, together = _slopes_of_part(beat, weights, qrs.offset + 2, beat.shape[1], _T_SMOOTH_MS)
    height = _above_line(beat, qrs, first, last)
    times = np.arange(first, last) - BEAT_FROM
    usual = 145 * math.sqrt(rr / MEASURING_HZ)
    # A running mean of squares may fall below zero by rounding.
    around = np.maximum(ndimage.uniform_filter1d(np.square(together), 60)[first:last], 0.0)
    likely = np.sqrt((weights @ np.square(height)) * around) * np.exp(-0.5 * np.square((times - usual) / 55))
    peak = first + 8 + int(likely[8:].argmax())
    down = peak + int(together[peak : min(last, peak + 75)].argmax())
    up_from = max(first, peak - 90)
    up = up_from + int(together[up_from : peak + 1].argmax())
    offsets = _outwards(together, down, together[down] * np.array(_T_FRACTIONS), 1, reach=70)
    onsets = np.maximum(_outwards(together, up, together[up] * np.array(_T_FRACTIONS), -1, reach=60), first - 5)
    onset, offset = int(onsets[2]), int(offsets[2])
    # Where the slope fades slowly, the lowest threshold is crossed anywhere.
    offsets = _within(offsets, offset - 30, offset + 30)
    near = max(first, peak - 30)
    peaks = near + np.abs(height[:, near - first : peak + 30 - first]).argmax(axis=1)
    downs, ups = _steepest(slope, peaks, 1, 70, last), _steepest(slope, peaks, -1, 80, first)
    rows = np.arange(len(slope))
    own_on, own_off = _crossings(slope, (ups, downs), (slope[rows, ups], slope[rows, downs]), _LEAD_T_FRACTIONS)
    common_on, common_off = np.concatenate([onsets, (up, peak, qrs.offset)]), np.concatenate([offsets, (down, peak)])
    beside_peak = (peaks - peak)[:, None]
    extra_on = np.concatenate([(ups - onset)[:, None], beside_peak], axis=1)
    extra_off = np.concatenate([(downs - offset)[:, None], beside_peak], axis=1)
    top = float(together[first:last].max())
    return Wave(
        onset,
        offset,
        np.concatenate([_candidates(common_on, own_on, guess=onset, limit=45), _within(extra_on, -60, 60) / _MS], axis=1),
        np.concatenate([_candidates(common_off, own_off, guess=offset, limit=30), _within(extra_off, -60, 60) / _MS], axis=1),
        slope[:, first:last].max(axis=1) / max(top, 1e-9),
        top,
        peak,
    )


def _find_p(beat: Array, weights: Array, qrs: Wave, first: int) -> Wave | None:
    """Find the most active part before QRS, which is cut off before smoothing."""
    slope, together = _slopes_of_part(beat, weights, 0, qrs.onset - 1, _P_SMOOTH_MS)
    last = qrs.onset - 2
    # What still rises towards the QRS complex belongs to it: look no further than the lowest point
    # before it.
    near = max(first, last - 22)
    last = near + int(together[near:last].argmin()) + 1
    # Likewise what still falls from the T wave before.
    if last - first > 44:
        first += int(together[first : first + 22].argmin())
    if last - first < 20:
        return None
    still = _ranked(together[first:last], 0.15)
    activity = ndimage.uniform_filter1d(np.square(np.maximum(together[first:last] - still, 0.0)), 60, mode="constant")
    times = np.arange(first, last) - qrs.onset
    centre = first + int((activity * np.exp(-0.5 * np.square((times + 57.5) / 45))).argmax())
    low, high = max(first, centre - 40), min(last, centre + 41)
    part = together[None, low:high]
    top = float(part.max())
    inner_first, inner_last = _flanks(part, np.array(_INNER_SHARES)[:, None])
    levels = np.array(_WAVE_FRACTIONS) * top
    out_on = np.maximum(_outwards(together, inner_first[0] + low, levels, -1, reach=30), first)
    out_off = np.minimum(_outwards(together, inner_last[0] + low, levels, 1, reach=30), last)
    onsets = np.concatenate([out_on, inner_first + low, [centre]])
    offsets = np.concatenate([out_off, inner_last + low, [centre, qrs.onset]])
    onset, offset = int(onsets[1]), int(offsets[1])
    low, high = max(4, onset - 12), min(qrs.onset, offset + 14)
    first_flank, last_flank = _flanks(slope[:, low:high], 0.5)
    tops = slope[:, low:high].max(axis=1)
    own_on, own_off = _crossings(slope, (first_flank + low, last_flank + low), (tops, tops), _LEAD_P_FRACTIONS)
    return Wave(
        onset,
        offset,
        _candidates(onsets, own_on, guess=onset, limit=24),
        _candidates(offsets, own_off, guess=offset, limit=24),
        tops / max(top, 1e-9),
        top,
        centre,
    )


def _slopes(beat: Array, weights: Array, smooth_ms: float) -> tuple[Array, Array]:
    """Return the size of the slope in every lead, and of all leads together, mV per time point."""
    slope = np.abs(ndimage.correlate1d(beat, _gaussian(smooth_ms, 1), axis=1, mode="nearest"))
    return slope, np.sqrt(weights @ np.square(slope) / max(float(weights.sum()), 1e-9))


@lru_cache
def _gaussian(smooth_ms: float, order: int) -> Array:
    """Return a Gaussian to three standard deviations, or its derivative; cached, unlike scipy's."""
    sigma = smooth_ms * _MS
    reach = int(3.0 * sigma + 0.5)
    times = np.arange(-reach, reach + 1)
    bell = np.exp(-0.5 / (sigma * sigma) * times**2)
    bell /= bell.sum()
    answer: Array = bell * times * (1.0 / (sigma * sigma)) if order else bell
    return answer


def _slopes_of_part(beat: Array, weights: Array, start: int, end: int, smooth_ms: float) -> tuple[Array, Array]:
    """Do as ``_slopes`` for a part that is smoothed by itself; zero outside of it."""
    slope, together = np.zeros_like(beat), np.zeros(beat.shape[1])
    slope[:, start:end], together[start:end] = _slopes(beat[:, start:end], weights, smooth_ms)
    return slope, together


def _above_line(beat: Array, qrs: Wave, first: int, last: int) -> Array:
    """Return what rises above the line from the level before QRS to that at ``last``."""
    smooth = ndimage.correlate1d(beat[:, qrs.offset + 2 :], _gaussian(_HEIGHT_SMOOTH_MS, 0), axis=1, mode="nearest")
    part = smooth[:, first - qrs.offset - 2 : last - qrs.offset - 2]
    base = beat[:, qrs.onset - 16 : qrs.onset - 2].mean(axis=1, keepdims=True)
    # A U wave or the next P wave at the end must not tilt the line.
    drift = _within(median(part[:, -8:])[:, None] - base, -0.05, 0.05)
    answer: Array = part - base - drift * np.linspace((first - qrs.onset) / (last - qrs.onset), 1.0, last - first)
    return answer


def _ranked(values: Array, share: float) -> float:
    return float(ranked(values, int(share * len(values))))


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


def _crossings(slope: Array, starts: tuple[Indices, Indices], tops: tuple[Array, Array], fractions: tuple[float, ...]) -> Indices:
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
    levels = np.array(tops)[:, :, None] * np.array(fractions, slope.dtype)
    below = along[:, :, None] <= levels[:, :, :, None]
    below[:, :, :, -1] = True
    return _within(begin + way * below.argmax(axis=3), 0, n_times - 1)


def _candidates(common: Indices, own: Indices, *, guess: int, limit: int) -> Array:
    """Return ms from the guess: crossings of all leads together, then those of each lead."""
    candidates = np.empty((len(own), len(common) + own.shape[1]))
    candidates[:, : len(common)] = common - guess
    candidates[:, len(common) :] = _within(own - guess, -limit, limit)
    return candidates / _MS


def _within(values: NDArray[Any], low: float, high: float) -> NDArray[Any]:
    """Do what ``np.clip`` does, which is far slower on arrays as short as these."""
    answer: NDArray[Any] = np.minimum(np.maximum(values, low), high)
    return answer
