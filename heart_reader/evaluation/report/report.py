"""A report: every metric with its interval, or the reason why it cannot be stated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from heart_reader.decisions.decision import Calibration, Thresholds, Uncertainty
from heart_reader.errors import DataError
from heart_reader.evaluation.bootstrap import Difference, Estimate
from heart_reader.evaluation.decided import Decided
from heart_reader.evaluation.selective import Selective
from heart_reader.evaluation.statements import Statements
from heart_reader.evaluation.subgroups import SubgroupRow
from heart_reader.evaluation.whole.consistency import Consistency
from heart_reader.metrics import METRICS

__all__ = ["Comparison", "EvaluationReport"]


@dataclass(frozen=True)
class Comparison:
    """Paired differences to another checkpoint on the same records.

    Parameters
    ----------
    against
        SHA-256 or name of the other checkpoint.
    differences
        Headline name to this model minus the other.
    """

    against: str
    differences: Mapping[str, Difference]


@dataclass(frozen=True)
class EvaluationReport:
    """What one checkpoint reaches on one split at one level.

    Parameters
    ----------
    level, split, label_rule, config_name, checkpoint_sha256
        What was measured on what.
    class_names, n_positive
        n_classes each.
    n_records, n_patients, n_without_patient
        Records, known patients among them, and records whose patient is not known.
    metrics
        Headline name to estimate, for every metric; not stated ones are empty and have a reason.
    classes
        Per-class name to n_classes estimates.
    reasons
        Headline name to why it is not stated.
    fmax_threshold
        Where Fmax is reached on these records.
    thresholds, calibration, uncertainty
        What the decisions and probabilities rest on, with the split they come from.
    decided, selective
        What the decisions reach outside the uncertain zones, and what is reached on the records
        that the classifier is most sure of.
    draws, confidence, seed
        Of the bootstrap.
    caveats
        Sentences that belong beside the numbers.
    comparison
        With another checkpoint, if asked for.
    statements, consistency
        How statements are ranked, and how far whole readings agree with themselves; None in older
        reports, or if not asked for.
    subgroups
        Means over classes by sex, age, device and site; those of single classes are in
        ``subgroups.csv``.

    Raises
    ------
    DataError
        If a metric of decisions is stated on the split that chose the thresholds or the uncertain
        zones.
    """

    level: str
    split: str
    label_rule: str
    config_name: str
    checkpoint_sha256: str
    class_names: tuple[str, ...]
    n_positive: tuple[int, ...]
    n_records: int
    n_patients: int
    n_without_patient: int
    metrics: Mapping[str, Estimate]
    classes: Mapping[str, tuple[Estimate, ...]]
    reasons: Mapping[str, str]
    fmax_threshold: float | None
    thresholds: Thresholds | None
    calibration: Calibration | None
    uncertainty: Uncertainty | None
    decided: Decided
    selective: Selective
    draws: int
    confidence: float
    seed: int
    caveats: tuple[str, ...]
    comparison: Comparison | None = None
    statements: Statements | None = None
    consistency: Consistency | None = None
    subgroups: tuple[SubgroupRow, ...] = ()

    def __post_init__(self) -> None:
        stated = []
        if self.thresholds is None or self.thresholds.split == self.split:
            stated += [name for name, value in self.metrics.items() if METRICS[name].needs_thresholds and value.point is not None]
            stated += ["selective"] if self.selective.points else []
            stated += ["decided statements"] if self.consistency is not None and self.consistency.decided else []
        if self.uncertainty is None or self.uncertainty.split == self.split:
            stated += self.decided.metrics
        if stated:
            raise DataError(
                f"report on split {self.split!r}: {', '.join(stated)} need thresholds and zones from another split: evaluate 'test'"
            )

    def to_json(self) -> dict[str, Any]:
        """Return plain values without NaN; :meth:`from_json` is the inverse."""
        values = asdict(self)
        for name, entry in values["metrics"].items():
            entry["reason"] = self.reasons.get(name)
        del values["reasons"]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> EvaluationReport:
        """Make a report from :meth:`to_json`.

        Raises
        ------
        DataError
            If it states decisions on the split that chose the thresholds.
        ValueError
            If it is no report.
        """
        reasons = {name: entry["reason"] for name, entry in values["metrics"].items() if entry["reason"]}
        return TypeAdapter(cls).validate_python({**values, "reasons": reasons})
