"""How far readings agree with themselves: contradictions, what is called normal, what is decided.

Counted from whole readings (:mod:`heart_reader.evaluation.whole.readings`). Intervals resample
patients as everywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heart_reader.data.labels import ALL, SUPERDIAGNOSTIC
from heart_reader.data.record_table import RecordTable
from heart_reader.evaluation.bootstrap import Estimate, bootstrap_units, draw_weights, estimate_of
from heart_reader.evaluation.whole.readings import DECISIONS, Readings
from heart_reader.metrics.ranking import ratio

__all__ = [
    "ABNORMAL_RHYTHMS",
    "ANY",
    "READINGS",
    "Consistency",
    "ContradictionRate",
    "DecidedStatement",
    "ReadingShare",
    "commonest_statements",
    "estimate_ratios",
    "estimate_shares",
    "measure_consistency",
]

Mask = NDArray[np.bool_]

# Statements over which no reading may say "normal". Sinus bradycardia and sinus arrhythmia are
# listed beside them, not among them: many records that carry these were called normal by those who
# labelled them.
ABNORMAL_RHYTHMS = ("AFIB", "AFLT", "SVTAC", "PSVT", "STACH", "SVARR", "BIGU", "TRIGU", "PACE", "2AVB", "3AVB")
FURTHER_RHYTHMS = ("SBRAD", "SARRH", "1AVB", "PVC", "PAC", "PRC(S)")
NORMAL_CLASS = "NORM"
RHYTHM = "rhythm"
# So many statements beside the rhythms are listed, if they have so many positives.
COMMONEST, MIN_POSITIVES = 15, 5
DECIDED_MEASURES = ("sensitivity", "ppv", "f1", "f1_alone", "not_missed", "not_alarmed")
# These are no shares of records: where they are 0 or 1, no exact interval is known.
F_MEASURES = ("f1", "f1_alone")
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
        Number in the finished readings.
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
        Name of the records or of the property.
    n_records, count, share
        Such records, and how many and what share of them have it.
    """

    name: str
    n_records: int
    count: int
    share: Estimate


@dataclass(frozen=True)
class DecidedStatement:
    """One class as it is finally decided; what is uncertain counts as not stated.

    Parameters
    ----------
    level, name
        Level and name of the class.
    n_records, n_positive
        Records whose truth is known, and those with the class.
    n_present, n_uncertain, n_positive_uncertain
        Readings that state it, that leave it open, and those of them whose record has it.
    sensitivity, ppv, f1
        Figures of what is stated.
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


def measure_consistency(
    readings: Readings, table: RecordTable, *, decided_reason: str | None = None, draws: int, confidence: float, seed: int
) -> Consistency:
    """Count what readings contradict, call normal, and decide.

    Parameters
    ----------
    readings
        Readings of the records of ``table``.
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
        decided=() if decided_reason is not None else _measure_decided(readings, read, **settings),
        decided_reason=decided_reason,
    )


def estimate_ratios(
    numerators: ArrayLike, denominators: ArrayLike, patient_ids: NDArray[np.str_], *, draws: int, confidence: float, seed: int
) -> tuple[Estimate, ...]:
    """Estimate sums over records divided by other sums, with percentile intervals over patients.

    Parameters
    ----------
    numerators, denominators
        (n_ratios, n_records) each: what every record adds.
    patient_ids
        (n_records,), empty where unknown.
    draws, confidence, seed
        As in :func:`heart_reader.evaluation.bootstrap.bootstrap`; equal seeds draw equal patients.

    Returns
    -------
    tuple
        n_ratios estimates, empty where the denominator is 0.

    Examples
    --------
    >>> four = np.array(["a", "b", "c", "d"])
    >>> estimate_ratios([[1, 0, 0, 1]], [[1] * 4], four, draws=9, confidence=0.9, seed=0)[0].point
    0.5
    """
    upper, lower = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    if upper.size == 0:
        return (Estimate(None, None, None),) * len(upper)
    point = ratio(upper.sum(axis=1), lower.sum(axis=1))
    drawn = np.concatenate([ratio(upper @ weights, lower @ weights) for weights in draw_weights(patient_ids, draws, seed)], axis=1)
    return tuple(estimate_of(float(value), of_draws, confidence) for value, of_draws in zip(point, drawn, strict=True))


