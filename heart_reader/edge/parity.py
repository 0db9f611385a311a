"""Whether an exported network answers like the one it was exported from, record by record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np

from heart_reader.classifier import EcgClassifier
from heart_reader.data.batch import Batch, Inputs

__all__ = ["Parity", "measure_parity"]


@dataclass(frozen=True)
class Parity:
    """Differences of probabilities over all windows and levels.

    Parameters
    ----------
    n_records
        Records compared.
    largest
        Largest difference from the origin.
    mean
        Mean difference from the origin.
    alone
        Largest difference between a window read alone and the same window read among others.
    """

    n_records: int
    largest: float
    mean: float
    alone: float

    def to_json(self) -> dict[str, float]:
        """Return plain values."""
        return asdict(self)


def measure_parity(origin: EcgClassifier, exported: EcgClassifier, records: Iterable[Inputs]) -> Parity:
    """Read the same records with both.

    Parameters
    ----------
    records
        Per record what :meth:`heart_reader.classifier.EcgClassifier.inputs` gives.
    """
    n_records, largest, alone, means = 0, 0.0, 0.0, []
    for record in records:
        batch = Batch.of([record])
        expected = origin.space.probabilities(origin.logits(batch))
        together = exported.space.probabilities(exported.logits(batch))
        single = exported.space.probabilities(exported.logits(next(batch.parts(1))))
        n_records += 1
        for level, values in expected.items():
            difference = np.abs(together[level] - values)
            largest = max(largest, float(difference.max()))
            means.append(float(difference.mean()))
            alone = max(alone, float(np.abs(single[level] - together[level][:1]).max()))
    return Parity(n_records, largest, float(np.mean(means)), alone)
