"""Deal records into folds and splits, patients whole."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

__all__ = ["deal", "splits_of_fold"]

# Of the patients who are not tested, one in so many validates.
_VALIDATES = 6


def deal(labels: NDArray[np.float32], units: NDArray[np.integer], n_folds: int, seed: int) -> NDArray[np.int64]:
    """Return the fold of each record, (n_records,), so that folds have all classes alike.

    Parameters
    ----------
    labels
        (n_records, n_classes): 1, 0, or NaN where not known.
    units
        (n_records,) numbers of what stays whole, such as patients.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    known = np.nan_to_num(labels, nan=2.0)
    _, pattern, counts = np.unique(known, axis=0, return_inverse=True, return_counts=True)
    # Combinations too rare to be in every fold are dealt out as one.
    pattern = np.where(counts[pattern.ravel()] < n_folds, -1, pattern.ravel())
    folds = np.zeros(len(labels), dtype=np.int64)
    with warnings.catch_warnings():
        # Where even together they are too rare for every fold, they are in some.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        # Thousands of groups of one take the second half a minute, the first a moment.
        if len(np.unique(units)) == len(units):
            parts = list(StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(pattern, pattern))
        else:
            parts = list(StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed).split(pattern, pattern, units))
    for number, (_, held_out) in enumerate(parts):
        folds[held_out] = number
    return folds


def splits_of_fold(
    labels: NDArray[np.float32], units: NDArray[np.integer], folds: NDArray[np.integer], fold: int, seed: int
) -> NDArray[np.str_]:
    """Return the split of each record, (n_records,): a fold tests, a few others validate.

    Where few patients carry a class, one who validates may be the last to learn it from. So only
    those validate all of whose classes another training patient carries too: first the one with
    most classes, then others at random. Who they are does not depend on the labels of the fold.

    Parameters
    ----------
    labels, units
        As in :func:`deal`.
    folds
        What :func:`deal` gave.

    Examples
    --------
    >>> labels = np.array([[1, 0], [1, 0], [1, 1], [1, 1]], dtype=np.float32)
    >>> splits_of_fold(labels, np.arange(4), np.array([0, 1, 1, 1]), 0, seed=0).tolist()
    ['test', 'train', 'train', 'val']
    """
    splits = np.where(folds == fold, "test", "train").astype("<U5")
    rest, place = np.unique(units[splits == "train"], return_inverse=True)
    carries = np.zeros((len(rest), labels.shape[1]), dtype=bool)
    np.logical_or.at(carries, place, labels[splits == "train"] == 1)
    n_carriers, n_left = carries.sum(axis=0), len(rest)

    def is_spared(unit: int) -> bool:
        """Whether others who are left carry every class that a unit does."""
        return n_left > 1 and bool((n_carriers[carries[unit]] > 1).all())

    order = np.random.default_rng([seed, fold]).permutation(len(rest)).tolist()
    order.sort(key=lambda unit: not is_spared(unit))
    most = max(order, key=lambda unit: (is_spared(unit), int(carries[unit].sum())))
    wanted = max(1, round(len(rest) / _VALIDATES))
    chosen: list[int] = []
    for unit in [most, *(other for other in order if other != most)]:
        if len(chosen) < wanted and is_spared(unit):
            chosen.append(unit)
            n_carriers, n_left = n_carriers - carries[unit], n_left - 1
    splits[np.isin(units, rest[chosen])] = "val"
    return splits
