"""Building blocks that several networks share."""

from __future__ import annotations

from torch import Tensor, nn

__all__ = ["SqueezeExcitation", "conv_norm"]


class SqueezeExcitation(nn.Module):
    """Weigh feature maps by what they hold on average over time.

    Parameters
    ----------
    reduction
        Factor by which the bottleneck is narrower.

    References
    ----------
    Hu J., Shen L., Sun G. Squeeze-and-excitation networks. CVPR (2018) 7132-7141.
    """

    def __init__(self, n_features: int, reduction: int) -> None:
        super().__init__()
        narrow = max(1, n_features // reduction)
        self.gate = nn.Sequential(nn.Linear(n_features, narrow), nn.ReLU(), nn.Linear(narrow, n_features), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_features, n_times) to the same shape."""
        return x * self.gate(x.mean(dim=-1)).unsqueeze(-1)


def conv_norm(n_in: int, n_out: int, kernel: int, *, stride: int = 1, groups: int = 1, activate: bool = True) -> nn.Sequential:
    """Return convolution, batch norm and ReLU; n_times becomes ceil(n_times / stride).

    Parameters
    ----------
    kernel
        Odd length in time points; an even one would shift the signal.
    groups
        ``n_in`` for a depthwise convolution.

    Raises
    ------
    ValueError
        If the kernel is even.

    Examples
    --------
    >>> import torch
    >>> conv_norm(12, 32, 7, stride=2)(torch.zeros(1, 12, 250)).shape
    torch.Size([1, 32, 125])
    """
    if kernel % 2 == 0:
        raise ValueError(f"a kernel of {kernel} points shifts the signal: choose an odd one")
    layers: list[nn.Module] = [
        nn.Conv1d(n_in, n_out, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm1d(n_out),
    ]
    return nn.Sequential(*layers, *([nn.ReLU()] if activate else []))
