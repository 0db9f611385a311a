"""Kernel of finding QRS complexes: how steep each lead is in their band."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from heart_reader.kernels import kernel

__all__ = ["slopes_in_band"]

Array = NDArray[np.floating]  # float64

# Time points that NumPy filters at once, as one product of matrices, and blocks of them in memory.
_BLOCK, _BLOCKS = 64, 1024


@kernel
def slopes_in_band(
    signal: NDArray[np.float32], step: int, numerator: Array, denominator: Array, rest: Array, margin: int, size: int, scale: float
) -> Array:
    """Return (n_leads, n_times // step) smoothed sizes of slopes after a filter without delay.

    NumPy filters in blocks and the compiled kernel point by point, so that, unlike everywhere else,
    the two differ by rounding (1e-9 of the highest slope); nothing but the places of peaks is taken
    from them.

    Parameters
    ----------
    signal
        (n_leads, n_times), contiguous.
    step
        Time points of which the mean is taken first; three means or more are needed.
    numerator, denominator, rest
        (5,), (5,) and (4,) coefficients, and the state of the filter where one has stood for ever.
    margin
        Means that the ends are continued by, point-symmetrically.
    size
        Means that slopes are smoothed over.
    scale
        What half the difference between the means before and after is multiplied by.
    """
    from scipy import ndimage

    n = signal.shape[1] // step
    # Sums of slices: numpy is slow along an axis of two or three.
    coarse = signal[:, : n * step : step].astype(np.float64)
    for shift in range(1, step):
        coarse += signal[:, shift : n * step : step]
    coarse /= step
    before = 2.0 * coarse[:, :1] - coarse[:, margin:0:-1]
    after = 2.0 * coarse[:, -1:] - coarse[:, -2 : -margin - 2 : -1]
    filtered = np.concatenate([before, coarse, after], axis=1)
    blocks = _Blocks.of(numerator.tobytes(), denominator.tobytes(), rest.tobytes())
    for _ in range(2):
        filtered = blocks.run(filtered)[:, ::-1]
    narrow = filtered[:, margin : margin + n]
    slope = np.empty_like(narrow)
    np.abs(np.subtract(narrow[:, 2:], narrow[:, :-2], out=slope[:, 1:-1]), out=slope[:, 1:-1])
    slope[:, 0], slope[:, -1] = slope[:, 1], slope[:, -2]
    slope *= scale
    answer: Array = ndimage.uniform_filter1d(slope, size, axis=1)
    return answer


class _Blocks:
    """A filter of four states as products of matrices, a block of time points at once."""

    def __init__(self, numerator: Array, denominator: Array, rest: Array) -> None:
        # The filter's state z follows the signal x: y = b[0] x + z[0], then z = step z + drive x.
        step = np.eye(4, k=1)
        step[:, 0] = -denominator[1:]
        drive = numerator[1:] - denominator[1:] * numerator[0]
        powers = [np.eye(4)]
        for _ in range(_BLOCK):
            powers.append(powers[-1] @ step)
        impulse = np.array([numerator[0], *(float((power @ drive)[0]) for power in powers[: _BLOCK - 1])])
        lag = np.arange(_BLOCK)[None, :] - np.arange(_BLOCK)[:, None]
        self._direct = np.where(lag >= 0, impulse[lag], 0.0)
        self._from_state = np.stack([power[0] for power in powers[:_BLOCK]], axis=1)
        self._to_state = np.stack([power @ drive for power in powers[_BLOCK - 1 :: -1]])
        self._next_state = powers[_BLOCK].T
        self._rest = rest

    @staticmethod
    @lru_cache(maxsize=16)
    def of(numerator: bytes, denominator: bytes, rest: bytes) -> _Blocks:
        """Return the filter with these coefficients."""
        return _Blocks(*(np.frombuffer(values) for values in (numerator, denominator, rest)))

    def run(self, signal: Array) -> Array:
        """Filter (n_leads, n_times) along time, as if the first value had stood for ever."""
        n_leads, n_times = signal.shape
        filtered: Array = np.empty(signal.shape)
        state = self._rest * signal[:, :1]
        # A day is filtered in parts, for each takes a few times its own size.
        for start in range(0, n_times, _BLOCK * _BLOCKS):
            part = signal[:, start : start + _BLOCK * _BLOCKS]
            length = part.shape[1]
            blocks = np.pad(part, ((0, 0), (0, -length % _BLOCK))).reshape(n_leads, -1, _BLOCK)
            driven = blocks @ self._to_state
            states = np.empty((n_leads, blocks.shape[1], 4))
            for number in range(blocks.shape[1]):
                states[:, number] = state
                state = state @ self._next_state + driven[:, number]
            answers = blocks @ self._direct + states @ self._from_state
            filtered[:, start : start + length] = answers.reshape(n_leads, -1)[:, :length]
        return filtered
