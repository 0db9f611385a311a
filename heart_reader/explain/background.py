"""Records that others are compared with: the background of expected gradients."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from heart_reader.classifier import EcgClassifier
from heart_reader.data.batch import Inputs
from heart_reader.data.record import EcgRecord

__all__ = ["Background"]


@dataclass(frozen=True, eq=False)
class Background:
    """Inputs of records that stand for the usual.

    Parameters
    ----------
    records
        Per record what :meth:`~heart_reader.classifier.EcgClassifier.inputs` gives.
    """

    records: Sequence[Inputs]

    @classmethod
    def of(cls, classifier: EcgClassifier, records: Iterable[EcgRecord]) -> Background:
        """Prepare records as the classifier does."""
        return cls([classifier.inputs(record, classifier.preprocessor.prepare(record)) for record in records])

    @property
    def fingerprint(self) -> str:
        """Number and checksum of the records."""
        check = 0
        for windows, features in self.records:
            for part in (windows, features):
                check = check if part is None else crc32(np.ascontiguousarray(part).tobytes(), check)
        return f"{len(self.records)} records {check:08x}"

    def __len__(self) -> int:
        return len(self.records)

    def draw(self, count: int, n_windows: int, lead_mask: NDArray[np.bool_], rng: np.random.Generator) -> list[Inputs]:
        """Draw records, each as often as any other can be, cut to a number of windows.

        Parameters
        ----------
        lead_mask
            (n_leads,), False for leads that the explained record lacks; they stay at zero.
        """
        rounds = [rng.permutation(len(self.records)) for _ in range(-(-count // len(self.records)))]
        drawn = []
        for place in np.concatenate(rounds)[:count]:
            windows, features = self.records[place]
            fitted = windows[np.arange(n_windows) % len(windows)].copy()
            fitted[:, ~lead_mask] = 0.0
            drawn.append((fitted, features))
        return drawn

    def usual_features(self) -> NDArray[np.float32] | None:
        """Return the (n_features,) medians, NaN where no record has any; None without features."""
        rows = [features for _, features in self.records if features is not None]
        if not rows:
            return None
        columns = np.stack(rows).T
        return np.array(
            [np.median(known) if (known := column[np.isfinite(column)]).size else np.nan for column in columns], dtype=np.float32
        )
