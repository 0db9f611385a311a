"""Superclasses and statements as they stand in finished readings: found, falsely stated, and left uncertain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.labels import ALL, SUPERDIAGNOSTIC
from heart_reader.data.record_table import RecordTable
from heart_reader.evaluation.bootstrap import Estimate
from heart_reader.evaluation.readings import DECISIONS, Readings
from heart_reader.evaluation.shares import estimate_ratios

__all__ = ["COMMONEST", "DECIDED_MEASURES", "DecidedStatement", "commonest_statements", "measure_statements_decided"]

RHYTHM = "rhythm"
# So many statements beside the rhythms are listed, if they have so many positives.
COMMONEST, MIN_POSITIVES = 15, 5
DECIDED_MEASURES = ("sensitivity", "ppv", "f1", "f1_alone", "not_missed", "not_alarmed")

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class DecidedStatement:
    """One class as it is finally decided; what is uncertain counts as not stated.

    Parameters
    ----------
    level, name
        Of the class.
    n_records, n_positive
        Records whose truth is known, and those with the class.
    n_present, n_uncertain, n_positive_uncertain
        Readings that state it, that leave it open, and those of them whose record has it.
    sensitivity, ppv, f1
        Of what is stated.
    f1_alone
        Of what the class's own threshold and zone say, without what the rest of the reading says.
    not_missed, not_alarmed
        Share of the records with the class that are not read as absent, and of those without it that are not read as present.
    """

    level: str
    name: str
    n_records: int
    n_positive: int
    n_present: int
    n_uncertain: int
    n_positive_uncertain: int
    sensitivity: Estimate
    ppv: Estimate
    f1: Estimate
    f1_alone: Estimate
    not_missed: Estimate
    not_alarmed: Estimate

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> DecidedStatement:
        """Make it from its fields as they stand in a report."""
        return cls(**{**values, **{name: Estimate.from_json(values[name]) for name in DECIDED_MEASURES}})


def commonest_statements(table: RecordTable, at_most: int = COMMONEST, without: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the statements that most records carry, the commonest first, too rare ones and those of ``without`` left out."""
    names, counts = table.space.levels[ALL].class_names, (table.y_true(ALL) == 1).sum(axis=0).tolist()
    ranked = sorted(zip(counts, names, strict=True), key=lambda pair: -pair[0])
    return tuple(name for count, name in ranked if name not in without and count >= MIN_POSITIVES)[:at_most]


def measure_statements_decided(
    readings: Readings, table: RecordTable, *, draws: int, confidence: float, seed: int
) -> tuple[DecidedStatement, ...]:
    """Measure the superclasses, the rhythm statements and the commonest other statements of readings.

    Parameters
    ----------
    readings
        In the order of ``table``.
    table
        Truth, as far as it is known.
    draws, confidence, seed
        As in :func:`heart_reader.evaluation.bootstrap.bootstrap`.
    """
    asked = [(SUPERDIAGNOSTIC, name) for name in _class_names(readings, table, SUPERDIAGNOSTIC)]
    if _class_names(readings, table, ALL):
        rhythms = table.space.levels[RHYTHM].class_names if RHYTHM in table.space.levels else ()
        asked += [(ALL, name) for name in (*rhythms, *commonest_statements(table, without=rhythms))]
    found: list[tuple[str, str, dict[str, Any]]] = []
    numerators: list[Any] = []
    denominators: list[Any] = []
    for level, name in asked:
        truth = table.y_true(level)[:, table.space.levels[level].class_names.index(name)]
        if not (truth == 1).any():
            continue
        finished, alone = (of[level][:, readings.class_names[level].index(name)] for of in (readings.finished, readings.alone))
        counts, upper, lower = _sums(truth, finished, alone)
        found.append((level, name, counts))
        numerators += upper
        denominators += lower
    estimates = estimate_ratios(numerators, denominators, table.patient_ids, draws=draws, confidence=confidence, seed=seed)
    width = len(DECIDED_MEASURES)
    measured: list[dict[str, Any]] = [dict(zip(DECIDED_MEASURES, estimates[width * place :], strict=False)) for place in range(len(found))]
    return tuple(DecidedStatement(level, name, **counts, **of) for (level, name, counts), of in zip(found, measured, strict=True))


def _class_names(readings: Readings, table: RecordTable, level: str) -> tuple[str, ...]:
    """Classes of a level that the readings state and the truth knows."""
    return readings.class_names[level] if level in readings.class_names and level in table.labels else ()


def _sums(truth: NDArray[np.float32], finished: NDArray[np.int8], alone: NDArray[np.int8]) -> tuple[dict[str, Any], list[Any], list[Any]]:
    """Counts by field, then what each measure divides by what, in the order of :data:`DECIDED_MEASURES`."""
    absent, uncertain, present = (finished == position for position in range(len(DECISIONS)))
    known: Mask = ~np.isnan(truth)
    positive, negative = truth == 1, truth == 0
    present, uncertain = present & known, uncertain & known
    called_alone = (alone == DECISIONS.index("present")) & known
    counts = {
        "n_records": known,
        "n_positive": positive,
        "n_present": present,
        "n_uncertain": uncertain,
        "n_positive_uncertain": uncertain & positive,
    }
    hits, hits_alone = present & positive, called_alone & positive
    pairs: list[tuple[Any, Any]] = [
        (hits, positive),
        (hits, present),
        (2 * hits, positive.astype(int) + present),
        (2 * hits_alone, positive.astype(int) + called_alone),
        (positive & ~absent, positive),
        (negative & ~present, negative),
    ]
    return {name: int(mask.sum()) for name, mask in counts.items()}, [upper for upper, _ in pairs], [lower for _, lower in pairs]
