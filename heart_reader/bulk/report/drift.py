"""Whether one part of the records is like another: the same numbers for blocks and for results.

Population stability index: ``sum((a - b) * ln(a / b))`` over ten bins, limited by the deciles of
the reference, and one of unknown values, where ``a`` and ``b`` are the shares of both parts in a
bin, 0.0001 at least. Of two samples of one population it is about ``k * (1 / n_a + 1 / n_b)`` with
``k`` one less than the number of bins. Kolmogorov-Smirnov distance: the largest difference between
the shares of known values up to any value.

References
----------
Siddiqi N. Credit risk scorecards. Wiley, 2006: below 0.1 no change, above 0.25 a large one.
Yurdakul B., Naranjo J. Statistical properties of the population stability index. Journal of Risk
Model Validation 14 (2020) 89-100. Newcombe R. G. Interval estimation for the difference between
independent proportions. Statistics in Medicine 17 (1998) 873-890, method 10.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.bulk.report.cohort import CATEGORIES, Cohort, wilson

__all__ = ["LARGE", "MOST_BLOCKS", "SMALL", "against", "between_blocks", "difference", "ks_distance", "stability_index"]

SMALL, LARGE = 0.1, 0.25
MOST_BLOCKS = 10
# A block of fewer records says little of ten bins.
FEWEST_OF_BLOCK = 100
_BINS, _LEAST_SHARE = 10, 1e-4


def stability_index(values: NDArray[np.floating], reference: NDArray[np.floating]) -> float:
    """Return the population stability index of two parts, NaN for unknown.

    Examples
    --------
    >>> one = np.arange(1000.0)
    >>> stability_index(one, one), round(stability_index(one + 100, one), 2)
    (0.0, 0.76)
    """
    known = reference[np.isfinite(reference)]
    limits = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1])) if known.size else np.empty(0)

    def shares(of: NDArray[np.floating]) -> NDArray[np.float64]:
        finite = of[np.isfinite(of)]
        inside = np.bincount(np.searchsorted(limits, finite, side="right"), minlength=len(limits) + 1)
        return np.append(inside, len(of) - len(finite)) / max(1, len(of))

    return _index(shares(values), shares(reference))


def _index(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    a, b = np.maximum(a, _LEAST_SHARE), np.maximum(b, _LEAST_SHARE)
    return float(np.sum((a - b) * np.log(a / b)))


def _category_index(ours: Counter[str], theirs: Counter[str]) -> float:
    words = sorted(ours.keys() | theirs.keys())
    a, b = (np.array([of[word] for word in words], float) / max(1, of.total()) for of in (ours, theirs))
    return _index(a, b)


def ks_distance(values: NDArray[np.floating], reference: NDArray[np.floating]) -> float | None:
    """Return the largest distance of two distributions; None where nothing is known of one.

    Examples
    --------
    >>> ks_distance(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    0.5
    """
    a, b = (np.sort(of[np.isfinite(of)]) for of in (values, reference))
    if not (a.size and b.size):
        return None
    at = np.concatenate((a, b))
    return float(np.abs(np.searchsorted(a, at, side="right") / a.size - np.searchsorted(b, at, side="right") / b.size).max())


def between_blocks(cohort: Cohort) -> dict[str, Any] | None:
    """Compare consecutive blocks of the records, each with all others; None for too few records."""
    n_blocks = min(MOST_BLOCKS, cohort.n_read // FEWEST_OF_BLOCK)
    if n_blocks < 2:
        return None
    edges = np.linspace(0, cohort.n_read, n_blocks + 1).astype(int)
    variables = {}
    for name, values in cohort.numbers.items():
        parts = [(values[first:last], np.concatenate((values[:first], values[last:]))) for first, last in pairwise(edges.tolist())]
        variables[name] = [round(stability_index(block, rest), 5) for block, rest in parts]
    size = int(edges[1])
    by_chance = _BINS * (1 / size + 1 / (cohort.n_read - size))
    return {"blocks": n_blocks, "records_per_block": size, "by_chance": by_chance, "psi": variables}


def against(cohort: Cohort, other: Cohort) -> dict[str, Any]:
    """Compare a result with another one, which is the reference."""
    numbers = {
        name: {"psi": stability_index(values, other.numbers[name]), "ks": ks_distance(values, other.numbers[name])}
        for name, values in cohort.numbers.items()
        if name in other.numbers
    }
    categories = {name: _category_index(cohort.categories[name], other.categories[name]) for name in CATEGORIES}
    codes = sorted(cohort.lists["statements"].keys() | other.lists["statements"].keys())
    statements = {}
    for code in codes:
        ours, theirs = cohort.lists["statements"][code], other.lists["statements"][code]
        statements[code] = dict(zip(("difference", "low", "high"), difference(ours, cohort.n_read, theirs, other.n_read), strict=True))
    return {
        "folder": str(other.folder),
        "read": other.n_read,
        "by_chance": _BINS * (1 / max(1, cohort.n_read) + 1 / max(1, other.n_read)),
        "versions_that_differ": sorted(name for name in cohort.versions if cohort.versions[name] != other.versions.get(name)),
        "numbers": numbers,
        "categories": categories,
        "statements": statements,
    }


def difference(n: int, n_all: int, n_other: int, n_all_other: int) -> tuple[float, float, float]:
    """Return the difference of two shares and its interval of 95 %, from Wilson's of each.

    Examples
    --------
    >>> [round(value, 4) for value in difference(56, 70, 48, 80)]
    [0.2, 0.0524, 0.3339]
    """
    share, low, high = wilson(n, n_all)
    other, other_low, other_high = wilson(n_other, n_all_other)
    between = share - other
    return between, between - math.hypot(share - low, other_high - other), between + math.hypot(high - share, other - other_low)
