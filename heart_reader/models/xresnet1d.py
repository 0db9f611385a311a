"""XResNets in one dimension, as in the PTB-XL benchmark: a stem of three small convolutions.

The number in a name is the number of layers, counted as usual: the convolutions of the longest
path, the stem as one, and the logits.

References
----------
He T. et al. Bag of tricks for image classification with convolutional neural networks. CVPR (2019)
558-567. Strodthoff N. et al. Deep learning for ECG analysis: benchmarks and insights from PTB-XL.
IEEE JBHI 25 (2021) 1519-1528.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from heart_reader.models.blocks import ConcatPoolHead, conv_norm
from heart_reader.models.registry import Builder, register

__all__ = ["XResNet1d", "XResNetBlock", "xresnet1d18", "xresnet1d34", "xresnet1d50", "xresnet1d101", "xresnet1d152"]

# Feature maps of the three convolutions of the stem.
_STEM = (32, 32, 64)


class XResNetBlock(nn.Module):
    """A residual branch that starts as zero, beside a shortcut that averages before striding.

    Parameters
    ----------
    expansion
        Feature maps out per feature map inside; above 1, the branch is a bottleneck of three
        convolutions (1, ``kernel``, 1), else it is two of length ``kernel``.
    kernel
        Odd length in time points.
    stride
        1 or 2.
    """

    def __init__(self, n_in: int, width: int, *, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        n_out = width * expansion
        if expansion > 1:
            last = conv_norm(width, n_out, 1, activate=False)
            self.convolve = nn.Sequential(conv_norm(n_in, width, 1), conv_norm(width, width, kernel, stride=stride), last)
        else:
            last = conv_norm(width, n_out, kernel, activate=False)
            self.convolve = nn.Sequential(conv_norm(n_in, width, kernel, stride=stride), last)
        nn.init.zeros_(last.get_parameter("1.weight"))
        self.shortcut = nn.Sequential()
        if stride > 1:
            self.shortcut.append(nn.AvgPool1d(stride, ceil_mode=True))
        if n_in != n_out:
            self.shortcut.append(conv_norm(n_in, n_out, 1, activate=False))

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_in, n_times) to (n, width * expansion, ceil(n_times / stride))."""
        return torch.relu(self.convolve(x) + self.shortcut(x))


class XResNet1d(nn.Sequential):
    """Stem, max-pooling and stages of blocks; every stage but the first halves the time points.

    Parameters
    ----------
    blocks
        Blocks of each stage.
    widths
        Feature maps inside the blocks of each stage.
    expansion, kernel
        See :class:`XResNetBlock`; the stem has the same kernel.

    Raises
    ------
    ValueError
        If widths and blocks differ in number.
    """

    def __init__(self, n_leads: int, *, blocks: Sequence[int], widths: Sequence[int], expansion: int, kernel: int) -> None:
        super().__init__()
        if len(widths) != len(blocks):
            raise ValueError(f"{len(widths)} widths: {len(blocks)} needed, one per stage")
        n_in = n_leads
        for layer, width in enumerate(_STEM):
            self.append(conv_norm(n_in, width, kernel, stride=2 if layer == 0 else 1))
            n_in = width
        self.append(nn.MaxPool1d(3, stride=2, padding=1))
        for stage, (width, n_blocks) in enumerate(zip(widths, blocks, strict=True)):
            for block in range(n_blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                self.append(XResNetBlock(n_in, width, expansion=expansion, kernel=kernel, stride=stride))
                n_in = width * expansion
        self.n_features = n_in
        for module in self.modules():
            if isinstance(module, nn.Conv1d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")


def _xresnet1d(depth: int, blocks: tuple[int, int, int, int], expansion: int) -> Builder:
    """Register the builder of one depth."""

    def build(
        n_leads: int,
        n_outputs: int,
        *,
        widths: tuple[int, ...] = (64, 64, 64, 64),
        kernel: int = 5,
        embedding: int = 128,
        dropout: float = 0.3,
    ) -> tuple[nn.Module, nn.Module]:
        backbone = XResNet1d(n_leads, blocks=blocks, widths=widths, expansion=expansion, kernel=kernel)
        return backbone, ConcatPoolHead(backbone.n_features, n_outputs, embedding, dropout)

    build.__name__ = build.__qualname__ = f"xresnet1d{depth}"
    build.__doc__ = f"""Build an XResNet of {depth} layers and a concat-pooling head.

    Parameters are those of :class:`XResNet1d` and ``ConcatPoolHead``.
    """
    return register(build)


xresnet1d18 = _xresnet1d(18, (2, 2, 2, 2), expansion=1)
xresnet1d34 = _xresnet1d(34, (3, 4, 6, 3), expansion=1)
xresnet1d50 = _xresnet1d(50, (3, 4, 6, 3), expansion=4)
xresnet1d101 = _xresnet1d(101, (3, 4, 23, 3), expansion=4)
xresnet1d152 = _xresnet1d(152, (3, 8, 36, 3), expansion=4)
