"""A plain convolutional network: four layers, no shortcuts.

References
----------
Wang Z., Yan W., Oates T. Time series classification from scratch with deep neural networks: a
strong baseline. IJCNN (2017) 1578-1585 (the fully convolutional network; here with max-pooling
between the layers, and average and maximum over time at the end).
"""

from __future__ import annotations

from torch import nn

from heart_reader.models.blocks import LinearHead, conv_norm
from heart_reader.models.registry import register

__all__ = ["convnet1d"]


@register
def convnet1d(
    n_leads: int,
    n_outputs: int,
    *,
    widths: tuple[int, ...] = (32, 64, 128, 128),
    kernels: tuple[int, ...] = (7, 7, 7, 5),
    pool: int = 2,
    dropout: float = 0.3,
) -> tuple[nn.Module, nn.Module]:
    """Build convolutions with max-pooling between them, and a linear head.

    Other parameters are those of ``LinearHead``.

    Parameters
    ----------
    widths
        Feature maps of each layer.
    kernels
        Odd kernel length of each layer in time points.
    pool
        Time points that a max-pooling between two layers makes one.

    Raises
    ------
    ValueError
        If widths and kernels differ in number.
    """
    if len(widths) != len(kernels):
        raise ValueError(f"{len(widths)} widths and {len(kernels)} kernels: give one of each per layer")
    layers: list[nn.Module] = []
    n_in = n_leads
    for n_out, kernel in zip(widths, kernels, strict=True):
        if layers:
            layers.append(nn.MaxPool1d(pool))
        layers.append(conv_norm(n_in, n_out, kernel))
        n_in = n_out
    return nn.Sequential(*layers), LinearHead(n_in, n_outputs, dropout)
