"""What each feature contributes to the answers of trees: exact Shapley values.

A feature that is left out of a coalition is averaged over in proportion to the training records on
either side of its questions. A leaf is then worth its value times a product over the features of
its path, and the Shapley value of such a product is a short sum, because a path asks for no more
than ``depth`` features. A random forest adds up in probability; its values are scaled so that they
add up in log-odds, which keeps their proportions.

References
----------
Lundberg S. M. et al. From local explanations to global understanding with explainable AI for trees.
Nature Machine Intelligence 2 (2020) 56-67.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logit

from heart_reader.models.feature_trees import SURE, FeatureTrees

__all__ = ["TreeContributions", "tree_contributions"]

Array = NDArray[np.float64]

# Of a probability: a forest's answer is its average one, and the slope there is the factor.
_NO_CHANGE = 1e-9


@dataclass(frozen=True, eq=False)
class TreeContributions:
    """The way from the average answer of trees to the answer for one record.

    Parameters
    ----------
    expected
        (n_outputs,) logits, averaged over the training records.
    by_feature
        (n_outputs, n_features); the sum over features is the answer minus ``expected``.
    """

    expected: Array
    by_feature: Array


def tree_contributions(trees: FeatureTrees, features: NDArray[np.float32], outputs: Sequence[int] | None = None) -> TreeContributions:
    """Explain the answers of trees for one record.

    Parameters
    ----------
    trees
        Without counts of training records, all leaves of a tree are taken to have as many.
    features
        (n_features,), NaN where not known.
    outputs
        Which outputs to explain; None means all. The rows of others are zero.
    """
    chosen = np.arange(trees.n_outputs) if outputs is None else np.asarray(outputs, dtype=np.int64)
    cover, leaf = _cover(trees), trees.leaf.numpy().astype(np.float64)
    expected = (leaf * cover).sum(axis=1) / cover.sum(axis=1)
    by_feature = np.zeros((trees.n_outputs, trees.n_features))
    if len(chosen):
        rows = (chosen[:, None] * trees.n_trees + np.arange(trees.n_trees)).ravel()
        asked, shares = _on_paths(trees, features, rows, cover[rows])
        place = np.arange(len(rows))[:, None] // trees.n_trees * trees.n_features + asked
        sums = np.bincount(place.ravel(), weights=(shares * leaf[rows]).ravel(), minlength=len(chosen) * trees.n_features)
        by_feature[chosen] = sums.reshape(len(chosen), trees.n_features)
    together = expected.reshape(trees.n_outputs, trees.n_trees).sum(axis=1)
    if trees.mean:
        return _in_log_odds(together / trees.n_trees, by_feature / trees.n_trees)
    return TreeContributions(trees.base.numpy() + together, by_feature)


def _in_log_odds(expected: Array, by_feature: Array) -> TreeContributions:
    """Scale what features add to each probability to what they add to its log-odds."""
    change = by_feature.sum(axis=1)
    start, end = (logit(np.clip(p, SURE, 1 - SURE)) for p in (expected, expected + change))
    factor = np.divide(end - start, change, out=1 / (expected * (1 - expected)), where=np.abs(change) > _NO_CHANGE)
    return TreeContributions(start, factor[:, None] * by_feature)


def _cover(trees: FeatureTrees) -> Array:
    """Return records per leaf, (n_rows, n_leaves); one each where trees hold no counts."""
    cover = trees.cover.numpy().astype(np.float64)
    cover[cover.sum(axis=1) == 0] = 1.0
    return cover


def _on_paths(
    trees: FeatureTrees, features: NDArray[np.float32], rows: NDArray[np.int64], cover: Array
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return feature and Shapley share of each question on each path, (depth, n_rows, n_leaves)."""
    depth, n_leaves = trees.depth, cover.shape[1]
    goes_left = trees.sides(torch.from_numpy(features[None]))[0].numpy()[rows]
    numbers = trees.feature.numpy()[rows].astype(np.int64) % trees.n_features
    below = _below(cover).astype(np.float32)
    asked = np.empty((depth, len(rows), n_leaves), dtype=np.int64)
    # Single precision takes half the time, and errs by less than a millionth.
    apart, along = np.empty(asked.shape, dtype=np.float32), np.empty(asked.shape, dtype=np.float32)
    node = np.arange(n_leaves) + n_leaves - 1
    for level in reversed(range(depth)):
        parent = (node - 1) // 2
        asked[level] = numbers[:, parent]
        # The share of records that go this way, half where none came; and whether this record does.
        apart[level] = np.divide(
            below[:, node], below[:, parent], out=np.full(cover.shape, 0.5, dtype=np.float32), where=below[:, parent] > 0
        )
        along[level] = goes_left[:, parent] == (node % 2 == 1)
        node = parent
    _join_repeated(asked, apart, along)
    return asked, _shapley_shares(apart, along)


def _below(cover: Array) -> Array:
    """Return the records of every node of the heap, leaves last: (n_rows, 2 * n_leaves - 1)."""
    levels = [cover]
    while levels[0].shape[1] > 1:
        levels.insert(0, levels[0][:, 0::2] + levels[0][:, 1::2])
    return np.concatenate(levels, axis=1)


def _join_repeated(asked: NDArray[np.int64], apart: NDArray[np.float32], along: NDArray[np.float32]) -> None:
    """Join the factors of a feature that a path asks for twice, in place; the later get 1."""
    for later in range(1, len(asked)):
        for earlier in range(later):
            same = asked[earlier] == asked[later]
            if same.any():
                for factor in (apart, along):
                    factor[earlier][same] *= factor[later][same]
                    factor[later][same] = 1.0


def _shapley_shares(apart: NDArray[np.float32], along: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return Shapley values of a product game: members count with ``along``, others ``apart``.

    A coalition that each player joins with the same probability t, averaged over t, weighs
    coalitions as Shapley does. The product over the others is a polynomial in t, so that a
    Gauss-Legendre sum of half as many points as players is exact. Shapes: (n_players, ...).
    """
    nodes, weights = np.polynomial.legendre.leggauss((len(apart) + 1) // 2)
    gain = along - apart
    shares = np.zeros_like(apart)
    for probability, weight in zip(((nodes + 1) / 2).tolist(), (weights / 2).tolist(), strict=True):
        mixed = apart + probability * gain
        shares += weight * _product_of_others(mixed)
    return shares * gain


def _product_of_others(factors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return for each row of (n, ...) the product of all other rows."""
    products = np.ones_like(factors)
    # Row by row this is several times faster than np.cumprod.
    for row in range(1, len(factors)):
        np.multiply(products[row - 1], factors[row - 1], out=products[row])
    behind = factors[-1].copy()
    for row in reversed(range(len(factors) - 1)):
        products[row] *= behind
        behind *= factors[row]
    return products
