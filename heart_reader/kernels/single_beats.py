"""Kernels of single beats: when they come, how long QRS lasts, and what stands out before it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heart_reader.kernels import in_order, kernel
from heart_reader.kernels.beats import heights_beside

__all__ = ["narrowest", "steep_spans", "usual_rr"]

Signal = NDArray[np.float32]
Array = NDArray[np.floating]  # float64
Indices = NDArray[np.int64]


@kernel
def usual_rr(rr: Array, size: int, drop_before: float, pause: float) -> Array:
    """Return the usual RR interval at the place of each.

    Parameters
    ----------
    rr
        (n,) one or more intervals; ``size`` of them, an odd number, are the neighbours whose median
        is the usual one. The first and the last intervals have few neighbours: the median of
        ``size`` intervals from that end on is safer there.
    drop_before, pause
        Where an interval is less than this share of the one before and shorter than the next,
        which is below this share of the usual one, early and late beats alternate. Their median is
        one of the two, and their mean the usual interval.
    """
    half = size // 2
    usual: Array = np.median(rr.take(np.arange(len(rr))[:, None] + np.arange(-half, half + 1), mode="clip"), axis=1)
    usual[:half], usual[max(half, len(rr) - half) :] = np.median(rr[:size]), np.median(rr[-size:])
    before, here, after = rr[:-2], rr[1:-1], rr[2:]
    alternating = (after < pause * usual[2:]) & (here < after) & (here < drop_before * before)
    usual[1:-1] = np.where(alternating, np.maximum(usual[1:-1], 0.5 * (here + after)), usual[1:-1])
    return usual


@kernel
def steep_spans(signal: Signal, at: Indices, start: int, stop: int, over: int, box: int, limits: Array) -> Indices:
    """Return the first steep point around each beat and how many are steep, (2, n_beats).

    Parameters
    ----------
    signal
        (n_leads, n_times); beyond its ends it is taken to stay as it is there.
    at
        (n_beats,) indices, from which ``start`` and ``stop`` count; the first point is number 0.
    over, box
        A slope is the root of the energy, all leads together, of steps over the first, summed over
        the second number of time points.
    limits
        (3,) A point is steep whose slope exceeds the first share of the highest, and the second
        multiple of the stillest tenth unless that is more than the third share of the highest.
    """
    window = at[:, None] + np.arange(start, stop + box)
    step = signal.take(window + over, axis=1, mode="clip") - signal.take(window, axis=1, mode="clip")
    sums = np.cumsum(in_order(np.ascontiguousarray(np.square(step))), axis=1)
    slope = np.sqrt(np.maximum(sums[:, box:] - sums[:, :-box], np.float32(0.0)))
    rank = slope.shape[1] // 10
    top, still = slope.max(axis=1, keepdims=True, initial=1e-9), np.partition(slope, rank, axis=1)[:, rank, None]
    share, over_still, most = limits.astype(np.float32)
    high = slope > np.maximum(share * top, np.minimum(over_still * still, most * top))
    return np.stack([high.argmax(axis=1), high.sum(axis=1)])


@kernel
def narrowest(signal: Signal, at: Indices, ends: Array, times: Indices, near: int, far: int, wide: float) -> Array:
    """Return where each beat's highest and narrowest deflection is, (3, n_beats).

    It is that whose height beside points near by, times the square of its share of the height
    beside points far away, times the square of what of QRS is still to come, is the highest. Both
    heights and its time are returned.

    Parameters
    ----------
    signal
        (n_leads, n_times), one lead or more.
    at, ends
        (n_beats,) indices, and ends of QRS in time points from these.
    times
        (n,) rising time points from the beat, where it may be.
    near, far
        Time points from each to those that it is compared with.
    wide
        The time points to the end of QRS that count as much as more.
    """
    around = at[:, None] + times
    near_by, from_afar = heights_beside(signal, around, near), heights_beside(signal, around, far)
    share = np.minimum(near_by / np.maximum(from_afar, np.float32(1e-6)), np.float32(1.0))
    to_come = np.clip((ends[:, None] - times) / wide, 0.0, 1.0)
    best = (near_by * np.square(share) * np.square(to_come)).argmax(axis=1)
    rows = np.arange(len(at))
    return np.stack([near_by[rows, best], from_afar[rows, best], times[best]]).astype(np.float64)
