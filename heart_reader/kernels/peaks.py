"""Kernel of finding peaks; what it gives is what ``scipy.signal.find_peaks`` gives.

Importing that takes longer than reading a file.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heart_reader.kernels import kernel

__all__ = ["high_peaks", "local_maxima"]

Array = NDArray[np.floating]  # float64
Indices = NDArray[np.int64]


@kernel
def high_peaks(values: Array, least: float, distance: int) -> Indices:
    """Return rising indices of peaks that no higher one lies beside.

    Parameters
    ----------
    values
        (n,).
    least
        How high a peak is at least.
    distance
        Peaks closer than this many points to a higher one are left out; of equal ones the last is
        the higher.
    """
    at = local_maxima(values)
    at = at[values[at] >= least]
    return _thinned(at, values[at], distance)


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


def _thinned(peaks: Indices, heights: Array, distance: int) -> Indices:
    """Return the peaks that no higher one lies beside, closer than a distance.

    Examples
    --------
    >>> _thinned(np.array([0, 3, 9]), np.array([1.0, 2.0, 1.0]), 5).tolist()
    [3, 9]
    """
    at, kept = peaks.tolist(), [True] * len(peaks)
    for chosen in np.argsort(heights, kind="stable")[::-1].tolist():
        if kept[chosen]:
            for way in (-1, 1):
                other = chosen + way
                while 0 <= other < len(at) and abs(at[other] - at[chosen]) < distance:
                    kept[other] = False
                    other += way
    answer: Indices = peaks[np.array(kept, dtype=bool)]
    return answer
