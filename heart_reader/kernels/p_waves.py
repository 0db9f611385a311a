"""Kernels of judging P waves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heart_reader.kernels import in_order, kernel

__all__ = ["activity_of_parts", "between_beats", "diagonal_sums", "levelled_parts", "likenesses"]

Array = NDArray[np.floating]  # float64
Indices = NDArray[np.int64]

_LEAST = 1e-9


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
    middle, share = 0.5 * (length - 1), 1.0 / length
    slope = rising[:, length:] - rising[:, :n] - (np.arange(n) + middle) * total
    of_ramp = 1.0 / float(np.cumsum(np.square(np.arange(length) - middle))[-1])
    left = squares[length:] - squares[:n]
    for lead in range(n_leads):
        left = left - np.square(total[lead]) * share - np.square(slope[lead]) * of_ramp
    # A difference of large sums may fall below zero by rounding.
    answer: Array = np.sqrt(np.maximum(left, 0.0))
    return answer


@kernel
def diagonal_sums(products: Array) -> Array:
    """Return (n_rows - n_columns + 1,) sums from each row on along the diagonal."""
    length = products.shape[1]
    n = len(products) - length + 1
    sums = np.zeros(n)
    for column in range(length):
        sums += products[column : column + n, column]
    return sums


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
    return np.ascontiguousarray(cut.transpose(2, 1, 0)).reshape(len(places), -1)


@kernel
def likenesses(signal: Array, activity: Array, product: Array, template: Array, places: Indices, reach: int, cuts: Array) -> Array:
    """Compare parts of a signal with a template, where they are and where they fit best.

    Parameters
    ----------
    signal
        (n_leads, n_times).
    activity, product
        (n_parts,) sizes of all parts, and their products with the template.
    template
        (n_leads * n_points,).
    places
        (n_places,) where the parts begin, at least ``reach`` from the first and the last one.
    reach
        By how much a part may be moved either way, one point or more.
    cuts
        (n_places, n_leads * n_points) what lies at the places, two or more, if the template is
        their mean: each is compared with the mean of the others. (0, n_leads * n_points) otherwise.

    Returns
    -------
    NDArray
        (n_places, 5): likeness (a correlation) where the part is, and where it fits best; by how
        much the latter's size differs from the template's, as a share; the template's length; and
        how far it had to be moved, between points by a parabola.
    """
    moved = places[:, None] + np.arange(-reach, reach + 1)
    product, size, n = product[moved], activity[moved], len(cuts)
    length = np.full(len(places), np.sqrt(np.cumsum(np.square(template))[-1]))
    if n:
        n_points = cuts.shape[1] // len(signal)
        window = moved[..., None] + np.arange(n_points)
        wide = signal[:, window] * cuts.reshape(n, len(signal), 1, n_points).swapaxes(0, 1)
        own = in_order(np.ascontiguousarray(wide.transpose(0, 3, 1, 2)).reshape(-1, *moved.shape))
        product = (product * n - own) / (n - 1)
        length = np.sqrt(in_order(np.ascontiguousarray(np.square(template * n - cuts).T))) / (n - 1)
    length = np.maximum(length, _LEAST)
    rows, best = np.arange(len(places)), product.argmax(axis=1)
    alike = product / np.maximum(size * length[:, None], _LEAST)
    inner = np.minimum(np.maximum(best, 1), 2 * reach - 1)
    before, top, after = (product[rows, inner + step] for step in (-1, 0, 1))
    bend = before - 2.0 * top + after
    is_top = (bend < 0) & (inner == best)
    beside = np.where(is_top, 0.5 * (before - after) / np.where(is_top, bend, -1.0), 0.0)
    other_size = np.minimum(np.abs(product[rows, best] / np.square(length) - 1.0), 2.0)
    shift = best - reach + np.minimum(np.maximum(beside, -0.5), 0.5)
    return np.stack([alike[:, reach], alike[rows, best], other_size, length, shift], axis=1)


@kernel
def between_beats(activity: Array, product: Array, first: Indices, late: Indices, last: Indices) -> Array:
    """Return (2, n_beats) the least activity from first, and the largest product from late on.

    Both end before ``last``; NaN where fewer than four points, or two, lie between.

    Parameters
    ----------
    activity, product
        (n_parts,).
    first, late, last
        (n_beats,) indices.
    """
    answer = np.full((2, len(first)), np.nan)
    for beat, (a, b, z) in enumerate(zip(first.tolist(), late.tolist(), last.tolist(), strict=True)):
        if z - a >= 4:
            answer[0, beat] = activity[a:z].min()
        if z - b >= 2:
            answer[1, beat] = np.abs(product[b:z]).max()
    return answer
