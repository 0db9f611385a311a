"""Kernels of finding, sorting and averaging beats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heart_reader.kernels import kernel

__all__ = ["mean_step"]


@kernel
def mean_step(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (n_times - 1,) mean sizes of the step from each time point to the next.

    Parameters
    ----------
    signal
        (n_leads, n_times), contiguous; leads are summed in their order.
    """
    step = np.diff(signal, axis=1)
    answer: NDArray[np.float32] = np.abs(step, out=step).mean(axis=0)
    return answer
