"""Trees as a network, boosted or a random forest: they read features of a record, not its signal.

The trees are grown by scikit-learn or LightGBM (:mod:`heart_reader.training.trees`) and kept as
tensors, so that they are saved, served, exported and joined with networks like any of these.

References
----------
Breiman L. Random forests. Machine Learning 45 (2001) 5-32. Friedman J. H. Greedy function
approximation: a gradient boosting machine. Annals of Statistics 29 (2001) 1189-1232. Nakandala S.
et al. A tensor compiler for unified machine learning prediction serving. OSDI (2020) 899-917.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["FeatureTrees"]

# A forest that is sure answers this probability, or one minus it.
SURE = 1e-4


class FeatureTrees(nn.Module):
    """A sum, or a mean, of perfect binary trees for each output.

    A node is numbered as in a heap: below node i stand 2i + 1, where a value is at most the
    threshold, and 2i + 2. A tree that ends early goes on with nodes whose sides are alike. All
    questions are answered at once; a path through a tree then only looks answers up.

    Parameters
    ----------
    n_features
        Features that come in. A node that sends missing values to the left asks for feature f by
        the number f, one that sends them to the right by n_features + f.
    mean
        Whether leaves are probabilities and an output is their mean, as in a random forest; else
        they are log-odds that add up.
    """

    feature: Tensor
    threshold: Tensor
    leaf: Tensor
    base: Tensor
    cover: Tensor

    def __init__(self, n_features: int, n_outputs: int, *, n_trees: int, depth: int, mean: bool = False) -> None:
        super().__init__()
        self.mean = mean
        self.n_features = n_features
        self.n_outputs, self.n_trees, self.depth = n_outputs, n_trees, depth
        n_nodes, n_leaves = 2**depth - 1, 2**depth
        self.register_buffer("feature", torch.zeros(n_outputs * n_trees, n_nodes, dtype=torch.int16))
        self.register_buffer("threshold", torch.zeros(n_outputs * n_trees, n_nodes))
        self.register_buffer("leaf", torch.zeros(n_outputs * n_trees, n_leaves))
        self.register_buffer("base", torch.zeros(n_outputs))
        # Training records that came to each leaf; no answer depends on it, an explanation does. All
        # zero means that nobody counted.
        self.register_buffer("cover", torch.zeros(n_outputs * n_trees, n_leaves))

    def forward(self, x: Tensor, features: Tensor | None = None, record: Tensor | None = None) -> Tensor:
        """Map features to (n, n_outputs) logits; of ``x`` only the number of windows counts."""
        if features is None:
            features = torch.full((x.shape[0], self.n_features), torch.nan, dtype=x.dtype, device=x.device)
        left = self.sides(features).long()
        # (A shape, not len(): that would fix the batch of an exported graph.)
        node = torch.zeros(features.shape[0], len(self.feature), 1, dtype=torch.int64, device=x.device)
        for _ in range(self.depth):
            node = 2 * node + 2 - left.gather(2, node)
        n_nodes, n_leaves = self.feature.shape[1], self.leaf.shape[1]
        place = torch.arange(len(self.leaf), device=x.device) * n_leaves + node.squeeze(2) - n_nodes
        values = self.leaf.flatten().index_select(0, place.flatten()).unflatten(0, (-1, self.n_outputs, self.n_trees))
        logits = self.logits(values.mean(dim=2)) if self.mean else self.base + values.sum(dim=2)
        answer: Tensor = logits if record is None else logits.index_select(0, record)
        return answer

    @staticmethod
    def logits(probability: Tensor) -> Tensor:
        """Return the log-odds of a forest's probability."""
        return torch.logit(probability, eps=SURE)

    def sides(self, features: Tensor) -> Tensor:
        """Return (n, n_outputs * n_trees, n_nodes), true where (n, n_features) features go left."""
        unknown = torch.isnan(features)
        twice = torch.cat([features.masked_fill(unknown, -torch.inf), features.masked_fill(unknown, torch.inf)], dim=1)
        asked = twice.index_select(1, self.feature.flatten().long())
        answer: Tensor = (asked <= self.threshold.flatten()).unflatten(1, self.feature.shape)
        return answer

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        # Weights without a cover read as well as others; explanations take all leaves as alike.
        state_dict.setdefault(f"{prefix}cover", torch.zeros_like(self.cover))
        super()._load_from_state_dict(state_dict, prefix, *rest)
