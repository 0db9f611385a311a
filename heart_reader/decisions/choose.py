"""Choose the decisions of every level on records that the weights were not trained with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from heart_reader.decisions.calibration import fit_platt
from heart_reader.decisions.decision import Decisions
from heart_reader.decisions.thresholds import HELD_OUT, choose_thresholds
from heart_reader.decisions.zones import choose_uncertainty
from heart_reader.metrics import class_values, metric_value
from heart_reader.predictions import Predictions

if TYPE_CHECKING:
    from heart_reader.config import EvaluationConfig

__all__ = ["choose_decisions", "decided_out_of_fold"]


def decided_out_of_fold(manifest: Mapping[str, Any]) -> bool:
    """Return whether a checkpoint decides by training records read out of fold."""
    return any(chosen["split"] == HELD_OUT for chosen in manifest["thresholds"].values())


def choose_decisions(raw: Mapping[str, Predictions], config: EvaluationConfig) -> dict[str, dict[str, Any]]:
    """Fit calibration, choose thresholds and score each level on validation.

    Parameters
    ----------
    raw
        By level predictions on validation before calibration; a level without records is left out.

    Returns
    -------
    dict
        The manifest's ``calibration``, ``thresholds``, ``uncertainty`` and ``metrics``.

    Raises
    ------
    DataError
        If the predictions are of another split.
    """
    decisions, metrics = {}, {}
    for name, uncalibrated in raw.items():
        if len(uncalibrated) == 0:
            continue
        calibration = fit_platt(uncalibrated) if config.calibration == "platt" else None
        predictions = replace(uncalibrated, y_prob=Decisions(calibration).calibrate(uncalibrated.y_prob))
        thresholds = choose_thresholds(predictions, config.thresholds, target=config.target_sensitivity, min_positives=config.min_positives)
        decisions[name] = Decisions(calibration, thresholds, choose_uncertainty(predictions, thresholds, alpha=config.alpha))
        metrics[name] = _validation_metrics(predictions)
    return {**Decisions.to_manifest(decisions), "metrics": metrics}


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
