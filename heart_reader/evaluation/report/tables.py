"""A report as a Markdown page and as a CSV of classes."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from heart_reader.evaluation.decided import MEASURES, PROMISED, RECORDS_DECIDED
from heart_reader.evaluation.markdown import cell, interval, lines, markdown_table, number, with_interval
from heart_reader.evaluation.whole.consistency_tables import consistency_parts, statement_parts, subgroup_parts
from heart_reader.metrics.metrics import METRICS

if TYPE_CHECKING:
    from heart_reader.evaluation.bootstrap import Estimate
    from heart_reader.evaluation.report.report import EvaluationReport

__all__ = ["TITLES", "markdown", "per_class_rows", "write_per_class"]

TITLES = {
    "macro_auroc": "macro-AUROC",
    "macro_auprc": "macro-AUPRC",
    "fmax": "Fmax (sample-centric)",
    "macro_f1": "macro-F1",
    "macro_f_beta": "F-beta (beta 2, label-weighted)",
    "macro_g_beta": "G-beta (beta 2, label-weighted)",
    "macro_sensitivity": "sensitivity",
    "macro_specificity": "specificity",
    "macro_ppv": "positive predictive value",
    "macro_accuracy": "accuracy",
    "macro_ece": "expected calibration error",
    "macro_brier": "Brier score",
}
_PAGE_COLUMNS = ("auprc", "f1", "sensitivity", "specificity", "ppv", "ece")


def markdown(report: EvaluationReport) -> str:
    """Return a page: what was measured, the numbers, the classes, the caveats."""
    parts = [
        f"# Evaluation of {cell(report.config_name)} on {report.split}",
        lines(_provenance(report)),
        "## Metrics",
        _headline_table(report),
        "## Classes",
        _class_table(report),
        "## Decisions and uncertain zones",
        *_decided_parts(report),
        "## Selective reading",
        *_selective_parts(report),
        *statement_parts(report),
        *consistency_parts(report),
        *subgroup_parts(report),
    ]
    if report.comparison is not None:
        parts += [f"## Against {cell(report.comparison.against)}", _comparison_table(report)]
    parts += ["## Caveats", lines(report.caveats), "Research use only. Not a medical device."]
    return "\n\n".join(parts) + "\n"


def per_class_rows(report: EvaluationReport) -> list[dict[str, object]]:
    """Return one row per class: cases, threshold, zone, and every per-class metric with its
    interval; None where not stated.
    """
    thresholds = report.thresholds.values if report.thresholds is not None else (None,) * len(report.class_names)
    zones = report.uncertainty.zones if report.uncertainty is not None else (None,) * len(report.class_names)
    # A measure of decided records alone is told apart from the one of all records at the
    # thresholds.
    decided = {name if name in (*PROMISED, "coverage") else f"decided_{name}": values for name, values in report.decided.classes.items()}
    rows = []
    for position, name in enumerate(report.class_names):
        row: dict[str, object] = {"class": name, "n_positive": report.n_positive[position], "n_records": report.n_records}
        row["threshold"] = thresholds[position]
        row["zone_low"], row["zone_high"] = zones[position] or (None, None)
        for metric, values in (dict(report.classes) | decided).items():
            estimate = values[position]
            row |= {metric: estimate.point, f"{metric}_low": estimate.low, f"{metric}_high": estimate.high}
        rows.append(row)
    return rows


def write_per_class(report: EvaluationReport, path: Path) -> None:
    """Write :func:`per_class_rows` as CSV, empty where not stated.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    rows = per_class_rows(report)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _provenance(report: EvaluationReport) -> list[str]:
    thresholds, calibration = report.thresholds, report.calibration
    patients = f"{report.n_patients} known patients" if report.n_patients else "patients not known"
    if report.n_patients and report.n_without_patient:
        patients += f" and {report.n_without_patient} records whose patient is not known"
    return [
        f"Level: {report.level}, {len(report.class_names)} classes; label rule: {report.label_rule}",
        f"Split: {report.split}, {report.n_records} records, {patients}",
        f"Checkpoint: `{report.checkpoint_sha256}`",
        "Thresholds: " + ("none" if thresholds is None else f"{thresholds.rule}, chosen on {thresholds.split}"),
        "Calibration: " + ("none" if calibration is None else f"{calibration.rule}, fitted on {calibration.split}"),
        f"Intervals: {report.confidence:.0%}, {report.draws} bootstrap draws over {_unit(report)}, thresholds fixed, seed {report.seed}",
    ]


def _unit(report: EvaluationReport) -> str:
    if report.n_without_patient == 0:
        return "patients"
    return "records" if report.n_patients == 0 else "patients, where not known over records"


