"""Choose for each class the probability from which it counts as present, on validation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from heart_reader.decisions.decision import Thresholds
from heart_reader.errors import ConfigError, DataError
from heart_reader.metrics import BETA
from heart_reader.predictions import Predictions

__all__ = ["HELD_OUT", "RULES", "ThresholdRule", "choose_thresholds", "require_validation"]

ThresholdRule = Literal["youden", "f1", "fbeta", "target_sensitivity"]
RULES: tuple[ThresholdRule, ...] = ("youden", "f1", "fbeta", "target_sensitivity")

# Validation, and every training record read by what was trained without it, beside validation.
HELD_OUT = "out-of-fold+val"
DECIDING_SPLITS = ("val", HELD_OUT)
# True and false positives, (n_candidates,) each, with the numbers of positives and negatives, to a
# score per candidate.
_Score = Callable[[NDArray[np.float64], NDArray[np.float64], int, int], NDArray[np.float64]]


def choose_thresholds(
    predictions: Predictions, rule: ThresholdRule, *, beta: float = BETA, target: float | None = None, min_positives: int = 1
) -> Thresholds:
    """Choose one threshold per class on validation.

    Candidates lie halfway between neighbouring probabilities, so the choice does not hang on the
    last digit of one record. Among equally good ones the highest is taken.

    Parameters
    ----------
    predictions
        Those of the validation split, calibrated if the classifier will be.
    rule
        ``"youden"``: highest sensitivity + specificity. ``"f1"``, ``"fbeta"``: highest F of the
        class (every record counts once). ``"target_sensitivity"``: the highest threshold that
        reaches ``target``.
    beta
        Weight of sensitivity for ``"fbeta"``.
    target
        Sensitivity to reach, in (0, 1], for ``"target_sensitivity"``.
    min_positives
        A class with fewer positives or negatives gets none: a threshold between so few records says
        little about the next.

    Returns
    -------
    Thresholds
        None for a class with too few positives or negatives.

    Raises
    ------
    DataError
        If the predictions are not of the validation split.
    ConfigError
        If the rule is not known or lacks its target.

    References
    ----------
    Youden W. J. Index for rating diagnostic tests. Cancer 3 (1950) 32-35.
    """
    require_validation(predictions, "thresholds")
    name, score = _scoring(rule, beta, target)
    columns = zip(predictions.y_true.T > 0.5, predictions.y_prob.T, strict=True)
    return Thresholds(name, predictions.split, tuple(_best_threshold(true, prob, score, min_positives) for true, prob in columns))


def require_validation(predictions: Predictions, what: str) -> None:
    """Refuse records that the weights were trained with: validation or out of fold is needed.

    Raises
    ------
    DataError
        If the predictions are of another split.
    """
    if predictions.split not in DECIDING_SPLITS:
        raise DataError(
            f"{what} would be fitted on split {predictions.split!r}; only 'val' is allowed: pass the predictions of the validation split"
        )


def _scoring(rule: str, beta: float, target: float | None) -> tuple[str, _Score]:
    """Name to be recorded, and the score to be maximised."""
    if rule == "youden":
        return rule, lambda tp, fp, n_pos, n_neg: tp / n_pos - fp / n_neg
    if rule in ("f1", "fbeta"):
        weight = 1.0 if rule == "f1" else beta * beta
        return rule if rule == "f1" else f"fbeta={beta:g}", lambda tp, fp, n_pos, _: (1 + weight) * tp / (tp + fp + weight * n_pos)
    if rule == "target_sensitivity":
        if target is None or not 0 < target <= 1:
            raise ConfigError(
                f"rule target_sensitivity with target {target}; a number in (0, 1] is needed: set evaluation.target_sensitivity"
            )
        # Candidates come from the highest down, so the first that reaches the target is the
        # highest.
        return f"target_sensitivity={target:g}", lambda tp, _fp, n_pos, _n_neg: (tp / n_pos >= target - 1e-12).astype(np.float64)
    raise ConfigError(f"threshold rule {rule!r} is not known; choose among {', '.join(RULES)}")


def _best_threshold(y_true: NDArray[np.bool_], y_prob: NDArray[np.float64], score: _Score, min_positives: int) -> float | None:
    n_pos = int(y_true.sum())
    n_neg = len(y_true) - n_pos
    if min(n_pos, n_neg) < min_positives:
        return None
    falling = np.unique(y_prob)[::-1]
    group = np.searchsorted(-falling, -y_prob)
    tp = np.cumsum(np.bincount(group, weights=y_true, minlength=len(falling))).astype(np.float64)
    fp = np.cumsum(np.bincount(group, weights=~y_true, minlength=len(falling))).astype(np.float64)
    best = int(np.argmax(score(tp, fp, n_pos, n_neg)))
    below = falling[best + 1] if best + 1 < len(falling) else 0.0
    middle = float((falling[best] + below) / 2)
    # Between two neighbouring floats the middle may round down onto the lower one.
    return middle if middle > below else float(falling[best])
