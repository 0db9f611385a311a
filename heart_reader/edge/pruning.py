"""Structured pruning: whole channels go, which leaves the same model with narrower layers.

The narrower network is built from the same registered model with narrower parameters, so it can be
trained, exported and read with like any other.

:func:`trace_channels` follows a channel by a NaN that it puts into one output channel of one layer:
every layer that finds a NaN at its input notes where. Shortcuts, concatenations, reshapes, shared
encoders and gates need no rules of their own, for they pass NaN on like any number. A layer that
mixes channels takes the NaN out again, so that it ends where the channel ends.

References
----------
Li H. et al. Pruning filters for efficient ConvNets. ICLR (2017): the L1 norm. Molchanov P. et al.
Importance estimation for neural network pruning. CVPR (2019) 11264-11272: the first-order Taylor
expansion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from heart_reader.errors import ConfigError

__all__ = ["ChannelGroup", "Slot", "cut_channels", "l1_scores", "narrow_params", "taylor_scores", "trace_channels"]

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
    """Return the weights of a wide network without its lowest-scored channels.

    Parameters
    ----------
    wide
        Trained, in evaluation mode.
    narrow
        The same model with narrower parameters; its shapes determine how many channels stay.
    example
        Inputs of the network for one window.
    score
        A function such as :func:`l1_scores`.

    Raises
    ------
    ConfigError
        If the channels of the model cannot be separated, or what is left does not fit ``narrow``.
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
    """Return channels made by the same layers, lowest score first."""
    families: dict[frozenset[str], list[tuple[ChannelGroup, float]]] = {}
    for group, score in zip(groups, scores, strict=True):
        families.setdefault(frozenset(name for name, _ in group.sources), []).append((group, score))
    return [sorted(family, key=lambda item: item[1]) for family in families.values()]


def _n_kept(family: Sequence[tuple[ChannelGroup, float]], wide: nn.Module, target: Mapping[str, torch.Size]) -> int:
    """Return how many channels of a family stay, by a layer that makes this family only."""
    names = {name for name, _ in family[0][0].sources}
    own = {target[f"{name}.weight"][0] for name in names if wide.get_submodule(name).weight.shape[0] == len(family)}  # type: ignore[index]
    if len(own) != 1:
        raise ConfigError(f"{', '.join(sorted(names))}: their widths do not show how many of their {len(family)} channels stay")
    return int(own.pop())


def _without(tensor: Tensor, rows: set[int] | None, columns: set[int] | None) -> Tensor:
    for axis, gone in enumerate((rows, columns)):
        if gone:
            kept = [index for index in range(tensor.shape[axis]) if index not in gone]
            tensor = tensor.index_select(axis, torch.tensor(kept))
    return tensor


# A weight by name, the axis that is cut, and where.
Slot = tuple[str, int, int]
# A channel at its source: the layer that makes it, and its number there.
Source = tuple[str, int]


@dataclass(frozen=True)
class ChannelGroup:
    """Slices that can only be removed together: one channel, or several that a shortcut adds up.

    Parameters
    ----------
    sources
        The layers that make the channel, each with its number there.
    made
        Slots of the weights that make it or scale it on its way (rows of convolutions and linear
        layers, batch normalisation).
    read
        Slots of the weights that read it (input columns).
    """

    sources: frozenset[Source]
    made: frozenset[Slot]
    read: frozenset[Slot]


@dataclass
class _Trail:
    """Where the NaN of one channel was seen."""

    passed: set[tuple[str, int]] = field(default_factory=set)
    read: set[tuple[str, int]] = field(default_factory=set)
    reached_output: bool = False


def trace_channels(network: nn.Module, example: tuple[Tensor, ...]) -> list[ChannelGroup]:
    """Return all channels between the layers of a network, without its leads and its outputs.

    Parameters
    ----------
    network
        In evaluation mode; convolutions, linear layers, batch normalisation and anything without
        weights.
    example
        Inputs of the network for one window; their values do not matter.

    Raises
    ------
    ConfigError
        If a channel runs through a layer that cannot be cut.
    """
    modules = dict(network.named_modules())
    trails: dict[Source, _Trail] = {}
    for name, module in modules.items():
        if not _mixes(module):
            continue
        for channel in range(module.weight.shape[0]):
            trail = _follow(network, example, name, channel)
            if trail.reached_output:  # the last layer: its channels are the answers
                break
            trails[name, channel] = trail
    return [_group(sources, trails, modules) for sources in _joined(trails)]


