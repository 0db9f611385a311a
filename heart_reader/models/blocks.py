"""Building blocks of networks: standardized leads, convolutions, and heads that answer logits."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["ConcatPoolHead", "LinearHead", "SqueezeExcitation", "Standardize", "conv_norm"]


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
        answer: Tensor = x * self.gate(x.mean(dim=-1)).unsqueeze(-1)
        return answer


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


class Standardize(nn.Module):
    """The first layer of every network: subtract the mean of each lead and divide by its spread.

    The statistics come from the training split and travel in the weights and in the ONNX graph.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, n_leads: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_leads, 1))
        self.register_buffer("std", torch.ones(n_leads, 1))

    def set_statistics(self, mean: Tensor, std: Tensor) -> None:
        """Store statistics of the training split.

        Parameters
        ----------
        mean, std
            (n_leads,) in mV. A lead without spread keeps the factor 1.
        """
        self.mean.copy_(mean.reshape(-1, 1))
        self.std.copy_(torch.where(std > 1e-6, std, torch.ones_like(std)).reshape(-1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_leads, n_times) mV to the same shape without unit."""
        return (x - self.mean) / self.std


class LinearHead(nn.Module):
    """Average and, if asked for, maximum over time, and one linear layer of logits.

    Parameters
    ----------
    dropout
        Probability before the linear layer.
    maximum
        Whether the maximum over time stands beside the average.
    """

    def __init__(self, n_features: int, n_outputs: int, dropout: float, *, maximum: bool = True) -> None:
        super().__init__()
        self.maximum = maximum
        self.n_embedding = (1 + maximum) * n_features
        self.classify: nn.Module = nn.Sequential(nn.Dropout(dropout), nn.Linear(self.n_embedding, n_outputs))

    def drop_logits(self) -> int:
        """Answer the pooled features from now on; return their number."""
        self.classify = nn.Identity()
        return self.n_embedding

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_features, n_times) to (n, n_outputs)."""
        pooled = torch.cat([x.mean(dim=-1), x.amax(dim=-1)], dim=1) if self.maximum else x.mean(dim=-1)
        logits: Tensor = self.classify(pooled)
        return logits


class ConcatPoolHead(nn.Module):
    """Average and maximum over time, an embedding, and one linear layer of logits.

    Parameters
    ----------
    embedding
        Width of the embedding.
    dropout
        Probability before the embedding and before the logits.

    References
    ----------
    Strodthoff N. et al. IEEE JBHI 25 (2021) 1519-1528 (concat pooling head).
    """

    def __init__(self, n_features: int, n_outputs: int, embedding: int, dropout: float) -> None:
        super().__init__()
        self.embed = nn.Sequential(
            nn.BatchNorm1d(2 * n_features),
            nn.Dropout(dropout),
            nn.Linear(2 * n_features, embedding),
            nn.ReLU(),
            nn.BatchNorm1d(embedding),
        )
        self.n_embedding = embedding
        self.classify: nn.Module = nn.Sequential(nn.Dropout(dropout), nn.Linear(embedding, n_outputs))

    def drop_logits(self) -> int:
        """Answer the embedding from now on; return its width."""
        self.classify = nn.Identity()
        return self.n_embedding

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_features, n_times) to (n, n_outputs)."""
        pooled = torch.cat([x.mean(dim=-1), x.amax(dim=-1)], dim=1)
        logits: Tensor = self.classify(self.embed(pooled))
        return logits
