"""A network of at most 100 k parameters for small devices, friendly to 8-bit integers.

Only convolution, batch normalisation (which folds into it), ReLU, pooling and one linear layer:
each has an 8-bit kernel in every runtime.

References
----------
Howard A. G. et al. MobileNets: efficient convolutional neural networks for mobile vision
applications. arXiv:1704.04861 (2017).
"""

from __future__ import annotations

from torch import nn

from heart_reader.models.blocks import LinearHead, conv_norm
from heart_reader.models.registry import register

__all__ = ["nano"]


@register
def nano(
    n_leads: int,
    n_outputs: int,
    *,
    stem: int = 32,
    widths: tuple[int, ...] = (64, 96, 128, 128),
    strides: tuple[int, ...] = (2, 2, 1, 1),
    kernel: int = 9,
    dropout: float = 0.2,
) -> tuple[nn.Module, nn.Module]:
    """Build an ordinary convolution, depthwise-separable ones, and a linear head.

    Other parameters are those of ``LinearHead``.

    Parameters
    ----------
    stem
        Feature maps of the first convolution, which mixes the leads and halves the time points.
    widths
        Feature maps of each depthwise-separable convolution.
    kernel
        Odd length of all kernels in time points.

    Raises
    ------
    ValueError
        If widths and strides differ in number.
    """
    if len(widths) != len(strides):
        raise ValueError(f"{len(widths)} widths and {len(strides)} strides: give one of each per layer")
    layers: list[nn.Module] = [conv_norm(n_leads, stem, kernel, stride=2)]
    n_in = stem
    for n_out, stride in zip(widths, strides, strict=True):
        layers += [conv_norm(n_in, n_in, kernel, stride=stride, groups=n_in), conv_norm(n_in, n_out, 1)]
        n_in = n_out
    return nn.Sequential(*layers), LinearHead(n_in, n_outputs, dropout)
