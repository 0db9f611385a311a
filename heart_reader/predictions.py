"""Probabilities of a whole split beside what was true: the only thing metrics are computed from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from heart_reader.errors import DataError

if TYPE_CHECKING:
    from heart_reader.data.record_table import RecordTable

__all__ = ["Predictions"]


@dataclass(frozen=True, eq=False)
class Predictions:
    """Aligned answers of one model on one split at one level.

    Parameters
    ----------
    class_names
        n_classes names.
    record_ids, patient_ids
        (n_records,); a patient that is not known is empty.
    y_true
        (n_records, n_classes), 0 or 1. Records of unknown truth are left out before.
    y_prob
        (n_records, n_classes) in [0, 1].
    """

    split: str
    level: str
    class_names: tuple[str, ...]
    record_ids: NDArray[np.str_]
    patient_ids: NDArray[np.str_]
    y_true: NDArray[np.float32]
    y_prob: NDArray[np.float64]

    def __post_init__(self) -> None:
        shape = (len(self.record_ids), len(self.class_names))
        if self.y_true.shape != shape or self.y_prob.shape != shape or len(self.patient_ids) != shape[0]:
            raise DataError(
                f"predictions do not align: {shape[0]} records, {len(self.patient_ids)} patients, "
                f"y_true {self.y_true.shape}, y_prob {self.y_prob.shape}; {shape} is needed"
            )
        if not np.isfinite(self.y_prob).all() or not np.isin(self.y_true, (0, 1)).all():
            raise DataError(f"predictions of split {self.split}: y_prob must be finite and y_true 0 or 1")

    def __len__(self) -> int:
        return len(self.record_ids)

    @classmethod
    def of(cls, table: RecordTable, level: str, y_prob: NDArray[np.float64], split: str | None = None) -> Predictions:
        """Pair probabilities with what a table knows; records of unknown truth are left out.

        Parameters
        ----------
        y_prob
            (n_records, n_classes) of all records of the table.
        split
            Name; None means those that occur in the table, joined by ``+``.
        """
        y_true = table.y_true(level)
        known = ~np.isnan(y_true).any(axis=1)
        return cls(
            split or "+".join(sorted(set(table.splits.tolist()))),
            level,
            table.space.levels[level].class_names,
            table.record_ids[known],
            table.patient_ids[known],
            y_true[known],
            y_prob[known],
        )

    def save(self, path: Path) -> None:
        """Write a compressed ``.npz`` that :meth:`load` reads."""
        np.savez_compressed(path, **{**vars(self), "y_true": self.y_true.astype(np.uint8)})

    @classmethod
    def load(cls, path: Path) -> Predictions:
        """Read what :meth:`save` wrote."""
        with np.load(path, allow_pickle=False) as saved:
            names, y_true = tuple(saved["class_names"].tolist()), saved["y_true"].astype(np.float32)
            ids, patients = saved["record_ids"], saved["patient_ids"]
            return cls(str(saved["split"]), str(saved["level"]), names, ids, patients, y_true, saved["y_prob"])
