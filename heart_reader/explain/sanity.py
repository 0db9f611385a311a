"""Whether an explanation depends on what was learned: random weights must change it.

References
----------
Adebayo J. et al. Sanity checks for saliency maps. Advances in Neural Information Processing Systems
31 (2018).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr

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


def likeness_to_random(explained: Explanation, other: Explainer, view: View, method: Method = USUAL) -> dict[str, float]:
    """Compare an explanation with that of randomised weights.

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
    dict
        Spearman's correlation of the relevance by lead and moment or, for trees alone, of the
        measurements; ``signed``, and of its ``size``, which is where the signal's own shape would
        show. Near 1 an explanation says nothing of what the model learned; 0 where the random
        weights find nothing.
    """
    random = other.explain_view(view, explained.finding, explained.level, method)
    names = sorted({(share.name, share.lead or "") for one in (explained, random) for share in one.measurements})
    ours, theirs = (
        one.relevance.astype(np.float64).ravel() if explained.relevance.any() else _measured(one, names) for one in (explained, random)
    )
    return {"signed": _spearman(ours, theirs), "size": _spearman(np.abs(ours), np.abs(theirs))}


def _spearman(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    return 0.0 if first.size == 0 or 0 in (np.ptp(first), np.ptp(second)) else float(spearmanr(first, second).statistic)


def _measured(explanation: Explanation, names: list[tuple[str, str]]) -> NDArray[np.float64]:
    found = {(share.name, share.lead or ""): share.contribution for share in explanation.measurements}
    return np.array([found.get(name, 0.0) for name in names])
