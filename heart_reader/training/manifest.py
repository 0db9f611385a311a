"""What the manifest of a trained checkpoint says."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from heart_reader.config import EvaluationConfig, ExperimentConfig
from heart_reader.data.record_table import SPLITS, RecordTable
from heart_reader.evaluation.calibration import fit_platt
from heart_reader.evaluation.metrics import class_values, metric_value
from heart_reader.evaluation.thresholds import choose_thresholds
from heart_reader.models.registry import count_parameters, resolve_params
from heart_reader.predictions import Predictions
from heart_reader.training.trainer import Trainer

__all__ = ["build_manifest", "choose_decisions"]

VERSIONS = ("heart-reader", "torch", "numpy", "scipy", "scikit-learn")


def build_manifest(config: ExperimentConfig, trainer: Trainer, table: RecordTable) -> dict[str, Any]:
    """Everything a reader of the checkpoint should know; calibration, thresholds and metrics are filled in by the caller."""
    space = table.space
    positives = {
        name: dict(
            zip(space.levels[name].class_names, np.nansum(trainer.train.table.y_true(name), axis=0).astype(int).tolist(), strict=True)
        )
        for name in space.answerable()
        if name in table.labels
    }
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": {
            "name": config.model.name,
            "params": resolve_params(config.model.name, config.model.params),
            "n_parameters": count_parameters(trainer.network),
        },
        "preprocessor": trainer.train.preprocessor.to_json(),
        "leads": list(config.preprocessing.leads),
        "levels": space.to_json(),
        "label_rule": table.label_rule,
        "calibration": {},
        "thresholds": {},
        "uncertainty": None,
        "features": None,
        "metrics": {},
        "data": {
            "source": table.source,
            "counts": table.counts(),
            "left_out": dict(table.left_out),
            "records_sha256": {name: _ids_sha256(table, name) for name in SPLITS},
            "train_positives": positives,
        },
        "training": {
            "epochs": trainer.progress.epoch,
            "best_epoch": trainer.progress.best_epoch,
            "elapsed_s": round(trainer.progress.elapsed_s, 1),
            "device": str(trainer.device),
            "threads": torch.get_num_threads(),
        },
        "config": config.to_json(),
        "seed": config.seed,
        "git_commit": _git_commit(),
        "versions": _versions(),
        "parent": None,
    }


def _ids_sha256(table: RecordTable, split: str) -> str:
    names = sorted(table.record_ids[table.splits == split].tolist())
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def _git_commit() -> str | None:
    folder = Path(__file__).resolve().parent
    git = shutil.which("git")
    if git is None:
        return None
    answer = subprocess.run([git, "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    return answer.stdout.strip() or None


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def choose_decisions(raw: Mapping[str, Predictions], config: EvaluationConfig) -> dict[str, dict[str, Any]]:
    """Fit calibration, choose thresholds and score each level on validation.

    Parameters
    ----------
    raw
        Level name to predictions of the validation split before calibration. A level without any labelled record is left out.
    config
        Rules.

    Returns
    -------
    dict
        The manifest's ``calibration``, ``thresholds`` and ``metrics``, each by level.

    Raises
    ------
    DataError
        If the predictions are of another split.
    """
    chosen: dict[str, dict[str, Any]] = {"calibration": {}, "thresholds": {}, "metrics": {}}
    for name, uncalibrated in raw.items():
        if len(uncalibrated) == 0:
            continue
        predictions = uncalibrated
        if config.calibration == "platt":
            calibration = fit_platt(uncalibrated)
            chosen["calibration"][name] = calibration.to_json()
            predictions = replace(uncalibrated, y_prob=calibration.apply(uncalibrated.y_prob))
        chosen["thresholds"][name] = choose_thresholds(predictions, config.thresholds, target=config.target_sensitivity).to_json()
        chosen["metrics"][name] = _validation_metrics(predictions)
    return chosen


def _validation_metrics(predictions: Predictions) -> dict[str, Any]:
    """Threshold-free scores of the split that chose the weights: optimistic, and labelled so."""
    per_class = class_values("macro_auroc", predictions.y_true, predictions.y_prob)
    return {
        "split": predictions.split,
        "n_records": len(predictions),
        "note": "the weights, calibration and thresholds were chosen on this split",
        "macro_auroc": _number(metric_value("macro_auroc", predictions.y_true, predictions.y_prob)),
        "macro_auprc": _number(metric_value("macro_auprc", predictions.y_true, predictions.y_prob)),
        "auroc": {name: _number(value) for name, value in zip(predictions.class_names, per_class, strict=True)},
        "n_positive": dict(zip(predictions.class_names, map(int, predictions.y_true.sum(axis=0)), strict=True)),
    }


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
