"""The list of networks: a name, a builder, and one shape for all of them.

Every network is ``Standardize ▸ backbone ▸ head`` and maps (n, n_leads, n_times) in mV to (n, n_outputs) logits.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from heart_reader.errors import ConfigError
from heart_reader.models.ensemble import EnsembleNetwork
from heart_reader.models.standardize import Standardize

__all__ = [
    "ENSEMBLE",
    "Builder",
    "EcgNetwork",
    "build_any",
    "build_network",
    "count_parameters",
    "model_names",
    "register",
    "resolve_params",
]

Builder = Callable[..., tuple[nn.Module, nn.Module]]
_BUILDERS: dict[str, Builder] = {}
# The one name in a manifest that is no registered model.
ENSEMBLE = "ensemble"


class EcgNetwork(nn.Module):
    """A network that reads ECG windows.

    Parameters
    ----------
    n_leads
        Leads that come in.
    backbone
        (n, n_leads, n_times) to feature maps.
    head
        Feature maps to (n, n_outputs) logits.
    """

    def __init__(self, n_leads: int, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.standardize = Standardize(n_leads)
        self.backbone = backbone
        self.head = head

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_leads, n_times) in mV to (n, n_outputs) logits."""
        logits: Tensor = self.head(self.backbone(self.standardize(x)))
        return logits


def register(builder: Builder) -> Builder:
    """Add a builder ``(n_leads, n_outputs, **params) -> (backbone, head)`` under its own name."""
    _BUILDERS[builder.__name__] = builder
    return builder


def model_names() -> tuple[str, ...]:
    """Return the names of all registered models, sorted."""
    package = importlib.import_module("heart_reader.models")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"heart_reader.models.{module.name}")
    return tuple(sorted(_BUILDERS))


def resolve_params(name: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters of a model, those not given at their published values.

    Raises
    ------
    ConfigError
        If the model or a parameter is unknown.
    """
    if name not in model_names():
        raise ConfigError(f"model.name = {name!r}; registered models are {', '.join(model_names())}")
    allowed = {key: p.default for key, p in inspect.signature(_BUILDERS[name]).parameters.items() if p.kind is p.KEYWORD_ONLY}
    unknown = sorted(set(params) - set(allowed))
    if unknown:
        raise ConfigError(f"model.params: {name} has no {', '.join(unknown)}; it has {', '.join(allowed)}")
    return {**allowed, **params}


def build_any(name: str, params: Mapping[str, Any], n_leads: int, n_outputs: int) -> nn.Module:
    """Build what a manifest names: a registered model, or ``ensemble`` with ``params`` of ``members`` and ``weights``.

    Raises
    ------
    ConfigError
        If a name or a parameter is not allowed.
    """
    if name != ENSEMBLE:
        return build_network(name, params, n_leads, n_outputs)
    members = [build_network(member["name"], member["params"], n_leads, n_outputs) for member in params["members"]]
    return EnsembleNetwork(members, params["weights"])


def build_network(name: str, params: Mapping[str, Any], n_leads: int, n_outputs: int) -> EcgNetwork:
    """Build a registered model with fresh weights.

    Raises
    ------
    ConfigError
        If the name or a parameter is not allowed.
    """
    resolved = resolve_params(name, params)
    try:
        backbone, head = _BUILDERS[name](n_leads, n_outputs, **resolved)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ConfigError(f"model.params {dict(params)} of {name}: {error}") from None
    return EcgNetwork(n_leads, backbone, head)


def count_parameters(network: nn.Module) -> int:
    """Return the number of trained values."""
    return sum(parameter.numel() for parameter in network.parameters())
