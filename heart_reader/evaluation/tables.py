"""A report as a Markdown page and as a CSV of classes."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from heart_reader.evaluation.metrics import METRICS

if TYPE_CHECKING:
    from heart_reader.evaluation.report import EvaluationReport

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
        f"# Evaluation of {_cell(report.config_name)} on {report.split}",
        _lines(_provenance(report)),
        "## Metrics",
        _headline_table(report),
        "## Classes",
        _class_table(report),
    ]
    if report.comparison is not None:
        parts += [f"## Against {_cell(report.comparison.against)}", _comparison_table(report)]
    parts += ["## Caveats", _lines(report.caveats), "Research use only. Not a medical device."]
    return "\n\n".join(parts) + "\n"


def per_class_rows(report: EvaluationReport) -> list[dict[str, object]]:
    """Return one row per class: cases, threshold, and every per-class metric with its interval; None where not stated."""
    thresholds = report.thresholds.values if report.thresholds is not None else (None,) * len(report.class_names)
    rows = []
    for position, name in enumerate(report.class_names):
        row: dict[str, object] = {"class": name, "n_positive": report.n_positive[position], "n_records": report.n_records}
        row["threshold"] = thresholds[position]
        for metric, values in report.classes.items():
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
        value = f"not stated: {report.reasons[name]}" if name in report.reasons else _number(estimate.point)
        note = f"without {', '.join(map(_cell, estimate.undefined))}" if estimate.undefined and name not in report.reasons else ""
        better = "higher" if METRICS[name].higher_is_better else "lower"
        rows.append((TITLES[name], value, _interval(estimate), better, note))
    return _table(("metric", "value", f"{report.confidence:.0%} interval", "better", ""), rows)


def _class_table(report: EvaluationReport) -> str:
    shown = [name for name in _PAGE_COLUMNS if any(value.point is not None for value in report.classes[name])]
    rows = []
    for row, auroc in zip(per_class_rows(report), report.classes["auroc"], strict=True):
        ranked = f"{_number(auroc.point)} {_interval(auroc)}".strip()
        rows.append((row["class"], row["n_positive"], _number(row["threshold"]), ranked, *(_number(row[name]) for name in shown)))
    return _table(("class", "positives", "threshold", "AUROC", *(name.upper() if len(name) < 6 else name for name in shown)), rows)


def _comparison_table(report: EvaluationReport) -> str:
    assert report.comparison is not None
    rows = [
        (TITLES[name], _number(d.first), _number(d.second), f"{d.difference:+.4f}", _interval(d, sign="+"), f"{d.p_value:.3f}")
        for name, d in report.comparison.differences.items()
        if d.difference is not None and d.p_value is not None
    ]
    return _table(("metric", "this", "other", "difference", f"{report.confidence:.0%} interval", "p"), rows)


def _table(header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _lines(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _cell(text: object) -> str:
    """Text that cannot break a table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def _number(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "–"


def _interval(estimate: object, sign: str = "") -> str:
    low, high = getattr(estimate, "low", None), getattr(estimate, "high", None)
    return "" if low is None or high is None else f"[{low:{sign}.4f}, {high:{sign}.4f}]"
