"""Mixup: convex combinations of pairs of records and of their labels.

References
----------
Zhang H. et al. mixup: beyond empirical risk minimization. ICLR (2018).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["mixup"]


def mixup(
    x: NDArray[np.float32], targets: NDArray[np.float32], rng: np.random.Generator, alpha: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mix each record with another one of the batch, with one weight per batch drawn from Beta(alpha, alpha).

    Parameters
    ----------
    x
        (n, n_leads, n_times) in mV.
    targets
        (n, n_outputs); a label unknown in either record (NaN) is unknown in the mixture.

    Returns
    -------
    tuple
        The mixed ``x`` and ``targets``.
    """
    weight = np.float32(rng.beta(alpha, alpha))
    partner = rng.permutation(len(x))
    return weight * x + (1 - weight) * x[partner], weight * targets + (1 - weight) * targets[partner]
