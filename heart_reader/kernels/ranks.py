"""Kernels of order statistics of finite values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heart_reader.kernels import kernel

__all__ = ["ranked_rows", "window_medians"]

Array = NDArray[np.floating]  # float64
Indices = NDArray[np.int64]


@kernel
def ranked_rows(values: Array, ranks: Indices) -> Array:
    """Return (n_rows, n_ranks) values of ranks (from 0) in each row of (n_rows, n)."""
    answer: Array = np.partition(values, ranks.tolist(), axis=1)[:, ranks]
    return answer


@kernel
def window_medians(values: Array, starts: Indices, stops: Indices) -> Array:
    """Return (n_windows,) medians of parts of (n,) values, from start to before stop."""
    return np.array([np.median(values[start:stop]) for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)])
