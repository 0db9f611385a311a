"""Several networks that answer as one.

References
----------
Lakshminarayanan B., Pritzel A., Blundell C. Simple and scalable predictive uncertainty estimation
using deep ensembles. NeurIPS (2017) 6402-6413. Genest C., Zidek J. V. Combining probability
distributions: a critique and an annotated bibliography. Statistical Science 1 (1986) 114-135.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["EnsembleNetwork", "MeanOf"]

# Keeps the logit of an averaged probability finite in float32.
_EDGE = 1e-6

# A linear pool averages probabilities, a logarithmic one log-odds, where sure members count more.
MeanOf = Literal["probability", "log_odds"]


class EnsembleNetwork(nn.Module):
    """Weighted mean of the members' answers, as logits like those of one network.

    Parameters
    ----------
    weights
        (n_members,) or (n_members, n_outputs), not negative.
    outputs
        Per member which of the outputs it answers, in its own order; None means that each of them
        answers all. An output is averaged over the members that answer it.
    n_outputs
        Logits of the whole; only needed with ``outputs``.

    Raises
    ------
    ValueError
        If weights do not fit the members, or an output is answered by nobody.
    """

    weights: Tensor

    def __init__(
        self,
        members: Sequence[nn.Module],
        weights: Sequence[float] | Sequence[Sequence[float]],
        outputs: Sequence[Sequence[int]] | None = None,
        n_outputs: int = 0,
        mean_of: MeanOf = "probability",
    ) -> None:
        super().__init__()
        given = torch.tensor(weights, dtype=torch.float32)
        if not members or len(members) != len(given) or given.min() < 0 or not (given.sum(dim=0) > 0).all():
            raise ValueError(f"{len(members)} members and weights {list(weights)}: one per member is needed, not negative, not all zero")
        self.members = nn.ModuleList(members)
        self.register_buffer("weights", given / given.sum(dim=0))
        self.mean_of = mean_of
        self.places: list[Tensor] | None = None
        if outputs is not None:
            answers = torch.zeros(len(members), n_outputs)
            for row, own in enumerate(outputs):
                answers[row, list(own)] = 1.0
            if not ((answers * given.reshape(len(members), -1)).sum(dim=0) > 0).all():
                raise ValueError("an output is answered by no member with a weight: add a member that answers all heads")
            # Per member where each output stands among its own answers; for what it does not
            # answer, one behind the last.
            self.places = [
                torch.tensor([own.index(output) if output in own else len(own) for output in range(n_outputs)])
                for own in map(list, outputs)
            ]

    def forward(self, x: Tensor, features: Tensor | None = None, record: Tensor | None = None) -> Tensor:
        """Map (n, n_leads, n_times) in mV to (n, n_outputs) logits, see ``EcgNetwork``."""
        answers = [member(x, features, record) for member in self.members]
        if self.mean_of == "probability":
            answers = [torch.sigmoid(answer) for answer in answers]
        if self.places is None:
            mean = torch.stack([weight * answer for weight, answer in zip(self.weights, answers, strict=True)]).sum(dim=0)
        else:
            parts = list(zip(self.weights, answers, self.places, strict=True))
            summed = torch.stack([weight * _placed(answer, place) for weight, answer, place in parts]).sum(dim=0)
            ones = (torch.ones(1, answer.shape[1], dtype=answer.dtype, device=answer.device) for answer in answers)
            share = torch.stack([weight * _placed(one, place) for one, (weight, _, place) in zip(ones, parts, strict=True)]).sum(dim=0)
            mean = summed / share
        if self.mean_of == "log_odds":
            return mean
        mean = mean.clamp(_EDGE, 1 - _EDGE)
        return torch.log(mean) - torch.log1p(-mean)


def _placed(answer: Tensor, place: Tensor) -> Tensor:
    """Return a member's (n, n_own) answers as (n, n_outputs), 0 where it has none."""
    return functional.pad(answer, (0, 1)).index_select(1, place.to(answer.device))