def estimate_shares(
    parts: ArrayLike, wholes: ArrayLike, patient_ids: NDArray[np.str_], *, draws: int, confidence: float, seed: int
) -> tuple[Estimate, ...]:
    """Like :func:`estimate_ratios` for how many of some records have a property.

    Where none or all of them have it no draw differs from the records, so the interval is the exact
    binomial one over patients.

    Parameters
    ----------
    parts, wholes
        (n_shares, n_records) bool each: which records have the property, and of which.
    patient_ids, draws, confidence, seed
        As in :func:`estimate_ratios`.

    Examples
    --------
    >>> patients = np.array([f"p{row}" for row in range(50)])
    >>> settings = {"draws": 10, "confidence": 0.95, "seed": 0}
    >>> none = estimate_shares([np.zeros(50)], [np.ones(50)], patients, **settings)[0]
    >>> none.point, none.low, round(none.high, 3)
    (0.0, 0.0, 0.071)

    References
    ----------
    Clopper C. J., Pearson E. S. The use of confidence or fiducial limits. Biometrika 26 (1934)
    404-413.
    """
    estimates = estimate_ratios(parts, wholes, patient_ids, draws=draws, confidence=confidence, seed=seed)
    units = bootstrap_units(patient_ids)

    def exact(estimate: Estimate, whole: NDArray[np.bool_]) -> Estimate:
        if estimate.point not in (0.0, 1.0):
            return estimate
        certain = ((1 - confidence) / 2) ** (1 / len(np.unique(units[whole])))
        return replace(estimate, low=0.0, high=1 - certain) if estimate.point == 0.0 else replace(estimate, low=certain, high=1.0)

    return tuple(exact(*pair) for pair in zip(estimates, np.asarray(wholes, dtype=bool), strict=True))


def _contradiction_rates(readings: Readings, patient_ids: NDArray[np.str_], settings: Mapping[str, Any]) -> tuple[ContradictionRate, ...]:
    """All contradictions, then the families, each followed by its codes, the commonest first."""
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
    """Rates of counts, (n_names, n_readings); where 0, the upper limit is that of readings."""
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


def _truths(table: RecordTable) -> dict[str, Mask]:
    """Name to (n_records,) which records are so, in the order of the table."""
    truths: dict[str, Mask] = {}
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


def _shares(masks: Mapping[str, tuple[Mask, Mask]], patient_ids: NDArray[np.str_], settings: Mapping[str, Any]) -> tuple[ReadingShare, ...]:
    """Name to which records there are, and which of them have the property."""
    estimates = estimate_shares([part for _, part in masks.values()], [whole for whole, _ in masks.values()], patient_ids, **settings)
    return tuple(
        ReadingShare(name, int(whole.sum()), int(part.sum()), share)
        for (name, (whole, part)), share in zip(masks.items(), estimates, strict=True)
    )


def commonest_statements(table: RecordTable, at_most: int = COMMONEST, without: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the statements that most records carry, the commonest first, rare ones left out."""
    names, counts = table.space.levels[ALL].class_names, (table.y_true(ALL) == 1).sum(axis=0).tolist()
    ranked = sorted(zip(counts, names, strict=True), key=lambda pair: -pair[0])
    return tuple(name for count, name in ranked if name not in without and count >= MIN_POSITIVES)[:at_most]


def _measure_decided(readings: Readings, table: RecordTable, *, draws: int, confidence: float, seed: int) -> tuple[DecidedStatement, ...]:
    """Measure the superclasses, the rhythm statements and the commonest other statements."""
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
