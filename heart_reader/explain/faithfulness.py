"""Whether an explanation is true: take away what it names, and see what the reading says.

Stretches of leads are taken away one after the other, those first that speak most for the class
(*deletion*); or they are put back in that order into a record that is held still (*insertion*). A
true explanation takes the log-odds down early and brings them up early: the area under the first
curve is low, that under the second high, lower and higher than with the same stretches in random
order. Taking away in reverse order is insertion read backwards, and so no third curve.

References
----------
Samek W. et al. Evaluating the visualization of what a deep neural network has learned. IEEE
Transactions on Neural Networks and Learning Systems 28 (2017) 2660-2673. Petsiuk V., Das A., Saenko
K. RISE: randomized input sampling for explanation of black-box models. BMVC (2018).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.explain.deletion import Altered
from heart_reader.explain.explanation import Explanation

__all__ = ["FRACTIONS", "Curves", "measured_curves", "random_orders", "signal_curves"]

# Close where curves are steep, at both ends, so that a curve read backwards has the same points.
FRACTIONS: NDArray[np.float64] = (1 - np.cos(np.linspace(0, np.pi, 17))) / 2
# Random orders of every record.
RANDOM_ORDERS = 2

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curves:
    """Log-odds over the share that was taken away, or put back.

    Parameters
    ----------
    deletion, insertion
        (n_points,) in the order of the explanation, at :data:`FRACTIONS`.
    random_deletion, random_insertion
        (n_points,) the mean over random orders.
    """

    deletion: Array
    insertion: Array
    random_deletion: Array
    random_insertion: Array

    @property
    def areas(self) -> dict[str, float]:
        """Area under each curve, and how much better than random the order is, in log-odds.

        ``gain`` is half the sum of what deletion lies below and insertion above random order.
        """
        areas = {name: float(np.trapezoid(values, FRACTIONS)) for name, values in vars(self).items()}
        gain = (areas["random_deletion"] - areas["deletion"] + areas["insertion"] - areas["random_insertion"]) / 2
        return {**areas, "gain": gain}

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        curves = {name: values.round(5).tolist() for name, values in vars(self).items()}
        return {"share": FRACTIONS.round(5).tolist(), **curves, "areas": self.areas}


def random_orders(altered: Altered, seed: int) -> Array:
    """Return the (n_points,) log-odds of deletion in random order, the mean over some orders."""
    players = np.flatnonzero(np.repeat(altered.lead_mask, altered.segments.per_lead))
    rng = np.random.default_rng(seed)
    curves = np.stack([_delete(altered, rng.permutation(players)) for _ in range(RANDOM_ORDERS)])
    return np.asarray(curves.mean(axis=0), dtype=np.float64)


def signal_curves(altered: Altered, explanation: Explanation, random: Array) -> Curves:
    """Take stretches away by the relevance of an explanation.

    Parameters
    ----------
    altered
        The stretch that was explained.
    random
        Of :func:`random_orders`: the same for every explanation of a record.
    """
    players = np.flatnonzero(np.repeat(altered.lead_mask, altered.segments.per_lead))
    strength = altered.segments.sums(explanation.relevance)[players]
    order = players[np.argsort(-strength, kind="stable")]
    return _curves(lambda taken: _delete(altered, taken), order, random)


def measured_curves(
    altered: Altered, features: NDArray[np.float32], usual: NDArray[np.float32], contributions: Array, seed: int
) -> Curves | None:
    """Replace measurements by usual ones, those first that speak most for the class.

    Parameters
    ----------
    features, usual
        (n_features,) of the record, and what replaces them.
    contributions
        (n_features,); measurements that contribute nothing stay.

    Returns
    -------
    Curves
        None where no measurement contributes.
    """
    players = np.flatnonzero(contributions)
    if not players.size:
        return None

    def delete(order: NDArray[np.intp]) -> Array:
        rows = np.repeat(features[None], len(FRACTIONS), axis=0)
        for row, count in zip(rows, _counts(len(order)), strict=True):
            row[order[:count]] = usual[order[:count]]
        return altered.log_odds_measured(rows)

    rng = np.random.default_rng(seed)
    random = np.mean([delete(rng.permutation(players)) for _ in range(RANDOM_ORDERS)], axis=0)
    return _curves(delete, players[np.argsort(-contributions[players], kind="stable")], random)


def _curves(delete: Callable[[NDArray[np.intp]], Array], order: NDArray[np.intp], random: Array) -> Curves:
    # What the last ones leave behind when all others are gone is what they bring as the first.
    return Curves(delete(order), delete(order[::-1])[::-1], random, random[::-1])


def _counts(n: int) -> list[int]:
    counts: list[int] = np.rint(FRACTIONS * n).astype(int).tolist()
    return counts


def _delete(altered: Altered, order: NDArray[np.intp]) -> Array:
    """Return the (n_points,) log-odds while stretches are taken away in an order."""
    kept = np.ones((len(FRACTIONS), len(altered.segments)), dtype=np.bool_)
    for row, count in zip(kept, _counts(len(order)), strict=True):
        row[order[:count]] = False
    return altered.log_odds(kept)
