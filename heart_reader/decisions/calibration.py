"""Fit one line per class on the log-odds of validation, so that 0.3 means three in ten."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from heart_reader.decisions.decision import Calibration, log_odds
from heart_reader.decisions.thresholds import require_validation
from heart_reader.metrics import metric_value
from heart_reader.predictions import Predictions

__all__ = ["MIN_CASES", "ece_by_chance", "fit_platt"]

# With fewer positives, or negatives, the line would follow single records.
MIN_CASES = 5
# A class that is ranked backwards on validation gets an almost flat line, never a falling one.
MIN_SLOPE = 0.01
CHANCE_DRAWS = 200


def fit_platt(predictions: Predictions) -> Calibration:
    """Fit a per-class affine calibration by maximum likelihood with Platt's smoothed targets.

    Targets are (n_pos + 1) / (n_pos + 2) and 1 / (n_neg + 2) in place of 1 and 0, which keeps the
    line finite where a class is separated without error. Slopes are positive, so AUROC stays. A
    class with fewer than five positives or negatives passes unchanged and is marked as not fitted.

    Parameters
    ----------
    predictions
        Those of the validation split, as the network gives them.

    Raises
    ------
    DataError
        If the predictions are not of the validation split.

    References
    ----------
    Platt J. Probabilistic outputs for support vector machines and comparisons to regularized
    likelihood methods. In: Advances in Large Margin Classifiers, MIT Press (1999) 61-74.
    """
    require_validation(predictions, "calibration")
    slopes, intercepts, fitted = [], [], []
    for true, prob in zip(predictions.y_true.T > 0.5, predictions.y_prob.T, strict=True):
        n_pos = int(true.sum())
        enough = min(n_pos, len(true) - n_pos) >= MIN_CASES
        slope, intercept = _fit_line(log_odds(prob), true) if enough else (1.0, 0.0)
        slopes.append(slope)
        intercepts.append(intercept)
        fitted.append(enough)
    return Calibration("platt", predictions.split, tuple(slopes), tuple(intercepts), tuple(fitted))


def ece_by_chance(y_prob: NDArray[np.float64], seed: int) -> tuple[float, float, float]:
    """Return the macro ECE of a perfectly calibrated classifier on as many records.

    The error is never zero on a finite number of records, because the share of positives in a bin
    is a matter of chance; only what exceeds it is a fault of the calibration.

    Parameters
    ----------
    y_prob
        (n_records, n_classes); labels are drawn with these probabilities.

    Returns
    -------
    tuple
        Mean, and the limits of the middle 95 % of draws.
    """
    rng = np.random.default_rng(seed)
    drawn = [metric_value("macro_ece", (rng.random(y_prob.shape) < y_prob).astype(np.float32), y_prob) for _ in range(CHANCE_DRAWS)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(np.mean(drawn)), float(low), float(high)


def _fit_line(x: NDArray[np.float64], y_true: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and intercept of the smallest cross-entropy; convex, two unknowns."""
    n_pos = y_true.sum()
    target = np.where(y_true, (n_pos + 1) / (n_pos + 2), 1 / (len(x) - n_pos + 2))

    def loss(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = line[0] * x + line[1]
        residual = 0.5 * (1 + np.tanh(z / 2)) - target
        return float(np.mean(np.logaddexp(0, z) - target * z)), np.array([np.mean(residual * x), np.mean(residual)])

    options = {"ftol": 1e-14, "gtol": 1e-9, "maxiter": 500}
    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(MIN_SLOPE, None), (None, None)], options=options)
    return float(found.x[0]), float(found.x[1])
