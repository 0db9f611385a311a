"""Grow trees on features of the training records, and turn them into tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from tqdm import tqdm

from heart_reader.errors import DataError
from heart_reader.extras import missing
from heart_reader.models.feature_models import FEATURE_MODELS
from heart_reader.models.feature_trees import FeatureTrees

__all__ = ["GROWERS", "carry_over", "grow_trees", "log_odds_of_frequency", "not_above"]

# Largest difference of an answer between a library's trees and their tensors: sums of float32.
TOLERANCE = 1e-3
CHECKED = 200

Features = NDArray[np.float32]


class Node(NamedTuple):
    """A node of a tree; a leaf is its own child."""

    feature: int
    threshold: float  # at most this goes left
    missing_left: bool
    left: int
    right: int
    value: float
    n_records: float  # of training that came here


@dataclass(frozen=True, eq=False)
class Grown:
    """The trees of one output, as a library grew them.

    Parameters
    ----------
    base
        Added to the sum of leaves.
    trees
        Nodes of each tree, the root first.
    answer
        From (n, n_features) to what the library says: log-odds, or the probability of a forest.
    """

    base: float
    trees: Sequence[Sequence[Node]]
    answer: Callable[[Features], NDArray[np.float64]]


def grow_trees(name: str, features: Features, targets: NDArray[np.float32], params: Mapping[str, Any], seed: int) -> FeatureTrees:
    """Fit one model per output of the task.

    Parameters
    ----------
    name
        One of :data:`GROWERS`.
    features
        (n_records, n_features), NaN where not known.
    targets
        (n_records, n_outputs); an unknown label (NaN) leaves its record out for that output.
    params
        See :data:`heart_reader.models.feature_models.FEATURE_MODELS`.

    Raises
    ------
    DataError
        If a library's trees cannot be carried over exactly.
    HeartReaderError
        If LightGBM is asked for and not installed.
    """
    network = FEATURE_MODELS[name].build(features.shape[1], targets.shape[1], params).eval()
    assert isinstance(network, FeatureTrees)
    first, expected = features[:CHECKED], {}
    for output in tqdm(range(targets.shape[1]), "growing trees", unit="output", disable=None):
        known = ~np.isnan(targets[:, output])
        y_true = targets[known, output]
        if min(y_true.sum(), len(y_true) - y_true.sum()) < params["min_positives"]:
            _answer_frequency(network, output, log_odds_of_frequency(y_true))
            continue
        # Libraries refuse a feature that no record has, and never split a constant one.
        own = features[known]
        grown = GROWERS[name](np.where(np.isnan(own).all(axis=0), np.float32(0.0), own), y_true, params, seed)
        carry_over(grown, network, output)
        expected[output] = grown.answer(first)
    with torch.inference_mode():
        answer = network(torch.zeros(len(first), 1), torch.from_numpy(first))
        answer = (torch.sigmoid(answer) if network.mean else answer).numpy()
    worst = max((float(np.abs(answer[:, output] - of).max()) for output, of in expected.items()), default=0.0)
    if not worst <= TOLERANCE:
        raise DataError(f"trees of {name} differ from their tensors by {worst:.1e}: install the versions of dependencies/all.lock")
    return network


def log_odds_of_frequency(y_true: NDArray[np.float32]) -> float:
    """Return the log-odds of the share of positives among known labels, finite without any."""
    n_positive = float(y_true.sum())
    return float(np.log((n_positive + 0.5) / (len(y_true) - n_positive + 0.5)))


def _answer_frequency(network: FeatureTrees, output: int, log_odds: float) -> None:
    if network.mean:
        network.leaf[output * network.n_trees :][: network.n_trees] = 1 / (1 + np.exp(-log_odds))
    else:
        network.base[output] = log_odds


def carry_over(grown: Grown, network: FeatureTrees, output: int) -> None:
    """Write the trees of one output into the tensors of a network."""
    network.base[output] = grown.base
    buffers = (network.feature, network.threshold, network.leaf, network.cover)
    for number, nodes in enumerate(grown.trees):
        for buffer, values in zip(buffers, _perfect(nodes, network.depth, network.n_features), strict=True):
            buffer[output * network.n_trees + number] = torch.from_numpy(values)


def boost(features: Features, y_true: NDArray[np.float32], params: Mapping[str, Any], seed: int) -> Grown:
    """Boost trees by scikit-learn."""
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
    ).fit(features, y_true)
    return of_boosting(model)


def of_boosting(model: HistGradientBoostingClassifier) -> Grown:
    """Return the trees of a fitted model of scikit-learn."""
    trees = [
        [
            Node(number, 0.0, True, number, number, float(node["value"]), float(node["count"]))
            if node["is_leaf"]
            else Node(
                int(node["feature_idx"]),
                float(node["num_threshold"]),
                bool(node["missing_go_to_left"]),
                int(node["left"]),
                int(node["right"]),
                0.0,
                float(node["count"]),
            )
            for number, node in enumerate(tree.nodes)
        ]
        for (tree,) in model._predictors
    ]
    return Grown(float(model._baseline_prediction.ravel()[0]), trees, model.decision_function)


def forest(features: Features, y_true: NDArray[np.float32], params: Mapping[str, Any], seed: int) -> Grown:
    """Grow a random forest by scikit-learn."""
    model = RandomForestClassifier(
        n_estimators=params["n_trees"],
        max_depth=params["depth"],
        min_samples_leaf=params["min_samples_leaf"],
        max_features=params["max_features"],
        random_state=seed,
    ).fit(features, y_true)
    trees = [list(_forest_nodes(tree.tree_)) for tree in model.estimators_]
    return Grown(0.0, trees, lambda rows: model.predict_proba(rows)[:, 1])


def _forest_nodes(tree: Any) -> Iterator[Node]:
    shares = tree.value[:, 0, 1] / tree.value[:, 0].sum(axis=1)
    columns = (tree.feature, tree.threshold, tree.missing_go_to_left, tree.children_left, tree.children_right)
    rows = zip(*(column.tolist() for column in (*columns, shares, tree.weighted_n_node_samples)), strict=True)
    for number, (feature, threshold, missing_left, left, right, value, count) in enumerate(rows):
        yield (
            Node(feature, threshold, bool(missing_left), left, right, value, count)
            if left >= 0
            else Node(0, 0.0, True, number, number, value, count)
        )


def boost_by_leaf(features: Features, y_true: NDArray[np.float32], params: Mapping[str, Any], seed: int) -> Grown:
    """Boost trees by LightGBM."""
    try:
        import lightgbm
    except ImportError as error:
        raise missing(error.name or "lightgbm") from None
    asked = {
        "objective": "binary",
        "max_depth": params["depth"],
        "num_leaves": params["n_leaves"],
        "learning_rate": params["learning_rate"],
        "min_data_in_leaf": params["min_samples_leaf"],
        "feature_fraction_bynode": params["max_features"],
        "lambda_l2": params["l2_regularization"],
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": torch.get_num_threads(),
        "verbosity": -1,
    }
    booster = lightgbm.train(asked, lightgbm.Dataset(features, y_true), num_boost_round=params["n_trees"])
    trees = []
    for tree in booster.dump_model()["tree_info"]:
        nodes: list[Node] = []
        _append(nodes, tree["tree_structure"])
        trees.append(nodes)
    return Grown(0.0, trees, lambda rows: np.asarray(booster.predict(rows, raw_score=True), dtype=np.float64))


def _append(nodes: list[Node], node: Mapping[str, Any]) -> int:
    """Append a node of LightGBM and those below it; return its number."""
    number = len(nodes)
    if "split_feature" not in node:
        nodes.append(Node(0, 0.0, True, number, number, float(node["leaf_value"]), float(node.get("leaf_count", 0))))
        return number
    nodes.append(Node(0, 0.0, True, number, number, 0.0, 0.0))
    threshold = float(node["threshold"])
    # Where training saw nothing missing, LightGBM takes what is missing for 0.
    missing_left = bool(node["default_left"]) if node["missing_type"] == "NaN" else threshold >= 0
    left, right = (_append(nodes, node[side]) for side in ("left_child", "right_child"))
    nodes[number] = Node(int(node["split_feature"]), threshold, missing_left, left, right, 0.0, float(node["internal_count"]))
    return number


# From features without a column that is missing throughout, and labels that are all known.
GROWERS: Mapping[str, Callable[[Features, NDArray[np.float32], Mapping[str, Any], int], Grown]] = {
    "feature_trees": boost,
    "feature_forest": forest,
    "feature_lightgbm": boost_by_leaf,
}


def _perfect(nodes: Sequence[Node], depth: int, n_features: int) -> tuple[NDArray[Any], ...]:
    """Return features, thresholds, leaves and their records of a tree made perfect."""
    n_nodes = 2**depth - 1
    feature, threshold = np.zeros(n_nodes, dtype=np.int16), np.zeros(n_nodes)
    leaf, cover = np.zeros(n_nodes + 1, dtype=np.float32), np.zeros(n_nodes + 1, dtype=np.float32)
    # Place in the heap, place among the library's nodes, share of that node's records: a leaf that
    # stands several times shares them out.
    waiting = [(0, 0, 1.0)]
    while waiting:
        place, number, share = waiting.pop()
        node = nodes[number]
        if place >= n_nodes:
            leaf[place - n_nodes], cover[place - n_nodes] = node.value, share * node.n_records
        elif node.left == number:
            waiting += [(2 * place + 1, number, share / 2), (2 * place + 2, number, share / 2)]
        else:
            feature[place] = node.feature + (0 if node.missing_left else n_features)
            threshold[place] = node.threshold
            waiting += [(2 * place + 1, node.left, 1.0), (2 * place + 2, node.right, 1.0)]
    return feature, not_above(threshold), leaf, cover


def not_above(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Round down to float32, so that float32 features fall on the same side of a threshold."""
    # Infinity parts the known from the missing: the largest number does that.
    rounded = np.minimum(values, np.finfo(np.float32).max).astype(np.float32)
    return np.where(rounded > values, np.nextafter(rounded, np.float32(-np.inf)), rounded)
