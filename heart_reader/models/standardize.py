"""The first layer of every network: per-lead mean and spread, learned from the training split and
kept with the weights.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Standardize"]


class Standardize(nn.Module):
    """Subtract the mean of each lead and divide by its spread.

    The buffers are persistent, so they travel in the weights and in the ONNX graph; no scaler lies
    beside them.

    Parameters
    ----------
    n_leads
        Number of leads.
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
