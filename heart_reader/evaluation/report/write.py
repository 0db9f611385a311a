"""Write a report with its tables, its figures and the predictions it rests on."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from heart_reader.evaluation.figures import save_figure
from heart_reader.evaluation.report import curves, rows
from heart_reader.evaluation.report.page import per_class_rows, report_page
from heart_reader.evaluation.report.report import EvaluationReport
from heart_reader.evaluation.subgroups import SubgroupRow, subgroup_csv_rows
from heart_reader.folders import write_whole
from heart_reader.predictions import Predictions

__all__ = ["write_csv", "write_report"]

# Files that not every report has: those of an earlier one do not stay.
OPTIONAL = frozenset({"confusion.png", "selective.png", "statements.png", "subgroups.csv", "subgroups.png"})
# Beyond so many classes a panel for each cannot be read.
MAX_PANELS = 8


def write_report(
    report: EvaluationReport, predictions: Predictions, out: Path, subgroups: tuple[SubgroupRow, ...] = ()
) -> tuple[Path, ...]:
    """Write a report into a folder; each file whole or not at all.

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
        "report.md": lambda path: path.write_text(report_page(report), encoding="utf-8"),
        "per_class.csv": partial(write_csv, per_class_rows(report)),
        "predictions.npz": predictions.save,
        "roc.png": _figure(curves.draw_roc, predictions, report.classes["auroc"], report.confidence),
        "pr.png": _figure(curves.draw_precision_recall, predictions, report.classes["auprc"], report.confidence),
        "calibration.png": _figure(curves.draw_reliability, predictions, report.classes["ece"]),
    }
    if report.thresholds is not None and report.thresholds.split != report.split:
        writers["confusion.png"] = _figure(curves.draw_confusion, predictions, report.thresholds)
    if report.selective.points:
        writers["selective.png"] = _figure(curves.draw_selective, predictions, report.selective, report.confidence)
    if report.statements is not None and report.statements.auroc:
        all_known = f"{report.split}, {report.statements.n_records} records"
        writers["statements.png"] = _figure(rows.draw_statements, report.statements, all_known, report.confidence)
    if subgroups:
        writers["subgroups.csv"] = partial(write_csv, subgroup_csv_rows(subgroups))
        shown = [row for row in subgroups if row.level == report.level]
        if shown and len(predictions.class_names) <= MAX_PANELS:
            about = f"{report.level}, {report.split}, {len(predictions)} records"
            writers["subgroups.png"] = _figure(rows.draw_subgroups, shown, about, report.confidence)
    for name in OPTIONAL - writers.keys():  # those of an earlier report would be taken for this one's
        if (out / name).is_file():
            (out / name).unlink()
    for name, write in writers.items():
        write_whole(out / name, write)
    return tuple(out / name for name in writers)


def write_csv(rows: Sequence[Mapping[str, object]], path: Path) -> None:
    """Write rows of the same columns, an empty cell for None.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _figure(draw: Callable[..., Figure], *arguments: object) -> Callable[[Path], None]:
    return lambda path: save_figure(draw(*arguments), path)
