"""A report: every metric with its interval, or the reason why it cannot be stated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from heart_reader.decisions.decision import Calibration, Thresholds, Uncertainty
from heart_reader.errors import DataError
from heart_reader.evaluation.bootstrap import Difference, Estimate, bootstrap
from heart_reader.evaluation.decided import Decided, Selective, measure_decisions, measure_selective
from heart_reader.evaluation.statements import Statements
from heart_reader.evaluation.subgroups import SubgroupRow
from heart_reader.evaluation.whole.consistency import Consistency
from heart_reader.metrics import METRICS, fmax_threshold
from heart_reader.predictions import Predictions

__all__ = ["Comparison", "EvaluationReport", "build_report"]

_NOTHING = Estimate(None, None, None)


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
        Settings of the bootstrap.
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


def build_report(
    predictions: Predictions,
    thresholds: Thresholds | None,
    calibration: Calibration | None,
    uncertainty: Uncertainty | None = None,
    *,
    label_rule: str,
    config_name: str,
    checkpoint_sha256: str,
    draws: int,
    confidence: float,
    seed: int,
    caveats: tuple[str, ...] = (),
    comparison: Comparison | None = None,
) -> EvaluationReport:
    """Measure everything that can honestly be measured on these predictions.

    Parameters
    ----------
    predictions
        Probabilities as the classifier gives them, so already calibrated where it calibrates.
    thresholds, calibration, uncertainty
        The classifier's own; what they were fitted on is not measured on the same split.
    label_rule, config_name, checkpoint_sha256
        Where the truth and the probabilities come from.
    draws, confidence, seed
        Settings of the bootstrap.
    caveats
        Further sentences, such as how these records differ from the published test set.
    comparison
        Paired differences to another checkpoint.

    Raises
    ------
    DataError
        If there are no records or the thresholds do not fit the classes.
    ConfigError
        If ``draws`` or ``confidence`` is out of range.
    """
    reasons = _reasons(predictions.split, thresholds, calibration)
    decided = thresholds is not None and thresholds.split != predictions.split
    measured = bootstrap(predictions, thresholds if decided else None, draws=draws, confidence=confidence, seed=seed)
    metrics = {name: _NOTHING if name in reasons else measured.metrics[name] for name in METRICS}
    empty = (_NOTHING,) * len(predictions.class_names)
    classes = {
        of.class_name: empty if name in reasons else measured.classes[of.class_name] for name, of in METRICS.items() if of.class_name
    }
    for name, value in metrics.items():
        if value.point is None:
            reasons.setdefault(name, "no class has the cases it needs")
    patients = predictions.patient_ids.tolist()
    return EvaluationReport(
        level=predictions.level,
        split=predictions.split,
        label_rule=label_rule,
        config_name=config_name,
        checkpoint_sha256=checkpoint_sha256,
        class_names=predictions.class_names,
        n_positive=tuple(int(count) for count in predictions.y_true.sum(axis=0)),
        n_records=len(predictions),
        n_patients=len(set(patients) - {""}),
        n_without_patient=patients.count(""),
        metrics=metrics,
        classes=classes,
        reasons=reasons,
        fmax_threshold=fmax_threshold(predictions.y_true, predictions.y_prob),
        thresholds=thresholds,
        calibration=calibration,
        uncertainty=uncertainty,
        decided=measure_decisions(predictions, uncertainty, draws=draws, confidence=confidence, seed=seed),
        selective=measure_selective(predictions, thresholds, draws=draws, confidence=confidence, seed=seed),
        draws=draws,
        confidence=confidence,
        seed=seed,
        caveats=(*caveats, *_caveats(predictions, thresholds, metrics, draws)),
        comparison=comparison,
    )


def _reasons(split: str, thresholds: Thresholds | None, calibration: Calibration | None) -> dict[str, str]:
    """Why a metric cannot be stated, by headline name."""
    reasons = {}
    for name, metric in METRICS.items():
        if metric.needs_thresholds and thresholds is None:
            reasons[name] = "the model has no thresholds"
        elif metric.needs_thresholds and thresholds is not None and thresholds.split == split:
            reasons[name] = "the thresholds were chosen on this split"
        elif metric.needs_calibration and calibration is not None and calibration.split == split:
            reasons[name] = "the calibration was fitted on this split"
    return reasons


def _caveats(predictions: Predictions, thresholds: Thresholds | None, metrics: Mapping[str, Estimate], draws: int) -> list[str]:
    caveats = []
    if predictions.split == "val":
        caveats.append("The model was selected on this split: AUROC, AUPRC and Fmax are optimistic.")
    elif predictions.split == "train":
        caveats.append("The model was trained on this split: nothing here says how it reads new records.")
    caveats.append("Fmax takes the best global threshold of the evaluated records, by definition.")
    n_unknown = predictions.patient_ids.tolist().count("")
    if n_unknown:
        caveats.append(
            f"The patient of {n_unknown} of {len(predictions)} records is not known; each of them is drawn on its own, "
            "which makes intervals too narrow where they share patients."
        )
    if metrics["macro_auroc"].undefined:
        caveats.append(f"Without positives or without negatives, so left out of the means: {', '.join(metrics['macro_auroc'].undefined)}.")
    if thresholds is not None and None in thresholds.values:
        without = [name for name, value in zip(predictions.class_names, thresholds.values, strict=True) if value is None]
        caveats.append(f"No threshold could be chosen on split {thresholds.split}, so no decision is measured: {', '.join(without)}.")
    incomplete = metrics["macro_auroc"].incomplete_draws
    if incomplete:
        caveats.append(f"In {incomplete} of {draws} draws a class had no positives or no negatives and was left out of that draw.")
    if metrics["macro_ece"].point is not None:
        caveats.append("Resampling adds noise to the calibration error, so its interval lies high.")
    return caveats
