"""Which slices of which weights go together when a channel is taken out of a network.

A channel is followed through the network by a NaN: it is put into one output channel of one layer,
and every layer that finds a NaN at its input notes where. Shortcuts, concatenations, reshapes,
shared encoders and gates need no rules of their own, for they pass NaN on like any number. A layer
that mixes channels takes the NaN out again, so that it ends where the channel ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from heart_reader.errors import ConfigError

__all__ = ["ChannelGroup", "Slot", "trace_channels"]

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
    """Return all channels between the layers of a network; those of its leads and of its outputs
    are not among them.

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
    """Tell a layer of which every output channel depends on all input channels."""
    return isinstance(module, nn.Linear) or (isinstance(module, nn.Conv1d) and module.groups == 1)


def _passes(module: nn.Module) -> bool:
    """Tell a layer with weights that keeps channels apart."""
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
    """Channels of an input that hold a NaN."""
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
    """Sources whose channels meet at one input of one layer, or in one batch normalisation, are one
    channel.
    """
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
    """Names of a layer's tensors whose first axis is its output channels."""
    return [name for name, tensor in module.state_dict().items() if tensor.ndim > 0]
