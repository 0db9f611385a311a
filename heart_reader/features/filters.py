"""The filter that measuring needs, designed with NumPy alone.

It is what ``scipy.signal`` gives. Importing that takes longer than reading a file.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["butterworth"]

Array = NDArray[np.floating]


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
