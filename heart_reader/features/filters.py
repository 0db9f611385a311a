"""The filter and the search for peaks that measuring needs, with NumPy alone.

They give what ``scipy.signal`` gives. Importing that takes longer than reading a file.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bandpass", "local_maxima", "thinned"]

Array = NDArray[np.floating]
Indices = NDArray[np.int64]

# Time points that are filtered at once, as one product of matrices, and blocks of them in memory.
_BLOCK, _BLOCKS = 64, 1024


class Bandpass:
    """A Butterworth filter of second order.

    Parameters
    ----------
    low_hz, high_hz
        Its corners.
    fs
        Sampling rate in Hz.
    """

    def __init__(self, low_hz: float, high_hz: float, fs: float) -> None:
        numerator, denominator = _butterworth(low_hz, high_hz, fs)
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
        self._rest = np.linalg.solve(np.eye(4) - step, drive)

    def run(self, signal: Array) -> Array:
        """Filter (n_leads, n_times) along time, from the state in which the first value has stood
        for ever.
        """
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


def _butterworth(low_hz: float, high_hz: float, fs: float) -> tuple[Array, Array]:
    """Return numerator and denominator, by the bilinear transform of the analog filter."""
    low, high = 4.0 * np.tan(np.pi * np.array([low_hz, high_hz]) / fs)
    half = (high - low) / 2.0 * np.exp(1j * np.pi * np.array([3.0, 5.0]) / 4.0)
    apart = np.sqrt(half**2 - low * high)
    poles = np.concatenate([half + apart, half - apart])
    gain = float(np.real((high - low) ** 2 * 16.0 / np.prod(4.0 - poles)))
    return gain * np.poly([1.0, 1.0, -1.0, -1.0]), np.real(np.poly((4.0 + poles) / (4.0 - poles)))


def local_maxima(values: Array) -> Indices:
    """Return where values are higher than on both sides; of a plateau its middle.

    Examples
    --------
    >>> local_maxima(np.array([0.0, 2.0, 1.0, 3.0, 3.0, 3.0, 0.0])).tolist()
    [1, 4]
    """
    steps = np.flatnonzero(values[1:] != values[:-1])
    starts, ends = np.append(0, steps + 1), np.append(steps, len(values) - 1)
    heights = values[starts]
    higher = np.flatnonzero((heights[1:-1] > heights[:-2]) & (heights[1:-1] > heights[2:])) + 1
    middles: Indices = (starts[higher] + ends[higher]) // 2
    return middles


def thinned(peaks: Indices, heights: Array, distance: int) -> Indices:
    """Return the peaks that no higher one lies beside, closer than a distance.

    Examples
    --------
    >>> thinned(np.array([0, 3, 9]), np.array([1.0, 2.0, 1.0]), 5).tolist()
    [3, 9]
    """
    at, kept = peaks.tolist(), [True] * len(peaks)
    for chosen in np.argsort(heights)[::-1].tolist():
        if kept[chosen]:
            for way in (-1, 1):
                other = chosen + way
                while 0 <= other < len(at) and abs(at[other] - at[chosen]) < distance:
                    kept[other] = False
                    other += way
    answer: Indices = peaks[np.array(kept, dtype=bool)]
    return answer
