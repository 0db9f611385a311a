"""The log-odds of one class of a reading, as :class:`~heart_reader.classifier.EcgClassifier`
computes them, in torch.

It mirrors :meth:`heart_reader.data.labels.LabelSpace.probabilities` so that gradients can pass; a
test holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from heart_reader.data.labels import ALL, Contrast, LabelSpace
from heart_reader.decisions.decision import Calibration
from heart_reader.errors import NotServable

__all__ = ["class_log_odds", "class_probability"]

# The edge of heart_reader.decisions.decision.log_odds.
_EDGE = 1e-12


def class_log_odds(space: LabelSpace, level: str, position: int, logits: Tensor, calibration: Calibration | None) -> Tensor:
    """Return calibrated log-odds of a class, the mean over windows taken first, as in a reading.

    Parameters
    ----------
    position
        Of the class in its level.
    logits
        (..., n_windows, n_outputs).
    calibration
        Of the level; None leaves the log-odds as they are.

    Returns
    -------
    Tensor
        (...) float64.
    """
    flat = logits.reshape(-1, logits.shape[-1]).double()
    mean = class_probability(space, level, position, flat).reshape(logits.shape[:-1]).mean(dim=-1).clamp(_EDGE, 1 - _EDGE)
    value = torch.log(mean) - torch.log1p(-mean)
    return value if calibration is None else calibration.slope[position] * value + calibration.intercept[position]


def class_probability(space: LabelSpace, level: str, position: int, logits: Tensor) -> Tensor:
    """Return the probability of one class of one level, (n_rows,), from (n_rows, n_outputs) float64
    logits.

    Raises
    ------
    NotServable
        If the outputs do not answer the level.
    """
    return _class_columns(space, level, (position,), logits)[:, 0]


def _class_columns(space: LabelSpace, level: str, positions: Sequence[int], logits: Tensor) -> Tensor:
    """Probabilities of some classes of a level, (n_rows, n_positions): the mean of all ways to
    them.
    """
    entry, chosen = space.levels[level], list(positions)
    votes = []
    if level in space.heads:
        votes.append(torch.sigmoid(logits[:, space.head_slice(level)][:, chosen]))
    if level != ALL and entry.members is not None and ALL in space.heads:
        statements = logits[:, space.head_slice(ALL)]
        groups = [entry.members[position] for position in chosen]
        votes.append(torch.stack([_any(-torch.nn.functional.softplus(statements[:, list(group)])) for group in groups], dim=1))
    if entry.contrast is not None and entry.contrast.of in space.answerable():
        votes.append(_contrast(space, entry.contrast, logits))
    if not votes:
        raise NotServable(f"level {level} does not follow from the outputs; they answer {', '.join(space.answerable())}")
    return torch.stack(votes).mean(dim=0)


def _contrast(space: LabelSpace, contrast: Contrast, logits: Tensor) -> Tensor:
    """p(1 - q) / (p(1 - q) + q(1 - p)) of the two sides of a binary level, (n_rows, 1)."""
    sides = []
    for side in (contrast.positive, contrast.negative):
        present = _class_columns(space, contrast.of, side, logits).clamp(max=1 - _EDGE)
        sides.append(_any(torch.log1p(-present)).unsqueeze(1))
    yes, no = sides
    positive, negative = yes * (1 - no), no * (1 - yes)
    return positive / (positive + negative).clamp(min=_EDGE)


def _any(log_absent: Tensor) -> Tensor:
    """Probability that at least one of independent classes applies, from (n_rows, n_classes) ln(1 -
    p).
    """
    return -torch.expm1(log_absent.sum(dim=1))