def _mixes(module: nn.Module) -> bool:
    """Return whether every output channel of a layer depends on all input channels."""
    return isinstance(module, nn.Linear) or (isinstance(module, nn.Conv1d) and module.groups == 1)


def _passes(module: nn.Module) -> bool:
    """Return whether a layer with weights keeps channels apart."""
    return isinstance(module, nn.BatchNorm1d) or (
        isinstance(module, nn.Conv1d) and module.groups == module.in_channels == module.out_channels
    )


def _follow(network: nn.Module, example: tuple[Tensor, ...], source: str, channel: int) -> _Trail:
    trail = _Trail()
    with _hooks(network, source, channel, trail), torch.inference_mode():
        trail.reached_output = bool(network(*example).isnan().any())
    return trail


@contextmanager
def _hooks(network: nn.Module, source: str, channel: int, trail: _Trail) -> Iterator[None]:
    handles = []
    for name, module in network.named_modules():
        if name == source:
            handles.append(module.register_forward_hook(_poison(channel)))
        if _mixes(module):
            handles.append(module.register_forward_pre_hook(_end(name, trail)))
        elif _passes(module):
            handles.append(module.register_forward_pre_hook(_note(name, trail)))
        elif any(True for _ in module.parameters(recurse=False)):
            handles.append(module.register_forward_pre_hook(_refuse(name)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _channel_axis(module: nn.Module) -> int:
    return -1 if isinstance(module, nn.Linear) else 1


def _poison(channel: int) -> Callable[..., Tensor]:
    def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        output = output.clone()
        output.select(_channel_axis(module), channel).fill_(torch.nan)
        return output

    return hook


def _found(module: nn.Module, x: Tensor) -> list[int]:
    """Return the channels of an input that hold a NaN."""
    return x.isnan().movedim(_channel_axis(module), 0).flatten(1).any(dim=1).nonzero().flatten().tolist()


def _end(name: str, trail: _Trail) -> Callable[..., Any]:
    def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        trail.read.update((name, channel) for channel in _found(module, inputs[0]))
        return (torch.nan_to_num(inputs[0]),)

    return hook


def _note(name: str, trail: _Trail) -> Callable[..., None]:
    def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        trail.passed.update((name, channel) for channel in _found(module, inputs[0]))

    return hook


def _refuse(name: str) -> Callable[..., None]:
    def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if any(torch.is_tensor(x) and x.isnan().any() for x in inputs):
            raise ConfigError(
                f"{name or 'the network'} ({type(module).__name__}): channels cannot be taken out of it; convolutions, linear layers "
                "and batch normalisation can be pruned: choose another model"
            )

    return hook


def _joined(trails: Mapping[Source, _Trail]) -> list[list[Source]]:
    """Join sources whose channels meet at one input of one layer, or in one batch normalisation."""
    parent: dict[Source, Source] = {source: source for source in trails}

    def root(source: Source) -> Source:
        while parent[source] != source:
            source = parent[source]
        return source

    first: dict[tuple[str, int], Source] = {}
    for source, trail in trails.items():
        for place in trail.read | trail.passed:
            parent[root(source)] = root(first.setdefault(place, source))
    groups: dict[Source, list[Source]] = {}
    for source in trails:
        groups.setdefault(root(source), []).append(source)
    return list(groups.values())


def _group(sources: list[Source], trails: Mapping[Source, _Trail], modules: Mapping[str, nn.Module]) -> ChannelGroup:
    passed = {place for source in sources for place in trails[source].passed}
    read = {place for source in sources for place in trails[source].read}
    made = {(f"{name}.{key}", 0, channel) for name, channel in {*sources, *passed} for key in _per_channel(modules[name])}
    return ChannelGroup(frozenset(sources), frozenset(made), frozenset((f"{name}.weight", 1, channel) for name, channel in read))


def _per_channel(module: nn.Module) -> list[str]:
    """Return the names of a layer's tensors whose first axis is its output channels."""
    return [name for name, tensor in module.state_dict().items() if tensor.ndim > 0]
