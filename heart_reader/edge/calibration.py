"""The training records from which an 8-bit network learns the ranges of its activations."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader

from heart_reader.data.batch import Batch
from heart_reader.data.dataset import EcgDataset
from heart_reader.errors import DataError, LeakageError

__all__ = ["CalibrationRecords", "choose_calibration_records"]

Feed = dict[str, NDArray[Any]]
# Records whose windows run through the network together.
RECORDS_PER_BATCH = 8


@dataclass(frozen=True, eq=False)
class CalibrationRecords(CalibrationDataReader):
    """Inputs of the network, batch after batch; ``onnxruntime`` reads them through
    :meth:`get_next`.

    Parameters
    ----------
    record_ids
        Which training records they are.
    feeds
        Per batch the inputs by name.
    """

    record_ids: tuple[str, ...]
    feeds: tuple[Feed, ...]
    _position: list[int]

    def get_next(self) -> Feed | None:
        """Return the next batch, and None after the last."""
        self._position[0] += 1
        return self.feeds[self._position[0] - 1] if self._position[0] <= len(self.feeds) else None

    def rewound(self) -> CalibrationRecords:
        """Return the same records, to be read from the beginning."""
        return CalibrationRecords(self.record_ids, self.feeds, [0])

    def to_json(self) -> dict[str, Any]:
        """Return what the manifest says of them."""
        digest = hashlib.sha256("\n".join(sorted(self.record_ids)).encode()).hexdigest()
        return {"split": "train", "n_records": len(self.record_ids), "record_ids_sha256": digest}


def choose_calibration_records(dataset: EcgDataset, n_records: int, seed: int) -> CalibrationRecords:
    """Draw records of the training split.

    Parameters
    ----------
    dataset
        The training records.
    n_records
        How many to draw; fewer if there are not as many.

    Raises
    ------
    DataError
        If there is no record.
    LeakageError
        If one belongs to another split: what sets ranges has seen the records it is judged on.
    """
    splits = sorted(set(dataset.table.splits.tolist()))
    if not len(dataset):
        raise DataError("calibration: no records; training records are needed: set data.root to where they are")
    if splits != ["train"]:
        raise LeakageError(f"calibration: records of split {', '.join(splits)}; only training records may set the ranges: pass those")
    chosen = np.random.default_rng([seed, len(dataset)]).permutation(len(dataset))[:n_records]
    starts = range(0, len(chosen), RECORDS_PER_BATCH)
    batches = [Batch.of([dataset.inputs(int(row)) for row in chosen[start : start + RECORDS_PER_BATCH]]) for start in starts]
    feeds = tuple(batch.arrays() for batch in batches)
    return CalibrationRecords(tuple(dataset.table.record_ids[chosen].tolist()), feeds, [0])
