"""Medians and other order statistics of finite values.

NumPy's own median looks for NaN and takes a mean of slices, SciPy's median filter checks its
arguments: on the short arrays of one record this takes longer than the selection. These give the
same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["median", "middle", "ranked", "running_median", "steps"]

Array = NDArray[np.floating]

# Python sorts twice as many numbers in less time than NumPy takes to be called.
_FEW = 24


def median(values: Array) -> Array:
    """Return the median along the last axis, (...) from finite (..., n).

    Examples
    --------
    >>> median(np.array([[3.0, 1.0, 2.0], [5.0, 5.0, 9.0]]))
    array([2., 5.])
    """
    half = values.shape[-1] // 2
    if values.ndim == 1 and half < _FEW:
        answer: Any = values.dtype.type(middle(values.tolist()))
        return answer  # type: ignore[no-any-return]
    if values.shape[-1] % 2:
        return ranked(values, half)
    parts = np.partition(values, (half - 1, half), axis=-1)
    return 0.5 * (parts[..., half - 1] + parts[..., half])


def middle(values: Iterable[float]) -> float:
    """Return the median of a few finite numbers, one or more.

    Examples
    --------
    >>> middle([3.0, 1.0, 2.0, 5.0])
    2.5
    """
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else 0.5 * (ordered[half - 1] + ordered[half])


def ranked(values: Array, rank: int) -> Array:
    """Return the value of a rank (from 0) along the last axis, (...) from finite (..., n)."""
    return np.partition(values, rank, axis=-1)[..., rank]


def running_median(values: Array, size: int) -> Array:
    """Return the running median of an odd ``size``, (n,) from finite (n,), ends repeated."""
    half = size // 2
    return median(values.take(np.arange(len(values))[:, None] + np.arange(-half, half + 1), mode="clip"))


def steps(values: Array) -> Array:
    """Return (n - 1,) differences of (n,) neighbouring values."""
    answer: Array = values[1:] - values[:-1]
    return answer
