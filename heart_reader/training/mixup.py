"""Mixup: convex combinations of pairs of records and of their labels.

References
----------
Zhang H. et al. mixup: beyond empirical risk minimization. ICLR (2018).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["mixup"]


def mixup(arrays: Sequence[NDArray[np.float32]], rng: np.random.Generator, alpha: float) -> list[NDArray[np.float32]]:
    """Mix each record with another of the batch, with one weight from Beta(alpha, alpha).

    Parameters
    ----------
    arrays
        What belongs to n records, each (n, ...), such as signals and targets. What is unknown of
        either record (NaN) is unknown of the mixture.
    """
    weight = np.float32(rng.beta(alpha, alpha))
    partner = rng.permutation(len(arrays[0]))
    return [weight * array + (1 - weight) * array[partner] for array in arrays]
