"""Superclasses and statements as they stand in finished readings: found, falsely stated, and left
uncertain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.labels import ALL, SUPERDIAGNOSTIC
from heart_reader.data.record_table import RecordTable
from heart_reader.evaluation.bootstrap import Estimate
from heart_reader.evaluation.whole.readings import DECISIONS, Readings
from heart_reader.evaluation.whole.shares import estimate_ratios, estimate_shares

__all__ = ["COMMONEST", "DECIDED_MEASURES", "DecidedStatement", "commonest_statements", "measure_statements_decided"]

RHYTHM = "rhythm"
# So many statements beside the rhythms are listed, if they have so many positives.
COMMONEST, MIN_POSITIVES = 15, 5
DECIDED_MEASURES = ("sensitivity", "ppv", "f1", "f1_alone", "not_missed", "not_alarmed")

# These are no shares of records: where they are 0 or 1, no exact interval is known.
F_MEASURES = ("f1", "f1_alone")

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
        Share of the records with the class that are not read as absent, and of those without it
        that are not read as present.
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
    """Return the statements that most records carry, the commonest first, too rare ones and those
    of ``without`` left out.
    """
    names, counts = table.space.levels[ALL].class_names, (table.y_true(ALL) == 1).sum(axis=0).tolist()
    ranked = sorted(zip(counts, names, strict=True), key=lambda pair: -pair[0])
    return tuple(name for count, name in ranked if name not in without and count >= MIN_POSITIVES)[:at_most]


def measure_statements_decided(
    readings: Readings, table: RecordTable, *, draws: int, confidence: float, seed: int
) -> tuple[DecidedStatement, ...]:
    """Measure the superclasses, the rhythm statements and the commonest other statements of
    readings.

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
    settings: dict[str, Any] = {"draws": draws, "confidence": confidence, "seed": seed}
    found: list[tuple[str, str, dict[str, Any]]] = []
    pairs: dict[str, list[tuple[Any, Any]]] = {name: [] for name in DECIDED_MEASURES}
    for level, name in asked:
        truth = table.y_true(level)[:, table.space.levels[level].class_names.index(name)]
        if (truth == 1).any():
            finished, alone = (of[level][:, readings.class_names[level].index(name)] for of in (readings.finished, readings.alone))
            counts, sums = _sums(truth, finished, alone)
            found.append((level, name, counts))
            for measure in DECIDED_MEASURES:
                pairs[measure].append(sums[measure])
    estimates: dict[str, tuple[Estimate, ...]] = {}
    for measure, of_measure in pairs.items():
        uppers, lowers = [upper for upper, _ in of_measure], [lower for _, lower in of_measure]
        estimate = estimate_ratios if measure in F_MEASURES else estimate_shares
        estimates[measure] = estimate(uppers, lowers, table.patient_ids, **settings)
    rows: list[dict[str, Any]] = [{name: of[place] for name, of in estimates.items()} for place in range(len(found))]
    return tuple(DecidedStatement(level, name, **counts, **row) for (level, name, counts), row in zip(found, rows, strict=True))


def _class_names(readings: Readings, table: RecordTable, level: str) -> tuple[str, ...]:
    """Classes of a level that the readings state and the truth knows."""
    return readings.class_names[level] if level in readings.class_names and level in table.labels else ()


def _sums(
    truth: NDArray[np.float32], finished: NDArray[np.int8], alone: NDArray[np.int8]
) -> tuple[dict[str, Any], dict[str, tuple[Any, Any]]]:
    """Counts by field, and what each measure divides by what, (n_records,) each."""
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
    return {name: int(mask.sum()) for name, mask in counts.items()}, {
        "sensitivity": (present & positive, positive),
        "ppv": (present & positive, present),
        "f1": (2 * (present & positive), positive.astype(int) + present),
        "f1_alone": (2 * (called_alone & positive), positive.astype(int) + called_alone),
        "not_missed": (positive & ~absent, positive),
        "not_alarmed": (negative & ~present, negative),
    }
