"""What the manifest of a trained checkpoint says."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from heart_reader.config import ExperimentConfig
from heart_reader.data.dataset import EcgDataset
from heart_reader.data.record_table import SPLITS, RecordTable
from heart_reader.features.feature_space import FeatureSpace
from heart_reader.models.registry import count_parameters, resolve_params

__all__ = ["build_manifest", "installed_versions", "records_sha256"]

VERSIONS = ("heart-reader", "torch", "numpy", "scipy", "scikit-learn")


def build_manifest(
    config: ExperimentConfig, network: nn.Module, records: EcgDataset, space: FeatureSpace | None, training: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything a reader of the checkpoint should know; what :func:`choose_decisions` gives is
    filled in by the caller.

    Parameters
    ----------
    network
        Trained.
    records
        Of all splits.
    space
        The features that the network takes, or None.
    training
        How the training went: ``epochs``, ``best_epoch``, ``elapsed_s``, ``device``, ``complete``.
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
        "levels": levels.to_json(),
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
        "config": config.to_json(),
        "seed": config.seed,
        "git_commit": _git_commit(),
        "versions": installed_versions(VERSIONS),
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


def installed_versions(names: Iterable[str]) -> dict[str, str | None]:
    """Return the version of each distribution, None where it is not installed."""
    found: dict[str, str | None] = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found
