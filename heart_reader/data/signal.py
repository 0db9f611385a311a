"""Pure functions on signals: (..., n_times) arrays in, arrays out, without any state.

Resampling needs NumPy alone and scipy.signal is imported where it is used: on a small device its
import takes seconds and 70 MB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from heart_reader.errors import ConfigError

__all__ = ["SignalParts", "bandpass", "can_be_resampled_in_parts", "resample", "resample_parts", "resampled_length"]

# Values of one part, 32 MB in double precision; eleven minutes of twelve leads at 500 Hz are one
# part.
PART_VALUES = 1 << 22
# 257 Hz to 100 Hz is 100/257; rates in the wild (250, 256.41, 360, 977 Hz) all fit below this
# denominator.
_MAX_DENOMINATOR = 10_000
# Numbers in the matrix of a ratio, about; that of 256.41 Hz would fill the memory of a small
# device.
_MAX_MATRIX = 1_000_000
# Points at the new rate that one row of the product gives; fewer copy more, more multiply more
# zeros.
_BLOCK = 32


@dataclass(frozen=True, eq=False)
class SignalParts:
    """The signal of a record before it is decoded.

    Parameters
    ----------
    n_leads, n_times
        Its shape.
    cut
        Gives (n_leads, stop - start) values from ``start`` and ``stop``; ``start`` is even.
    on_disk
        Whether ``cut`` reads that part of the file alone.
    """

    n_leads: int
    n_times: int
    cut: Callable[[int, int], NDArray[np.floating]]
    on_disk: bool = False

    @classmethod
    def of(cls, values: NDArray[np.floating]) -> SignalParts:
        """Make parts of (n_leads, n_times) values that are in memory already."""
        n_leads, n_times = values.shape
        return cls(n_leads, n_times, lambda start, stop: values[:, start:stop])

    @property
    def is_one(self) -> bool:
        """Whether the whole signal is one part."""
        return self.n_leads * self.n_times <= PART_VALUES

    def whole(self) -> NDArray[np.floating]:
        """Return all of it, (n_leads, n_times)."""
        return self.cut(0, self.n_times)

    def rows(self, chosen: Sequence[int]) -> SignalParts:
        """Keep some of the leads."""
        return SignalParts(len(chosen), self.n_times, lambda start, stop: self.cut(start, stop)[chosen], self.on_disk)

    @property
    def step(self) -> int:
        """Time points of one part, an even number."""
        return max(2, PART_VALUES // self.n_leads & ~1)

    def __iter__(self) -> Iterator[tuple[int, NDArray[np.floating]]]:
        """Give the first time point of each part, and the part."""
        for start in range(0, self.n_times, self.step):
            yield start, self.cut(start, min(start + self.step, self.n_times))


@lru_cache(maxsize=64)
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
    if not can_be_resampled_in_parts(fs_from, fs_to):
        from scipy import signal as sps

        # "line" continues the signal along the line from its first to its last value: no edge
        # transient on an offset baseline.
        resampled: NDArray[np.floating] = sps.resample_poly(values, ratio.numerator, ratio.denominator, axis=-1, padtype="line")
        return resampled
    # The same as scipy.signal.resample_poly with padtype="line", as one product of matrices.
    matrix, n_before, step_in, step_out = _polyphase(ratio.numerator, ratio.denominator)
    n_times, n_out = values.shape[-1], resampled_length(values.shape[-1], fs_from, fs_to)
    n_blocks = -(-n_out // step_out)
    stop = (n_blocks - 1) * step_in + len(matrix) - n_before
    padded = _continued(values, (values[..., :1], values[..., -1:]), n_times, -n_before, stop)
    return _product(padded, matrix, step_in, n_blocks)[..., :n_out]


def resampled_length(n_times: int, fs_from: float, fs_to: float) -> int:
    """Return how many time points resampling gives.

    Examples
    --------
    >>> resampled_length(901, 360.0, 100.0), resampled_length(901, 100.0, 100.0)
    (251, 901)
    """
    ratio = _ratio(fs_from, fs_to)
    return n_times if fs_from == fs_to else -(-n_times * ratio.numerator // ratio.denominator)


def can_be_resampled_in_parts(fs_from: float, fs_to: float) -> bool:
    """Return whether the ratio of two rates in Hz is simple enough for :func:`resample_parts`."""
    ratio = _ratio(fs_from, fs_to)
    return ratio.numerator * ratio.denominator <= _MAX_MATRIX


def resample_parts(parts: SignalParts, fs_from: float, fs_to: float) -> Iterator[tuple[int, NDArray[np.floating]]]:
    """Like :func:`resample` for a signal that is too long to be in memory at once.

    Yields
    ------
    tuple
        Where a piece begins at the new rate, and the piece, (n_leads, n_times).
    """
    if fs_from == fs_to:
        yield from parts
        return
    ratio = _ratio(fs_from, fs_to)
    matrix, n_before, step_in, step_out = _polyphase(ratio.numerator, ratio.denominator)
    n_times, n_out = parts.n_times, resampled_length(parts.n_times, fs_from, fs_to)
    n_blocks = -(-n_out // step_out)
    at_once = max(1, PART_VALUES // (parts.n_leads * step_in))
    ends = parts.cut(0, 1), parts.cut(n_times - 1, n_times)
    for first in range(0, n_blocks, at_once):
        count = min(at_once, n_blocks - first)
        start = first * step_in - n_before
        stop = start + (count - 1) * step_in + len(matrix)
        piece = _continued(parts.cut(max(start, 0), min(stop, n_times)), ends, n_times, start, stop)
        yield first * step_out, _product(piece, matrix, step_in, count)[..., : n_out - first * step_out]


def _continued(
    values: NDArray[np.floating], ends: tuple[NDArray[np.floating], NDArray[np.floating]], n_times: int, start: int, stop: int
) -> NDArray[np.floating]:
    """Continue (..., n) points to ``start`` and ``stop`` on the line through both ends."""
    slope = (ends[1] - ends[0]) / max(1, n_times - 1)
    before = ends[0] + slope * np.arange(min(start, 0), 0, dtype=values.dtype)
    after = ends[1] + slope * np.arange(1, stop - n_times + 1, dtype=values.dtype)
    return np.concatenate([before, values, after], axis=-1)


def _product(padded: NDArray[np.floating], matrix: NDArray[np.float64], step_in: int, n_blocks: int) -> NDArray[np.floating]:
    """Multiply blocks of points, ``step_in`` apart, by the matrix that resamples each."""
    blocks = np.lib.stride_tricks.sliding_window_view(padded, len(matrix), axis=-1)[..., ::step_in, :][..., :n_blocks, :]
    # The size is spelled out, for without rows -1 has no meaning.
    return (blocks @ matrix.astype(padded.dtype, copy=False)).reshape(*padded.shape[:-1], n_blocks * matrix.shape[1])


@lru_cache(maxsize=8)
def _polyphase(up: int, down: int) -> tuple[NDArray[np.float64], int, int, int]:
    """Return the resampling filter as a matrix from a block of points to resampled ones.

    The filter is a sinc of ten zero crossings on either side under a Kaiser window with beta 5,
    scipy's own choice.

    Returns
    -------
    tuple
        (n_in, n_out) matrix, how many points of a block lie before its first answer, and points per
        block in and out.
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
    filtered: NDArray[np.floating] = sps.sosfiltfilt(sos, values, axis=-1, padtype="even", padlen=padlen)
    return filtered
