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
from torch.nn import functional

__all__ = ["EnsembleNetwork"]

# Keeps the logit of an averaged probability finite in float32.
_EDGE = 1e-6


class EnsembleNetwork(nn.Module):
    """Weighted mean of the members' probabilities, returned as logits, so that it stands wherever one network does.

    Parameters
    ----------
    members
        Networks of the same windows.
    weights
        One per member, not negative.
    outputs
        Per member which of the outputs it answers, in its own order; None means that each of them answers all. An output is averaged over
        the members that answer it.
    n_outputs
        Logits of the whole; only needed with ``outputs``.

    Raises
    ------
    ValueError
        If weights do not fit the members, or an output is answered by nobody.
    """

    weights: Tensor

    def __init__(
        self, members: Sequence[nn.Module], weights: Sequence[float], outputs: Sequence[Sequence[int]] | None = None, n_outputs: int = 0
    ) -> None:
        super().__init__()
        if not members or len(members) != len(weights) or min(weights) < 0 or sum(weights) <= 0:
            raise ValueError(
                f"{len(members)} members and weights {list(weights)}: one weight per member is needed, not negative, not all zero"
            )
        self.members = nn.ModuleList(members)
        self.register_buffer("weights", torch.tensor(weights, dtype=torch.float32) / sum(weights))
        if outputs is not None:
            # A member's answers times its matrix stand in their places; the share of each output follows from structure and weights alone.
            places = [functional.one_hot(torch.tensor(own), n_outputs).float() for own in outputs]
            self.places: list[Tensor] | None = places
            if not torch.stack([weight * place.sum(dim=0) for weight, place in zip(weights, places, strict=True)]).sum(dim=0).all():
                raise ValueError("an output is answered by no member with a weight: add a member that answers all heads")
        else:
            self.places = None

    def forward(self, x: Tensor, features: Tensor | None = None) -> Tensor:
        """Map (n, n_leads, n_times) in mV to (n, n_outputs) logits; ``features`` are for the members that take them."""
        answers = [torch.sigmoid(member(x, features)) for member in self.members]
        if self.places is None:
            mean = torch.stack([weight * answer for weight, answer in zip(self.weights, answers, strict=True)]).sum(dim=0)
        else:
            parts = zip(self.weights, answers, self.places, strict=True)
            summed = torch.stack([weight * (answer @ place.to(answer)) for weight, answer, place in parts]).sum(dim=0)
            share = torch.stack([weight * place.sum(dim=0).to(x) for weight, place in zip(self.weights, self.places, strict=True)])
            mean = summed / share.sum(dim=0)
        mean = mean.clamp(_EDGE, 1 - _EDGE)
        return torch.log(mean) - torch.log1p(-mean)
