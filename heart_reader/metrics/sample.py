"""Truth and probabilities of some records, under whole-number weights per record.

Weights of one give the point estimate, the counts of a bootstrap draw give that draw. So a point
and its interval come from the same code.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heart_reader.errors import DataError
from heart_reader.metrics.ranking import EqualMassBins, RankedCells, RankedClass, ratio

__all__ = ["N_BINS", "Counts", "Sample", "WeightedSample", "macro_mean"]

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


@dataclass(frozen=True)
class Counts:
    """Weighted outcomes at the thresholds, (n_classes, n_draws) each; NaN without a threshold."""

    tp: Array
    fp: Array
    fn: Array
    tn: Array


class WeightedSample:
    """One sample under many weightings, from which every metric is computed.

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
        return self._count(self.weights)

    @cached_property
    def shared_counts(self) -> Counts:
        """Outcomes at the thresholds where each record counts 1 over its number of labels."""
        return self._count(self.weights * (1.0 / np.maximum(self.sample.y_true.sum(axis=1, keepdims=True), 1)))

    @cached_property
    def ranking(self) -> tuple[Array, Array]:
        """AUROC and average precision, (n_classes, n_draws) each."""
        auroc, auprc = zip(*(ranks.evaluate(self.weights) for ranks in self.sample.ranks), strict=True)
        return np.stack(auroc), np.stack(auprc)

    def _count(self, weights: Array) -> Counts:
        sample = self.sample
        if sample.thresholds is None:
            raise DataError("a thresholded metric was asked for without thresholds: pass those chosen on validation")
        true, called = sample.y_true.T, (sample.y_prob >= sample.thresholds).T
        tp, n_called, n_true = ((mask.astype(np.float64) @ weights) for mask in (true & called, called, true))
        tp[np.isnan(sample.thresholds)] = np.nan
        fp, fn = n_called - tp, n_true - tp
        return Counts(tp, fp, fn, weights.sum(axis=0) - tp - fp - fn)


def macro_mean(values: Array) -> Array:
    """Mean over the first axis of what is not NaN; NaN where nothing is left."""
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0.0).sum(axis=0), defined.sum(axis=0))
