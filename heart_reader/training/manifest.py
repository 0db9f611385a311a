"""The manifest of trained weights, and the checkpoint with decisions chosen on validation."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from heart_reader import __version__
from heart_reader.checkpoint import Checkpoint, save_checkpoint, save_tensors
from heart_reader.classifier import EcgClassifier
from heart_reader.config import EvaluationConfig, ExperimentConfig
from heart_reader.data.dataset import EcgDataset
from heart_reader.data.record_table import SPLITS, RecordTable
from heart_reader.data.vocabulary import with_titles
from heart_reader.decisions.choose import choose_decisions
from heart_reader.features.feature_space import FeatureSpace
from heart_reader.folders import run_folder
from heart_reader.manifest import installed_versions
from heart_reader.models.registry import count_parameters, resolve_params

__all__ = ["build_manifest", "records_sha256", "save_with_decisions"]

VERSIONS = ("torch", "numpy", "scipy", "scikit-learn")
# Weights that read validation before there is a checkpoint; swept after a kill like all new files.
PROVISIONAL = ".new-provisional"


def build_manifest(
    config: ExperimentConfig, network: nn.Module, records: EcgDataset, space: FeatureSpace | None, training: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the manifest of trained weights; the caller adds what :func:`choose_decisions` gives.

    Parameters
    ----------
    space
        The features that the network takes, or None.
    training
        How the training went: ``epochs``, ``best_epoch``, ``elapsed_s``, ``device``, ``precision``,
        ``complete``.
    """
    table = records.table
    train = table.split("train")
    levels = table.space
    positives = {
        name: dict(zip(levels.levels[name].class_names, np.nansum(train.y_true(name), axis=0).astype(int).tolist(), strict=True))
        for name in levels.answerable()
        if name in table.labels
    }
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": {
            "name": config.model.name,
            "params": resolve_params(config.model.name, config.model.params),
            "n_parameters": count_parameters(network),
        },
        "preprocessor": records.preprocessor.to_json(),
        "leads": list(config.preprocessing.leads),
        "levels": with_titles(levels).to_json(),
        "label_rule": table.label_rule,
        "calibration": {},
        "thresholds": {},
        "uncertainty": None,
        "features": None if space is None else space.to_json(),
        "metrics": {},
        "data": {
            "source": table.source,
            "counts": table.counts(),
            "left_out": dict(table.left_out),
            "records_sha256": records_sha256(table),
            "train_positives": positives,
        },
        "training": {**training, "threads": torch.get_num_threads()},
        "config": config.to_manifest(),
        "seed": config.seed,
        "git_commit": _git_commit(),
        "versions": {"heart-reader": __version__, **installed_versions(VERSIONS)},
        "parent": None,
    }


def records_sha256(table: RecordTable) -> dict[str, str]:
    """Return for each split the hash of the sorted ids of its records."""
    ids = {name: sorted(table.record_ids[table.splits == name].tolist()) for name in SPLITS}
    return {name: hashlib.sha256("\n".join(names).encode()).hexdigest() for name, names in ids.items()}


def _git_commit() -> str | None:
    folder = Path(__file__).resolve().parents[2]
    git = shutil.which("git")
    if git is None or not (folder / ".git").exists():  # an installed package may lie within another repository
        return None
    answer = subprocess.run([git, "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    return answer.stdout.strip() or None


def save_with_decisions(
    out: Path, draft: Mapping[str, Any], tensors: Mapping[str, Tensor], val_set: EcgDataset, config: EvaluationConfig
) -> Checkpoint:
    """Write ``out/checkpoint`` with decisions chosen from what its weights read on validation.

    Parameters
    ----------
    draft
        The manifest, whose decisions and ``metrics`` are replaced.

    Raises
    ------
    ConfigError
        If another process works in ``out``.
    CheckpointError
        If the disk is full.
    DataError
        If ``val_set`` is of another split.
    """
    undecided = {**draft, "calibration": {}, "thresholds": {}, "uncertainty": {}, "metrics": {}}
    with run_folder(out):
        provisional = out / PROVISIONAL
        try:
            save_checkpoint(provisional, undecided, lambda path: save_tensors(path, tensors))
            classifier = EcgClassifier.load(provisional)
            levels = [name for name in classifier.space.answerable() if name in val_set.table.labels]
            decisions = choose_decisions(classifier.predict_levels(val_set, levels, calibrated=False), config)
        finally:
            shutil.rmtree(provisional, ignore_errors=True)
        return save_checkpoint(out / "checkpoint", {**undecided, **decisions}, lambda path: save_tensors(path, tensors))
