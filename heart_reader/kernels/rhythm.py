"""Kernels of judging the atria."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heart_reader.kernels import in_order, kernel

__all__ = [
    "band_powers",
    "bridged",
    "highest_repeat",
    "step_means",
    "windowed",
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
def bridged(signal: Signal, at: Indices, before: int, after: int) -> Signal:
    """Put straight lines in place of what lies around beats, one beat after the other.

    Parameters
    ----------
    signal
        (n_leads, n_times).
    at
        (n_beats,) indices.
    before, after
        Where a line begins, so many time points before the beat, and where it ends.
    """
    answer = signal.copy()
    most = signal.shape[1] - 1
    for start, stop in zip(np.clip(at - before, 0, most).tolist(), np.clip(at + after, 0, most).tolist(), strict=True):
        if stop > start:
            share = np.arange(stop - start) * (1.0 / max(stop - start - 1, 1))
            answer[:, start:stop] = answer[:, start, None] + share * (answer[:, stop] - answer[:, start])[:, None]
    return answer


@kernel
def without_beats(signal: Signal, beat: Signal, at: Indices, before: int) -> Signal:
    """Subtract one beat wherever it comes, (n_leads, n_times).

    Parameters
    ----------
    signal
        (n_leads, n_times).
    beat
        (n_leads, n_points), two or more; the line between its ends is taken off, so that nothing
        jumps where it is subtracted.
    at
        (n_beats,) where its point ``before`` lies.
    """
    answer, n_points = signal.copy(), beat.shape[1]
    share = np.arange(n_points) / (n_points - 1)
    level = (beat - (beat[:, :1] * (1.0 - share) + beat[:, -1:] * share)).astype(np.float32)
    for start in (at - before).tolist():
        first, last = min(max(start, 0), signal.shape[1]), min(max(start + n_points, 0), signal.shape[1])
        answer[:, first:last] -= level[:, first - start : last - start]
    return answer


@kernel
def windowed(one: Signal, other: Signal, window: Array, size: int) -> Array:
    """Return two signals, (2 * n_leads, size), of mean zero, under a window and with zeros behind.

    Parameters
    ----------
    one, other
        (n_leads, n_times) each.
    window
        (n_times,).
    """
    both = np.concatenate([one, other]).astype(np.float64)
    answer = np.zeros((len(both), size))
    answer[:, : both.shape[1]] = (both - (in_order(np.ascontiguousarray(both.T)) / both.shape[1])[:, None]) * window
    return answer


@kernel
def band_powers(parts: Array, first: int, quick: int, stop: int) -> Array:
    """Return (3, n) powers, all leads together, of the spectra of two signals.

    They are those of the first signal from ``first`` to before ``stop``, the same from ``quick``
    on, zero elsewhere, and all of the second signal.

    Parameters
    ----------
    parts
        (2 * n_leads, 2 * n) real and imaginary parts in turn.
    """
    squares = np.square(parts)
    powers = (squares[:, ::2] + squares[:, 1::2]).reshape(2, -1, parts.shape[1] // 2)
    one, other = (in_order(of_leads) for of_leads in powers)
    answer = np.zeros((3, len(one)))
    answer[0, first:stop], answer[1, quick:stop], answer[2] = one[first:stop], one[quick:stop], other
    return answer


@kernel
def highest_repeat(repeats: Array, low: int, high: int, twice: bool) -> tuple[float, int]:
    """Return the highest peak of a correlation between two lags, and its lag; 0 without any.

    Parameters
    ----------
    repeats
        (n,) correlation at lags from 0 on.
    low, high
        The first and the last lag that may be it.
    twice
        Whether the correlation has to be so high at two periods too, to one lag.
    """
    lags = np.arange(low, high + 1)
    value = repeats[lags]
    peak = (value >= repeats[lags - 1]) & (value >= repeats[lags + 1])
    if twice:
        value = np.minimum(value, np.maximum(np.maximum(repeats[2 * lags - 1], repeats[2 * lags]), repeats[2 * lags + 1]))
    best = int(np.where(peak, value, -np.inf).argmax())
    return float(value[best]) if peak[best] else 0.0, low + best
