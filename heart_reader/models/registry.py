"""The list of networks: a name, a builder, and one shape for all of them.

Every network is ``Standardize ▸ backbone ▸ head`` and maps (n, n_leads, n_times) in mV to (n,
n_outputs) logits. With features of the record the head answers an embedding, and ``fusion`` makes
logits of it and them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from heart_reader.errors import ConfigError
from heart_reader.models.blocks import ConcatPoolHead, LinearHead, Standardize
from heart_reader.models.ensemble import EnsembleNetwork
from heart_reader.models.feature_models import FEATURE_MODELS
from heart_reader.models.feature_trees import FeatureTrees
from heart_reader.models.fusion import FeatureFusion
from heart_reader.registry import Registry

__all__ = [
    "ENSEMBLE",
    "MODELS",
    "Builder",
    "EcgNetwork",
    "build_any",
    "build_network",
    "count_parameters",
    "register",
    "resolve_params",
]

# (n_leads, n_outputs, **params) to backbone and head.
Builder = Callable[..., tuple[nn.Module, nn.Module]]
MODELS = Registry[Builder]("model", "heart_reader.models")
# The one name in a manifest that is no registered model.
ENSEMBLE = "ensemble"


class EcgNetwork(nn.Module):
    """A network that reads ECG windows of ``n_leads`` leads.

    Parameters
    ----------
    backbone
        (n, n_leads, n_times) to feature maps.
    head
        Feature maps to (n, n_outputs) logits or, with ``fusion``, to an embedding.
    fusion
        Embedding and features of the record to logits; None to read the signal alone.
    """

    def __init__(self, n_leads: int, backbone: nn.Module, head: nn.Module, fusion: FeatureFusion | None = None) -> None:
        super().__init__()
        self.standardize = Standardize(n_leads)
        self.backbone = backbone
        self.head = head
        self.fusion = fusion

    def forward(self, x: Tensor, features: Tensor | None = None, record: Tensor | None = None) -> Tensor:
        """Map (n, n_leads, n_times) in mV to (n, n_outputs) logits.

        ``features`` are (n_records, n_features), NaN where not known, and ``record`` (n,) says
        which row of them belongs to each window; without ``record`` each window has a row of its
        own, without features none of them is known. A network without fusion ignores both.
        """
        answer: Tensor = self.head(self.backbone(self.standardize(x)))
        return answer if self.fusion is None else self.fusion(answer, features, record)


def register(builder: Builder) -> Builder:
    """Add a builder ``(n_leads, n_outputs, **params) -> (backbone, head)`` under its own name."""
    return MODELS.add(builder.__name__, builder)


def resolve_params(name: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters of a model, those not given at their published values.

    Raises
    ------
    ConfigError
        If the model or a parameter is unknown.
    """
    if name in FEATURE_MODELS:
        allowed = dict(FEATURE_MODELS[name].defaults)
    elif name in MODELS:
        allowed = {key: p.default for key, p in inspect.signature(MODELS[name]).parameters.items() if p.kind is p.KEYWORD_ONLY}
    else:
        raise ConfigError(f"model.name = {name!r}; registered models are {', '.join(sorted({*MODELS, *FEATURE_MODELS}))}")
    unknown = sorted(set(params) - set(allowed))
    if unknown:
        raise ConfigError(f"model.params: {name} has no {', '.join(unknown)}; it has {', '.join(allowed)}")
    return {**allowed, **params}


def build_any(name: str, params: Mapping[str, Any], n_leads: int, n_outputs: int, features: Mapping[str, Any] | None = None) -> nn.Module:
    """Build what a manifest names: a registered model, one on features alone, or an ensemble.

    Parameters
    ----------
    params
        Parameters; those of an ensemble are ``members``, ``weights`` and ``mean_of``.
    features
        The manifest's ``features``; None for a network that reads the signal alone.

    Raises
    ------
    ConfigError
        If a name or a parameter is not allowed, or a model on features comes without any.
    """
    if name in FEATURE_MODELS:
        resolved = resolve_params(name, params)
        if features is None:
            raise ConfigError(f"{name} reads features: name some in features.sets, such as configs/feature_trees.yaml does")
        return FEATURE_MODELS[name].build(sum(len(item["names"]) for item in features["sets"]), n_outputs, resolved)
    if name != ENSEMBLE:
        return build_network(name, params, n_leads, n_outputs, features)
    members, outputs = [], []
    for member in params["members"]:
        outputs.append(member.get("outputs", list(range(n_outputs))))
        own = features if member.get("fused") else None
        members.append(build_any(member["name"], member["params"], n_leads, len(outputs[-1]), own))
    partial = any(len(own) < n_outputs for own in outputs)
    # Manifests without a choice are of ensembles that average probabilities.
    return EnsembleNetwork(members, params["weights"], outputs if partial else None, n_outputs, params.get("mean_of", "probability"))


def build_network(
    name: str, params: Mapping[str, Any], n_leads: int, n_outputs: int, features: Mapping[str, Any] | None = None
) -> EcgNetwork:
    """Build a registered model with fresh weights.

    Parameters
    ----------
    features
        What :meth:`heart_reader.features.feature_space.FeatureSpace.to_json` gives, or None.

    Raises
    ------
    ConfigError
        If the name or a parameter is not allowed.
    """
    resolved = resolve_params(name, params)
    try:
        backbone, head = MODELS[name](n_leads, n_outputs, **resolved)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ConfigError(f"model.params {dict(params)} of {name}: {error}") from None
    if features is None:
        return EcgNetwork(n_leads, backbone, head)
    assert isinstance(head, ConcatPoolHead | LinearHead)
    return EcgNetwork(n_leads, backbone, head, FeatureFusion.from_json(features, head.drop_logits(), n_outputs))


def count_parameters(network: nn.Module) -> int:
    """Count trained values: parameters of networks, thresholds and leaves of trees."""
    of_trees = sum(part.threshold.numel() + part.leaf.numel() for part in network.modules() if isinstance(part, FeatureTrees))
    return of_trees + sum(parameter.numel() for parameter in network.parameters())
