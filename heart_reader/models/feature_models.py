"""The models that read the features of a record and not its signal, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from heart_reader.models.feature_layers import FeatureLayers
from heart_reader.models.feature_trees import FeatureTrees

__all__ = ["FEATURE_MODELS", "FORESTS", "FeatureModel"]


@dataclass(frozen=True)
class FeatureModel:
    """A model on features.

    Parameters
    ----------
    defaults
        Every parameter, with its value where a configuration names none.
    build
        (n_features, n_outputs, parameters) to a module without weights of its own yet.
    """

    defaults: Mapping[str, Any]
    build: Callable[[int, int, Mapping[str, Any]], nn.Module]


def _trees(n_features: int, n_outputs: int, params: Mapping[str, Any]) -> nn.Module:
    return FeatureTrees(n_features, n_outputs, n_trees=params["n_trees"], depth=params["depth"])


def _forest(n_features: int, n_outputs: int, params: Mapping[str, Any]) -> nn.Module:
    return FeatureTrees(n_features, n_outputs, n_trees=params["n_trees"], depth=params["depth"], mean=True)


def _layers(n_features: int, n_outputs: int, params: Mapping[str, Any]) -> nn.Module:
    return FeatureLayers(n_features, n_outputs, widths=params.get("widths", ()), dropout=params.get("dropout", 0.0))


# An output with fewer training records than min_positives on either side answers its frequency.
FEATURE_MODELS: Mapping[str, FeatureModel] = {
    # Boosted by scikit-learn, shallow and many: there are a few thousand records and hundreds of
    # features, of which each split may choose from a share.
    "feature_trees": FeatureModel(
        {
            "n_trees": 150,
            "depth": 5,
            "learning_rate": 0.06,
            "min_samples_leaf": 20,
            "max_features": 0.2,
            "l2_regularization": 1.0,
            "min_positives": 20,
        },
        _trees,
    ),
    # Boosted by LightGBM, leaf by leaf up to a depth.
    "feature_lightgbm": FeatureModel(
        {
            "n_trees": 150,
            "depth": 6,
            "n_leaves": 7,
            "learning_rate": 0.08,
            "min_samples_leaf": 20,
            "max_features": 0.1,
            "l2_regularization": 5.0,
            "min_positives": 10,
        },
        _trees,
    ),
    # A random forest: the mean of trees that each saw other records.
    "feature_forest": FeatureModel(
        {"n_trees": 100, "depth": 8, "min_samples_leaf": 5, "max_features": 0.1, "min_positives": 10},
        _forest,
    ),
    # Logistic regression; c is the inverse of the penalty on squared weights.
    "feature_lr": FeatureModel({"c": 0.003, "min_positives": 10}, _layers),
    "feature_mlp": FeatureModel(
        {"widths": [128], "dropout": 0.5, "epochs": 20, "batch_size": 64, "learning_rate": 1e-3, "weight_decay": 0.5}, _layers
    ),
}
# Those of them that are trees.
FORESTS = frozenset({"feature_trees", "feature_lightgbm", "feature_forest"})
