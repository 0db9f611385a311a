"""Pure functions on signals: (..., n_times) arrays in, arrays out, nothing learned and nothing remembered."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy import signal as sps

from heart_reader.errors import ConfigError

__all__ = ["bandpass", "resample"]

# 257 Hz to 100 Hz is 100/257; rates in the wild (250, 256.41, 360, 977 Hz) all fit below this denominator.
_MAX_DENOMINATOR = 10_000


def _ratio(fs_from: float, fs_to: float) -> Fraction:
    return (Fraction(fs_to).limit_denominator(_MAX_DENOMINATOR) / Fraction(fs_from).limit_denominator(_MAX_DENOMINATOR)).limit_denominator(
        _MAX_DENOMINATOR
    )


def resample(values: NDArray[np.floating], fs_from: float, fs_to: float) -> NDArray[np.floating]:
    """Resample along the last axis by a polyphase filter (anti-aliased, zero phase).

    Parameters
    ----------
    values
        (..., n_times).
    fs_from, fs_to
        Hz. Equal rates return the input itself.

    Examples
    --------
    >>> resample(np.ones((12, 5000)), 500.0, 100.0).shape
    (12, 1000)
    """
    if fs_from == fs_to:
        return values
    ratio = _ratio(fs_from, fs_to)
    # "line" removes the line from first to last value before filtering: no edge transient on an offset baseline.
    return sps.resample_poly(values, ratio.numerator, ratio.denominator, axis=-1, padtype="line")


def bandpass(values: NDArray[np.floating], fs: float, low_hz: float | None, high_hz: float | None) -> NDArray[np.floating]:
    """Filter along the last axis, forwards and backwards (second-order Butterworth, zero phase).

    Parameters
    ----------
    values
        (..., n_times).
    fs
        Hz.
    low_hz, high_hz
        Corner frequencies in Hz; None leaves that side open.

    Raises
    ------
    ConfigError
        If a corner is not between 0 and half the sampling rate.
    """
    corners = [corner for corner in (low_hz, high_hz) if corner is not None]
    if not corners:
        return values
    if any(not 0 < corner < fs / 2 for corner in corners) or (len(corners) == 2 and corners[0] >= corners[1]):
        raise ConfigError(f"band {low_hz} to {high_hz} Hz at {fs} Hz: corners must rise and lie between 0 and {fs / 2} Hz")
    kind = "bandpass" if len(corners) == 2 else ("highpass" if low_hz is not None else "lowpass")
    sos = sps.butter(2, corners if len(corners) == 2 else corners[0], btype=kind, fs=fs, output="sos")
    padlen = min(values.shape[-1] - 1, 3 * int(fs))
    return sps.sosfiltfilt(sos, values, axis=-1, padtype="even", padlen=padlen)
