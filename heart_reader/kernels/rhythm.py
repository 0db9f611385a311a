"""Kernels of judging P waves, atria and spikes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heart_reader.kernels import in_order, kernel

__all__ = [
    "activity_of_parts",
    "bridged",
    "diagonal_sums",
    "levelled_parts",
    "products_at",
    "step_energy",
    "step_means",
    "without_beats",
]

Signal = NDArray[np.float32]
Array = NDArray[np.floating]  # float64
Indices = NDArray[np.int64]


@kernel
def step_means(signal: Signal, step: int) -> Signal:
    """Return means of ``step`` time points each, summed in pairs, (n_leads, n_times // step)."""
    n = signal.shape[1] // step
    means = np.zeros((len(signal), n), np.float32)
    # Sums of slices: numpy is slow along an axis of four.
    for shift in range(0, step - 1, 2):
        means += signal[:, shift : n * step : step] + signal[:, shift + 1 : n * step : step]
    if step % 2:
        means += signal[:, step - 1 : n * step : step]
    means /= np.float32(step)
    return means


@kernel
def bridged(signal: Signal, starts: Indices, stops: Indices) -> Signal:
    """Put straight lines in place of parts of a signal, one part after the other.

    Parameters
    ----------
    signal
        (n_leads, n_times).
    starts, stops
        (n_parts,) where each part begins, and the point after it, which stays.
    """
    answer = signal.copy()
    most = signal.shape[1] - 1
    for start, stop in zip(np.clip(starts, 0, most).tolist(), np.clip(stops, 0, most).tolist(), strict=True):
        if stop > start:
            share = np.arange(stop - start) * (1.0 / max(stop - start - 1, 1))
            answer[:, start:stop] = answer[:, start, None] + share * (answer[:, stop] - answer[:, start])[:, None]
    return answer


@kernel
def without_beats(signal: Signal, beat: Signal, at: Indices, before: int) -> Signal:
    """Subtract one beat, (n_leads, n_points), wherever it comes; ``at`` is its point ``before``."""
    answer, n_points = signal.copy(), beat.shape[1]
    for start in (at - before).tolist():
        first, last = min(max(start, 0), signal.shape[1]), min(max(start + n_points, 0), signal.shape[1])
        answer[:, first:last] -= beat[:, first - start : last - start]
    return answer


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
    left = squares[length:] - squares[:n]
    for lead in range(n_leads):
        left = left - np.square(total[lead]) / length - np.square(slope[lead]) / of_ramp
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
def products_at(signal: Array, places: Indices, shifts: Indices, cuts: Array) -> Array:
    """Return (n_places, n_shifts) products of what lies at moved places with a cut of each place.

    Parameters
    ----------
    signal
        (n_leads, n_times).
    places, shifts
        (n_places,) and (n_shifts,) time points.
    cuts
        (n_places, n_leads * n_points).
    """
    n_points = cuts.shape[1] // len(signal)
    window = (places[:, None] + shifts)[..., None] + np.arange(n_points)
    wide = signal[:, window] * cuts.reshape(len(places), len(signal), 1, n_points).swapaxes(0, 1)
    products = np.ascontiguousarray(wide.transpose(0, 3, 1, 2)).reshape(-1, *window.shape[:2])
    answer: Array = in_order(products)
    return answer


@kernel
def step_energy(signal: Signal, at: Indices, start: int, stop: int, over: int) -> Signal:
    """Return (n_beats, stop - start) squares of the step over so many points, sum over leads.

    Parameters
    ----------
    signal
        (n_leads, n_times); beyond its ends it is taken to stay as it is there.
    at
        (n_beats,) indices, from which ``start`` and ``stop`` count.
    """
    window = at[:, None] + np.arange(start, stop)
    step = signal.take(window + over, axis=1, mode="clip") - signal.take(window, axis=1, mode="clip")
    answer: Signal = in_order(np.ascontiguousarray(np.square(step)))
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
    return np.ascontiguousarray(cut.transpose(2, 1, 0)).reshape(len(places), -1)
