"""The filter and the search for peaks that measuring needs, with NumPy alone.

They give what ``scipy.signal`` gives. Importing that takes longer than reading a file.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["butterworth", "local_maxima", "thinned"]

Array = NDArray[np.floating]
Indices = NDArray[np.int64]

def butterworth(low_hz: float, high_hz: float, fs: float) -> tuple[Array, Array, Array]:
    """Return a bandpass of second order, by the bilinear transform of the analog filter.

    Parameters
    ----------
    low_hz, high_hz
        Its corners.
    fs
        Sampling rate in Hz.

    Returns
    -------
    tuple
        Numerator and denominator, (5,) each, and (4,) its state where one has stood for ever.
    """
    low, high = 4.0 * np.tan(np.pi * np.array([low_hz, high_hz]) / fs)
    half = (high - low) / 2.0 * np.exp(1j * np.pi * np.array([3.0, 5.0]) / 4.0)
    apart = np.sqrt(half**2 - low * high)
    poles = np.concatenate([half + apart, half - apart])
    gain = float(np.real((high - low) ** 2 * 16.0 / np.prod(4.0 - poles)))
    numerator = gain * np.poly([1.0, 1.0, -1.0, -1.0])
    denominator = np.ascontiguousarray(np.real(np.poly((4.0 + poles) / (4.0 - poles))))
    step = np.eye(4, k=1)
    step[:, 0] = -denominator[1:]
    rest = np.linalg.solve(np.eye(4) - step, numerator[1:] - denominator[1:] * numerator[0])
    return numerator, denominator, rest


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
