"""Whether an explanation depends on what was learned: random weights must change it.

References
----------
Adebayo J. et al. Sanity checks for saliency maps. Advances in Neural Information Processing Systems
31 (2018).
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import nn

from heart_reader.explain.explainer import USUAL, Explainer, Method, View
from heart_reader.explain.explanation import Explanation
from heart_reader.models.blocks import Standardize
from heart_reader.models.feature_trees import FeatureTrees

__all__ = ["likeness_to_random", "randomise"]


def randomise(explainer: Explainer, seed: int) -> None:
    """Give an explainer's networks fresh weights, in place; its classifier stays as it is.

    The leads' scale stays, for it says nothing of a diagnosis. Trees ask their questions, and their
    answers are shuffled.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for module in explainer.attributor.members.modules():
            reset = getattr(module, "reset_parameters", None)
            if isinstance(module, FeatureTrees):
                module.leaf.copy_(_shuffled(module.leaf))
            elif callable(reset):
                reset()
            elif not isinstance(module, Standardize):
                for own in module.parameters(recurse=False):
                    own.copy_(_shuffled(own))


def _shuffled(values: torch.Tensor) -> torch.Tensor:
    return values.flatten()[torch.randperm(values.numel())].reshape(values.shape)


def likeness_to_random(explained: Explanation, other: Explainer, view: View, method: Method = USUAL) -> float:
    """Return Spearman's correlation of an explanation with that of randomised weights.

    Near 1 it would show the signal's shape and not what the model learned of it.

    Parameters
    ----------
    explained
        Of the trained weights.
    other
        After :func:`randomise`.
    view
        The stretch that was explained.
    method
        As for the trained weights.

    Returns
    -------
    float
        Of the relevance by lead and moment or, for trees alone, of the measurements; 0 where the
        random weights find nothing.
    """
    random = other.explain_view(view, explained.finding, explained.level, method)
    pair = [_flat(explained), _flat(random)]
    if not explained.relevance.any():
        names = {(share.name, share.lead) for one in (explained, random) for share in one.measurements}
        pair = [_measured(one, sorted(names, key=str)) for one in (explained, random)]
    if any(np.ptp(values) == 0 for values in pair):
        return 0.0
    return float(spearmanr(*pair).statistic)


def _flat(explanation: Explanation) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return explanation.relevance.astype(np.float64).ravel()


def _measured(
    explanation: Explanation, names: list[tuple[str, str | None]]
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    found = {(share.name, share.lead): share.contribution for share in explanation.measurements}
    return np.array([found.get(name, 0.0) for name in names])
