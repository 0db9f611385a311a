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
        self.places: list[Tensor] | None = None
        if outputs is not None:
            answered = {output for weight, own in zip(weights, outputs, strict=True) if weight > 0 for output in own}
            if answered != set(range(n_outputs)):
                raise ValueError("an output is answered by no member with a weight: add a member that answers all heads")
            # Per member where each output stands among its own answers; for what it does not answer, one behind the last.
            self.places = [
                torch.tensor([own.index(output) if output in own else len(own) for output in range(n_outputs)])
                for own in map(list, outputs)
            ]

    def forward(self, x: Tensor, features: Tensor | None = None, record: Tensor | None = None) -> Tensor:
        """Map (n, n_leads, n_times) in mV to (n, n_outputs) logits; ``features`` and ``record`` are for the members that take them."""
        answers = [torch.sigmoid(member(x, features, record)) for member in self.members]
        if self.places is None:
            mean = torch.stack([weight * answer for weight, answer in zip(self.weights, answers, strict=True)]).sum(dim=0)
        else:
            parts = list(zip(self.weights, answers, self.places, strict=True))
            summed = torch.stack([weight * _placed(answer, place) for weight, answer, place in parts]).sum(dim=0)
            ones = (torch.ones(1, answer.shape[1], dtype=answer.dtype, device=answer.device) for answer in answers)
            share = torch.stack([weight * _placed(one, place) for one, (weight, _, place) in zip(ones, parts, strict=True)]).sum(dim=0)
            mean = summed / share
        mean = mean.clamp(_EDGE, 1 - _EDGE)
        return torch.log(mean) - torch.log1p(-mean)


def _placed(answer: Tensor, place: Tensor) -> Tensor:
    """Return a member's (n, n_own) answers as (n, n_outputs), 0 where it has none."""
    return functional.pad(answer, (0, 1)).index_select(1, place.to(answer.device))
