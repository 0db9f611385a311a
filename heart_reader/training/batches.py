"""What each step trains with: a pure function of (seed, epoch, step), whole or some rows of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heart_reader.config import ExperimentConfig
from heart_reader.data.dataset import EcgDataset
from heart_reader.data.rows import RowsOf
from heart_reader.features.feature_space import FeatureSpace, withhold

__all__ = ["Batches", "TrainingBatch", "draw_shares", "mixup"]


def mixup(arrays: Sequence[NDArray[np.float32]], others: Sequence[NDArray[np.float32]], weight: np.float32) -> list[NDArray[np.float32]]:
    """Mix each record with another of the batch.

    Parameters
    ----------
    arrays
        What belongs to n records, each (n, ...); NaN of either record stays NaN.
    others
        The same of the records that they are mixed with.
    weight
        That of the records themselves, one for the batch, from Beta(alpha, alpha).

    References
    ----------
    Zhang H. et al. mixup: beyond empirical risk minimization. ICLR (2018).
    """
    return [weight * array + (1 - weight) * other for array, other in zip(arrays, others, strict=True)]


def draw_shares(labels: NDArray[np.float32], balance: float) -> NDArray[np.float64]:
    """Return how likely each record is drawn so that rare classes come more often, (n_records,).

    Of several classes a record counts for the rarest; one of no class, or of which that is not
    known, is drawn as often as the average record.

    Parameters
    ----------
    labels
        (n_records, n_classes): 1, 0, or NaN where not known.
    balance
        0 draws a class of n records in proportion to n, 1 all classes equally often; between, to
        n^(1 - balance).

    Examples
    --------
    >>> labels = np.array([[1, 0], [1, 0], [1, 0], [1, 1]])
    >>> [draw_shares(labels, balance).round(3).tolist() for balance in (0, 1)]
    [[0.25, 0.25, 0.25, 0.25], [0.167, 0.167, 0.167, 0.5]]
    """
    carried = labels == 1
    rarest = np.where(carried, carried.sum(axis=0), len(labels) + 1).argmin(axis=1)
    known = carried.any(axis=1)
    counts = np.bincount(rarest[known], minlength=labels.shape[1])
    shares = np.where(known, np.maximum(counts, 1.0)[rarest] ** -balance, 0.0)
    shares[~known] = shares[known].mean() if known.any() else 1.0
    answer: NDArray[np.float64] = shares / shares.sum()
    return answer


@dataclass(frozen=True, eq=False)
class TrainingBatch:
    """Some rows of the batch of a step."""

    inputs: list[NDArray[np.float32]]  # windows (n, n_leads, n_times) in mV and, where there are any, features (n, n_features)
    targets: NDArray[np.float32]  # (n, n_outputs), NaN where not known
    counts: NDArray[np.int64]  # (n_outputs,) targets that are known in the whole batch
    n_rows: int  # of the whole batch
    rows: slice  # which of them these are
    seed: int  # of torch's random numbers in this step


class Batches:
    """The batches of a training.

    Parameters
    ----------
    train
        The training records.
    space
        The features of ``train``, or None.
    """

    def __init__(self, train: EcgDataset, config: ExperimentConfig, space: FeatureSpace | None) -> None:
        self.train = train
        self.seed = config.seed
        self.size = config.training.batch_size
        self.steps_per_epoch = max(1, len(train) // self.size)
        self._mixup_alpha = config.training.mixup_alpha
        self._augmentation = config.augmentation
        self._space = space
        self._withheld = config.features.withheld
        balance = config.training.balance
        self._drawn = draw_shares(train.table.y_true(config.task.level), balance) if balance else None

    def positions(self, epoch: int, first: int = 0) -> Iterator[NDArray[np.int64]]:
        """Yield the records of each step of an epoch, from step ``first`` on."""
        rng = np.random.default_rng([self.seed, epoch])
        if self._drawn is None:
            order = rng.permutation(len(self.train))
        else:
            order = rng.choice(len(self.train), self.steps_per_epoch * self.size, p=self._drawn)
        for step in range(first, self.steps_per_epoch):
            yield order[step * self.size : (step + 1) * self.size]

    def draw(self, positions: NDArray[np.integer], epoch: int, step: int, rows: slice) -> TrainingBatch:
        """Return rows of the batch of a step: cropped, augmented and mixed as in the whole batch.

        Parameters
        ----------
        positions
            The records of the step.
        """
        rng = np.random.default_rng([self.seed, epoch, step])
        seed = int(rng.integers(2**62))
        own, targets = np.arange(rows.start, rows.stop), self.train.targets[positions]
        if not self._mixup_alpha:
            return self._batch(self._inputs(positions, rng, own), targets, rows, seed)
        weight = np.float32(rng.beta(self._mixup_alpha, self._mixup_alpha))
        partner = rng.permutation(len(positions))
        # The partners of these rows are anywhere in the batch, and each record is prepared once.
        needed, places = np.unique(np.concatenate([own, partner[own]]), return_inverse=True)
        inputs = self._inputs(positions, rng, needed)
        mixed = mixup([array[places[: len(own)]] for array in inputs], [array[places[len(own) :]] for array in inputs], weight)
        return self._batch(mixed, mixup([targets], [targets[partner]], weight)[0], rows, seed)

    def statistics(self, positions: NDArray[np.integer], epoch: int, step: int, rows: slice) -> list[NDArray[np.float32]]:
        """Return inputs that only refresh running statistics: other crops, and unmixed."""
        return self._inputs(positions, np.random.default_rng([self.seed, epoch, step, 1]), np.arange(rows.start, rows.stop))

    def _inputs(self, positions: NDArray[np.integer], rng: np.random.Generator, rows: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """Windows of some rows and, where there are any, features, some of them withheld."""
        signals = self.train.random_crops(positions, rng, self._augmentation, rows)
        if self.train.features is None or self._space is None:
            return [signals]
        own = RowsOf(rng, len(positions), rows)
        return [signals, withhold(self.train.features[positions[rows]], self._space, own, self._withheld)]

    def _batch(self, inputs: list[NDArray[np.float32]], targets: NDArray[np.float32], rows: slice, seed: int) -> TrainingBatch:
        counts = (~np.isnan(targets)).sum(axis=0)
        return TrainingBatch(inputs, targets[rows], counts, len(targets), rows, seed)