def _headline_table(report: EvaluationReport) -> str:
    rows = []
    for name, estimate in report.metrics.items():
        value = f"not stated: {report.reasons[name]}" if name in report.reasons else number(estimate.point)
        note = f"without {', '.join(map(cell, estimate.undefined))}" if estimate.undefined and name not in report.reasons else ""
        better = "higher" if METRICS[name].higher_is_better else "lower"
        rows.append((TITLES[name], value, interval(estimate), better, note))
    return markdown_table(("metric", "value", f"{report.confidence:.0%} interval", "better", ""), rows)


def _class_table(report: EvaluationReport) -> str:
    shown = [name for name in _PAGE_COLUMNS if any(value.point is not None for value in report.classes[name])]
    rows = []
    for row, auroc in zip(per_class_rows(report), report.classes["auroc"], strict=True):
        rows.append(
            (row["class"], row["n_positive"], number(row["threshold"]), with_interval(auroc), *(number(row[name]) for name in shown))
        )
    return markdown_table(("class", "positives", "threshold", "AUROC", *(name.upper() if len(name) < 6 else name for name in shown)), rows)


def _decided_parts(report: EvaluationReport) -> list[str]:
    """What the zones promise and what came of it, over classes and class by class."""
    decided, uncertainty = report.decided, report.uncertainty
    if uncertainty is None or decided.reason is not None:
        return [f"Not stated: {decided.reason}."]
    promise = f"{100 * (1 - uncertainty.alpha):g}%"
    text = (
        f"Absent below the uncertain zone, present above it; zones: {uncertainty.rule}, chosen on {uncertainty.split} so that in every "
        f"class at least {promise} of the positives are not read as absent and at least {promise} of the negatives not as present. "
        "Nothing is promised where a zone reaches 0 or 1: there were too few cases."
    )
    headline = [
        (
            f"{MEASURES[name]}, mean over classes",
            number(decided.metrics[f"macro_{name}"].point),
            interval(decided.metrics[f"macro_{name}"]),
            promise if name in PROMISED else "",
        )
        for name in MEASURES
    ]
    records = decided.metrics[RECORDS_DECIDED]
    headline.append(("records with every class decided", number(records.point), interval(records), ""))
    rows = []
    for position, (name, zone) in enumerate(zip(report.class_names, uncertainty.zones, strict=True)):
        values = [decided.classes[measure][position] for measure in MEASURES]
        kept = [_kept(decided.classes[measure][position], 1 - uncertainty.alpha) for measure in PROMISED]
        limits = "none" if zone is None else f"{zone[0]:.4f} to {zone[1]:.4f}"
        rows.append((name, limits, *map(with_interval, values), " / ".join(kept)))
    return [
        text,
        markdown_table(("measure", "value", f"{report.confidence:.0%} interval", "promised at least"), headline),
        markdown_table(("class", "uncertain zone", *MEASURES.values(), f"{promise} kept for positives / negatives"), rows),
    ]


def _kept(share: Estimate, promised: float) -> str:
    """Whether a promise was kept on these records, and if not, whether chance alone would explain
    it.
    """
    if share.point is None or share.high is None:
        return "not promised"
    if share.point >= promised:
        return "kept"
    return "not kept, within chance" if share.high >= promised else "broken"


def _selective_parts(report: EvaluationReport) -> list[str]:
    """What is reached on the records that the reader is most sure of."""
    selective = report.selective
    if selective.reason is not None:
        return [f"Not stated: {selective.reason}."]
    rows = []
    for point in selective.points:
        auroc, accuracy = point.macro_auroc, point.macro_accuracy
        without = f"without {', '.join(auroc.undefined)}" if auroc.undefined else ""
        values = (number(auroc.point), interval(auroc), number(accuracy.point), interval(accuracy))
        rows.append((f"{point.coverage:.0%}", point.n_records, *values, without))
    heading = f"{report.confidence:.0%} interval"
    return [
        f"The records that the reader is most sure of, the others left to a person. Sureness: {selective.measure}.",
        markdown_table(("coverage", "records", "macro-AUROC", heading, "accuracy", heading, ""), rows),
    ]


def _comparison_table(report: EvaluationReport) -> str:
    assert report.comparison is not None
    rows = [
        (TITLES[name], number(d.first), number(d.second), f"{d.difference:+.4f}", interval(d, sign="+"), f"{d.p_value:.3f}")
        for name, d in report.comparison.differences.items()
        if d.difference is not None and d.p_value is not None
    ]
    return markdown_table(("metric", "this", "other", "difference", f"{report.confidence:.0%} interval", "p"), rows)
