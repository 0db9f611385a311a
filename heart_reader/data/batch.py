"""What one call of a network gets: windows of records, and what else is known of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["INPUT_NAMES", "Batch", "Inputs"]

# Names of the inputs of a network and of an ONNX graph; the last two are there only if the network
# takes features.
INPUT_NAMES = ("signal_mv", "features", "record")

# What a network gets of one record: (n_windows, n_leads, n_times) in mV, and (n_features,), NaN
# where not known, or None for a network that takes none.
Inputs = tuple[NDArray[np.float32], NDArray[np.float32] | None]


@dataclass(frozen=True, eq=False)
class Batch:
    """Windows of records, one record after the other.

    Features are kept once per record, so that a network computes what follows from them once and
    not for every window.

    Parameters
    ----------
    windows
        (n, n_leads, n_times) in mV.
    features
        (n_records, n_features), NaN where not known; None if the network takes none.
    record
        (n,) int64, ascending: which record each window is from.
    """

    windows: NDArray[np.float32]
    features: NDArray[np.float32] | None
    record: NDArray[np.int64]

    @classmethod
    def of(cls, records: Sequence[Inputs]) -> Batch:
        """Join what a network gets of each record."""
        windows = np.concatenate([part for part, _ in records])
        features = [row for _, row in records if row is not None]
        record = np.repeat(np.arange(len(records)), [len(part) for part, _ in records])
        return cls(windows, np.stack(features) if features else None, record)

    def __len__(self) -> int:
        return len(self.windows)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the inputs of a network by name, in their order."""
        arrays = (self.windows,) if self.features is None else (self.windows, self.features, self.record)
        return dict(zip(INPUT_NAMES, map(np.ascontiguousarray, arrays), strict=False))

    def alone(self) -> Batch:
        """Return the same without features, for a network that takes none."""
        return Batch(self.windows, None, self.record)

    def parts(self, size: int) -> Iterator[Batch]:
        """Yield at most ``size`` windows at a time, in order, with the features they need."""
        for start in range(0, len(self), size):
            record = self.record[start : start + size]
            features = None if self.features is None else self.features[record[0] : record[-1] + 1]
            yield Batch(self.windows[start : start + size], features, record - record[0])
