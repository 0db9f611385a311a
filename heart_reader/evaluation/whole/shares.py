"""Shares and rates with their intervals: anything that is one sum over records divided by another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from heart_reader.evaluation.bootstrap import Estimate, bootstrap_units, draw_weights, estimate_of

__all__ = ["estimate_ratios", "estimate_shares"]

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


def estimate_shares(
    parts: ArrayLike, wholes: ArrayLike, patient_ids: NDArray[np.str_], *, draws: int, confidence: float, seed: int
) -> tuple[Estimate, ...]:
    """Like :func:`estimate_ratios` for how many of some records have a property.

    Where none or all of them have it no draw differs from the records, so the interval is the exact
    binomial one over patients.

    Parameters
    ----------
    parts, wholes
        (n_shares, n_records) bool each: which records have the property, and of which.
    patient_ids, draws, confidence, seed
        As in :func:`estimate_ratios`.

    Examples
    --------
    >>> patients = np.array([f"p{row}" for row in range(50)])
    >>> none = estimate_shares([np.zeros(50)], [np.ones(50)], patients, draws=10, confidence=0.95, seed=0)[0]
    >>> none.point, none.low, round(none.high, 3)
    (0.0, 0.0, 0.071)

    References
    ----------
    Clopper C. J., Pearson E. S. The use of confidence or fiducial limits. Biometrika 26 (1934)
    404-413.
    """
    estimates = estimate_ratios(parts, wholes, patient_ids, draws=draws, confidence=confidence, seed=seed)
    units = bootstrap_units(patient_ids)

    def exact(estimate: Estimate, whole: NDArray[np.bool_]) -> Estimate:
        if estimate.point not in (0.0, 1.0):
            return estimate
        certain = ((1 - confidence) / 2) ** (1 / len(np.unique(units[whole])))
        return replace(estimate, low=0.0, high=1 - certain) if estimate.point == 0.0 else replace(estimate, low=certain, high=1.0)

    return tuple(exact(*pair) for pair in zip(estimates, np.asarray(wholes, dtype=bool), strict=True))


def _ratio(upper: Array, lower: Array) -> Array:
    """Quotient, NaN where there is nothing to divide by."""
    return np.divide(upper, lower, out=np.full_like(upper, np.nan), where=lower > 0)
