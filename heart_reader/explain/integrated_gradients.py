"""Path integrals of gradients: where a change of a score comes from.

References
----------
Sundararajan M., Taly A., Yan Q. Axiomatic attribution for deep networks. ICML, PMLR 70 (2017)
3319-3328.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

__all__ = ["integrated_gradients", "mean_gradients"]

# Windows per call of the network: more at a time leave a core's caches.
BATCH_WINDOWS = 16
# Multiples of it, taken modulo 1, lie as evenly as any.
_GOLDEN = 0.6180339887498949


def mean_gradients(
    score: Callable[..., Tensor], ends: Sequence[Tensor], baselines: Sequence[Tensor], steps: int
) -> tuple[list[Tensor], float, float]:
    """Average the gradient of a score over the straight path between two points (Gauss-Legendre).

    Parameters
    ----------
    score
        From every input, (n_points, ...), to (n_points,).
    ends, baselines
        The inputs at the two ends of the path, of one shape each.
    steps
        Points on the path.

    Returns
    -------
    gradients
        One per input, float64. Each times the change of its input, they sum to the change of the
        score.
    score_of_ends, score_of_baselines
        The scores at the two ends.
    """
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    # From [-1, 1] to [0, 1].
    points, factors = torch.from_numpy((nodes + 1) / 2), torch.from_numpy(weights / 2)
    pairs = list(zip(ends, baselines, strict=True))
    paths = [(start + _beside(points.to(end.dtype), end) * (end - start)).requires_grad_() for end, start in pairs]
    gradients = torch.autograd.grad(score(*paths).sum(), paths)
    with torch.no_grad():
        scores = score(*(torch.stack(pair) for pair in pairs))
    means = [(_beside(factors, end) * gradient).sum(dim=0) for gradient, (end, _) in zip(gradients, pairs, strict=True)]
    return means, float(scores[0]), float(scores[1])


def integrated_gradients(
    answer: Callable[..., Tensor],
    slopes: Tensor,
    ends: Sequence[Tensor],
    baselines: Sequence[Tensor],
    steps: int,
    *,
    shift: float = 0.0,
) -> list[Tensor]:
    """Attribute weighted sums of a network's answers to its inputs, for each window by itself.

    Each window has points of its own on its path, evenly spaced and shifted against those of the
    others, so that the errors of overlapping windows cancel rather than add up.

    Parameters
    ----------
    answer
        From every input, (n, ...), to (n, n_outputs).
    slopes
        (n_windows, n_outputs) weights of the sums.
    ends, baselines
        Inputs of each window and of its baseline, (n_windows, ...) each.
    steps
        Points on each path.
    shift
        Added to the places of the points, in steps; differs between networks.

    Returns
    -------
    list of Tensor
        (n_windows, ...) float64 for each input; for each window they sum to the change of its sum,
        but for the error of the quadrature. Unknown values (NaN) get 0.
    """
    n_windows = len(slopes)
    offsets = (0.5 + shift + _GOLDEN * torch.arange(n_windows)) % 1.0
    points = (torch.arange(steps)[:, None] + offsets) / steps
    at_a_time = max(1, BATCH_WINDOWS // n_windows)
    totals = [torch.zeros(end.shape, dtype=torch.float64) for end in ends]
    for part in points.split(at_a_time):
        paths = [
            (start + part.reshape(*part.shape, *[1] * (end.ndim - 1)) * (end - start)).flatten(0, 1).requires_grad_()
            for end, start in zip(ends, baselines, strict=True)
        ]
        answers = answer(*paths)
        gradients = torch.autograd.grad(answers, paths, slopes.to(answers.dtype).repeat(len(part), 1), allow_unused=True)
        for place, gradient in enumerate(gradients):
            if gradient is not None:
                totals[place] += gradient.unflatten(0, part.shape).sum(dim=0)
    return [torch.nan_to_num(total * (end - start) / steps, nan=0.0) for total, end, start in zip(totals, ends, baselines, strict=True)]


def _beside(values: Tensor, like: Tensor) -> Tensor:
    """Return (n,) values so that they multiply (n, ...) of the shape of ``like``."""
    return values.view(-1, *[1] * like.ndim)
