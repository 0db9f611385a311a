"""Residual networks with blocks of two convolutions, four published layouts of them.

References
----------
He K. et al. Deep residual learning for image recognition. CVPR (2016) 770-778.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from heart_reader.models.blocks import ConcatPoolHead, LinearHead, SqueezeExcitation, conv_norm
from heart_reader.models.registry import register

__all__ = ["ResNet1d", "ResidualBlock", "resnet1d", "resnet1d_wang", "resnet34_1d", "se_resnet1d"]


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut.

    Parameters
    ----------
    n_in, n_out
        Feature maps in and out.
    kernels
        Odd length of the first and the second kernel in time points.
    stride
        Stride of the first convolution; with a stride or a new width the shortcut convolves.
    dropout
        Probability between the convolutions.
    """

    def __init__(self, n_in: int, n_out: int, *, kernels: tuple[int, int], stride: int, dropout: float, reduction: int | None) -> None:
        super().__init__()
        self.convolve = nn.Sequential(
            conv_norm(n_in, n_out, kernels[0], stride=stride),
            nn.Dropout(dropout),
            conv_norm(n_out, n_out, kernels[1], activate=False),
            SqueezeExcitation(n_out, reduction) if reduction is not None else nn.Identity(),
        )
        same = stride == 1 and n_in == n_out
        self.shortcut = nn.Identity() if same else conv_norm(n_in, n_out, 1, stride=stride, activate=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_in, n_times) to (n, n_out, ceil(n_times / stride))."""
        return torch.relu(self.convolve(x) + self.shortcut(x))


class ResNet1d(nn.Module):
    """A stem and stages of residual blocks; every stage but the first halves the time points.

    Parameters
    ----------
    stem_kernel, stem_stride
        First convolution; a stride above 1 brings a max-pooling by 2 with it.
    widths
        Feature maps of each stage.
    blocks
        Residual blocks of each stage.
    kernels, dropout, reduction
        See :class:`ResidualBlock`.

    Raises
    ------
    ValueError
        If widths and blocks differ in number.
    """

    def __init__(
        self,
        n_leads: int,
        *,
        stem_kernel: int,
        stem_stride: int,
        widths: Sequence[int],
        blocks: Sequence[int],
        kernels: tuple[int, int],
        dropout: float = 0.0,
        reduction: int | None = None,
    ) -> None:
        super().__init__()
        if len(widths) != len(blocks):
            raise ValueError(f"{len(widths)} widths and {len(blocks)} numbers of blocks: give one of each per stage")
        self.stem = nn.Sequential(conv_norm(n_leads, widths[0], stem_kernel, stride=stem_stride))
        if stem_stride > 1:
            self.stem.append(nn.MaxPool1d(3, stride=2, padding=1))
        self.stages = nn.Sequential()
        n_in = widths[0]
        for stage, (width, n_blocks) in enumerate(zip(widths, blocks, strict=True)):
            for block in range(n_blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                self.stages.append(ResidualBlock(n_in, width, kernels=kernels, stride=stride, dropout=dropout, reduction=reduction))
                n_in = width
        self.n_features = n_in

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_leads, n_times) to (n, n_features, n_times divided by all strides)."""
        features: Tensor = self.stages(self.stem(x))
        return features


@register
def resnet1d_wang(
    n_leads: int,
    n_outputs: int,
    *,
    width: int = 128,
    blocks: tuple[int, ...] = (1, 1, 1),
    stem_kernel: int = 7,
    kernels: tuple[int, int] = (5, 3),
    embedding: int = 128,
    dropout: float = 0.3,
) -> tuple[nn.Module, nn.Module]:
    """Build the small residual network of Wang et al.: equally wide stages, full rate at first.

    Parameters are those of :class:`ResNet1d` and ``ConcatPoolHead``.

    References
    ----------
    Wang Z., Yan W., Oates T. Time series classification from scratch with deep neural networks: a
    strong baseline. IJCNN (2017) 1578-1585. Strodthoff N. et al. Deep learning for ECG analysis:
    benchmarks and insights from PTB-XL. IEEE JBHI 25 (2021) 1519-1528.
    """
    backbone = ResNet1d(
        n_leads, stem_kernel=stem_kernel, stem_stride=1, widths=(width,) * len(blocks), blocks=blocks, kernels=(kernels[0], kernels[1])
    )
    return backbone, ConcatPoolHead(backbone.n_features, n_outputs, embedding, dropout)


