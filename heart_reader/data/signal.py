"""Pure functions on signals: (..., n_times) arrays in, arrays out, nothing learned and nothing remembered.

Resampling needs NumPy alone and scipy.signal is imported where it is used: on a small device its import takes seconds and 70 MB.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from heart_reader.errors import ConfigError

__all__ = ["bandpass", "resample"]

# 257 Hz to 100 Hz is 100/257; rates in the wild (250, 256.41, 360, 977 Hz) all fit below this denominator.
_MAX_DENOMINATOR = 10_000
# Numbers in the matrix of a ratio, about; that of 256.41 Hz would fill the memory of a small device.
_MAX_MATRIX = 1_000_000
# Points at the new rate that one row of the product gives; fewer copy more, more multiply more zeros.
_BLOCK = 32


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
    if ratio.numerator * ratio.denominator > _MAX_MATRIX:
        from scipy import signal as sps

        # "line" continues the signal along the line from its first to its last value: no edge transient on an offset baseline.
        return sps.resample_poly(values, ratio.numerator, ratio.denominator, axis=-1, padtype="line")
    return _resample(values, ratio.numerator, ratio.denominator)


def _resample(values: NDArray[np.floating], up: int, down: int) -> NDArray[np.floating]:
    """Do what scipy.signal.resample_poly does with ``padtype="line"``, as one product of matrices."""
    matrix, n_before, step_in, step_out = _polyphase(up, down)
    n_times = values.shape[-1]
    n_out = -(-n_times * up // down)
    n_blocks = -(-n_out // step_out)
    n_needed = (n_blocks - 1) * step_in + len(matrix)
    slope = (values[..., -1:] - values[..., :1]) / max(1, n_times - 1)
    before = values[..., :1] + slope * np.arange(-n_before, 0, dtype=values.dtype)
    after = values[..., -1:] + slope * np.arange(1, n_needed - n_before - n_times + 1, dtype=values.dtype)
    padded = np.concatenate([before, values, after], axis=-1)
    blocks = np.lib.stride_tricks.sliding_window_view(padded, len(matrix), axis=-1)[..., ::step_in, :][..., :n_blocks, :]
    # (The size is spelled out, for a record without a lead that shows anything has no rows to tell it from.)
    return (blocks @ matrix.astype(values.dtype, copy=False)).reshape(*values.shape[:-1], n_blocks * step_out)[..., :n_out]


@lru_cache(maxsize=8)
def _polyphase(up: int, down: int) -> tuple[NDArray[np.float64], int, int, int]:
    """Return the resampling filter as a matrix that maps a block of points to the points in its middle at the new rate.

    The filter is a sinc of ten zero crossings on either side under a Kaiser window with beta 5, scipy's own choice.

    Returns
    -------
    tuple
        (n_in, n_out) matrix, how many points of a block lie before its first answer, and points per block in and out.
    """
    half = 10 * max(up, down)
    time = np.arange(-half, half + 1)
    taps = np.sinc(time / max(up, down)) * np.kaiser(2 * half + 1, 5.0)
    taps *= up / taps.sum()
    n_periods = -(-_BLOCK // up)
    step_in, step_out = n_periods * down, n_periods * up
    n_before = half // up
    points = np.arange(-n_before, ((step_out - 1) * down + half) // up + 1)
    distance = np.arange(step_out) * down - points[:, None] * up
    matrix = np.where(np.abs(distance) <= half, taps[np.clip(half + distance, 0, 2 * half)], 0.0)
    return matrix, n_before, step_in, step_out


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
    from scipy import signal as sps

    kind = "bandpass" if len(corners) == 2 else ("highpass" if low_hz is not None else "lowpass")
    sos = sps.butter(2, corners if len(corners) == 2 else corners[0], btype=kind, fs=fs, output="sos")
    padlen = min(values.shape[-1] - 1, 3 * int(fs))
    return sps.sosfiltfilt(sos, values, axis=-1, padtype="even", padlen=padlen)
