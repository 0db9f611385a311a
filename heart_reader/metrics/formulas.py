"""Every metric under its true name: the formula in its docstring and nothing else.

A class without positives, or without negatives, has no ranking; one without positives has no
sensitivity and no F. Such a value is NaN, is left out of the mean over classes, and is named in the
report.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heart_reader.metrics.ranking import ratio
from heart_reader.metrics.registry import register_metric
from heart_reader.metrics.sample import N_BINS, Counts, Sample, WeightedSample

__all__ = ["BETA", "N_BINS", "fmax_threshold"]

BETA = 2.0

Array = NDArray[np.float64]


@register_metric("macro_auroc", title="macro-AUROC", class_title="AUROC")
def auroc(sample: WeightedSample) -> Array:
    """Area under the ROC curve: P(a positive outranks a negative), ties counting half."""
    return sample.ranking[0]


@register_metric("macro_auprc", title="macro-AUPRC", class_title="AUPRC")
def auprc(sample: WeightedSample) -> Array:
    """Average precision: sum over thresholds of (R_k - R_k-1) P_k, without interpolation."""
    return sample.ranking[1]


@register_metric("fmax", title="Fmax (sample-centric)", class_title="Fmax")
def fmax(sample: WeightedSample) -> Array:
    """Sample-centric Fmax: max over one global threshold of 2 P R / (P + R).

    P is the mean precision over the records with at least one prediction, R the mean recall over
    the records with at least one label. The threshold is chosen on the evaluated records by
    definition.

    References
    ----------
    Radivojac P. et al. A large-scale evaluation of computational protein function prediction.
    Nature Methods 10 (2013) 221-227.
    """
    return sample.sample.cells.evaluate(sample.weights)[None]


@register_metric("macro_f1", title="macro-F1", class_title="F1", needs_thresholds=True)
def f1(sample: WeightedSample) -> Array:
    """2 TP / (2 TP + FP + FN)."""
    return _f_measure(sample.counts, 1.0)


@register_metric("macro_f_beta", title="F-beta (beta 2, label-weighted)", class_title="F-beta", needs_thresholds=True)
def f_beta(sample: WeightedSample) -> Array:
    """F-beta with beta 2 and label weighting: 5 TP / (5 TP + FP + 4 FN).

    Each record counts 1 / (number of its labels), a record without labels once. The challenge calls
    a class without positives but with false alarms 0; here it is undefined like every F of a class
    without positives.

    References
    ----------
    Perez Alday E. A. et al. Classification of 12-lead ECGs: the PhysioNet/Computing in Cardiology
    Challenge 2020. Physiological Measurement 41 (2020) 124003. Strodthoff N. et al. IEEE JBHI 25
    (2021) 1519-1528.
    """
    return _f_measure(sample.shared_counts, BETA)


@register_metric("macro_g_beta", title="G-beta (beta 2, label-weighted)", class_title="G-beta", needs_thresholds=True)
def g_beta(sample: WeightedSample) -> Array:
    """G-beta with beta 2 and the label weighting of :func:`f_beta`: TP / (TP + FP + 2 FN)."""
    counts = sample.shared_counts
    return _where_positive(counts, counts.tp, counts.tp + counts.fp + BETA * counts.fn)


@register_metric("macro_sensitivity", title="sensitivity", needs_thresholds=True)
def sensitivity(sample: WeightedSample) -> Array:
    """TP / (TP + FN)."""
    return ratio(sample.counts.tp, sample.counts.tp + sample.counts.fn)


@register_metric("macro_specificity", title="specificity", needs_thresholds=True)
def specificity(sample: WeightedSample) -> Array:
    """TN / (TN + FP)."""
    return ratio(sample.counts.tn, sample.counts.tn + sample.counts.fp)


@register_metric("macro_ppv", title="positive predictive value", class_title="PPV", needs_thresholds=True)
def ppv(sample: WeightedSample) -> Array:
    """Positive predictive value TP / (TP + FP); undefined where nothing is called."""
    return ratio(sample.counts.tp, sample.counts.tp + sample.counts.fp)


@register_metric("macro_accuracy", title="accuracy", needs_thresholds=True)
def accuracy(sample: WeightedSample) -> Array:
    """(TP + TN) / all, class by class."""
    counts = sample.counts
    return ratio(counts.tp + counts.tn, counts.tp + counts.tn + counts.fp + counts.fn)


@register_metric("macro_ece", title="expected calibration error", class_title="ECE", needs_calibration=True, higher_is_better=False)
def ece(sample: WeightedSample) -> Array:
    """Expected calibration error: sum over bins of mass * abs(mean probability - positives).

    There are 15 bins of equal mass; ``positives`` is the share of positives in a bin.

    References
    ----------
    Nixon J. et al. Measuring calibration in deep learning. CVPR Workshops (2019).
    """
    by_draw = np.ascontiguousarray(sample.weights.T)
    return np.stack([bins.evaluate(by_draw) for bins in sample.sample.bins])


@register_metric("macro_brier", title="Brier score", class_title="Brier", needs_calibration=True, higher_is_better=False)
def brier(sample: WeightedSample) -> Array:
    """Brier score: mean of (probability - truth) squared.

    References
    ----------
    Brier G. W. Verification of forecasts expressed in terms of probability. Monthly Weather Review
    78 (1950) 1-3.
    """
    squared = (sample.sample.y_prob - sample.sample.y_true).T ** 2
    return ratio(squared @ sample.weights, np.broadcast_to(sample.weights.sum(axis=0), (len(squared), sample.weights.shape[1])))


def fmax_threshold(y_true: ArrayLike, y_prob: ArrayLike) -> float | None:
    """Return the global threshold at which Fmax is reached, None where no record has a label.

    Raises
    ------
    DataError
        If the shapes do not fit each other.

    Examples
    --------
    >>> fmax_threshold([[1, 0], [0, 1]], [[0.9, 0.2], [0.4, 0.7]])
    0.7
    """
    sample = Sample(y_true, y_prob)
    if not sample.y_true.any():
        return None
    return float(sample.cells.cuts[sample.cells.curve(np.ones((len(sample.y_true), 1)))[:, 0].argmax()])


def _f_measure(counts: Counts, beta: float) -> Array:
    weight = beta * beta
    return _where_positive(counts, (1 + weight) * counts.tp, (1 + weight) * counts.tp + counts.fp + weight * counts.fn)


def _where_positive(counts: Counts, numerator: Array, denominator: Array) -> Array:
    return np.where(counts.tp + counts.fn > 0, ratio(numerator, denominator), np.nan)
