"""Structured pruning: whole channels go, so that what is left is the same model with narrower
layers.

The narrower network is built from the same registered model with narrower parameters, so its
manifest says all there is to say, and whatever can be done with a network (training, export,
reading) can be done with a pruned one.

References
----------
Li H. et al. Pruning filters for efficient ConvNets. ICLR (2017): the L1 norm. Molchanov P. et al.
Importance estimation for neural network pruning. CVPR (2019) 11264-11272: the first-order Taylor
expansion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from heart_reader.edge.channels import ChannelGroup, trace_channels
from heart_reader.errors import ConfigError

__all__ = ["cut_channels", "l1_scores", "narrow_params", "taylor_scores"]

# Parameters of registered models that count channels.
WIDTHS = frozenset({"widths", "width", "encoder_widths", "group_width", "global_width", "embedding", "stem", "n_filters", "bottleneck"})
# 8-bit kernels read four channels at a time; a few more channels cost nothing.
MULTIPLE = 4

Scores = list[float]


def narrow_params(params: Mapping[str, Any], ratio: float) -> dict[str, Any]:
    """Return a model's parameters with every width smaller by a share.

    Parameters
    ----------
    params
        All parameters of the model.
    ratio
        Share of the channels that goes.

    Raises
    ------
    ConfigError
        If no width would change.

    Examples
    --------
    >>> narrow_params({"widths": [32, 64], "kernels": [7, 7]}, 0.5)
    {'widths': (16, 32), 'kernels': [7, 7]}
    """
    narrow = {key: _narrower(value, ratio) if key in WIDTHS else value for key, value in params.items()}
    if all(_as_list(narrow[key]) == _as_list(params[key]) for key in WIDTHS & params.keys()):
        raise ConfigError(f"export.pruning.ratio = {ratio:g}: no layer of {dict(params)} becomes narrower: choose a larger ratio")
    return narrow


def _narrower(width: Any, ratio: float) -> Any:
    if isinstance(width, list | tuple):
        return tuple(_narrower(item, ratio) for item in width)
    multiple = MULTIPLE if width >= 4 * MULTIPLE else 1
    return min(width, multiple * max(1, round(width * (1 - ratio) / multiple)))


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def l1_scores(network: nn.Module, groups: Sequence[ChannelGroup]) -> Scores:
    """Score each channel by the sum of the absolute weights of the filters that make it."""
    weights = network.state_dict()
    return [sum(float(weights[f"{name}.weight"][channel].abs().sum()) for name, channel in group.sources) for group in groups]


def taylor_scores(
    network: nn.Module, groups: Sequence[ChannelGroup], batches: Iterable[tuple[Tensor, ...]], loss: Callable[..., Tensor]
) -> Scores:
    """Score each channel by how much the loss would change without it, to first order.

    Parameters
    ----------
    network
        In evaluation mode.
    batches
        Inputs of the network and, last, targets.
    loss
        Logits and targets to a scalar.
    """
    parameters = dict(network.named_parameters())
    scores = torch.zeros(len(groups))
    for *inputs, targets in batches:
        network.zero_grad(set_to_none=True)
        loss(network(*inputs), targets).backward()
        for row, group in enumerate(groups):
            products = [
                (parameters[name][index] * parameters[name].grad[index]).sum()  # type: ignore[index]
                for name, _, index in group.made
                if name in parameters and parameters[name].grad is not None
            ]
            scores[row] += torch.stack(products).sum().detach() ** 2
    network.zero_grad(set_to_none=True)
    return [float(score) for score in scores]


def cut_channels(
    wide: nn.Module, narrow: nn.Module, example: tuple[Tensor, ...], score: Callable[[nn.Module, Sequence[ChannelGroup]], Scores]
) -> dict[str, Tensor]:
    """Return the weights of a narrower network: those of the wide one without its lowest-scored
    channels.

    Parameters
    ----------
    wide
        Trained, in evaluation mode.
    narrow
        The same model with narrower parameters; its shapes say how many channels stay.
    example
        Inputs of the network for one window.
    score
        Such as :func:`l1_scores`.

    Raises
    ------
    ConfigError
        If the channels of the model cannot be told apart, or what is left does not fit ``narrow``.
    """
    target = {name: tensor.shape for name, tensor in narrow.state_dict().items()}
    groups = trace_channels(wide, example)
    dropped: dict[tuple[str, int], set[int]] = {}
    for family in _families(groups, score(wide, groups)):
        for group, _ in family[: len(family) - _n_kept(family, wide, target)]:
            for name, axis, index in group.made | group.read:
                dropped.setdefault((name, axis), set()).add(index)
    weights = {name: _without(tensor, dropped.get((name, 0)), dropped.get((name, 1))) for name, tensor in wide.state_dict().items()}
    misfits = [name for name, tensor in weights.items() if tensor.shape != target.get(name)]
    if misfits or weights.keys() != target.keys():
        raise ConfigError(f"{(misfits or sorted(weights.keys() ^ target.keys()))[0]}: pruned, it does not fit the narrower model")
    return weights


def _families(groups: Sequence[ChannelGroup], scores: Scores) -> list[list[tuple[ChannelGroup, float]]]:
    """Channels made by the same layers, lowest score first."""
    families: dict[frozenset[str], list[tuple[ChannelGroup, float]]] = {}
    for group, score in zip(groups, scores, strict=True):
        families.setdefault(frozenset(name for name, _ in group.sources), []).append((group, score))
    return [sorted(family, key=lambda item: item[1]) for family in families.values()]


def _n_kept(family: Sequence[tuple[ChannelGroup, float]], wide: nn.Module, target: Mapping[str, torch.Size]) -> int:
    """How many channels the narrower model has where the wide one has this family.

    Only a layer that makes the family alone says so: a gate over a concatenation counts the
    channels of several families.
    """
    names = {name for name, _ in family[0][0].sources}
    own = {target[f"{name}.weight"][0] for name in names if wide.get_submodule(name).weight.shape[0] == len(family)}  # type: ignore[index]
    if len(own) != 1:
        raise ConfigError(f"{', '.join(sorted(names))}: it cannot be told how many of their {len(family)} channels stay")
    return int(own.pop())


def _without(tensor: Tensor, rows: set[int] | None, columns: set[int] | None) -> Tensor:
    for axis, gone in enumerate((rows, columns)):
        if gone:
            kept = [index for index in range(tensor.shape[axis]) if index not in gone]
            tensor = tensor.index_select(axis, torch.tensor(kept))
    return tensor
