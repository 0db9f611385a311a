"""Losses for several labels at once, at several levels at once, with labels that may be unknown.

A target is 1, 0, anything between (mixup, smoothing) or NaN where not known, which never counts.

References
----------
Lin T.-Y. et al. Focal loss for dense object detection. ICCV (2017) 2999-3007.
Ridnik T. et al. Asymmetric loss for multi-label classification. ICCV (2021) 82-91.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from heart_reader.config import LossConfig
from heart_reader.data.labels import ALL, LabelSpace

__all__ = ["LOSSES", "MultiLevelLoss", "asymmetric_loss", "bce_loss", "focal_loss"]

# Keeps log() finite where a noisy-OR saturates in float32.
_EPSILON = 1e-6


def bce_loss(logits: Tensor, targets: Tensor, config: LossConfig) -> Tensor:
    """Binary cross-entropy, elementwise."""
    return functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")


def focal_loss(logits: Tensor, targets: Tensor, config: LossConfig) -> Tensor:
    """Elementwise cross-entropy weighted by (1 - p_t)^gamma and alpha (positives) or 1 - alpha."""
    entropy = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    y_prob = torch.sigmoid(logits)
    p_t = y_prob * targets + (1 - y_prob) * (1 - targets)
    alpha_t = config.alpha * targets + (1 - config.alpha) * (1 - targets)
    return alpha_t * (1 - p_t) ** config.gamma * entropy


def asymmetric_loss(logits: Tensor, targets: Tensor, config: LossConfig) -> Tensor:
    """Elementwise focal loss with own focusing for negatives, easy ones cut off at ``clip``."""
    y_prob = torch.sigmoid(logits)
    shifted = (y_prob - config.clip).clamp(min=0)
    positive = -targets * (1 - y_prob) ** config.gamma_positive * functional.logsigmoid(logits)
    negative = -(1 - targets) * shifted**config.gamma_negative * torch.log((1 - shifted).clamp(min=_EPSILON))
    return positive + negative


LOSSES = {"bce": bce_loss, "focal": focal_loss, "asymmetric": asymmetric_loss}


class MultiLevelLoss(nn.Module):
    """Mean loss of each head, plus that of the level of interest by noisy-OR of its statements.

    The second part teaches the statements of a record whose superclass alone is known: some
    statement of the superclass applies, whichever it is.

    Parameters
    ----------
    level
        The level whose noisy-OR is trained; without effect where it has no statements.
    """

    def __init__(self, space: LabelSpace, level: str, config: LossConfig) -> None:
        super().__init__()
        self.config = config
        self._slices = [space.head_slice(head) for head in space.heads]
        self._groups: tuple[tuple[int, ...], ...] = ()
        self._targets = slice(0, 0)
        members = space.levels[level].members
        if ALL in space.heads and level in space.heads and level != ALL and members is not None and config.noisy_or_weight > 0:
            self._groups = members
            self._targets = space.head_slice(level)
            self._statements = space.head_slice(ALL)

    def forward(self, logits: Tensor, targets: Tensor, counts: Tensor | None = None) -> Tensor:
        """Return the scalar loss.

        Parameters
        ----------
        logits
            (n, n_outputs).
        targets
            (n, n_outputs), NaN where not known.
        counts
            (n_outputs,) how many targets are known in the whole batch of which these are some rows;
            the losses of its parts then add up to that of the whole. None: these rows are all.
        """
        known = ~torch.isnan(targets)
        counts = known.sum(dim=0) if counts is None else counts
        smoothing = self.config.label_smoothing
        filled = torch.where(known, targets, torch.zeros_like(targets)) * (1 - smoothing) + smoothing / 2
        pointwise = LOSSES[self.config.name](logits, filled, self.config) * known
        loss = sum((pointwise[:, part].sum() / counts[part].sum().clamp(min=1) for part in self._slices), logits.new_zeros(()))
        if self._groups:
            joined = self._noisy_or_logits(logits[:, self._statements])
            part = LOSSES[self.config.name](joined, filled[:, self._targets], self.config) * known[:, self._targets]
            loss = loss + self.config.noisy_or_weight * part.sum() / counts[self._targets].sum().clamp(min=1)
        return loss

    def _noisy_or_logits(self, statements: Tensor) -> Tensor:
        log_absent = -functional.softplus(statements)
        absent = torch.stack([log_absent[:, list(group)].sum(dim=1) for group in self._groups], dim=1)
        present = (-torch.expm1(absent)).clamp(min=_EPSILON, max=1 - _EPSILON)
        return torch.log(present) - torch.log1p(-present)
