"""The leaderboard, made from the reports of all runs.

A run is a folder with ``checkpoint/manifest.json`` and ``report-test/report.json``. What the page
says of it is also kept in ``leaderboard.json``, so that a run stays in the leaderboard when its
folder goes. A report counts only for the very checkpoint it was made with. Runs are ordered by
their validation macro-AUROC; what the test split says never moves a row.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from heart_reader.checkpoint import Checkpoint, load_manifest
from heart_reader.errors import DataError, Integrity
from heart_reader.evaluation.bootstrap import Estimate
from heart_reader.evaluation.markdown import lines, markdown_table, number, with_interval
from heart_reader.folders import write_text
from heart_reader.manifest import MANIFEST
from heart_reader.metrics import METRICS

__all__ = ["COLUMNS", "Run", "find_runs", "write_leaderboard"]

COLUMNS = ("macro_auroc", "macro_auprc", "fmax", "macro_f1", "macro_ece")
# Figures on the page, as they are called in a row.
SCORES = ("val_macro_auroc", *(f"test_{name}" for name in COLUMNS))
CHECKPOINT = "checkpoint"
KEPT = "leaderboard.json"
# What is kept of a run, enough for its row and for telling which runs are alike.
_OF_MANIFEST = ("sha256", "seed", "label_rule", "model", "config")
_OF_TRAINING = ("elapsed_s", "device", "threads")
_OF_REPORT = (
    "level", "split", "label_rule", "checkpoint_sha256", "class_names", "n_positive", "n_records", "draws", "confidence", "caveats",
)  # fmt: skip
# Where and how fast a run was made does not make it another configuration.
_ENVIRONMENT = {"data": ("root", "cache_dir"), "training": ("device", "threads")}


@dataclass(frozen=True)
class Run:
    """A trained checkpoint and what its reports say.

    Parameters
    ----------
    folder
        Folder of the run, below the one that was searched.
    checkpoint
        Its directory, which need not be there any more, and its manifest or what is kept of it.
    reports
        Split to what is kept of ``report.json``, for the splits that were evaluated.
    """

    folder: Path
    checkpoint: Checkpoint
    reports: Mapping[str, Mapping[str, Any]]

    @property
    def evaluated(self) -> bool:
        """Whether there is a report on the test split."""
        return "test" in self.reports

    @property
    def level(self) -> str:
        """Level of the reports; without any, the level of interest."""
        for report in self.reports.values():
            return str(report["level"])
        return str(self.checkpoint.manifest["config"]["task"]["level"])

    @property
    def val_score(self) -> float | None:
        """Validation macro-AUROC; None if undefined."""
        metrics = self.checkpoint.manifest["metrics"].get(self.level, {})
        score: float | None = (
            self.reports["val"]["metrics"]["macro_auroc"]["point"] if "val" in self.reports else metrics.get("macro_auroc")
        )
        return score

    @property
    def task(self) -> tuple[object, ...]:
        """What the test figures are about; those of other tasks are not comparable."""
        report = self.reports["test"]
        return (report["level"], report["label_rule"], *report["class_names"], report["n_records"], *report["n_positive"])

    @property
    def recipe(self) -> str:
        """Model and configuration as JSON, without the seed and what does not change the result."""
        config = dict(self.checkpoint.manifest["config"])
        for section, keys in _ENVIRONMENT.items():
            config[section] = {key: value for key, value in config[section].items() if key not in keys}
        return json.dumps([{**config, "seed": None}, self.checkpoint.manifest["model"]], sort_keys=True)

    def row(self) -> dict[str, Any]:
        """Return one flat row, None where a figure is not stated."""
        manifest: Mapping[str, Any] = self.checkpoint.manifest
        training = manifest.get("training", {})
        row = {
            "run": self.folder.as_posix(),
            "configuration": manifest["config"]["name"],
            "model": manifest["model"]["name"],
            "seed": manifest["seed"],
            "n_parameters": manifest["model"]["n_parameters"],
            "training_s": training.get("elapsed_s"),
            "device": training.get("device"),
            "threads": training.get("threads"),
            "level": self.level,
            "label_rule": manifest["label_rule"],
            "checkpoint": self.checkpoint.sha256[:12],
        }
        for split in ("val", "test"):
            report = self.reports.get(split)
            row[f"{split}_n_records"] = None if report is None else report["n_records"]
            for name in COLUMNS:
                estimate = {} if report is None else report["metrics"][name]
                row |= {f"{split}_{name}{end}": estimate.get(key) for end, key in (("", "point"), ("_low", "low"), ("_high", "high"))}
        return row | {"val_macro_auroc": self.val_score}

    def kept(self) -> dict[str, Any]:
        """Return what stays in ``leaderboard.json``."""
        manifest: Mapping[str, Any] = self.checkpoint.manifest
        kept = {
            **{key: manifest[key] for key in _OF_MANIFEST},
            "metrics": {self.level: {"macro_auroc": manifest["metrics"].get(self.level, {}).get("macro_auroc")}},
            "training": {key: manifest.get("training", {}).get(key) for key in _OF_TRAINING},
        }
        return {"folder": self.folder.as_posix(), "manifest": kept, "reports": dict(self.reports)}


def find_runs(root: Path) -> tuple[Run, ...]:
    """Find all runs below a folder, best validation macro-AUROC first.

    Parameters
    ----------
    root
        Such as ``results``. Hidden folders are passed over, and so are exported (ONNX) checkpoints,
        which are another form of a run.

    Returns
    -------
    tuple
        Runs without a test report too. A checkpoint that lies there twice is listed once, from
        where it has more reports.

    Raises
    ------
    CheckpointError
        If a manifest was altered, or a report was made with another checkpoint than the one beside
        it.
    DataError
        If there are no runs, or a report cannot be read.
    """
    runs: dict[str, Run] = {}
    for path in sorted(root.rglob(MANIFEST)):
        inside = path.parent.relative_to(root)
        if inside.name != CHECKPOINT or any(part.startswith(".") for part in inside.parts):
            continue
        checkpoint = Checkpoint(path.parent, load_manifest(path.parent))
        if checkpoint.runtime == "onnx":
            continue
        run = Run(inside.parent, checkpoint, _read_reports(root / inside.parent, checkpoint))
        known = runs.get(checkpoint.sha256)
        if known is None or len(known.reports) < len(run.reports):
            runs[checkpoint.sha256] = run
    for run in _kept_runs(root):
        if not (root / run.folder / CHECKPOINT / MANIFEST).exists():
            runs.setdefault(run.checkpoint.sha256, run)
    if not runs:
        raise DataError(f"{root}: no run in it: train one with heart-reader train --out {root / 'NAME'}")
    return tuple(sorted(runs.values(), key=lambda run: (-1.0 if run.val_score is None else -run.val_score, run.folder)))


def _kept_runs(root: Path) -> tuple[Run, ...]:
    """Return the runs of ``leaderboard.json``."""
    path = root / KEPT
    if not path.is_file():
        return ()
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        runs = tuple(Run(Path(one["folder"]), Checkpoint(root / one["folder"], one["manifest"]), one["reports"]) for one in entries)
        for run in runs:
            run.row()
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: cannot be understood ({type(error).__name__} {error}): restore it, or delete it") from None
    return runs


def _read_reports(folder: Path, checkpoint: Checkpoint) -> dict[str, Mapping[str, Any]]:
    reports: dict[str, Mapping[str, Any]] = {}
    for split in ("val", "test"):
        path = folder / f"report-{split}" / "report.json"
        if path.is_file():
            reports[split] = _read_report(path, split, checkpoint)
    levels = {report["level"] for report in reports.values()}
    if len(levels) > 1:
        raise DataError(f"{folder}: its reports are about different levels ({', '.join(sorted(levels))}): {_again(checkpoint, 'val')}")
    return reports


def _read_report(path: Path, split: str, checkpoint: Checkpoint) -> Mapping[str, Any]:
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
        metrics = {name: {end: whole["metrics"][name][end] for end in ("point", "low", "high")} for name in COLUMNS}
        report = {**{key: whole[key] for key in _OF_REPORT}, "metrics": metrics}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: no report ({type(error).__name__} {error}): {_again(checkpoint, split)}") from None
    if report["split"] != split:
        raise DataError(f"{path}: a report on split {report['split']!r}, split {split!r} is needed: {_again(checkpoint, split)}")
    made_with = str(report["checkpoint_sha256"])
    if made_with != checkpoint.sha256:
        raise Integrity(
            f"{path}: made with checkpoint {made_with[:12]}, but the one beside it is {checkpoint.sha256[:12]}: {_again(checkpoint, split)}"
        )
    return report


def _again(checkpoint: Checkpoint, split: str) -> str:
    return f"run heart-reader evaluate {checkpoint.directory} --split {split} again"


def write_leaderboard(root: Path, out: Path) -> tuple[Run, ...]:
    """Write the leaderboard of all runs below a folder, as a page and as a CSV beside it.

    Parameters
    ----------
    root
        Folder of runs.
    out
        The page, a ``.md``.

    Raises
    ------
    HeartReaderError
        If a run cannot be listed, see :func:`find_runs`, or a file cannot be written.
    """
    runs = find_runs(root)
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=list(runs[0].row()), lineterminator="\n")
    writer.writeheader()
    writer.writerows(run.row() for run in runs)
    write_text(out, _page(runs))
    kept = "[\n" + ",\n".join(json.dumps(run.kept(), sort_keys=True) for run in runs) + "\n]\n"
    write_text(root / KEPT, kept)
    write_text(out.with_suffix(".csv"), stream.getvalue())
    return runs


def _page(runs: Sequence[Run]) -> str:
    """One table per task, seeds of one configuration summarised, and what was not evaluated."""
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
        parts += ["## Not evaluated on the test split", lines(map(_not_evaluated, rest))]
    return "\n\n".join([*parts, "Research use only. Not a medical device."]) + "\n"


def _section(runs: Sequence[Run]) -> list[str]:
    reports = [run.reports["test"] for run in runs]
    first = reports[0]
    intervals = " or ".join(dict.fromkeys(f"{report['confidence']:.0%}, {report['draws']} bootstrap draws" for report in reports))
    classes = first["class_names"]
    caveats = [caveat for caveat in first["caveats"] if all(caveat in report["caveats"] for report in reports)]
    rows = [_row(place, run.row()) for place, run in enumerate(runs, start=1)]
    parts = [
        f"## {first['level']}: {first['n_records']} test records",
        f"Classes: {', '.join(classes) if len(classes) <= 9 else len(classes)}; label rule: {first['label_rule']}. AUPRC, Fmax, F1 and "
        f"ECE are of the test split. Brackets are intervals ({intervals}).",
        markdown_table(("", "run", "configuration", "model", "seed", "parameters", "training", *_titles(), "checkpoint"), rows),
    ]
    summary = _summary(runs)
    if summary:
        parts += ["Several seeds of one configuration, mean and range:", markdown_table(("configuration", "seeds", *_titles()), summary)]
    return [*parts, lines(caveats)] if caveats else parts


def _titles() -> tuple[str, ...]:
    return ("validation macro-AUROC", "test macro-AUROC", *(METRICS[name].class_title for name in COLUMNS[1:]))


def _row(place: int, row: dict[str, Any]) -> tuple[object, ...]:
    return (
        place,
        f"`{row['run']}`",
        row["configuration"],
        row["model"],
        row["seed"],
        f"{row['n_parameters']:,}",
        _training(row),
        *(with_interval(_estimate(row, name)) for name in SCORES[:2]),
        *(number(row[name]) for name in SCORES[2:]),
        f"`{row['checkpoint']}`",
    )


def _estimate(row: dict[str, Any], name: str) -> Estimate:
    return Estimate(row[name], row[f"{name}_low"], row[f"{name}_high"])


def _training(row: dict[str, Any]) -> str:
    if row["training_s"] is None:
        return "–"
    threads = f", {row['threads']} thread{'s' if row['threads'] != 1 else ''}" if row["device"] == "cpu" else ""
    return f"{row['training_s'] / 60:.1f} min, {row['device']}{threads}"


def _summary(runs: Sequence[Run]) -> list[tuple[object, ...]]:
    """One row per configuration with several seeds, best mean validation score first."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        groups.setdefault(run.recipe, []).append(run.row())
    several = [rows for rows in groups.values() if len({row["seed"] for row in rows}) > 1]
    several.sort(key=lambda rows: -mean(row["val_macro_auroc"] or 0.0 for row in rows))
    return [
        (
            rows[0]["configuration"],
            ", ".join(str(seed) for seed in sorted(row["seed"] for row in rows)),
            *(_spread(row[name] for row in rows) for name in SCORES),
        )
        for rows in several
    ]


def _not_evaluated(run: Run) -> str:
    score = "undefined" if run.val_score is None else f"{run.val_score:.4f}"
    row = run.row()
    return f"{row['configuration']}, seed {row['seed']} (`{row['run']}`): validation macro-AUROC {score} at level {run.level}"


def _spread(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{mean(known):.4f} ({min(known):.4f} to {max(known):.4f})" if known else "–"
