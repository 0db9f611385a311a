"""How far readings agree with themselves: contradictions, what is called normal, and the statements
as they are finally decided.

Counted from whole readings (:mod:`heart_reader.evaluation.whole.readings`). Intervals resample
patients as everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.labels import ALL, SUPERDIAGNOSTIC
from heart_reader.data.record_table import RecordTable
from heart_reader.evaluation.bootstrap import Estimate
from heart_reader.evaluation.whole.decided_statements import DecidedStatement, measure_statements_decided
from heart_reader.evaluation.whole.readings import Readings
from heart_reader.evaluation.whole.shares import estimate_ratios, estimate_shares

__all__ = ["ABNORMAL_RHYTHMS", "Consistency", "ContradictionRate", "ReadingShare", "measure_consistency"]

# Statements over which no reading may say "normal". Sinus bradycardia and sinus arrhythmia are
# listed beside them, not among them: many records that carry these were called normal by those who
# labelled them.
ABNORMAL_RHYTHMS = ("AFIB", "AFLT", "SVTAC", "PSVT", "STACH", "SVARR", "BIGU", "TRIGU", "PACE", "2AVB", "3AVB")
FURTHER_RHYTHMS = ("SBRAD", "SARRH", "1AVB", "PVC", "PAC", "PRC(S)")
NORMAL_CLASS = "NORM"
KINDS = ("normal", "abnormal", "undecided")
ANY = "any contradiction"
READINGS = "readings with a contradiction"


@dataclass(frozen=True)
class ContradictionRate:
    """How often one kind of contradiction is found, per 100 readings.

    Parameters
    ----------
    name
        A code, the part of codes before their colon, or one of the sums over all codes.
    count
        In the finished readings.
    finished, alone
        Per 100 readings: finished ones, and classes each for itself by threshold and uncertain
        zone. Where none was found, the upper limit is that of readings that have it.
    """

    name: str
    count: int
    finished: Estimate
    alone: Estimate


@dataclass(frozen=True)
class ReadingShare:
    """How many readings of some records have a property.

    Parameters
    ----------
    name
        Of the records, or of the property.
    n_records, count
        Such records, and those of them that have it.
    share
        Of them.
    """

    name: str
    n_records: int
    count: int
    share: Estimate


@dataclass(frozen=True)
class Consistency:
    """What whole readings of one split amount to.

    Parameters
    ----------
    n_readings
        Records read.
    failed
        Records that could not be read, each with the reason.
    contradictions
        All of them, readings with at least one, families, single codes.
    kinds
        How many readings come to which kind of conclusion.
    normals
        How many records are called normal of those with an abnormal rhythm, with an abnormal
        superclass, and with neither.
    decided
        Superclasses and statements as they stand in the finished readings; empty where nothing is
        stated.
    decided_reason
        Why nothing is stated of them; None where it is.
    """

    n_readings: int
    failed: Mapping[str, str]
    contradictions: tuple[ContradictionRate, ...]
    kinds: tuple[ReadingShare, ...]
    normals: tuple[ReadingShare, ...]
    decided: tuple[DecidedStatement, ...]
    decided_reason: str | None

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Consistency:
        """Make it from its fields as they stand in a report."""
        rates = (
            ContradictionRate(**{**entry, "finished": Estimate.from_json(entry["finished"]), "alone": Estimate.from_json(entry["alone"])})
            for entry in values["contradictions"]
        )
        shares = {
            name: tuple(ReadingShare(**{**entry, "share": Estimate.from_json(entry["share"])}) for entry in values[name])
            for name in ("kinds", "normals")
        }
        decided = tuple(map(DecidedStatement.from_json, values["decided"]))
        return cls(**{**values, **shares, "contradictions": tuple(rates), "decided": decided})


def measure_consistency(
    readings: Readings, table: RecordTable, *, decided_reason: str | None = None, draws: int, confidence: float, seed: int
) -> Consistency:
    """Count what readings contradict, call normal, and decide.

    Parameters
    ----------
    readings
        Of the records of ``table``.
    table
        Their truth and patients.
    decided_reason
        Why sensitivity and predictive value may not be stated here, such as that the thresholds
        were chosen on these records.
    draws, confidence, seed
        As in :func:`heart_reader.evaluation.bootstrap.bootstrap`.
    """
    read = table.select(readings.rows)
    settings: dict[str, Any] = {"draws": draws, "confidence": confidence, "seed": seed}
    everyone = np.ones(len(readings), dtype=bool)
    normal = np.array([kind == "normal" for kind in readings.kinds], dtype=bool)
    of_kind = {kind: (everyone, np.array([one == kind for one in readings.kinds], dtype=bool)) for kind in KINDS}
    called = {name: (records, records & normal) for name, records in _truths(read).items()}
    return Consistency(
        n_readings=len(readings),
        failed=readings.failed,
        contradictions=_contradiction_rates(readings, read.patient_ids, settings),
        kinds=_shares(of_kind, read.patient_ids, settings),
        normals=_shares(called, read.patient_ids, settings),
        decided=() if decided_reason is not None else measure_statements_decided(readings, read, **settings),
        decided_reason=decided_reason,
    )


def _contradiction_rates(readings: Readings, patient_ids: NDArray[np.str_], settings: Mapping[str, Any]) -> tuple[ContradictionRate, ...]:
    """All contradictions first, then the families, each followed by its codes, the commonest first."""
    both = (readings.contradictions, readings.contradictions_alone)
    total = Counter(code for way in both for codes in way for code in codes)
    families = Counter(code.split(":")[0] for code in total.elements())
    names = [ANY, READINGS]
    for family, _ in families.most_common():
        codes = [code for code, _ in total.most_common() if code.split(":")[0] == family]
        names += [family, *(code for code in codes if code != family)]
    found = [np.array([_counts(codes, names) for codes in way]).reshape(len(readings), len(names)).T for way in both]
    finished, alone = (_per_hundred(counts, patient_ids, settings) for counts in found)
    counts = found[0].sum(axis=1)
    return tuple(ContradictionRate(name, int(n), *pair) for name, n, *pair in zip(names, counts, finished, alone, strict=True))


def _per_hundred(counts: NDArray[np.int_], patient_ids: NDArray[np.str_], settings: Mapping[str, Any]) -> list[Estimate]:
    """Rates of counts, (n_names, n_readings); of what was never found, at most how many readings
    have it.
    """
    rates = estimate_ratios(counts, np.full(counts.shape, 0.01), patient_ids, **settings)
    shares = estimate_shares(counts > 0, np.ones(counts.shape, dtype=bool), patient_ids, **settings)
    return [
        replace(rate, high=100 * share.high) if rate.point == 0 and share.high is not None else rate
        for rate, share in zip(rates, shares, strict=True)
    ]


def _counts(codes: Sequence[str], names: Sequence[str]) -> list[int]:
    """How often each name, a code or a family, is among the codes of one reading."""
    sums = {ANY: len(codes), READINGS: int(bool(codes))}
    return [sums[name] if name in sums else sum(name in (code, code.split(":")[0]) for code in codes) for name in names]


def _truths(table: RecordTable) -> dict[str, NDArray[np.bool_]]:
    """Name to (n_records,) which records are so, in the order of the table of those called normal."""
    truths: dict[str, NDArray[np.bool_]] = {}
    if ALL in table.labels:
        column = dict(zip(table.space.levels[ALL].class_names, (table.y_true(ALL) == 1).T, strict=True))
        abnormal = [name for name in ABNORMAL_RHYTHMS if name in column]
        truths["abnormal rhythm"] = np.any([column[name] for name in abnormal] or [np.zeros(len(table), dtype=bool)], axis=0)
        truths |= {name: column[name] for name in (*abnormal, *FURTHER_RHYTHMS) if name in column and column[name].any()}
    if SUPERDIAGNOSTIC in table.labels:
        of_class = dict(zip(table.space.levels[SUPERDIAGNOSTIC].class_names, (table.y_true(SUPERDIAGNOSTIC) == 1).T, strict=True))
        is_normal = of_class.pop(NORMAL_CLASS)
        truths["abnormal superclass"] = np.any(list(of_class.values()), axis=0)
        truths |= {name: records for name, records in of_class.items() if records.any()}
        rhythm = truths.get("abnormal rhythm", np.zeros(len(table), dtype=bool))
        truths[f"{NORMAL_CLASS} alone, no abnormal rhythm"] = is_normal & ~truths["abnormal superclass"] & ~rhythm
    return truths


def _shares(
    masks: Mapping[str, tuple[NDArray[np.bool_], NDArray[np.bool_]]], patient_ids: NDArray[np.str_], settings: Mapping[str, Any]
) -> tuple[ReadingShare, ...]:
    """Name to which records there are, and which of them have the property."""
    estimates = estimate_shares([part for _, part in masks.values()], [whole for whole, _ in masks.values()], patient_ids, **settings)
    return tuple(
        ReadingShare(name, int(whole.sum()), int(part.sum()), share)
        for (name, (whole, part)), share in zip(masks.items(), estimates, strict=True)
    )
