"""How well statements are ranked: AUROC of each with enough positives, and of groups of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.labels import ALL, SUPERDIAGNOSTIC, LabelSpace
from heart_reader.evaluation.bootstrap import Estimate, draw_metrics, estimate_of, macro_estimate
from heart_reader.predictions import Predictions

__all__ = ["ALL_STATEMENTS", "MIN_POSITIVES", "StatementGroup", "Statements", "measure_statements", "statement_groups"]

MIN_POSITIVES = 5
ALL_STATEMENTS = "all statements"
# What people call the statements of a superclass.
_DIAGNOSES = {"CD": "conduction", "MI": "infarction", "STTC": "ST-T", "HYP": "hypertrophy"}
AUROC = "macro_auroc"


@dataclass(frozen=True)
class StatementGroup:
    """Some statements together.

    Parameters
    ----------
    name
        Such as ``"conduction"``.
    statements
        Those with enough positives.
    n_statements
        How many there are in all.
    auroc
        Mean over ``statements``; empty without any.
    """

    name: str
    statements: tuple[str, ...]
    n_statements: int
    auroc: Estimate


@dataclass(frozen=True)
class Statements:
    """Statements measured on one split.

    Parameters
    ----------
    n_records
        Records whose statements are all known.
    min_positives
        Least number of records with a statement, and of those without it.
    groups
        All of them first.
    n_positive, auroc
        Statement to its positives and its AUROC; those with enough positives.
    reason
        Why nothing is stated; None where it is.
    """

    n_records: int = 0
    min_positives: int = MIN_POSITIVES
    groups: tuple[StatementGroup, ...] = ()
    n_positive: Mapping[str, int] = field(default_factory=dict)
    auroc: Mapping[str, Estimate] = field(default_factory=dict)
    reason: str | None = None


def statement_groups(space: LabelSpace) -> dict[str, tuple[str, ...]]:
    """Return statements by group, all of them first; a statement may be in two groups."""
    names = space.levels[ALL].class_names
    groups = {ALL_STATEMENTS: names}
    for kind in ("rhythm", "form"):
        if kind in space.levels:
            groups[kind] = space.levels[kind].class_names
    level = space.levels.get(SUPERDIAGNOSTIC)
    if level is not None and level.members is not None:
        members = dict(zip(level.class_names, level.members, strict=True))
        groups |= {
            title: tuple(names[position] for position in members[superclass])
            for superclass, title in _DIAGNOSES.items()
            if superclass in members
        }
    return groups


def measure_statements(predictions: Predictions, space: LabelSpace, *, draws: int, confidence: float, seed: int) -> Statements:
    """Measure the AUROC of statements; a group's draws are the means of its statements' draws.

    Parameters
    ----------
    predictions
        Predictions of the level ``all``.
    space
        What the statements belong to.
    draws, confidence, seed
        As in :func:`heart_reader.evaluation.bootstrap.bootstrap`.
    """
    positives = predictions.y_true.sum(axis=0).astype(int)
    enough = (positives >= MIN_POSITIVES) & (len(predictions) - positives >= MIN_POSITIVES)
    names = tuple(name for name, kept in zip(predictions.class_names, enough, strict=True) if kept)
    if not names:
        point, drawn = np.empty(0), np.empty((0, draws))
    else:
        kept = replace(predictions, class_names=names, y_true=predictions.y_true[:, enough], y_prob=predictions.y_prob[:, enough])
        points, draws_of = draw_metrics(kept, None, [AUROC], draws=draws, seed=seed)
        point, drawn = points[AUROC], draws_of[AUROC]
    of_statement = {name: (float(point[row]), drawn[row]) for row, name in enumerate(names)}
    groups = [_group(title, members, of_statement, confidence) for title, members in statement_groups(space).items()]
    return Statements(
        n_records=len(predictions),
        groups=tuple(groups),
        n_positive=dict(zip(names, positives[enough].tolist(), strict=True)),
        auroc={name: estimate_of(value, of_draws, confidence) for name, (value, of_draws) in of_statement.items()},
    )


def _group(
    title: str, members: tuple[str, ...], of_statement: Mapping[str, tuple[float, NDArray[np.float64]]], confidence: float
) -> StatementGroup:
    names = tuple(name for name in of_statement if name in members)
    if not names:
        return StatementGroup(title, (), len(members), Estimate(None, None, None))
    points, drawn = (np.stack([of_statement[name][part] for name in names]) for part in (0, 1))
    return StatementGroup(title, names, len(members), macro_estimate(points, drawn, confidence))
