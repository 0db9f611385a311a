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
from heart_reader.kernels.resampling import by_blocks, continued, multiplied, polyphase, resampled

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
        answer: NDArray[np.floating] = sps.resample_poly(values, ratio.numerator, ratio.denominator, axis=-1, padtype="line")
        return answer
    # The same as scipy.signal.resample_poly with padtype="line".
    up, down, n_out = ratio.numerator, ratio.denominator, resampled_length(values.shape[-1], fs_from, fs_to)
    if values.ndim == 2 and values.dtype == np.float64 and values.shape[1]:
        return resampled(np.ascontiguousarray(values), _taps(up, down), up, down, n_out)
    return by_blocks(values, _taps(up, down), up, down, n_out)


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
    up, down = ratio.numerator, ratio.denominator
    matrix, n_before, step_in, step_out = polyphase(_taps(up, down).tobytes(), up, down)
    n_times, n_out = parts.n_times, resampled_length(parts.n_times, fs_from, fs_to)
    n_blocks = -(-n_out // step_out)
    at_once = max(1, PART_VALUES // (parts.n_leads * step_in))
    ends = parts.cut(0, 1), parts.cut(n_times - 1, n_times)
    for first in range(0, n_blocks, at_once):
        count = min(at_once, n_blocks - first)
        start = first * step_in - n_before
        stop = start + (count - 1) * step_in + len(matrix)
        piece = continued(parts.cut(max(start, 0), min(stop, n_times)), ends, n_times, start, stop)
        yield first * step_out, multiplied(piece, matrix, step_in, count)[..., : n_out - first * step_out]


@lru_cache(maxsize=8)
def _taps(up: int, down: int) -> NDArray[np.float64]:
    """Return the resampling filter, (2 half + 1,).

    It is a sinc of ten zero crossings on either side under a Kaiser window with beta 5, scipy's own
    choice.
    """
    half = 10 * max(up, down)
    taps = np.sinc(np.arange(-half, half + 1) / max(up, down)) * np.kaiser(2 * half + 1, 5.0)
    taps *= up / taps.sum()
    return taps


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
