"""Grow gradient-boosted trees on the features of the training records, with scikit-learn, and put
them into tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from tqdm import tqdm

from heart_reader.data.dataset import EcgDataset
from heart_reader.errors import ConfigError, DataError
from heart_reader.models.feature_trees import FeatureTrees

__all__ = ["grow_trees"]

# Largest difference of a log-odds between scikit-learn's trees and their tensors: sums of float32.
TOLERANCE = 1e-3


def grow_trees(train: EcgDataset, params: Mapping[str, Any], seed: int) -> FeatureTrees:
    """Fit one model per output of the task.

    Parameters
    ----------
    train
        Records with features; a label that is not known (NaN) leaves its record out for that
        output.
    params
        See :data:`heart_reader.models.feature_trees.TREE_DEFAULTS`.
    seed
        Of the choice of features at each split.

    Raises
    ------
    ConfigError
        If the records come without features.
    DataError
        If scikit-learn's trees cannot be carried over exactly.
    """
    if train.features is None:
        raise ConfigError("feature_trees read features: name some in features.sets, such as configs/feature_trees.yaml does")
    n_outputs = train.targets.shape[1]
    network = FeatureTrees(train.features.shape[1], n_outputs, n_trees=params["n_trees"], depth=params["depth"]).eval()
    checks = []
    for output in tqdm(range(n_outputs), "growing trees", unit="output", disable=None):
        known = ~np.isnan(train.targets[:, output])
        y_true = train.targets[known, output]
        n_positive = int(y_true.sum())
        if min(n_positive, len(y_true) - n_positive) < params["min_positives"]:
            network.base[output] = float(np.log((n_positive + 0.5) / (len(y_true) - n_positive + 0.5)))
            continue
        model = HistGradientBoostingClassifier(
            max_iter=params["n_trees"],
            max_depth=params["depth"],
            max_leaf_nodes=None,
            learning_rate=params["learning_rate"],
            min_samples_leaf=params["min_samples_leaf"],
            max_features=params["max_features"],
            l2_regularization=params["l2_regularization"],
            early_stopping=False,
            random_state=seed,
        ).fit(_splittable(train.features[known]), y_true)
        _carry_over(model, network, output)
        checks.append((output, model.decision_function(train.features[:200])))
    _compare(network, train.features[:200], checks)
    return network


def _splittable(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Put 0 for a feature that is known of no record: scikit-learn refuses such a column, and never
    splits a constant one.
    """
    return np.where(np.isnan(features).all(axis=0), np.float32(0.0), features)


def _carry_over(model: HistGradientBoostingClassifier, network: FeatureTrees, output: int) -> None:
    network.base[output] = float(model._baseline_prediction.ravel()[0])
    for number, (tree,) in enumerate(model._predictors):
        row = output * network.n_trees + number
        feature, threshold, leaf, cover = _perfect(tree.nodes, network.depth, network.n_features)
        network.feature[row] = torch.from_numpy(feature)
        network.threshold[row] = torch.from_numpy(threshold)
        network.leaf[row] = torch.from_numpy(leaf)
        network.cover[row] = torch.from_numpy(cover)


def _perfect(nodes: NDArray[Any], depth: int, n_features: int) -> tuple[NDArray[Any], ...]:
    """Lay out one tree as a perfect one: features and thresholds of its nodes, values of its leaves
    and records that came to them.
    """
    n_nodes = 2**depth - 1
    feature, threshold = np.zeros(n_nodes, dtype=np.int16), np.zeros(n_nodes, dtype=np.float32)
    leaf, cover = np.zeros(n_nodes + 1, dtype=np.float32), np.zeros(n_nodes + 1, dtype=np.float32)
    # Place in the heap, place among scikit-learn's nodes, share of that node's records: a leaf that
    # stands several times shares them out.
    waiting = [(0, 0, 1.0)]
    while waiting:
        place, number, share = waiting.pop()
        node = nodes[number]
        if place >= n_nodes:
            leaf[place - n_nodes], cover[place - n_nodes] = node["value"], share * node["count"]
        elif node["is_leaf"]:
            waiting += [(2 * place + 1, number, share / 2), (2 * place + 2, number, share / 2)]
        else:
            feature[place] = node["feature_idx"] + (0 if node["missing_go_to_left"] else n_features)
            threshold[place] = _not_above(node["num_threshold"])
            waiting += [(2 * place + 1, int(node["left"]), 1.0), (2 * place + 2, int(node["right"]), 1.0)]
    return feature, threshold, leaf, cover


def _not_above(value: float) -> np.float32:
    """Round to float32 downwards: float32 features then fall on the same side as under the exact
    threshold.

    An infinite threshold parts the known from the missing, which stand at infinity too: the largest
    number does that.
    """
    rounded = np.float32(value)
    return np.nextafter(rounded, np.float32(-np.inf)) if float(rounded) > value or np.isposinf(rounded) else rounded


def _compare(network: FeatureTrees, features: NDArray[np.float32], checks: list[tuple[int, NDArray[np.float64]]]) -> None:
    with torch.inference_mode():
        answer = network(torch.zeros(len(features), 1), torch.from_numpy(features)).numpy()
    worst = max((float(np.abs(answer[:, output] - expected).max()) for output, expected in checks), default=0.0)
    if not worst <= TOLERANCE:
        raise DataError(f"trees differ from scikit-learn's by {worst:.1e} in a log-odds: install the scikit-learn of dependencies/all.lock")
