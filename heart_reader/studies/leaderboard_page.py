"""The leaderboard as a Markdown page; the same runs always give the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import mean
from typing import TYPE_CHECKING, Any

from heart_reader.evaluation.markdown import markdown_table

if TYPE_CHECKING:
    from heart_reader.studies.leaderboard import Run

__all__ = ["page"]

_HEADER = (
    "", "run", "configuration", "model", "seed", "parameters", "training", "validation macro-AUROC", "test macro-AUROC", "AUPRC", "Fmax",
    "macro-F1", "ECE", "checkpoint",
)  # fmt: skip
_SUMMARY_HEADER = ("configuration", "seeds", "validation macro-AUROC", "test macro-AUROC", "AUPRC", "Fmax", "macro-F1", "ECE")
_SCORES = ("val_macro_auroc", "test_macro_auroc", "test_macro_auprc", "test_fmax", "test_macro_f1", "test_macro_ece")


def page(runs: Sequence[Run]) -> str:
    """Return the page: one table per task, seeds of one configuration summarised, and what was not
    evaluated.

    Parameters
    ----------
    runs
        In the order of the rows.
    """
    parts = [
        "# Leaderboard",
        "Made by `heart-reader leaderboard` from the reports of the runs. Rows are ordered by validation macro-AUROC, "
        "which also chose each run's weights, and is optimistic for that; the test split plays no part in the order.",
    ]
    evaluated = [run for run in runs if run.evaluated]
    for task in dict.fromkeys(run.task for run in evaluated):
        parts += _section([run for run in evaluated if run.task == task])
    rest = [run for run in runs if not run.evaluated]
    if rest:
        parts += ["## Not evaluated on the test split", "\n".join(map(_not_evaluated, rest))]
    return "\n\n".join([*parts, "Research use only. Not a medical device."]) + "\n"


def _section(runs: Sequence[Run]) -> list[str]:
    reports = [run.reports["test"] for run in runs]
    first = reports[0]
    intervals = " or ".join(dict.fromkeys(f"{report['confidence']:.0%}, {report['draws']} bootstrap draws" for report in reports))
    classes = first["class_names"]
    caveats = [caveat for caveat in first["caveats"] if all(caveat in report["caveats"] for report in reports)]
    rows = [_row(number, run.row()) for number, run in enumerate(runs, start=1)]
    parts = [
        f"## {first['level']}: {first['n_records']} test records",
        f"Classes: {', '.join(classes) if len(classes) <= 9 else len(classes)}; label rule: {first['label_rule']}. AUPRC, Fmax, macro-F1 "
        f"and ECE are of the test split. Brackets are intervals ({intervals}).",
        markdown_table(_HEADER, rows),
    ]
    summary = _summary(runs)
    if summary:
        parts += ["Several seeds of one configuration, mean and range:", markdown_table(_SUMMARY_HEADER, summary)]
    return [*parts, "\n".join(f"- {caveat}" for caveat in caveats)] if caveats else parts


def _row(number: int, row: dict[str, Any]) -> tuple[object, ...]:
    return (
        number,
        f"`{row['run']}`",
        row["configuration"],
        row["model"],
        row["seed"],
        f"{row['n_parameters']:,}",
        _training(row),
        _with_interval(row, "val_macro_auroc"),
        _with_interval(row, "test_macro_auroc"),
        *(_number(row[name]) for name in _SCORES[2:]),
        f"`{row['checkpoint']}`",
    )


def _training(row: dict[str, Any]) -> str:
    if row["training_s"] is None:
        return "–"
    threads = f", {row['threads']} thread{'s' if row['threads'] != 1 else ''}" if row["device"] == "cpu" else ""
    return f"{row['training_s'] / 60:.1f} min, {row['device']}{threads}"


def _summary(runs: Sequence[Run]) -> list[tuple[object, ...]]:
    """One row per configuration that was run with several seeds, best mean validation score first."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        groups.setdefault(run.recipe, []).append(run.row())
    several = [rows for rows in groups.values() if len({row["seed"] for row in rows}) > 1]
    several.sort(key=lambda rows: -mean(row["val_macro_auroc"] or 0.0 for row in rows))
    return [
        (
            rows[0]["configuration"],
            ", ".join(str(seed) for seed in sorted(row["seed"] for row in rows)),
            *(_spread(row[name] for row in rows) for name in _SCORES),
        )
        for rows in several
    ]


def _not_evaluated(run: Run) -> str:
    score = "undefined" if run.val_score is None else f"{run.val_score:.4f}"
    row = run.row()
    return f"- {row['configuration']}, seed {row['seed']} (`{row['run']}`): validation macro-AUROC {score} at level {run.level}"


def _with_interval(row: dict[str, Any], name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    interval = "" if low is None or high is None else f" [{low:.4f}, {high:.4f}]"
    return _number(row[name]) + interval


def _spread(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{mean(known):.4f} ({min(known):.4f} to {max(known):.4f})" if known else "–"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