@register
def resnet1d(
    n_leads: int,
    n_outputs: int,
    *,
    widths: tuple[int, ...] = (64, 128, 256, 512),
    blocks: tuple[int, ...] = (2, 2, 2, 2),
    stem_kernel: int = 15,
    kernel: int = 7,
    dropout: float = 0.0,
) -> tuple[nn.Module, nn.Module]:
    """Build the ResNet-18 with long kernels that HMT-ECGNet is compared with.

    The average over time alone is pooled. Parameters are those of :class:`ResNet1d` and
    ``LinearHead``; ``kernel`` is the odd length of all kernels of the blocks in time points.

    References
    ----------
    Alam M. HMT-ECGNet, a lightweight hierarchical multi-lead ECG model for PTB-XL (2025),
    https://github.com/MahboobAlam0/hmt_ecgnet.
    """
    backbone = ResNet1d(n_leads, stem_kernel=stem_kernel, stem_stride=2, widths=widths, blocks=blocks, kernels=(kernel, kernel))
    return backbone, LinearHead(backbone.n_features, n_outputs, dropout, maximum=False)


@register
def resnet34_1d(
    n_leads: int,
    n_outputs: int,
    *,
    widths: tuple[int, ...] = (64, 128, 256, 512),
    stem_kernel: int = 15,
    kernel: int = 7,
    block_dropout: float = 0.2,
    dropout: float = 0.0,
) -> tuple[nn.Module, nn.Module]:
    """Build the 34-layer network of the CPSC2018 study, with average and maximum over time.

    Parameters are those of :func:`resnet1d`; ``block_dropout`` is that of :class:`ResidualBlock`.

    References
    ----------
    Zhang D. et al. Interpretable deep learning for automatic diagnosis of 12-lead
    electrocardiogram. iScience 24 (2021) 102373.
    """
    backbone = ResNet1d(
        n_leads,
        stem_kernel=stem_kernel,
        stem_stride=2,
        widths=widths,
        blocks=(3, 4, 6, 3),
        kernels=(kernel, kernel),
        dropout=block_dropout,
    )
    return backbone, LinearHead(backbone.n_features, n_outputs, dropout)


@register
def se_resnet1d(
    n_leads: int,
    n_outputs: int,
    *,
    widths: tuple[int, ...] = (64, 128, 256, 512),
    blocks: tuple[int, ...] = (3, 4, 6, 3),
    stem_kernel: int = 15,
    kernel: int = 7,
    reduction: int = 16,
    block_dropout: float = 0.2,
    dropout: float = 0.0,
) -> tuple[nn.Module, nn.Module]:
    """Build a residual network with squeeze-and-excitation in every block.

    The entry to the challenge had the blocks 2-2-2-2 and age and sex beside the pooled average;
    these are the 34 layers of the same code. Parameters are those of :func:`resnet34_1d` and
    ``SqueezeExcitation``.

    References
    ----------
    Zhao Z. et al. Adaptive lead weighted ResNet trained with different duration signals for
    classifying 12-lead ECGs. CinC (2020).
    """
    backbone = ResNet1d(
        n_leads,
        stem_kernel=stem_kernel,
        stem_stride=2,
        widths=widths,
        blocks=blocks,
        kernels=(kernel, kernel),
        dropout=block_dropout,
        reduction=reduction,
    )
    return backbone, LinearHead(backbone.n_features, n_outputs, dropout, maximum=False)
