"""What an evaluation asks for, checked before slow libraries are loaded or records read."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from heart_reader.checkpoint import Checkpoint, understood
from heart_reader.config import ExperimentConfig, override_config
from heart_reader.data.build import build_table
from heart_reader.data.labels import LabelSpace
from heart_reader.data.record_table import RecordTable
from heart_reader.errors import ConfigError, DataError, NotServable
from heart_reader.predictions import Predictions
from heart_reader.weights.index import is_published

__all__ = ["checkpoint_config", "choose_folder", "read_split", "refuse_other_report"]

# What made the weights cannot be changed afterwards.
FIXED_SECTIONS = ("preprocessing", "augmentation", "model", "task", "training", "export")


def choose_folder(checkpoint: Checkpoint, config: ExperimentConfig, *, split: str, level: str) -> Path:
    """Return the folder of a report: beside the checkpoint, or in ``results/reports``."""
    name = split if level == config.task.level else f"{split}-{level}"
    home = checkpoint.directory.resolve()
    # Variants for devices stand side by side under their own names.
    reader = home.parent.name if home.name == "checkpoint" else home.name
    if is_published(checkpoint.sha256):
        return Path("results") / "reports" / f"{reader}-{name}"
    return home.parent / (f"report-{name}" if home.name == "checkpoint" else f"{reader}-report-{name}")


def read_split(checkpoint: Checkpoint, config: ExperimentConfig, *, split: str, level: str) -> RecordTable:
    """Read the table of the records of a split that a task at this level has.

    Raises
    ------
    NotServable
        If the checkpoint does not answer the level.
    DataError
        If the records cannot be used.
    """
    with understood(checkpoint):
        answered = LabelSpace.from_json(checkpoint.manifest["levels"]).answerable()
    if level not in answered:
        raise NotServable(f"{checkpoint.directory}: no level {level!r}; it answers {', '.join(answered)}")
    table = build_table(override_config(config, [f"task.level={level}"]), known_heads=True)
    table.describe_gaps(level, split, complete=True)
    return table.split(split)


def checkpoint_config(checkpoint: Checkpoint, overrides: Sequence[str]) -> ExperimentConfig:
    """Return the configuration of a checkpoint with overrides of what may still change.

    Raises
    ------
    ConfigError
        If an override would change what made the weights, or is not allowed.
    """
    fixed = [text for text in overrides if text.split(".")[0].split("=")[0] in FIXED_SECTIONS]
    if fixed:
        raise ConfigError(f"--set {fixed[0]}: belongs to the trained weights; data.*, evaluation.*, name and seed can be set")
    return override_config(ExperimentConfig.from_json(dict(checkpoint.manifest["config"])), overrides)


def refuse_other_report(out: Path, table: RecordTable, level: str) -> None:
    """Refuse to write a report over one of other records, other labels or another level.

    Parameters
    ----------
    out
        Folder that nobody named.
    table
        The records of the split to be evaluated.

    Raises
    ------
    ConfigError
        If such a report stands there.
    """
    if not (out / "report.json").exists():
        return
    y_true = table.y_true(level)
    known = ~np.isnan(y_true).any(axis=1)
    now = dict(zip(table.record_ids[known].tolist(), y_true[known].tolist(), strict=True))
    try:
        before = Predictions.load(out / "predictions.npz")
        same = before.level == level and dict(zip(before.record_ids.tolist(), before.y_true.tolist(), strict=True)) == now
    except (OSError, ValueError, KeyError, EOFError, DataError, zipfile.BadZipFile):
        same = False
    if not same:
        raise ConfigError(
            f"{out} holds a report of other records, labels or level, or of what is no longer known: name another folder, such as "
            f"--out {out}-2, or the same one with --out {out} to replace it"
        )
