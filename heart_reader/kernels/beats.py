"""Kernels of cutting out, comparing and averaging beats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heart_reader.kernels import NUMPY, in_order, kernel

__all__ = [
    "complexes",
    "correlations",
    "heights_beside",
    "largest_near",
    "mean_step",
    "means_from",
    "middle_of_beats",
    "narrow_peaks",
    "without_baseline",
]

Signal = NDArray[np.float32]
Indices = NDArray[np.int64]


@kernel
def mean_step(signal: Signal) -> Signal:
    """Return (n_times - 1,) mean sizes of the step from each time point to the next.

    Parameters
    ----------
    signal
        (n_leads, n_times), contiguous; leads are summed in their order.
    """
    step = np.diff(signal, axis=1)
    answer = in_order(np.abs(step, out=step))
    answer /= np.float32(len(signal))
    return answer


@kernel
def means_from(signal: Signal, starts: Indices, n_points: int) -> Signal:
    """Return (n_leads, n_starts) means of so many points from each start on.

    Parameters
    ----------
    signal
        (n_leads, n_times), which all of the points are in.
    """
    window = np.arange(n_points)[:, None] + starts
    answer = in_order(np.ascontiguousarray(signal[:, window].swapaxes(0, 1)))
    answer /= np.float32(n_points)
    return answer


@kernel
def without_baseline(signal: Signal, levels: Signal, at: Indices) -> Signal:
    """Subtract straight lines from level to level, (n_leads, n_times).

    Parameters
    ----------
    signal
        (n_leads, n_times).
    levels
        (n_leads, n_levels), one or more.
    at
        (n_levels,) where they are, rising; the first holds before it, the last behind.
    """
    # A level holds for many time points in a row: repeating it is several times faster than
    # indexing.
    edges = np.clip(at, 0, signal.shape[1])
    n_points: Indices = np.append(edges[1:], signal.shape[1]) - edges
    n_points[0] += signal.shape[1] - n_points.sum()
    gap = np.diff(at, append=at[-1:] + 1).astype(np.float64)
    share = np.maximum((np.arange(signal.shape[1]) - np.repeat(at, n_points)) / np.repeat(gap, n_points), 0.0)
    baseline = np.repeat(np.diff(levels, axis=1, append=levels[:, -1:]), n_points, axis=1)
    baseline *= share.astype(np.float32)
    baseline += np.repeat(levels, n_points, axis=1)
    answer: Signal = np.subtract(signal, baseline, out=baseline)
    return answer


@kernel
def largest_near(signal: Signal, at: Indices, reach: int) -> Indices:
    """Move each place to where the squares of all leads add up to most, the first such point.

    Parameters
    ----------
    signal
        (n_leads, n_times).
    at
        (n_places,) indices, at least ``reach`` from both ends.
    """
    window = at[:, None] + np.arange(-reach, reach + 1)
    size = in_order(np.square(signal[:, window]))
    answer: Indices = at - reach + size.argmax(axis=1)
    return answer


@kernel
def complexes(signal: Signal, at: Indices, window: Indices) -> Signal:
    """Return QRS complexes, (n_beats, n_leads * n_points), without lead means and of length one.

    Parameters
    ----------
    signal
        (n_leads, n_times); beyond its ends it is taken to stay as it is there.
    at
        (n_beats,) indices of R.
    window
        (n_points,) time points from R.
    """
    # Places last, so that all sums run in the order of time points over long rows.
    cut = np.ascontiguousarray(signal.take(window[:, None] + at, axis=1, mode="clip").swapaxes(0, 1))
    cut -= in_order(cut) / np.float32(len(window))
    cut = np.ascontiguousarray(cut.swapaxes(0, 1)).reshape(-1, len(at))
    lengths = np.maximum(np.sqrt(in_order(np.square(cut))), np.float32(1e-9))
    return np.ascontiguousarray((cut / lengths).T)


@kernel
def correlations(signal: Signal, at: Indices, window: Indices, shifts: Indices, template: Signal) -> Signal:
    """Return how alike each beat is to a template where it is moved, (n_shifts, n_beats).

    Parameters
    ----------
    signal, at, window
        Signal and places as :func:`complexes` takes them.
    shifts
        (n_shifts,) time points that every beat is moved by, at most 16 at one distance, of which
        the points of the window are multiples apart.
    template
        (n_leads * n_points,) of length one.
    """
    cut = signal.take(window[:, None] + (shifts[:, None] + at).ravel(), axis=1, mode="clip")
    square: Signal = np.zeros(cut.shape[2], np.float32)
    product = square.copy()
    # Levelled afterwards, which spares a second way through all points.
    for points, of_lead in zip(cut, template.reshape(len(signal), -1, 1), strict=True):
        total = in_order(points)
        square += in_order(np.square(points)) - np.square(total) / np.float32(len(window))
        product += in_order(of_lead * points) - total * (in_order(of_lead) / np.float32(len(window)))
    lengths = np.maximum(np.sqrt(np.maximum(square, np.float32(0.0))), np.float32(1e-9))
    product /= lengths
    return product.reshape(len(shifts), len(at))


@kernel
def middle_of_beats(signal: Signal, at: Indices, comparisons: Indices, before: int, after: int) -> Signal:
    """Return the median over beats, (n_leads, before + after).

    Parameters
    ----------
    signal
        (n_leads, n_times); beyond its ends it is taken to stay as it is there.
    at
        (n_beats,) indices of R, at most 64.
    comparisons
        (n_comparisons, 2) beats to be exchanged where the first is larger, which puts all in order.
    before, after
        Time points before R, and from R on.
    """
    ranked = [_around(signal, r - before, r + after) for r in at.tolist()]
    # Two whole beats are compared at once, all their leads and time points: several times faster
    # than to sort point by point.
    for low, high in comparisons.tolist():
        ranked[low], ranked[high] = np.minimum(ranked[low], ranked[high]), np.maximum(ranked[low], ranked[high])
    half = len(ranked) // 2
    return ranked[half].copy() if len(ranked) % 2 else 0.5 * (ranked[half - 1] + ranked[half])


def _around(signal: Signal, start: int, end: int) -> Signal:
    if start >= 0 and end <= signal.shape[1]:
        return signal[:, start:end]
    return signal.take(np.arange(start, end), axis=1, mode="clip")


def heights_beside(signal: Signal, times: Indices, reach: int) -> Signal:
    """Return by how much points exceed or undercut both points at a distance, mean over leads.

    Parameters
    ----------
    signal
        (n_leads, n_times).
    times
        (n_rows, n) points at least ``reach`` from both ends.
    """
    here = signal[:, times]
    before, after = here - signal[:, times - reach], here - signal[:, times + reach]
    heights = np.ascontiguousarray(np.where(before * after > 0, np.minimum(np.abs(before), np.abs(after)), np.float32(0.0)))
    answer = in_order(heights)
    answer /= np.float32(len(signal))
    return answer


@kernel
def narrow_peaks(signal: Signal, least_step: float, near: int, far: int, least: float, share: float) -> Indices:
    """Return rising indices of points that stand out of what lies on both sides, as spikes do.

    Parameters
    ----------
    signal
        (n_leads, n_times), more than twice ``far``.
    least_step
        Only points within one or two of a mean step larger than this are looked at.
    near, far
        Time points before and after which a point is compared with.
    least
        It stands out of the near ones by more than this, mean over leads,
    share
        and of the far ones by less than that over this share.
    """
    jumps = NUMPY["mean_step"](signal) > np.float32(least_step)
    # Where nothing jumps, the costlier comparison is spared.
    first, last = far, signal.shape[1] - far
    near_jump = jumps[first - 2 : last - 2] | jumps[first - 1 : last - 1] | jumps[first:last] | jumps[first + 1 : last + 1]
    likely = first + np.flatnonzero(near_jump)
    (height,) = heights_beside(signal, likely[None], near)
    likely, height = likely[height > np.float32(least)], height[height > np.float32(least)]
    (of_far,) = heights_beside(signal, likely[None], far)
    found: Indices = likely[height > np.float32(share) * of_far]
    return found
