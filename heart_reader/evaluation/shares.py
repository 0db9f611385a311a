"""Shares and rates with their intervals: anything that is one sum over records divided by another."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heart_reader.evaluation.bootstrap import Estimate, draw_weights, estimate_of

__all__ = ["estimate_ratios"]

Array = NDArray[np.float64]


def estimate_ratios(
    numerators: ArrayLike, denominators: ArrayLike, patient_ids: NDArray[np.str_], *, draws: int, confidence: float, seed: int
) -> tuple[Estimate, ...]:
    """Estimate sums over records divided by other sums, with percentile intervals over patients.

    Parameters
    ----------
    numerators, denominators
        (n_ratios, n_records) each: what every record adds.
    patient_ids
        (n_records,), empty where unknown.
    draws, confidence, seed
        As in :func:`heart_reader.evaluation.bootstrap.bootstrap`; equal seeds draw equal patients.

    Returns
    -------
    tuple
        n_ratios estimates, empty where the denominator is 0.

    Examples
    --------
    >>> patients = np.array(["a", "b", "c", "d"])
    >>> estimate_ratios([[1, 0, 0, 1]], [[1, 1, 1, 1]], patients, draws=100, confidence=0.9, seed=0)[0].point
    0.5
    """
    upper, lower = np.asarray(numerators, dtype=np.float64), np.asarray(denominators, dtype=np.float64)
    if upper.size == 0:
        return (Estimate(None, None, None),) * len(upper)
    point = _ratio(upper.sum(axis=1), lower.sum(axis=1))
    drawn = np.concatenate([_ratio(upper @ weights, lower @ weights) for weights in draw_weights(patient_ids, draws, seed)], axis=1)
    return tuple(estimate_of(float(value), of_draws, confidence) for value, of_draws in zip(point, drawn, strict=True))


def _ratio(upper: Array, lower: Array) -> Array:
    """Quotient, NaN where there is nothing to divide by."""
    return np.divide(upper, lower, out=np.full_like(upper, np.nan), where=lower > 0)
