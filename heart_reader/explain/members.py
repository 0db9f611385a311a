"""A reader taken apart for explanations: the members that read, and the function that joins what
they say.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from heart_reader.models.ensemble import EnsembleNetwork
from heart_reader.models.fusion import FeatureFusion

__all__ = ["GivenLogits", "fold_normalisation", "median_features", "take_apart"]


class GivenLogits(nn.Module):
    """Stands for a member and says what it is told, (n_windows, n_own_outputs) ``values``."""

    def __init__(self) -> None:
        super().__init__()
        self.values = torch.zeros(0)

    def forward(self, x: Tensor, features: Tensor | None = None, record: Tensor | None = None) -> Tensor:
        """Return ``values``, whatever the arguments, which are those of ``EcgNetwork``."""
        return self.values


def take_apart(network: nn.Module) -> tuple[nn.ModuleList, nn.Module, list[GivenLogits]]:
    """Take the members out of a network, in place.

    Returns
    -------
    members
        Those of an ensemble; else the network itself.
    joined
        What makes logits of the members' logits, with its own code: the network with stand-ins for
        its members.
    stand_ins
        One per member, to be told what the member said.
    """
    if not isinstance(network, EnsembleNetwork):
        stand_in = GivenLogits()
        return nn.ModuleList([network]), stand_in, [stand_in]
    members, stand_ins = network.members, [GivenLogits() for _ in network.members]
    network.members = nn.ModuleList(stand_ins)
    return members, network, stand_ins


def fold_normalisation(network: nn.Module) -> None:
    """Make one convolution of each convolution and the batch normalisation behind it, in place: the
    same answers in less time.
    """
    for block in [module for module in network.modules() if type(module) is nn.Sequential]:
        for place in range(len(block) - 1):
            convolution, normalisation = block[place], block[place + 1]
            if isinstance(convolution, nn.Conv1d) and isinstance(normalisation, nn.BatchNorm1d):
                block[place], block[place + 1] = fuse_conv_bn_eval(convolution, normalisation), nn.Identity()


def median_features(member: nn.Module) -> Tensor | None:
    """Return (n_features,) medians of the training records, as a network holds them that reads
    features; None for any other.
    """
    fusion = next((module for module in member.modules() if isinstance(module, FeatureFusion)), None)
    return None if fusion is None else torch.cat([branch.get_buffer("median") for branch in fusion.branches])
