"""Calibration, thresholds and zones of uncertainty: chosen on validation through the one inference
path, and saved with the weights.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heart_reader.checkpoint import Checkpoint, save_checkpoint, save_tensors
from heart_reader.classifier import EcgClassifier
from heart_reader.config import EvaluationConfig
from heart_reader.data.dataset import EcgDataset
from heart_reader.decisions.calibration import fit_platt
from heart_reader.decisions.thresholds import HELD_OUT, choose_thresholds
from heart_reader.decisions.zones import choose_uncertainty
from heart_reader.folders import run_folder
from heart_reader.metrics import class_values, metric_value
from heart_reader.predictions import Predictions

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["choose_decisions", "decided_out_of_fold", "save_with_decisions"]

# Weights that validation is read with before there is a checkpoint; what a killed run leaves of it
# is swept like all that is new.
PROVISIONAL = ".new-provisional"


def save_with_decisions(
    out: Path, draft: Mapping[str, Any], tensors: Mapping[str, Tensor], val_set: EcgDataset, config: EvaluationConfig
) -> Checkpoint:
    """Write ``out/checkpoint`` with decisions chosen from what these very weights read on
    validation.

    Parameters
    ----------
    out
        Directory of the run.
    draft
        The manifest; its ``calibration``, ``thresholds``, ``uncertainty`` and ``metrics`` are
        replaced.
    tensors
        The weights.
    val_set
        Records of the validation split.
    config
        Rules.

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
            reader = EcgClassifier.load(provisional)
            levels = [name for name in reader.space.answerable() if name in val_set.table.labels]
            decisions = choose_decisions(reader.predict_levels(val_set, levels, calibrated=False), config)
        finally:
            shutil.rmtree(provisional, ignore_errors=True)
        return save_checkpoint(out / "checkpoint", {**undecided, **decisions}, lambda path: save_tensors(path, tensors))


def decided_out_of_fold(manifest: Mapping[str, Any]) -> bool:
    """Tell whether a checkpoint decides by all training records out of fold, which are many more
    than validation has.
    """
    return any(chosen["split"] == HELD_OUT for chosen in manifest["thresholds"].values())


def choose_decisions(raw: Mapping[str, Predictions], config: EvaluationConfig) -> dict[str, dict[str, Any]]:
    """Fit calibration, choose thresholds and score each level on validation.

    Parameters
    ----------
    raw
        Level name to predictions of the validation split before calibration. A level without any
        labelled record is left out.
    config
        Rules.

    Returns
    -------
    dict
        The manifest's ``calibration``, ``thresholds``, ``uncertainty`` and ``metrics``, each by
        level.

    Raises
    ------
    DataError
        If the predictions are of another split.
    """
    chosen: dict[str, dict[str, Any]] = {"calibration": {}, "thresholds": {}, "uncertainty": {}, "metrics": {}}
    for name, uncalibrated in raw.items():
        if len(uncalibrated) == 0:
            continue
        predictions = uncalibrated
        if config.calibration == "platt":
            calibration = fit_platt(uncalibrated)
            chosen["calibration"][name] = calibration.to_json()
            predictions = replace(uncalibrated, y_prob=calibration.apply(uncalibrated.y_prob))
        thresholds = choose_thresholds(predictions, config.thresholds, target=config.target_sensitivity, min_positives=config.min_positives)
        chosen["thresholds"][name] = thresholds.to_json()
        chosen["uncertainty"][name] = choose_uncertainty(predictions, thresholds, alpha=config.alpha).to_json()
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
