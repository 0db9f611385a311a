"""Several networks that answer as one.

References
----------
Lakshminarayanan B., Pritzel A., Blundell C. Simple and scalable predictive uncertainty estimation using deep ensembles. NeurIPS
(2017) 6402-6413.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["EnsembleNetwork"]

# Keeps the logit of an averaged probability finite in float32.
_EDGE = 1e-6


class EnsembleNetwork(nn.Module):
    """Weighted mean of the members' probabilities, returned as logits, so that it stands wherever one network does.

    Parameters
    ----------
    members
        Networks with the same inputs and outputs.
    weights
        One per member, not negative; they are scaled to sum 1.
    """

    weights: Tensor

    def __init__(self, members: Sequence[nn.Module], weights: Sequence[float]) -> None:
        super().__init__()
        if not members or len(members) != len(weights) or min(weights) < 0 or sum(weights) <= 0:
            raise ValueError(
                f"{len(members)} members and weights {list(weights)}: one weight per member is needed, not negative, not all zero"
            )
        self.members = nn.ModuleList(members)
        self.register_buffer("weights", torch.tensor(weights, dtype=torch.float32) / sum(weights))

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_leads, n_times) in mV to (n, n_outputs) logits."""
        mean = torch.stack([weight * torch.sigmoid(member(x)) for weight, member in zip(self.weights, self.members, strict=True)]).sum(
            dim=0
        )
        mean = mean.clamp(_EDGE, 1 - _EDGE)
        return torch.log(mean) - torch.log1p(-mean)
