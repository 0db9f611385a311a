"""Spikes of a pacemaker in a recording that was stored at a low rate or filtered: no longer one point high, but narrower than any wave.

Around every beat the narrowest deflection before or at the begin of the QRS complex is looked for: one that stands out of what lies
20 ms before and after it nearly as much as of what lies 50 ms away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heart_reader.features.conditioning import MEASURING_HZ
from heart_reader.features.ranks import median

__all__ = ["SmearedSpikes", "smeared_spikes"]

Array = NDArray[np.floating]

_NEAR, _FAR = round(0.020 * MEASURING_HZ), round(0.050 * MEASURING_HZ)
# Where a spike may be, time points from R.
_FROM, _TO, _EVERY = round(-0.16 * MEASURING_HZ), round(0.04 * MEASURING_HZ), 2
# Narrow deflections of at least this height, mV on the mean over leads, and of this share of what they are from afar, count as spikes.
_LEAST_MV, _LEAST_SHARPNESS = 0.08, 0.75
# A paced QRS complex is at least so wide; what lies nearer to its end counts the less, the nearer it is.
_WIDE_MS = 140.0
_MOST_BEATS = 40


@dataclass(frozen=True, eq=False)
class SmearedSpikes:
    """The narrowest deflection before the beats; NaN without beats.

    Parameters
    ----------
    height_mv
        Its height, median over beats, mean over leads.
    sharpness
        That over its height from afar; the narrower, the nearer to one.
    share
        Share of the beats with one that is high and narrow.
    spread_ms
        How much its distance from R varies among these, a median absolute deviation.
    to_end_ms
        From it to the end of QRS, median over beats.
    """

    height_mv: float = math.nan
    sharpness: float = math.nan
    share: float = math.nan
    spread_ms: float = math.nan
    to_end_ms: float = math.nan


def smeared_spikes(signal: Array, at: NDArray[np.int64], end_ms: Array) -> SmearedSpikes:
    """Look for the narrowest deflection around the begin of each beat.

    Parameters
    ----------
    signal
        (n_leads, n_times) in mV at ``MEASURING_HZ``.
    at
        (n_beats,) indices of R.
    end_ms
        (n_beats,) end of QRS, milliseconds from R.
    """
    chosen = np.flatnonzero((at + _FROM - _FAR >= 0) & (at + _TO + _FAR < signal.shape[1]))
    if not len(chosen) or not len(signal):
        return SmearedSpikes()
    chosen = chosen[np.linspace(0, len(chosen) - 1, min(len(chosen), _MOST_BEATS)).astype(int)]
    whole, end_ms = at[chosen], end_ms[chosen]
    times = np.arange(_FROM, _TO + 1, _EVERY)
    cut = signal.take(whole[:, None] + np.arange(_FROM - _FAR, _TO + _FAR + 1), axis=1)
    middle = times - _FROM + _FAR
    near, far = _stands_out(cut, middle, _NEAR), _stands_out(cut, middle, _FAR)
    # High and narrow at once, with all of a wide QRS complex still to come.
    to_end = end_ms[:, None] - times * (1000.0 / MEASURING_HZ)
    narrow = near * np.minimum(near / np.maximum(far, 1e-6), 1.0) ** 2 * np.clip(to_end / _WIDE_MS, 0.0, 1.0) ** 2
    best = narrow.argmax(axis=1)
    rows = np.arange(len(whole))
    height, sharpness = near[rows, best], np.minimum(near[rows, best] / np.maximum(far[rows, best], 1e-6), 2.0)
    spikes = (height > _LEAST_MV) & (sharpness > _LEAST_SHARPNESS)
    distance = -times[best] * (1000.0 / MEASURING_HZ)
    found = distance[spikes] if spikes.any() else distance
    before = float(median(found))
    return SmearedSpikes(
        height_mv=float(median(height)),
        sharpness=float(median(sharpness)),
        share=float(spikes.mean()),
        spread_ms=float(median(np.abs(found - before))),
        to_end_ms=float(median(to_end[rows, best])),
    )


def _stands_out(cut: Array, middle: NDArray[np.int64], reach: int) -> Array:
    """Return by how much points exceed, or undercut, both points at a distance; (n_beats, n_times), mean over leads."""
    here = cut[..., middle]
    before, after = here - cut[..., middle - reach], here - cut[..., middle + reach]
    answer: Array = np.where(before * after > 0, np.minimum(np.abs(before), np.abs(after)), 0.0).mean(axis=0)
    return answer
