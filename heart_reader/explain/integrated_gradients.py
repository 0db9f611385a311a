"""Integrated gradients along the straight path from a baseline to the signal.

References
----------
Sundararajan M., Taly A., Yan Q. Axiomatic attribution for deep networks. ICML, PMLR 70 (2017) 3319-3328.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["integrated_gradients"]

# Windows per call of the network, as in the classifier: more at a time leave a core's caches.
BATCH_WINDOWS = 32


def integrated_gradients(
    score: Callable[[Tensor], Tensor], windows: NDArray[np.float32], baseline: NDArray[np.float32], steps: int
) -> tuple[NDArray[np.float64], float, float]:
    """Attribute the change of a score between two inputs to every value of the input.

    The path integral is a Gauss-Legendre sum, which for the same number of steps errs less than a plain mean.

    Parameters
    ----------
    score
        (n_points, n_windows, n_leads, n_times) to (n_points,): one value for all windows together.
    windows, baseline
        (n_windows, n_leads, n_times) in mV.
    steps
        Points on the path.

    Returns
    -------
    attribution
        (n_windows, n_leads, n_times); its sum is the change of the score, but for the error of the quadrature.
    score_of_windows, score_of_baseline
        At the two ends of the path.
    """
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    # From [-1, 1] to [0, 1].
    points, factors = torch.from_numpy((nodes + 1) / 2).float(), torch.from_numpy(weights / 2)
    start = torch.from_numpy(np.ascontiguousarray(baseline))
    change = torch.from_numpy(np.ascontiguousarray(windows)) - start
    at_a_time = max(1, BATCH_WINDOWS // len(windows))
    total = torch.zeros(change.shape, dtype=torch.float64)
    for first in range(0, steps, at_a_time):
        chosen = slice(first, first + at_a_time)
        path = (start + points[chosen].view(-1, 1, 1, 1) * change).requires_grad_()
        (gradient,) = torch.autograd.grad(score(path).sum(), path)
        total += (factors[chosen].view(-1, 1, 1, 1) * gradient).sum(dim=0)
    with torch.no_grad():
        ends = score(torch.stack([start + change, start]))
    return (total * change).numpy(), float(ends[0]), float(ends[1])
