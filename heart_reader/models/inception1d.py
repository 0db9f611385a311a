"""InceptionTime with squeeze-and-excitation.

References
----------
Ismail Fawaz H. et al. InceptionTime: finding AlexNet for time series classification. Data Min.
Knowl. Disc. 34 (2020) 1936-1962.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from heart_reader.models.blocks import ConcatPoolHead, SqueezeExcitation
from heart_reader.models.registry import register

__all__ = ["InceptionBlock", "InceptionTime", "inception1d"]


class InceptionBlock(nn.Module):
    """Parallel convolutions of several lengths and a max-pool branch, then squeeze-and-excitation.

    Parameters
    ----------
    n_in
        Feature maps that come in.
    n_filters
        Feature maps of each branch.
    kernels
        Odd kernel lengths in time points.
    bottleneck
        Feature maps that the convolutions see.
    """

    def __init__(self, n_in: int, n_filters: int, kernels: Sequence[int], bottleneck: int, reduction: int) -> None:
        super().__init__()
        self.bottleneck = nn.Conv1d(n_in, bottleneck, 1, bias=False)
        self.branches = nn.ModuleList(nn.Conv1d(bottleneck, n_filters, kernel, padding=kernel // 2, bias=False) for kernel in kernels)
        self.pool_branch = nn.Sequential(nn.MaxPool1d(3, stride=1, padding=1), nn.Conv1d(n_in, n_filters, 1, bias=False))
        n_out = n_filters * (len(kernels) + 1)
        self.norm = nn.BatchNorm1d(n_out)
        self.excite = SqueezeExcitation(n_out, reduction)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_in, n_times) to (n, n_filters * (len(kernels) + 1), n_times)."""
        narrow = self.bottleneck(x)
        maps = [branch(narrow) for branch in self.branches]
        out: Tensor = self.excite(torch.relu(self.norm(torch.cat([*maps, self.pool_branch(x)], dim=1))))
        return out


class InceptionTime(nn.Module):
    """Inception blocks with a residual connection around every ``residual_every`` of them."""

    def __init__(
        self, n_leads: int, *, blocks: int, residual_every: int, n_filters: int, kernels: Sequence[int], bottleneck: int, reduction: int
    ) -> None:
        super().__init__()
        if blocks % residual_every:
            raise ValueError(f"{blocks} blocks cannot be grouped by {residual_every}: choose a divisor")
        width = n_filters * (len(kernels) + 1)
        self.n_features = width
        self.groups = nn.ModuleList()
        self.shortcuts = nn.ModuleList()
        n_in = n_leads
        for _ in range(blocks // residual_every):
            widths = [n_in] + [width] * (residual_every - 1)
            self.groups.append(nn.Sequential(*(InceptionBlock(w, n_filters, kernels, bottleneck, reduction) for w in widths)))
            self.shortcuts.append(nn.Sequential(nn.Conv1d(n_in, width, 1, bias=False), nn.BatchNorm1d(width)))
            n_in = width

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_leads, n_times) to (n, n_features, n_times)."""
        for group, shortcut in zip(self.groups, self.shortcuts, strict=True):
            x = torch.relu(group(x) + shortcut(x))
        return x


@register
def inception1d(
    n_leads: int,
    n_outputs: int,
    *,
    blocks: int = 6,
    residual_every: int = 3,
    n_filters: int = 32,
    kernels: tuple[int, ...] = (39, 19, 9),
    bottleneck: int = 32,
    reduction: int = 16,
    embedding: int = 256,
    dropout: float = 0.3,
) -> tuple[nn.Module, nn.Module]:
    """Build InceptionTime with squeeze-and-excitation and a concat-pooling head.

    Parameters are those of :class:`InceptionTime` and ``ConcatPoolHead``.
    """
    backbone = InceptionTime(
        n_leads,
        blocks=blocks,
        residual_every=residual_every,
        n_filters=n_filters,
        kernels=kernels,
        bottleneck=bottleneck,
        reduction=reduction,
    )
    return backbone, ConcatPoolHead(backbone.n_features, n_outputs, embedding, dropout)
