"""HMT-ECGNet: an encoder shared by all leads, then limb and chest leads, then all together.

References
----------
Alam M. HMT-ECGNet, a lightweight hierarchical multi-lead ECG model for PTB-XL (2025),
https://github.com/MahboobAlam0/hmt_ecgnet. This follows the architecture described there (0.34 M
parameters, aggregation without attention); the widths are our own choice, since the network
published with it is a plain convolutional one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from heart_reader.models.blocks import ConcatPoolHead, conv_norm
from heart_reader.models.registry import register

__all__ = ["HmtEcgNet", "hmt_ecgnet"]


class HmtEcgNet(nn.Module):
    """Lead tokens from a shared encoder, mixed within limb and chest leads, then across both.

    A token is what the encoder says of one lead at one step of time. Mixing is a convolution of
    length 1 over all tokens of a group, with its own weights for every lead, followed by one that
    looks around in time.

    Parameters
    ----------
    n_limb
        How many leads, the first ones, are limb leads. A group without leads is left out.
    encoder_widths
        Feature maps of each layer of the encoder; each halves the time points.
    kernel
        Odd length of the encoder's kernels in time points.
    group_width
        Feature maps of a group.
    global_width
        Feature maps of the whole.

    Raises
    ------
    ValueError
        If ``n_limb`` is negative.
    """

    def __init__(
        self, n_leads: int, *, n_limb: int, encoder_widths: Sequence[int], kernel: int, group_width: int, global_width: int
    ) -> None:
        super().__init__()
        if n_limb < 0:
            raise ValueError(f"n_limb {n_limb}: 0 to {n_leads} leads are allowed")
        limb = min(n_limb, n_leads)
        self.group_sizes = [size for size in (limb, n_leads - limb) if size > 0]
        widths = [1, *encoder_widths]
        layers = (conv_norm(n_in, n_out, kernel, stride=2) for n_in, n_out in pairwise(widths))
        self.encoder = nn.Sequential(*layers)
        self.groups = nn.ModuleList(self._aggregate(size * widths[-1], group_width) for size in self.group_sizes)
        self.whole = self._aggregate(len(self.group_sizes) * group_width, global_width)
        self.n_features = global_width

    @staticmethod
    def _aggregate(n_in: int, n_out: int) -> nn.Sequential:
        return nn.Sequential(conv_norm(n_in, n_out, 1), conv_norm(n_out, n_out, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_leads, n_times) to (n, global_width, n_times / 2 per layer of the encoder)."""
        n_leads, n_times = x.shape[1:]
        tokens = self.encoder(x.reshape(-1, 1, n_times)).unflatten(0, (-1, n_leads))
        parts = tokens.split(self.group_sizes, dim=1)
        summaries = [group(part.flatten(1, 2)) for group, part in zip(self.groups, parts, strict=True)]
        features: Tensor = self.whole(torch.cat(summaries, dim=1))
        return features


@register
def hmt_ecgnet(
    n_leads: int,
    n_outputs: int,
    *,
    n_limb: int = 6,
    encoder_widths: tuple[int, ...] = (16, 32, 64),
    kernel: int = 7,
    group_width: int = 112,
    global_width: int = 160,
    embedding: int = 128,
    dropout: float = 0.3,
) -> tuple[nn.Module, nn.Module]:
    """Build HMT-ECGNet and a concat-pooling head.

    Parameters are those of :class:`HmtEcgNet` and ``ConcatPoolHead``.
    """
    backbone = HmtEcgNet(
        n_leads, n_limb=n_limb, encoder_widths=encoder_widths, kernel=kernel, group_width=group_width, global_width=global_width
    )
    return backbone, ConcatPoolHead(backbone.n_features, n_outputs, embedding, dropout)
