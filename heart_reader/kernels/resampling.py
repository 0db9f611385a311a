"""Kernel of resampling, and the product of matrices that it stands for."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from heart_reader.kernels import kernel

__all__ = ["by_blocks", "continued", "multiplied", "polyphase", "resampled"]

Array = NDArray[np.floating]

# Points at the new rate that one row of the product gives; fewer copy more, more multiply more
# zeros.
_BLOCK = 32


@kernel
def resampled(values: Array, taps: Array, up: int, down: int, n_out: int) -> Array:
    """Resample (n_leads, n_times) in double precision to (n_leads, n_out).

    Products of matrices add in an order of their own, so that NumPy and the compiled kernel differ
    by rounding.

    Parameters
    ----------
    taps
        (2 half + 1,) filter at ``up`` times the rate of the values.
    up, down
        The new rate over the old one, without a common factor.
    n_out
        How many points there are at the new rate.
    """
    return by_blocks(values, taps, up, down, n_out)


def by_blocks(values: Array, taps: Array, up: int, down: int, n_out: int) -> Array:
    """Do so for (..., n_times) of any precision, as one product of matrices."""
    matrix, n_before, step_in, step_out = polyphase(taps.tobytes(), up, down)
    n_blocks = -(-n_out // step_out)
    stop = (n_blocks - 1) * step_in + len(matrix) - n_before
    padded = continued(values, (values[..., :1], values[..., -1:]), values.shape[-1], -n_before, stop)
    return multiplied(padded, matrix, step_in, n_blocks)[..., :n_out]


def continued(values: Array, ends: tuple[Array, Array], n_times: int, start: int, stop: int) -> Array:
    """Continue (..., n) points to ``start`` and ``stop`` on the line through both ends."""
    slope = (ends[1] - ends[0]) / max(1, n_times - 1)
    before = ends[0] + slope * np.arange(min(start, 0), 0, dtype=values.dtype)
    after = ends[1] + slope * np.arange(1, stop - n_times + 1, dtype=values.dtype)
    return np.concatenate([before, values, after], axis=-1)


def multiplied(padded: Array, matrix: Array, step_in: int, n_blocks: int) -> Array:
    """Multiply blocks of points, ``step_in`` apart, by the matrix that resamples each."""
    blocks = np.lib.stride_tricks.sliding_window_view(padded, len(matrix), axis=-1)[..., ::step_in, :][..., :n_blocks, :]
    # The size is spelled out, for without rows -1 has no meaning.
    return (blocks @ matrix.astype(padded.dtype, copy=False)).reshape(*padded.shape[:-1], n_blocks * matrix.shape[1])


@lru_cache(maxsize=8)
def polyphase(taps: bytes, up: int, down: int) -> tuple[Array, int, int, int]:
    """Return a resampling filter as a matrix from a block of points to resampled ones.

    Returns
    -------
    tuple
        (n_in, n_out) matrix, how many points of a block lie before its first answer, and points per
        block in and out.
    """
    filtering = np.frombuffer(taps)
    half = len(filtering) // 2
    n_periods = -(-_BLOCK // up)
    step_in, step_out = n_periods * down, n_periods * up
    n_before = half // up
    points = np.arange(-n_before, ((step_out - 1) * down + half) // up + 1)
    distance = np.arange(step_out) * down - points[:, None] * up
    matrix = np.where(np.abs(distance) <= half, filtering[np.clip(half + distance, 0, 2 * half)], 0.0)
    return matrix, n_before, step_in, step_out
