"""The leaderboard, made from the reports of all runs: ``python -m heart_reader.studies.leaderboard
results``.

A run is a folder with ``checkpoint/manifest.json`` and ``report-test/report.json``, or, where the
weights are not kept, with ``manifest.json`` and ``report-test.json``. A report counts only for the
very checkpoint it was made with. Runs are ordered by their validation macro-AUROC; what the test
split says never moves a row.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heart_reader.checkpoint import Checkpoint, load_manifest
from heart_reader.cli import run_command
from heart_reader.errors import ConfigError, DataError, Integrity
from heart_reader.folders import write_whole
from heart_reader.manifest import MANIFEST
from heart_reader.studies.leaderboard_page import page

__all__ = ["COLUMNS", "Run", "find_runs", "main", "write_leaderboard"]

COLUMNS = ("macro_auroc", "macro_auprc", "fmax", "macro_f1", "macro_ece")
CHECKPOINT = "checkpoint"
# Where and how fast a run was made does not make it another configuration.
_ENVIRONMENT = {"data": ("root", "cache_dir"), "training": ("device", "threads")}


@dataclass(frozen=True)
class Run:
    """A trained checkpoint and what its reports say.

    Parameters
    ----------
    folder
        Of the run, below the folder that was searched.
    checkpoint
        Its directory and verified manifest; the weights need not be there.
    reports
        Split to the content of ``report.json``, for the splits that were evaluated.
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
        if "val" in self.reports:
            return self.reports["val"]["metrics"]["macro_auroc"]["point"]
        return self.checkpoint.manifest["metrics"].get(self.level, {}).get("macro_auroc")

    @property
    def task(self) -> tuple[object, ...]:
        """What the test figures are about; those of other tasks are not comparable."""
        report = self.reports["test"]
        return (report["level"], report["label_rule"], *report["class_names"], report["n_records"], *report["n_positive"])

    @property
    def recipe(self) -> str:
        """The configuration without its seed and without what does not change the result, and the
        model as JSON.
        """
        config = dict(self.checkpoint.manifest["config"])
        for section, keys in _ENVIRONMENT.items():
            config[section] = {key: value for key, value in config[section].items() if key not in keys}
        return json.dumps([{**config, "seed": None}, self.checkpoint.manifest["model"]], sort_keys=True)

    def row(self) -> dict[str, Any]:
        """Return one flat row, None where a figure is not stated."""
        manifest = self.checkpoint.manifest
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
        if any(part.startswith(".") for part in inside.parts):
            continue
        checkpoint = Checkpoint(path.parent, load_manifest(path.parent))
        if checkpoint.runtime == "onnx":
            continue
        folder = inside.parent if inside.name == CHECKPOINT else inside
        run = Run(folder, checkpoint, _read_reports(root / folder, checkpoint))
        known = runs.get(checkpoint.sha256)
        if known is None or len(known.reports) < len(run.reports):
            runs[checkpoint.sha256] = run
    if not runs:
        raise DataError(f"{root}: no run in it: train one with python train.py --out {root / 'NAME'}")
    return tuple(sorted(runs.values(), key=lambda run: (-1.0 if run.val_score is None else -run.val_score, run.folder)))


def _read_reports(folder: Path, checkpoint: Checkpoint) -> dict[str, Mapping[str, Any]]:
    reports: dict[str, Mapping[str, Any]] = {}
    for split in ("val", "test"):
        for path in (folder / f"report-{split}" / "report.json", folder / f"report-{split}.json"):
            if path.is_file():
                reports[split] = _read_report(path, split, checkpoint)
                break
    levels = {report["level"] for report in reports.values()}
    if len(levels) > 1:
        raise DataError(f"{folder}: its reports are about different levels ({', '.join(sorted(levels))}): {_again(checkpoint, 'val')}")
    return reports


def _read_report(path: Path, split: str, checkpoint: Checkpoint) -> Mapping[str, Any]:
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        made_with, of_split = report["checkpoint_sha256"], report["split"]
        for key in ("level", "label_rule", "class_names", "n_records", "n_positive", "caveats", "confidence", "draws"):
            report[key]
        complete = all({"point", "low", "high"} <= report["metrics"][name].keys() for name in COLUMNS)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: no report ({type(error).__name__} {error}): {_again(checkpoint, split)}") from None
    if not complete or of_split != split:
        raise DataError(
            f"{path}: a report on split {of_split!r} or without intervals, split {split!r} is needed: {_again(checkpoint, split)}"
        )
    if made_with != checkpoint.sha256:
        raise Integrity(
            f"{path}: made with checkpoint {made_with[:12]}, but the one beside it is {checkpoint.sha256[:12]}: {_again(checkpoint, split)}"
        )
    return report


def _again(checkpoint: Checkpoint, split: str) -> str:
    return f"run python evaluate.py {checkpoint.directory} --split {split} again"


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
    write_whole(out, lambda path: path.write_text(page(runs), encoding="utf-8"))
    write_whole(out.with_suffix(".csv"), lambda path: path.write_text(stream.getvalue(), encoding="utf-8"))
    return runs


def _command(arguments: argparse.Namespace) -> None:
    out = arguments.out or arguments.root / "leaderboard.md"
    if out.suffix != ".md":
        raise ConfigError(f"--out {out}: the name of a .md file is needed; the .csv is written beside it")
    runs = write_leaderboard(arguments.root, out)
    n_evaluated = sum(run.evaluated for run in runs)
    print(f"{n_evaluated} runs evaluated, {len(runs) - n_evaluated} not; written to {out} and {out.with_suffix('.csv')}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0 if the leaderboard was written, 1 after a failure, 2 after a wrong
    call.
    """
    parser = argparse.ArgumentParser(
        prog="python -m heart_reader.studies.leaderboard", description="Make the leaderboard from the reports of all runs in a folder."
    )
    parser.add_argument("root", type=Path, help="folder of runs, such as results")
    parser.add_argument("--out", type=Path, help="the page (default: leaderboard.md in the folder of runs)")
    return run_command(parser, _command, argv)


if __name__ == "__main__":
    raise SystemExit(main())
