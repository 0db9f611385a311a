"""Fit the models that read features of a record and not its signal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from heart_reader.config import ModelConfig
from heart_reader.errors import ConfigError
from heart_reader.models.feature_layers import FeatureLayers
from heart_reader.models.feature_models import FEATURE_MODELS
from heart_reader.models.registry import resolve_params
from heart_reader.training.trees import GROWERS, grow_trees, log_odds_of_frequency

__all__ = ["fit_features"]

Features = NDArray[np.float32]
Targets = NDArray[np.float32]
# Steps of the solver; the data sets at hand take a tenth of it.
MAX_STEPS = 5000


def fit_features(model: ModelConfig, features: Features | None, targets: Targets, seed: int) -> nn.Module:
    """Fit a model on features.

    Parameters
    ----------
    model
        A name of :data:`heart_reader.models.feature_models.FEATURE_MODELS` and its parameters.
    features
        (n_records, n_features) of the training records, NaN where not known. Medians and spreads
        come from them alone.
    targets
        (n_records, n_outputs): 1, 0, or NaN where not known, which never counts.
    seed
        Of all that is drawn.

    Returns
    -------
    Module
        From (windows, features, record) to (n, n_outputs) logits, in evaluation mode.

    Raises
    ------
    ConfigError
        If there are no features, or a parameter is unknown.
    DataError
        If trees cannot be carried over exactly.
    HeartReaderError
        If a package that the model needs is not installed.
    """
    params = resolve_params(model.name, model.params)
    if features is None:
        raise ConfigError(f"{model.name} reads features: name some in features.sets, such as configs/feature_trees.yaml does")
    if model.name in GROWERS:
        return grow_trees(model.name, features, targets, params, seed)
    torch.manual_seed(seed)
    network = FEATURE_MODELS[model.name].build(features.shape[1], targets.shape[1], params)
    assert isinstance(network, FeatureLayers)
    network.set_statistics(torch.from_numpy(features))
    (_regress if model.name == "feature_lr" else _descend)(network, torch.from_numpy(features), torch.from_numpy(targets), params)
    return network.eval()


def _regress(network: FeatureLayers, features: torch.Tensor, targets: torch.Tensor, params: Mapping[str, Any]) -> None:
    """Fit one logistic regression per output by scikit-learn."""
    inputs, labels = network.standardized(features).double().numpy(), targets.numpy()
    with torch.no_grad():
        for output in tqdm(range(labels.shape[1]), "logistic regressions", unit="output", disable=None):
            known = ~np.isnan(labels[:, output])
            y_true = labels[known, output]
            weight, bias = network.classify.weight[output], network.classify.bias[output]
            if min(y_true.sum(), len(y_true) - y_true.sum()) < params["min_positives"]:
                weight.zero_()
                bias.fill_(log_odds_of_frequency(y_true))
                continue
            model = LogisticRegression(C=params["c"], max_iter=MAX_STEPS).fit(inputs[known], y_true)
            weight.copy_(torch.from_numpy(model.coef_[0]))
            bias.fill_(float(model.intercept_[0]))


def _descend(network: FeatureLayers, features: torch.Tensor, targets: torch.Tensor, params: Mapping[str, Any]) -> None:
    """Train all outputs together by AdamW, with a learning rate that falls to zero."""
    known = ~torch.isnan(targets)
    labels = torch.nan_to_num(targets)
    n_records, size = len(features), params["batch_size"]
    n_steps = params["epochs"] * -(-n_records // size)
    optimizer = torch.optim.AdamW(network.parameters(), params["learning_rate"], weight_decay=params["weight_decay"])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_steps)
    network.train()
    for _ in tqdm(range(params["epochs"]), "multilayer perceptron", unit="epoch", disable=None):
        for rows in torch.randperm(n_records).split(size):
            losses = functional.binary_cross_entropy_with_logits(network(features[rows], features[rows]), labels[rows], reduction="none")
            optimizer.zero_grad()
            losses[known[rows]].mean().nan_to_num().backward()
            optimizer.step()
            schedule.step()
