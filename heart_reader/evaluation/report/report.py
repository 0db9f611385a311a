"""The report: every metric with its interval, split, label rule, seed and checkpoint, or the reason
why it cannot be stated.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from heart_reader.decisions.decision import Calibration, Thresholds, Uncertainty
from heart_reader.errors import DataError
from heart_reader.evaluation.bootstrap import Difference, Estimate, bootstrap
from heart_reader.evaluation.decided import Decided, measure_decisions
from heart_reader.evaluation.report import dot_plots, plots, tables
from heart_reader.evaluation.selective import Selective, measure_selective
from heart_reader.evaluation.statements import Statements
from heart_reader.evaluation.subgroups import SubgroupRow, write_subgroups
from heart_reader.evaluation.whole.consistency import Consistency
from heart_reader.folders import write_whole
from heart_reader.metrics.metrics import METRICS, fmax_threshold
from heart_reader.predictions import Predictions

__all__ = ["Comparison", "EvaluationReport", "build_report", "write_report"]

_NOTHING = Estimate(None, None, None)
# Files that not every report has: those of an earlier one do not stay.
OPTIONAL = frozenset({"confusion.png", "selective.png", "statements.png", "subgroups.csv", "subgroups.png"})
# Beyond so many classes a panel for each cannot be read.
MAX_PANELS = 8


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
        What the decisions reach outside the uncertain zones, and what the records that the reader
        is most sure of.
    draws, confidence, seed
        Of the bootstrap.
    caveats
        Sentences that belong beside the numbers.
    comparison
        With another checkpoint, if asked for.
    statements, consistency
        How statements are ranked, and how far whole readings agree with themselves; None in reports
        from before, or if not asked for.
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
        if self.uncertainty is None or self.uncertainty.split == self.split:
            stated += self.decided.metrics
        if self.consistency is not None and self.consistency.decided and (self.thresholds is None or self.thresholds.split == self.split):
            stated += ["decided statements"]
        if stated:
            raise DataError(
                f"report on split {self.split!r}: {', '.join(stated)} need thresholds and zones from another split: evaluate 'test'"
            )

    def to_json(self) -> dict[str, Any]:
        """Return plain values without NaN; :meth:`from_json` is the inverse."""
        values = asdict(self)
        values["metrics"] = {name: {**asdict(value), "reason": self.reasons.get(name)} for name, value in self.metrics.items()}
        values["classes"] = {name: [asdict(value) for value in of_class] for name, of_class in self.classes.items()}
        del values["reasons"]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> EvaluationReport:
        """Make a report from :meth:`to_json`.

        Raises
        ------
        DataError
            If it states decisions on the split that chose the thresholds.
        """
        fields = dict(values)
        metrics = {name: dict(entry) for name, entry in values["metrics"].items()}
        fields["reasons"] = {name: reason for name, entry in metrics.items() if (reason := entry.pop("reason"))}
        fields["metrics"] = {name: Estimate.from_json(entry) for name, entry in metrics.items()}
        fields["classes"] = {name: tuple(Estimate.from_json(entry) for entry in of_class) for name, of_class in values["classes"].items()}
        for name in ("class_names", "n_positive", "caveats"):
            fields[name] = tuple(values[name])
        readers: dict[str, Callable[[Any], object]] = {
            "thresholds": Thresholds.from_json,
            "calibration": Calibration.from_json,
            "uncertainty": Uncertainty.from_json,
            "decided": Decided.from_json,
            "selective": Selective.from_json,
            "comparison": _comparison,
        }
        for name, read in readers.items():
            fields[name] = None if values[name] is None else read(values[name])
        # Reports from before these were measured do not have them.
        later: dict[str, Callable[[Any], object]] = {"statements": Statements.from_json, "consistency": Consistency.from_json}
        for name, read in later.items():
            fields[name] = None if values.get(name) is None else read(values[name])
        fields["subgroups"] = tuple(map(SubgroupRow.from_json, values.get("subgroups", ())))
        return cls(**fields)

    def to_markdown(self) -> str:
        """Return the report as a page to read."""
        return tables.markdown(self)


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
        Probabilities as the reader gives them, so already calibrated where it calibrates.
    thresholds, calibration, uncertainty
        The reader's own; what they were fitted on is not measured on the same split.
    label_rule, config_name, checkpoint_sha256
        Where the truth and the probabilities come from.
    draws, confidence, seed
        Of the bootstrap.
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
    for name, value in metrics.items():
        if value.point is None:
            reasons.setdefault(name, "no class has the cases it needs")
    of_class = {metric.class_name: name for name, metric in METRICS.items() if metric.class_name}
    empty = (_NOTHING,) * len(predictions.class_names)
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
        classes={name: empty if headline in reasons else measured.classes[name] for name, headline in of_class.items()},
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


def write_report(
    report: EvaluationReport, predictions: Predictions, out: Path, subgroups: tuple[SubgroupRow, ...] = ()
) -> tuple[Path, ...]:
    """Write the report, its tables, its figures and the predictions it rests on; each file whole or
    not at all.

    Parameters
    ----------
    report, predictions
        As they belong together.
    out
        Folder, made where it does not exist.
    subgroups
        Every class in every group, for ``subgroups.csv`` and ``subgroups.png``.

    Returns
    -------
    tuple
        The files: ``report.json report.md per_class.csv predictions.npz roc.png pr.png
        calibration.png`` and, where decisions can be measured, ``confusion.png`` and
        ``selective.png``; ``statements.png``, ``subgroups.csv`` and ``subgroups.png`` where there
        are any.

    Raises
    ------
    HeartReaderError
        If a file cannot be written.
    """
    text = json.dumps(report.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
    writers: dict[str, Callable[[Path], object]] = {
        "report.json": lambda path: path.write_text(text + "\n", encoding="utf-8"),
        "report.md": lambda path: path.write_text(report.to_markdown(), encoding="utf-8"),
        "per_class.csv": partial(tables.write_per_class, report),
        "predictions.npz": predictions.save,
        "roc.png": lambda path: plots.save_figure(plots.draw_roc(predictions, report.classes["auroc"], report.confidence), path),
        "pr.png": lambda path: plots.save_figure(
            plots.draw_precision_recall(predictions, report.classes["auprc"], report.confidence), path
        ),
        "calibration.png": lambda path: plots.save_figure(plots.draw_reliability(predictions, report.classes["ece"]), path),
    }
    thresholds = report.thresholds
    if thresholds is not None and thresholds.split != report.split:
        writers["confusion.png"] = lambda path: plots.save_figure(plots.draw_confusion(predictions, thresholds), path)
    if report.selective.points:
        writers["selective.png"] = lambda path: plots.save_figure(
            plots.draw_selective(predictions, report.selective, report.confidence), path
        )
    writers |= _optional_writers(report, predictions, subgroups)
    for name in OPTIONAL - writers.keys():  # those of an earlier report would be taken for this one's
        if (out / name).is_file():
            (out / name).unlink()
    for name, write in writers.items():
        write_whole(out / name, write)
    return tuple(out / name for name in writers)


def _optional_writers(
    report: EvaluationReport, predictions: Predictions, subgroups: tuple[SubgroupRow, ...]
) -> dict[str, Callable[[Path], object]]:
    """Files about statements and groups of people, as far as there are any."""
    writers: dict[str, Callable[[Path], object]] = {}
    about, statements = f"{report.split}, {len(predictions)} records", report.statements
    if statements is not None and statements.auroc:
        all_known = f"{report.split}, {statements.n_records} records"
        writers["statements.png"] = lambda path: plots.save_figure(
            dot_plots.draw_statements(statements, all_known, report.confidence), path
        )
    if subgroups:
        writers["subgroups.csv"] = partial(write_subgroups, subgroups)
        shown = [row for row in subgroups if row.level == report.level]
        if shown and len(predictions.class_names) <= MAX_PANELS:
            writers["subgroups.png"] = lambda path: plots.save_figure(
                dot_plots.draw_subgroups(shown, f"{report.level}, {about}", report.confidence), path
            )
    return writers


def _reasons(split: str, thresholds: Thresholds | None, calibration: Calibration | None) -> dict[str, str]:
    """Why a metric cannot be stated, by headline name."""
    reasons = {}
    for name, metric in METRICS.items():
        if metric.needs_thresholds and thresholds is None:
            reasons[name] = "the reader has no thresholds"
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


def _comparison(entry: Mapping[str, Any]) -> Comparison:
    return Comparison(entry["against"], {name: Difference(**values) for name, values in entry["differences"].items()})
