"""Kernels of judging P waves: parts of a signal, as long as a P wave, against a template.

Leads are weighed before and count together. Sums of products run over leads, and over the time
points of each.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from heart_reader.kernels import in_order, kernel
from heart_reader.kernels.rhythm import step_means

__all__ = ["LEAST_MV", "activity_of_parts", "compared_parts", "diastole_medians", "levelled_parts", "weighed_steps"]

Signal = NDArray[np.float32]
Array = NDArray[np.floating]  # float64
Indices = NDArray[np.int64]

# The C file has these too. Sizes have the first added before they are divided.
LEAST_MV, _TINY, _MOST_OTHER_SIZE = 0.001, 1e-9, 2.0
# Parts to choose from, in what lies between two beats.
_SHORTEST_QUIET, _SHORTEST_ELSEWHERE = 4, 2


@kernel
def weighed_steps(signal: Signal, weights: Array, step: int) -> Array:
    """Return (n_leads, n_times // step) means of steps times roots of (n_leads,) weights."""
    return step_means(signal, step) * np.sqrt(weights)[:, None]


@kernel
def activity_of_parts(signal: Array, length: int) -> Array:
    """Return (n_parts,) roots of sums of squares, all leads together, without means and slopes.

    Parameters
    ----------
    signal
        (n_leads, n_times), of which every part of ``length`` points is taken, two or more.
    """
    n_leads, n_times = signal.shape
    n = n_times - length + 1
    sums, rising = np.zeros((2, n_leads, n_times + 1))
    np.cumsum(signal, axis=1, out=sums[:, 1:])
    np.cumsum(signal * np.arange(n_times), axis=1, out=rising[:, 1:])
    squares = np.concatenate([[0.0], np.cumsum(in_order(np.square(signal)))])
    total = sums[:, length:] - sums[:, :n]
    # Of the ramp whose middle moves along.
    middle = 0.5 * (length - 1)
    slope = rising[:, length:] - rising[:, :n] - (np.arange(n) + middle) * total
    of_ramp = float(np.cumsum(np.square(np.arange(length) - middle))[-1])
    left = squares[length:] - squares[:n] - in_order(np.square(total)) / length - in_order(np.square(slope)) / of_ramp
    # A difference of large sums may fall below zero by rounding.
    answer: Array = np.sqrt(np.maximum(left, 0.0))
    return answer


@kernel
def levelled_parts(signal: Array, places: Indices, ramp: Array) -> Array:
    """Return (n_places, n_leads * n_points) parts, each lead of each without mean and slope.

    Parameters
    ----------
    signal
        (n_leads, n_times).
    places
        (n_places,) where the parts begin.
    ramp
        (n_points,) a straight line of mean zero and length one.
    """
    # Points first, so that all sums run in their order.
    cut = signal[:, np.arange(len(ramp))[:, None] + places].swapaxes(0, 1)
    cut = np.ascontiguousarray(cut)
    cut -= in_order(cut) / len(ramp)
    line = ramp[:, None, None]
    cut -= in_order(cut * line) * line
    return np.ascontiguousarray(cut.transpose(2, 1, 0)).reshape(len(places), len(signal) * len(ramp))


@kernel
def compared_parts(signal: Array, activity: Array, places: Indices, reach: int, template: Array, cuts: Array) -> Array:
    """Return (n_places, 5) inputs of what lies at places, each moved to where it fits best.

    Parameters
    ----------
    signal
        (n_leads, n_times).
    activity
        (n_parts,) of every part as long as the template.
    places
        (n_places,) where the parts begin, ``reach`` or more from either end of ``activity``.
    reach
        How far each is moved either way, 1 to 7 time points.
    template
        (n_leads * n_points,), levelled.
    cuts
        (n_cuts, n_leads * n_points) what lies at the first places, of which the template is the
        mean: each is compared with the mean of the others. None, or two and more.

    Returns
    -------
    NDArray
        Likeness in place and where it fits best, there by what share the size is another, activity
        over the size of the template, and how many time points later it fits best.
    """
    n, width = len(cuts), 2 * reach + 1
    moved = places[:, None] + np.arange(-reach, reach + 1)
    product = _products(signal, moved, np.broadcast_to(template, (len(places), len(template))))
    length = np.full(len(places), _lengths(template[None])[0])
    if n:
        product[:n] = (product[:n] * n - _products(signal, moved[:n], cuts)) / (n - 1)
        length[:n] = _lengths(template * n - cuts) / (n - 1)
    length = np.maximum(length, _TINY)
    rows, best = np.arange(len(places)), product.argmax(axis=1)
    around = activity[moved]
    alike = product / np.maximum(around * length[:, None], _TINY)
    other_size = np.minimum(np.abs(product[rows, best] / np.square(length) - 1.0), _MOST_OTHER_SIZE)
    over = (around[:, reach] + LEAST_MV) / (length + LEAST_MV)
    # The parabola through the best value and its neighbours.
    inner = np.clip(best, 1, width - 2)
    before, top, after = (product[rows, inner + step] for step in (-1, 0, 1))
    bend = before - 2.0 * top + after
    beside = np.where((bend < 0) & (inner == best), 0.5 * (before - after) / np.where(bend < 0, bend, -1.0), 0.0)
    return np.stack([alike[:, reach], alike[rows, best], other_size, over, best - reach + np.clip(beside, -0.5, 0.5)], axis=1)


@kernel
def diastole_medians(
    signal: Array, activity: Array, places: Indices, template: Array, r: Array, members: Indices, after_r: float, late: float
) -> tuple[float, float]:
    """Return medians over beats of what lies between the last R and P; NaN without any.

    Parameters
    ----------
    signal
        (n_leads, n_times).
    activity
        (n_parts,) of every part as long as the template.
    places
        (n_places,) where the P wave of each of the members begins.
    template
        (n_leads * n_points,), levelled.
    r
        (n_beats,) time points of R of all beats, NaN where unknown.
    members
        (n_places,) which beats have these P waves.
    after_r, late
        From where on: time points after the last R, and share of the distance from R to R.

    Returns
    -------
    tuple
        The lowest activity after ``after_r``, and the largest product with the template after
        ``late``, of either sign.
    """
    n_parts, n_points = len(activity), len(template) // len(signal)
    quiet, elsewhere = [], []
    for member, place in zip(members.tolist(), places.tolist(), strict=True):
        before, own = (float(r[member - 1]), float(r[member])) if member else (math.nan, math.nan)
        if not (math.isfinite(before) and math.isfinite(own)):
            continue
        last = min(max(place - n_points // 2, 0), n_parts)
        first, start = (int(min(max(time, 0.0), n_parts)) for time in (before + after_r, before + late * (own - before)))
        if last - first >= _SHORTEST_QUIET:
            quiet.append(activity[first:last].min())
        if last - start >= _SHORTEST_ELSEWHERE:
            elsewhere.append(np.abs(_products(signal, np.arange(start, last)[None], template[None])).max())
    return (float(np.median(quiet)) if quiet else math.nan, float(np.median(elsewhere)) if elsewhere else math.nan)


def _products(signal: Array, starts: Indices, templates: Array) -> Array:
    """Return (n_places, n_shifts) products of the parts at starts with each place's template."""
    n_points = templates.shape[1] // len(signal)
    window = starts[..., None] + np.arange(n_points)
    wide = signal[:, window] * templates.reshape(len(starts), len(signal), 1, n_points).swapaxes(0, 1)
    products: Array = in_order(np.ascontiguousarray(wide.transpose(0, 3, 1, 2)).reshape(templates.shape[1], *starts.shape))
    return products


def _lengths(vectors: Array) -> Array:
    """Return (n,) roots of sums of squares of (n, n_points), summed in their order."""
    answer: Array = np.sqrt(np.square(vectors).cumsum(axis=1)[:, -1])
    return answer
