"""ConvNeXt V2 on Stockwell images of the leads.

References
----------
Woo S. et al. ConvNeXt V2: co-designing and scaling ConvNets with masked autoencoders. CVPR (2023)
16133-16142. Liu Z. et al. A ConvNet for the 2020s. CVPR (2022) 11966-11976.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from heart_reader.models.blocks import LinearHead
from heart_reader.models.registry import register
from heart_reader.models.stockwell import StockwellBank

__all__ = ["ConvNextV2", "GlobalResponseNorm", "stockwell_convnextv2"]

# Blocks and feature maps of each stage. Atto and femto are published ones; the smaller two are for
# images of ten seconds and processors of a few cores.
SIZES = {
    "femto": ((2, 2, 6, 2), (48, 96, 192, 384)),
    "atto": ((2, 2, 6, 2), (40, 80, 160, 320)),
    "zepto": ((1, 1, 3, 1), (24, 48, 96, 192)),
    "yocto": ((1, 1, 2, 1), (16, 32, 64, 128)),
}
_PATCH = 4


class LayerNorm2d(nn.Module):
    """Normalise the feature maps of every place of an image by their mean and spread."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_features, 1, 1))
        self.bias = nn.Parameter(torch.zeros(n_features, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_features, height, width) to the same shape."""
        centred = x - x.mean(dim=1, keepdim=True)
        return centred * torch.rsqrt((centred * centred).mean(dim=1, keepdim=True) + 1e-6) * self.weight + self.bias


class GlobalResponseNorm(nn.Module):
    """Weigh feature maps by their norm over the image, relative to that of the others."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(n_features, 1, 1))
        self.beta = nn.Parameter(torch.zeros(n_features, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_features, height, width) to the same shape."""
        norm = torch.sqrt((x * x).sum(dim=(2, 3), keepdim=True) + 1e-6)
        response = norm / (norm.mean(dim=1, keepdim=True) + 1e-6)
        return self.gamma * (x * response) + self.beta + x


class Block(nn.Module):
    """A depthwise 7 x 7 convolution and two layers at every place, beside a shortcut."""

    def __init__(self, n_features: int, drop_path: float) -> None:
        super().__init__()
        self.drop_path = drop_path
        self.layers = nn.Sequential(
            nn.Conv2d(n_features, n_features, 7, padding=3, groups=n_features),
            LayerNorm2d(n_features),
            nn.Conv2d(n_features, 4 * n_features, 1),
            nn.GELU(),
            GlobalResponseNorm(4 * n_features),
            nn.Conv2d(4 * n_features, n_features, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_features, height, width) to the same shape."""
        branch: Tensor = self.layers(x)
        if self.training and self.drop_path > 0:
            kept = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.drop_path
            branch = branch * kept / (1 - self.drop_path)
        return x + branch


class ConvNextV2(nn.Module):
    """Stages of blocks, each on half the height and width of the one before.

    Parameters
    ----------
    n_in
        Feature maps of the image.
    depths, widths
        Blocks and feature maps of each stage.
    drop_path
        Probability that the last block is skipped in training; earlier ones are skipped less.
    """

    def __init__(self, n_in: int, depths: tuple[int, ...], widths: tuple[int, ...], drop_path: float) -> None:
        super().__init__()
        self.reduction = _PATCH * 2 ** (len(widths) - 1)
        shares = iter(torch.linspace(0, drop_path, sum(depths)).tolist())
        layers: list[nn.Module] = []
        for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            if stage == 0:
                layers += [nn.Conv2d(n_in, width, _PATCH, stride=_PATCH), LayerNorm2d(width)]
            else:
                layers += [LayerNorm2d(n_in), nn.Conv2d(n_in, width, 2, stride=2)]
            layers += [Block(width, next(shares)) for _ in range(depth)]
            n_in = width
        self.layers = nn.Sequential(*layers, LayerNorm2d(n_in))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.trunc_normal_(module.weight, std=0.02)
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> Tensor:
        """Map (n, n_in, height, width) to (n, widths[-1], places)."""
        height, width = image.shape[2], image.shape[3]
        padded = functional.pad(image, (0, -width % self.reduction, 0, -height % self.reduction))
        answer: Tensor = self.layers(padded)
        return answer.flatten(2)


class _Logarithm(nn.Module):
    """log(1 + 10 x): the QRS complex is a hundred times as strong as a P wave."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.log(1 + 10 * x)


@register
def stockwell_convnextv2(
    n_leads: int,
    n_outputs: int,
    *,
    size: str = "zepto",
    fs: float = 100.0,
    low_hz: float = 1.5,
    high_hz: float = 40.0,
    n_frequencies: int = 32,
    stride: int = 5,
    drop_path: float = 0.1,
    dropout: float = 0.2,
) -> tuple[nn.Module, nn.Module]:
    """Build the fixed Stockwell bank, ConvNeXt V2 on its images, and a linear head.

    Other parameters are those of ``StockwellBank`` and ``LinearHead``.

    Parameters
    ----------
    size
        One of ``SIZES``.
    drop_path
        Probability that the last block is skipped in training; earlier ones are skipped less.

    Raises
    ------
    ValueError
        If the size or the frequencies are not allowed.
    """
    if size not in SIZES:
        raise ValueError(f"size {size!r}: choose one of {', '.join(SIZES)}")
    depths, widths = SIZES[size]
    bank = StockwellBank(fs, low_hz, high_hz, n_frequencies, stride)
    backbone = nn.Sequential(bank, _Logarithm(), ConvNextV2(n_leads, depths, widths, drop_path))
    return backbone, LinearHead(widths[-1], n_outputs, dropout)
