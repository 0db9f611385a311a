"""Measures of the order of probabilities, prepared once and evaluated under many weightings.

A bootstrap draw is a whole-number weight per record, so nothing needs to be sorted again inside a
draw. What AUROC, average precision and Fmax need is known at the probabilities of the positives
only: between two of them the measures cannot rise. Hence each is a sparse sum of weights per such
*cut*, and a cumulative sum over the cuts. Weights are (n_records, n_draws); sums of whole numbers
are exact in float64, so ties count exactly as in a plain computation on the repeated records.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

__all__ = ["EqualMassBins", "RankedCells", "RankedClass", "ratio"]

Array = NDArray[np.float64]


class RankedClass:
    """One class, its records ordered by falling probability.

    Parameters
    ----------
    y_true
        (n_records,) bool.
    y_prob
        (n_records,).
    """

    def __init__(self, y_true: NDArray[np.bool_], y_prob: Array) -> None:
        cuts = np.unique(y_prob[y_true])[::-1]
        positive, negative = np.flatnonzero(y_true), np.flatnonzero(~y_true)
        cut = _first_cut(cuts, y_prob[negative])
        tied = np.zeros(len(cut), dtype=bool)
        below_all = cut == len(cuts)
        tied[~below_all] = y_prob[negative][~below_all] == cuts[cut[~below_all]]
        shape = (len(cuts), len(y_true))
        self._positives = _sum_per_cut(_first_cut(cuts, y_prob[positive]), positive, shape)
        self._negatives = _sum_per_cut(cut[~below_all], negative[~below_all], shape)
        self._tied = _sum_per_cut(cut[tied], negative[tied], shape) if tied.any() else None
        self._is_negative = (~y_true).astype(np.float64)

    def evaluate(self, weights: Array) -> tuple[Array, Array]:
        """Return AUROC and average precision.

        Parameters
        ----------
        weights
            (n_records, n_draws).

        Returns
        -------
        auroc, auprc
            (n_draws,) each, NaN where a draw lacks positives or negatives.
        """
        hits = self._positives @ weights
        false_alarms = np.cumsum(self._negatives @ weights, axis=0)
        n_negative = self._is_negative @ weights
        true_alarms = np.cumsum(hits, axis=0)
        n_positive = true_alarms[-1] if len(true_alarms) else np.zeros(weights.shape[1])
        outranked = n_negative - false_alarms
        if self._tied is not None:
            outranked += 0.5 * (self._tied @ weights)
        alarms = np.add(true_alarms, false_alarms, out=false_alarms)
        # A cut that no drawn record reaches has no alarm and no hit: it adds 0, whatever the
        # precision is taken to be.
        precision = np.divide(true_alarms, np.maximum(alarms, 1.0, out=alarms), out=true_alarms.copy())
        defined = (n_positive > 0) & (n_negative > 0)
        auroc = ratio(np.einsum("gd,gd->d", hits, outranked), n_positive * n_negative)
        auprc = ratio(np.einsum("gd,gd->d", hits, precision), n_positive)
        return np.where(defined, auroc, np.nan), np.where(defined, auprc, np.nan)


class RankedCells:
    """All probabilities of all records in one falling order, for Fmax.

    Lowering the global threshold past a false alarm leaves recall as it is and cannot raise mean
    precision, so the maximum is reached at the probability of a true label.

    Parameters
    ----------
    y_true
        (n_records, n_classes) bool.
    y_prob
        (n_records, n_classes).
    """

    def __init__(self, y_true: NDArray[np.bool_], y_prob: Array) -> None:
        n_records, n_classes = y_true.shape
        order = np.argsort(-y_prob, axis=1, kind="stable")
        prob, true = np.take_along_axis(y_prob, order, axis=1), np.take_along_axis(y_true, order, axis=1)
        precision = np.cumsum(true, axis=1) / np.arange(1, n_classes + 1)
        n_labels = y_true.sum(axis=1)
        self.cuts = np.unique(y_prob[y_true])[::-1]
        cut = _first_cut(self.cuts, prob)
        record = np.broadcast_to(np.arange(n_records)[:, None], prob.shape)
        reached = cut < len(self.cuts)
        shape = (len(self.cuts), n_records)
        gain = np.diff(precision, axis=1, prepend=0.0)
        self._precision = _sum_per_cut(cut[reached], record[reached], shape, gain[reached])
        self._predicted = _sum_per_cut(cut[reached[:, 0], 0], np.flatnonzero(reached[:, 0]), shape)
        self._recall = _sum_per_cut(cut[true], record[true], shape, 1.0 / n_labels[record[true]])
        self._labelled = (n_labels > 0).astype(np.float64)

    def curve(self, weights: Array) -> Array:
        """Return F at every cut, (n_cuts, n_draws), for weights (n_records, n_draws)."""
        n_predicted = np.cumsum(self._predicted @ weights, axis=0)
        precision = np.cumsum(self._precision @ weights, axis=0)
        precision /= np.maximum(n_predicted, 1.0, out=n_predicted)
        recall = np.cumsum(self._recall @ weights, axis=0)
        recall /= np.maximum(self._labelled @ weights, 1.0)
        total = precision + recall
        # Where nothing drawn is predicted or found, precision and recall are 0 (to rounding) and so
        # is F.
        f: Array = np.divide(precision * recall, total, out=np.zeros_like(total), where=total > 1e-12)
        f *= 2.0
        return f

    def evaluate(self, weights: Array) -> Array:
        """Return Fmax, (n_draws,), NaN where no drawn record has a label."""
        if len(self.cuts) == 0:
            return np.full(weights.shape[1], np.nan)
        return np.where(self._labelled @ weights > 0, self.curve(weights).max(axis=0), np.nan)


class EqualMassBins:
    """One class, its records ordered by rising probability, for the expected calibration error.

    The summed error over the ordered records, as a function of the summed weight, is a line of
    straight pieces; the error of a bin is the difference of that line at its two edges. So every
    bin holds exactly the same mass in every draw, and what lies on an edge, a record or a group of
    equal probabilities, is shared between the two bins in proportion.

    Parameters
    ----------
    y_true
        (n_records,) bool.
    y_prob
        (n_records,).
    n_bins
        Number of bins.
    """

    def __init__(self, y_true: NDArray[np.bool_], y_prob: Array, n_bins: int) -> None:
        self._order = np.argsort(y_prob, kind="stable")
        ordered = y_prob[self._order]
        self._ends = np.flatnonzero(np.append(np.diff(ordered) > 0, True))
        self._error = (y_true - y_prob)[self._order]
        self._n_bins = n_bins

    def evaluate(self, weights: Array) -> Array:
        """Return the error, (n_draws,), for weights (n_draws, n_records): unlike elsewhere."""
        drawn = np.take(weights, self._order, axis=1)
        mass, error = _running_sum(drawn, self._ends), _running_sum(drawn * self._error, self._ends)
        ece = np.full(len(weights), np.nan)
        shares = np.arange(self._n_bins + 1) / self._n_bins
        for draw in np.flatnonzero(mass[:, -1] > 0):
            total = mass[draw, -1]
            at_edges = np.interp(shares * total, mass[draw], error[draw])
            ece[draw] = np.abs(np.diff(at_edges)).sum() / total
        return ece


def _first_cut(cuts: Array, y_prob: Array) -> NDArray[np.intp]:
    """Place of the first falling cut that each probability reaches, ``len(cuts)`` for none."""
    return np.searchsorted(-cuts, -y_prob, side="left")


def _sum_per_cut(cut: NDArray[np.intp], record: NDArray[np.intp], shape: tuple[int, int], value: Array | None = None) -> csr_array:
    """Sparse (n_cuts, n_records) matrix that sums the weights of the records of each cut."""
    return csr_array((np.ones(len(cut)) if value is None else value, (cut, record)), shape=shape)


def _running_sum(values: Array, ends: NDArray[np.intp]) -> Array:
    """Sums along the rows: 0, then up to and with each of ``ends``."""
    sums = np.zeros((len(values), values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return sums if len(ends) == values.shape[1] else sums[:, np.append(0, ends + 1)]


def ratio(numerator: Array, denominator: NDArray[np.number]) -> Array:
    """Quotient, NaN where the denominator is 0 or NaN."""
    quotient: Array = np.divide(numerator, denominator, out=np.full(np.shape(numerator), np.nan), where=denominator > 0)
    return quotient
