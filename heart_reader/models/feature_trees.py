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
    questions are answered at once; then the answers of one level after the other, the lowest first,
    halve what is left of the leaves, for all trees together. Nothing is looked up by an address
    that has to be computed, which took ONNX Runtime six times as long.

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
    _node_order: Tensor
    _leaf_order: Tensor

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
        # On each level the left children of the level above, then its right ones: both halves of
        # what a level decides between lie in one piece.
        levels = [[0]]
        for _ in range(depth):
            levels.append([2 * node + side for side in (1, 2) for node in levels[-1]])
        self.register_buffer("_node_order", torch.tensor([node for level in levels[:-1] for node in level]), persistent=False)
        self.register_buffer("_leaf_order", torch.tensor(levels[-1]) - n_nodes, persistent=False)

    def forward(self, x: Tensor, features: Tensor | None = None, record: Tensor | None = None) -> Tensor:
        """Map features to (n, n_outputs) logits; of ``x`` only the number of windows counts."""
        if features is None:
            features = torch.full((x.shape[0], self.n_features), torch.nan, dtype=x.dtype, device=x.device)
        left = self._answers(features)
        values = self.leaf.index_select(1, self._leaf_order).T
        for n_nodes in (2**level for level in reversed(range(self.depth))):
            on_level = left[:, n_nodes - 1 : 2 * n_nodes - 1]
            values = torch.where(on_level, values[..., :n_nodes, :], values[..., n_nodes:, :])
        values = values.squeeze(1).unflatten(1, (self.n_outputs, self.n_trees))
        logits = self.logits(values.mean(dim=2)) if self.mean else self.base + values.sum(dim=2)
        answer: Tensor = logits if record is None else logits.index_select(0, record)
        return answer

    @staticmethod
    def logits(probability: Tensor) -> Tensor:
        """Return the log-odds of a forest's probability."""
        return torch.logit(probability, eps=SURE)

    def sides(self, features: Tensor) -> Tensor:
        """Return (n, n_outputs * n_trees, n_nodes), true where (n, n_features) features go left."""
        n_trees, n_nodes = self.feature.shape
        answer: Tensor = self._goes_left(features, self.feature, self.threshold).unflatten(1, (n_trees, n_nodes))
        return answer

    def _answers(self, features: Tensor) -> Tensor:
        """Return the same as (n, n_nodes, n_outputs * n_trees), nodes ordered by levels."""
        feature, threshold = (table.index_select(1, self._node_order).T for table in (self.feature, self.threshold))
        answer: Tensor = self._goes_left(features, feature, threshold).unflatten(1, feature.shape)
        return answer

    @staticmethod
    def _goes_left(features: Tensor, feature: Tensor, threshold: Tensor) -> Tensor:
        unknown = torch.isnan(features)
        twice = torch.cat([features.masked_fill(unknown, -torch.inf), features.masked_fill(unknown, torch.inf)], dim=1)
        # (gather, whose kernel copies numbers; that of index_select copies blocks of memory.)
        return twice.gather(1, feature.flatten().long().expand(features.shape[0], -1)) <= threshold.flatten()

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:
        # Weights without a cover read as well as others; explanations take all leaves as alike.
        state_dict.setdefault(f"{prefix}cover", torch.zeros_like(self.cover))
        super()._load_from_state_dict(state_dict, prefix, *rest)
