"""Shapley values of trees against another package, the definition, and with missing values."""

from __future__ import annotations

import warnings
from itertools import combinations
from math import factorial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from heart_reader.checkpoint import load_checkpoint
from heart_reader.config import ExperimentConfig
from heart_reader.data.build import build_table
from heart_reader.explain.tree_contributions import _in_log_odds, tree_contributions
from heart_reader.models.feature_trees import FeatureTrees
from heart_reader.runtimes import build_torch_network
from heart_reader.training.trees import carry_over, grow_trees, of_boosting

N_FEATURES = 12


@pytest.fixture(scope="module", params=[3, 5])
def grown(request: pytest.FixtureRequest) -> tuple[HistGradientBoostingClassifier, FeatureTrees, np.ndarray]:
    """Return scikit-learn's trees, the same as tensors, and records with missing values."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(600, N_FEATURES)).astype(np.float32)
    truth = features[:, 0] + features[:, 1] * features[:, 2] + rng.normal(0, 0.5, 600) > 0
    features[rng.random(features.shape) < 0.2] = np.nan
    model = HistGradientBoostingClassifier(
        max_iter=30, max_depth=request.param, max_leaf_nodes=None, min_samples_leaf=5, early_stopping=False, random_state=0
    ).fit(features, truth)
    trees = FeatureTrees(N_FEATURES, 2, n_trees=30, depth=request.param).eval()
    carry_over(of_boosting(model), trees, 1)
    return model, trees, features[:25]


def shap_package() -> Any:
    # Matplotlib has begun to deprecate what it uses, and its optional parts may warn too.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("shap", reason="shap is not installed: it comes with heart-reader[dev]")


def test_they_are_those_of_the_shap_package(grown: tuple[HistGradientBoostingClassifier, FeatureTrees, np.ndarray]) -> None:
    model, trees, features = grown
    reference = shap_package().TreeExplainer(model)
    for row, expected in zip(features, reference.shap_values(features), strict=True):
        ours = tree_contributions(trees, row)
        np.testing.assert_allclose(ours.by_feature[1], expected, atol=1e-6)
        assert ours.expected[1] == pytest.approx(float(np.ravel(reference.expected_value)[0]), abs=1e-6)


def test_they_add_up_to_the_answer(grown: tuple[HistGradientBoostingClassifier, FeatureTrees, np.ndarray]) -> None:
    model, trees, features = grown
    for row, answer in zip(features, model.decision_function(features), strict=True):
        ours = tree_contributions(trees, row, [1])
        assert ours.expected[1] + ours.by_feature[1].sum() == pytest.approx(answer, abs=1e-5)
        assert (ours.by_feature[0] == 0).all()  # an output that has not grown, and was not asked for


def test_a_forest_adds_up_in_log_odds_in_the_proportions_of_its_probability() -> None:
    rng = np.random.default_rng(2)
    features = rng.normal(size=(400, N_FEATURES)).astype(np.float32)
    truth = (features[:, 0] + features[:, 1] * features[:, 2] > 0).astype(np.float32)
    model = RandomForestClassifier(15, max_depth=4, random_state=0).fit(features, truth)
    params = {"n_trees": 15, "depth": 4, "min_samples_leaf": 1, "max_features": "sqrt", "min_positives": 5}
    trees = grow_trees("feature_forest", features, truth[:, None], params, 0)
    reference = shap_package().TreeExplainer(model)
    for row, expected, probability in zip(
        features[:8], reference.shap_values(features[:8]), model.predict_proba(features[:8]), strict=True
    ):
        ours = tree_contributions(trees, row)
        assert ours.expected[0] + ours.by_feature[0].sum() == pytest.approx(np.log(probability[1] / probability[0]), abs=1e-5)
        scaled = expected[:, 1] * ours.by_feature[0].sum() / expected[:, 1].sum()
        np.testing.assert_allclose(ours.by_feature[0], scaled, atol=1e-4)
    # Where nothing changes together, the slope is that of the log-odds.
    still = _in_log_odds(np.array([0.2]), np.array([[0.1, -0.1]]))
    assert still.by_feature[0].tolist() == pytest.approx([0.1 / 0.16, -0.1 / 0.16])


def by_definition(value: Any, players: int) -> list[float]:
    """Shapley values of a game, by all coalitions."""
    answer = []
    for player in range(players):
        others = [other for other in range(players) if other != player]
        answer.append(
            sum(
                factorial(size) * factorial(players - size - 1) / factorial(players) * (value({*team, player}) - value(set(team)))
                for size in range(players)
                for team in combinations(others, size)
            )
        )
    return answer


def test_a_feature_asked_twice_on_a_path_is_one_player() -> None:
    trees = FeatureTrees(3, 1, n_trees=1, depth=3)
    trees.feature.copy_(torch.tensor([[0, 1, 2, 0, 0, 1, 2]]))
    trees.threshold.copy_(torch.tensor([[0.5, 0.1, -0.2, -1.0, 0.2, 0.9, 0.3]]))
    trees.leaf.copy_(torch.arange(8.0)[None] ** 2)
    trees.cover.copy_(torch.tensor([[3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0]]))
    row = np.array([0.4, 0.3, -0.5], dtype=np.float32)
    goes_left = trees.sides(torch.from_numpy(row[None]))[0, 0].tolist()
    cover = np.concatenate([[31, 9, 22, 4, 5, 14, 8], trees.cover[0].numpy()])

    def worth(known: set[int], node: int = 0) -> float:
        if node >= 7:
            return float(trees.leaf[0, node - 7])
        left, right = 2 * node + 1, 2 * node + 2
        if int(trees.feature[0, node]) in known:
            return worth(known, left if goes_left[node] else right)
        return (cover[left] * worth(known, left) + cover[right] * worth(known, right)) / cover[node]

    np.testing.assert_allclose(tree_contributions(trees, row).by_feature[0], by_definition(worth, 3), rtol=1e-6)


def test_leaves_count_the_training_records(trees_checkpoint: Path, trees_config: ExperimentConfig) -> None:
    trees = build_torch_network(load_checkpoint(trees_checkpoint))
    assert isinstance(trees, FeatureTrees)
    grown = trees.cover.sum(dim=1)
    assert set(grown.tolist()) == {float(len(build_table(trees_config).split("train").record_ids))}
    assert (trees.cover.max(dim=1).values < grown).all()


def test_weights_without_cover_are_loaded_and_all_leaves_are_alike(
    grown: tuple[HistGradientBoostingClassifier, FeatureTrees, np.ndarray],
) -> None:
    _, trees, features = grown
    weights = {name: value for name, value in trees.state_dict().items() if name != "cover"}
    old = FeatureTrees(N_FEATURES, 2, n_trees=30, depth=trees.depth).eval()
    old.load_state_dict(weights, strict=True)
    ours = tree_contributions(old, features[0])
    assert ours.expected[1] == pytest.approx(float(trees.base[1] + trees.leaf[30:].mean(dim=1).sum()), abs=1e-5)
    answer = float(trees(torch.zeros(1, 1), torch.from_numpy(features[:1]))[0, 1])
    assert ours.expected[1] + ours.by_feature[1].sum() == pytest.approx(answer, abs=1e-5)
    with pytest.raises(RuntimeError, match="leaf"):
        old.load_state_dict({name: value for name, value in weights.items() if name != "leaf"}, strict=True)
