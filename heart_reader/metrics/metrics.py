"""Every metric under its true name: the formula in its docstring and nothing else.

All of them are computed by one class, :class:`WeightedSample`, from whole-number weights per
record: weights of one give the point estimate, the counts of a bootstrap draw give that draw. So a
point and its interval come from the same code.

A class without positives, or without negatives, has no ranking; one without positives has no
sensitivity and no F. Such a value is NaN, is left out of the mean over classes, and is named in the
report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heart_reader.errors import DataError
from heart_reader.metrics.ranking import EqualMassBins, RankedCells, RankedClass

__all__ = [
    "BETA",
    "METRICS",
    "N_BINS",
    "Metric",
    "Sample",
    "WeightedSample",
    "class_values",
    "fmax_threshold",
    "macro_mean",
    "metric_value",
]

BETA = 2.0
N_BINS = 15

Array = NDArray[np.float64]


class Sample:
    """Truth and probabilities of a set of records, sorted once and ready to be weighted.

    Parameters
    ----------
    y_true
        (n_records, n_classes), 0 or 1.
    y_prob
        (n_records, n_classes) in [0, 1].
    thresholds
        (n_classes,), present from this probability on; NaN where a class has none. None where no
        thresholded metric is wanted.

    Raises
    ------
    DataError
        If the shapes do not fit each other.
    """

    def __init__(self, y_true: ArrayLike, y_prob: ArrayLike, thresholds: ArrayLike | None = None) -> None:
        self.y_true = np.asarray(y_true) > 0.5
        self.y_prob = np.asarray(y_prob, dtype=np.float64)
        self.thresholds = None if thresholds is None else np.asarray(thresholds, dtype=np.float64)
        if self.y_true.ndim != 2 or self.y_true.shape != self.y_prob.shape:
            raise DataError(f"y_true {self.y_true.shape} and y_prob {self.y_prob.shape}: both must be (n_records, n_classes)")
        if self.thresholds is not None and self.thresholds.shape != (self.y_true.shape[1],):
            raise DataError(f"{self.thresholds.size} thresholds for {self.y_true.shape[1]} classes: one per class is needed")

    @cached_property
    def ranks(self) -> list[RankedClass]:
        """Every class by falling probability."""
        return [RankedClass(true, prob) for true, prob in zip(self.y_true.T, self.y_prob.T, strict=True)]

    @cached_property
    def cells(self) -> RankedCells:
        """All probabilities in one order."""
        return RankedCells(self.y_true, self.y_prob)

    @cached_property
    def bins(self) -> list[EqualMassBins]:
        """Every class by rising probability."""
        return [EqualMassBins(true, prob, N_BINS) for true, prob in zip(self.y_true.T, self.y_prob.T, strict=True)]

    @cached_property
    def label_share(self) -> Array:
        """(n_records, 1): 1 over the number of labels of a record, 1 where it has none."""
        return 1.0 / np.maximum(self.y_true.sum(axis=1, keepdims=True), 1)


@dataclass(frozen=True)
class Counts:
    """Weighted outcomes at the thresholds, (n_classes, n_draws) each, NaN for a class without
    threshold.
    """

    tp: Array
    fp: Array
    fn: Array
    tn: Array

    @classmethod
    def of(cls, sample: Sample, weights: Array) -> Counts:
        """Count under weights (n_records, n_draws)."""
        if sample.thresholds is None:
            raise DataError("a thresholded metric was asked for without thresholds: pass those chosen on validation")
        true, called = sample.y_true.T, (sample.y_prob >= sample.thresholds).T
        tp, n_called, n_true = ((mask.astype(np.float64) @ weights) for mask in (true & called, called, true))
        tp[np.isnan(sample.thresholds)] = np.nan
        fp, fn = n_called - tp, n_true - tp
        return cls(tp, fp, fn, weights.sum(axis=0) - tp - fp - fn)


class WeightedSample:
    """All metrics of one sample under many weightings; every property is (n_classes, n_draws),
    :attr:`fmax` (1, n_draws).

    Parameters
    ----------
    sample
        The records.
    weights
        (n_records, n_draws) whole numbers: how often each record was drawn. None counts every
        record once.
    """

    def __init__(self, sample: Sample, weights: Array | None = None) -> None:
        self.sample = sample
        self.weights = np.ones((len(sample.y_true), 1)) if weights is None else weights

    @cached_property
    def counts(self) -> Counts:
        """Outcomes at the thresholds."""
        return Counts.of(self.sample, self.weights)

    @cached_property
    def shared_counts(self) -> Counts:
        """Outcomes at the thresholds where each record counts 1 over its number of labels."""
        return Counts.of(self.sample, self.weights * self.sample.label_share)

    @cached_property
    def _curves(self) -> tuple[Array, Array]:
        auroc, auprc = zip(*(ranks.evaluate(self.weights) for ranks in self.sample.ranks), strict=True)
        return np.stack(auroc), np.stack(auprc)

    @property
    def auroc(self) -> Array:
        """Area under the ROC curve: P(a positive outranks a negative), ties counting half."""
        return self._curves[0]

    @property
    def auprc(self) -> Array:
        """Average precision: sum over thresholds of (R_k - R_k-1) P_k, without interpolation."""
        return self._curves[1]

    @cached_property
    def fmax(self) -> Array:
        """Sample-centric Fmax: max over one global threshold of 2 P R / (P + R).

        P is the mean precision over the records with at least one prediction, R the mean recall
        over the records with at least one label. The threshold is chosen on the evaluated records
        by definition.

        References
        ----------
        Radivojac P. et al. A large-scale evaluation of computational protein function prediction.
        Nature Methods 10 (2013) 221-227.
        """
        return self.sample.cells.evaluate(self.weights)[None]

    @property
    def f1(self) -> Array:
        """2 TP / (2 TP + FP + FN)."""
        return _f_measure(self.counts, 1.0)

    @property
    def f_beta(self) -> Array:
        """F-beta with beta 2 and label weighting: 5 TP / (5 TP + FP + 4 FN), each record counting 1
        / (number of its labels).

        A record without labels counts once. The challenge calls a class without positives but with
        false alarms 0; here it is undefined like every F of a class without positives.

        References
        ----------
        Perez Alday E. A. et al. Classification of 12-lead ECGs: the PhysioNet/Computing in
        Cardiology Challenge 2020. Physiological Measurement 41 (2020) 124003. Strodthoff N. et al.
        IEEE JBHI 25 (2021) 1519-1528.
        """
        return _f_measure(self.shared_counts, BETA)

    @property
    def g_beta(self) -> Array:
        """G-beta with beta 2 and the label weighting of :attr:`f_beta`: TP / (TP + FP + 2 FN);
        references there.
        """
        counts = self.shared_counts
        return _where_positive(counts, counts.tp, counts.tp + counts.fp + BETA * counts.fn)

    @property
    def sensitivity(self) -> Array:
        """TP / (TP + FN)."""
        return _ratio(self.counts.tp, self.counts.tp + self.counts.fn)

    @property
    def specificity(self) -> Array:
        """TN / (TN + FP)."""
        return _ratio(self.counts.tn, self.counts.tn + self.counts.fp)

    @property
    def ppv(self) -> Array:
        """Positive predictive value TP / (TP + FP); undefined where nothing is called."""
        return _ratio(self.counts.tp, self.counts.tp + self.counts.fp)

    @property
    def accuracy(self) -> Array:
        """(TP + TN) / all, class by class."""
        counts = self.counts
        return _ratio(counts.tp + counts.tn, counts.tp + counts.tn + counts.fp + counts.fn)

    @cached_property
    def ece(self) -> Array:
        """Expected calibration error over 15 equal-mass bins: sum over bins of mass * |mean
        probability - share of positives|.

        References
        ----------
        Nixon J. et al. Measuring calibration in deep learning. CVPR Workshops (2019).
        """
        by_draw = np.ascontiguousarray(self.weights.T)
        return np.stack([bins.evaluate(by_draw) for bins in self.sample.bins])

    @property
    def brier(self) -> Array:
        """Brier score: mean of (probability - truth) squared.

        References
        ----------
        Brier G. W. Verification of forecasts expressed in terms of probability. Monthly Weather
        Review 78 (1950) 1-3.
        """
        squared = (self.sample.y_prob - self.sample.y_true) ** 2
        return _ratio(squared.T @ self.weights, np.broadcast_to(self.weights.sum(axis=0), (squared.shape[1], self.weights.shape[1])))


@dataclass(frozen=True)
class Metric:
    """A metric and what it needs.

    Parameters
    ----------
    name
        Headline name, ``macro_`` for an unweighted mean over classes.
    class_name
        Name of the per-class value, None for a metric of whole records.
    compute
        Gives (n_classes, n_draws), or (1, n_draws) for a metric of whole records.
    needs_thresholds
        Whether it depends on decisions.
    needs_calibration
        Whether it depends on the probabilities themselves, not on their order.
    higher_is_better
        False for errors.
    """

    name: str
    class_name: str | None
    compute: Callable[[WeightedSample], Array]
    needs_thresholds: bool = False
    needs_calibration: bool = False
    higher_is_better: bool = True


def _named(*metrics: Metric) -> Mapping[str, Metric]:
    return MappingProxyType({metric.name: metric for metric in metrics})


METRICS: Mapping[str, Metric] = _named(
    Metric("macro_auroc", "auroc", lambda sample: sample.auroc),
    Metric("macro_auprc", "auprc", lambda sample: sample.auprc),
    Metric("fmax", None, lambda sample: sample.fmax),
    Metric("macro_f1", "f1", lambda sample: sample.f1, needs_thresholds=True),
    Metric("macro_f_beta", "f_beta", lambda sample: sample.f_beta, needs_thresholds=True),
    Metric("macro_g_beta", "g_beta", lambda sample: sample.g_beta, needs_thresholds=True),
    Metric("macro_sensitivity", "sensitivity", lambda sample: sample.sensitivity, needs_thresholds=True),
    Metric("macro_specificity", "specificity", lambda sample: sample.specificity, needs_thresholds=True),
    Metric("macro_ppv", "ppv", lambda sample: sample.ppv, needs_thresholds=True),
    Metric("macro_accuracy", "accuracy", lambda sample: sample.accuracy, needs_thresholds=True),
    Metric("macro_ece", "ece", lambda sample: sample.ece, needs_calibration=True, higher_is_better=False),
    Metric("macro_brier", "brier", lambda sample: sample.brier, needs_calibration=True, higher_is_better=False),
)


def class_values(name: str, y_true: ArrayLike, y_prob: ArrayLike, thresholds: ArrayLike | None = None) -> Array:
    """Return a metric of every class.

    Parameters
    ----------
    name
        A key of :data:`METRICS`.
    y_true, y_prob
        (n_records, n_classes).
    thresholds
        (n_classes,), for the metrics that need decisions.

    Returns
    -------
    ndarray
        (n_classes,), NaN where undefined; (1,) for a metric of whole records.

    Raises
    ------
    DataError
        If the metric is not known, the shapes do not fit or thresholds are missing.

    Examples
    --------
    >>> class_values("macro_auroc", [[1, 0], [0, 0], [1, 0]], [[0.9, 0.1], [0.4, 0.2], [0.3, 0.3]]).tolist()
    [0.5, nan]
    """
    if name not in METRICS:
        raise DataError(f"metric {name!r} is not known; choose among {', '.join(METRICS)}")
    return METRICS[name].compute(WeightedSample(Sample(y_true, y_prob, thresholds)))[:, 0]


def metric_value(name: str, y_true: ArrayLike, y_prob: ArrayLike, thresholds: ArrayLike | None = None) -> float:
    """Return a metric as one number: the mean of :func:`class_values` over the classes that have a
    value, else NaN.

    Raises
    ------
    DataError
        If the metric is not known, the shapes do not fit or thresholds are missing.

    Examples
    --------
    >>> metric_value("macro_f1", [[1, 0], [0, 1]], [[0.9, 0.8], [0.4, 0.7]], thresholds=[0.5, 0.5]).__round__(3)
    0.833
    """
    return float(macro_mean(class_values(name, y_true, y_prob, thresholds)[:, None])[0])


def macro_mean(values: Array) -> Array:
    """Mean over the first axis of what is not NaN; NaN where nothing is left."""
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0.0).sum(axis=0), defined.sum(axis=0))


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
    return np.where(counts.tp + counts.fn > 0, _ratio(numerator, denominator), np.nan)


def _ratio(numerator: Array, denominator: NDArray[np.number]) -> Array:
    """Quotient, NaN where the denominator is 0 or NaN."""
    return np.divide(numerator, denominator, out=np.full(np.shape(numerator), np.nan), where=denominator > 0)
