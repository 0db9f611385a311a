"""Choose the uncertain zone of every class on validation."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from heart_reader.decisions.decision import Thresholds, Uncertainty
from heart_reader.decisions.thresholds import require_validation
from heart_reader.errors import ConfigError
from heart_reader.predictions import Predictions

__all__ = ["RULE", "choose_uncertainty"]

RULE = "class_conditional_conformal"


def choose_uncertainty(predictions: Predictions, thresholds: Thresholds, *, alpha: float) -> Uncertainty:
    """Choose zones by class-conditional (Mondrian) split-conformal prediction.

    Of n positives of a class on validation let ``low`` be the k-th smallest probability, k =
    floor(alpha (n + 1)). A further positive, exchangeable with those, ranks below it with
    probability at most k / (n + 1) <= alpha, whatever the network and the distribution. ``high`` is
    the k-th largest probability of the negatives. Read as prediction sets: below ``low`` the label
    1 is rejected, above ``high`` the label 0.

    The zone is [min(low, threshold), max(high, threshold)], which settles all cases by one rule:

    - low <= high: both labels remain possible in between. A threshold beyond either end widens the
      zone, which only makes errors rarer, and keeps a decision from contradicting the threshold.
    - low > high: the classifier is better than promised, and any cut between the two keeps both
      promises. The zone is the threshold alone where that lies there, and else reaches from the
      threshold to the nearer of the two.
    - Fewer than ``ceil(1 / alpha) - 1`` positives (9 at 0.1): k is 0, no probability is low enough,
      ``low`` is 0 and the class is never read as absent. Likewise for negatives and ``high`` = 1.
      Falling back on the threshold would be a promise nobody can keep.
    - A class without a threshold has no zone and is always uncertain.

    The guarantee is one on average over validation sets: with twenty positives a single one can
    still miss it by some points. Calibration fitted on the same records does not harm the
    guarantee: it is monotone, so ranks are those of the network's own probabilities. That the
    weights were selected on validation, and that records can share a patient, does, slightly; hence
    the report measures what is reached on other records.

    Parameters
    ----------
    predictions
        Those of the validation split, calibrated as the classifier will be.
    thresholds
        Chosen on the same predictions.
    alpha
        Allowed share of errors of each kind, in (0, 0.5).

    Raises
    ------
    DataError
        If the predictions are not of the validation split.
    ConfigError
        If ``alpha`` is out of range, or the thresholds are not of these classes.

    References
    ----------
    Vovk V., Gammerman A., Shafer G. Algorithmic Learning in a Random World. Springer (2005),
    chapter 4.5. Vovk V. Conditional validity of inductive conformal predictors. PMLR 25 (2012)
    475-490. Sadinle M., Lei J., Wasserman L. Least ambiguous set-valued classifiers with bounded
    error levels. JASA 114 (2019) 223-234. Angelopoulos A. N., Bates S. Conformal prediction: a
    gentle introduction. Foundations and Trends in Machine Learning 16 (2023) 494-591.
    """
    require_validation(predictions, "uncertain zones")
    if len(thresholds.values) != len(predictions.class_names):
        raise ConfigError(
            f"uncertain zones: {len(thresholds.values)} thresholds for {len(predictions.class_names)} classes: one each is needed"
        )
    low: list[float | None] = []
    high: list[float | None] = []
    for true, prob, threshold in zip(predictions.y_true.T > 0.5, predictions.y_prob.T, thresholds.values, strict=True):
        low.append(None if threshold is None else min(_kth_smallest(prob[true], alpha, otherwise=0.0), threshold))
        high.append(None if threshold is None else max(-_kth_smallest(-prob[~true], alpha, otherwise=-1.0), threshold))
    n_positive = predictions.y_true.sum(axis=0).astype(int)
    return Uncertainty(
        RULE, predictions.split, alpha, tuple(low), tuple(high), tuple(n_positive.tolist()), tuple((len(predictions) - n_positive).tolist())
    )


def _kth_smallest(scores: NDArray[np.float64], alpha: float, *, otherwise: float) -> float:
    """The limit below which a further score lies with probability alpha, at most."""
    # The tolerance keeps a product such as 0.1 * 10 at its whole number.
    k = math.floor(alpha * (len(scores) + 1) + 1e-9)
    return float(np.partition(scores, k - 1)[k - 1]) if k > 0 else otherwise
