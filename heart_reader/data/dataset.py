"""Records as arrays for a network: random crops to train, a reading's windows otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from heart_reader.config import AugmentationConfig
from heart_reader.data.augmentations import augment
from heart_reader.data.batch import Batch, Inputs
from heart_reader.data.cache import SignalCache
from heart_reader.data.preprocessor import PreparedEcg, Preprocessor, from_microvolts
from heart_reader.data.record_table import RecordTable
from heart_reader.data.rows import RowsOf
from heart_reader.errors import DataError

__all__ = ["EcgDataset"]


class EcgDataset:
    """Rows of a table with their cached signals; a part of a recording is cut out of it.

    Parameters
    ----------
    table
        The records, all of one split or not.
    cache
        Signals of (at least) these recordings, found by ``paths``.
    preprocessor
        Cuts windows; the same object that made the cache.
    features
        (n_records, n_features) of the records beside their signals, NaN where not known; None where
        no network asks for any.

    Raises
    ------
    DataError
        If a row begins behind the end of its recording.
    """

    def __init__(
        self, table: RecordTable, cache: SignalCache, preprocessor: Preprocessor, features: NDArray[np.float32] | None = None
    ) -> None:
        self.table = table
        self.preprocessor = preprocessor
        self.features = features
        self._cache = cache
        self._rows = cache.rows_of(table)
        self._parts = self._points()
        self.targets = np.concatenate([table.y_true(head) for head in table.space.heads], axis=1)

    def __len__(self) -> int:
        return len(self.table)

    def _points(self) -> NDArray[np.int64]:
        """(n_records, 2) time points at the model's rate where each row starts and stops."""
        starts, stops = np.rint(self.table.parts.T * self.preprocessor.fs)
        ends = self._cache.n_times[self._rows]
        points = np.stack([np.nan_to_num(starts), np.fmin(stops, ends)], axis=1).astype(np.int64)
        outside = np.flatnonzero(points[:, 0] >= points[:, 1])
        if len(outside):
            seconds = ends[outside[0]] / self.preprocessor.fs
            raise DataError(
                f"{self.table.source}: {self.table.record_ids[outside[0]]} starts at {self.table.parts[outside[0], 0]:g} s of a recording "
                f"of {seconds:g} s ({len(outside)} such in all): correct the column starts_s"
            )
        return points

    def prepared(self, position: int) -> PreparedEcg:
        """Return one record, or part of one, as the cache keeps it."""
        whole = self._cache.prepared(int(self._rows[position]))
        start, stop = self._parts[position].tolist()
        return PreparedEcg(whole.microvolts[:, start:stop], whole.lead_mask)

    def split(self, name: str) -> EcgDataset:
        """Return the records of one split.

        Raises
        ------
        DataError
            If the split is empty.
        """
        features = None if self.features is None else self.features[self.table.splits == name]
        return EcgDataset(self.table.split(name), self._cache, self.preprocessor, features)

    def windows(self, position: int) -> NDArray[np.float32]:
        """Return the windows of one reading, (n_windows, n_leads, n_times) in mV."""
        return self.preprocessor.windows(self.prepared(position))

    def inputs(self, position: int) -> Inputs:
        """Return the windows of one record, and its (n_features,) features or None."""
        return self.windows(position), None if self.features is None else self.features[position]

    def records_of_windows(self) -> NDArray[np.int64]:
        """(n_windows,) which record each window of :meth:`parts` is from, ascending."""
        lengths, which = np.unique(np.diff(self._parts)[:, 0], return_inverse=True)
        counts = np.array([len(self.preprocessor.starts(length)) for length in lengths.tolist()], dtype=np.int64)
        return np.repeat(np.arange(len(self)), counts[which])

    def parts(self, size: int, rows: slice = slice(None)) -> Iterator[Batch]:
        """Yield what a network gets of records, ``size`` windows at a time, at the end fewer.

        Signals are read as they are asked for: no more than a part is held.

        Parameters
        ----------
        rows
            Which records, one after the other.
        """
        begin, end, _ = rows.indices(len(self))
        records = self.records_of_windows()
        records = records[(records >= begin) & (records < end)]
        for start in range(0, len(records), size):
            of = records[start : start + size]
            first, after = int(of[0]), int(of[-1]) + 1
            skipped = start - int(np.searchsorted(records, first))
            windows = np.concatenate([self.windows(position) for position in range(first, after)])[skipped:][: len(of)]
            yield Batch(windows, None if self.features is None else self.features[first:after], of - first)

    def random_crops(
        self,
        positions: NDArray[np.integer],
        rng: np.random.Generator,
        augmentation: AugmentationConfig,
        rows: NDArray[np.integer] | None = None,
    ) -> NDArray[np.float32]:
        """Return one random crop per record, augmented.

        Parameters
        ----------
        positions
            (n,) rows of the table.
        rows
            (n_wanted,) which of these records are wanted, None for all. Others are not read, and
            what is wanted is what it would be among all.

        Returns
        -------
        ndarray
            (n_wanted, n_leads, n_times) in mV.
        """
        starts = [self.preprocessor.crop_start(n_times, rng) for n_times in np.diff(self._parts[positions])[:, 0].tolist()]
        if rows is None:
            rows = np.arange(len(positions))
        crops = [self.preprocessor.cut(self.prepared(int(positions[row])), starts[row]) for row in rows.tolist()]
        own = RowsOf(rng, len(positions), rows)
        return augment(from_microvolts(np.stack(crops)), own, augmentation, self.preprocessor.fs)

    def lead_statistics(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return per-lead mean and standard deviation in mV over all records, each (n_leads,).

        Missing leads do not count.
        """
        n_leads = len(self.preprocessor.leads)
        count, total, squares = np.zeros(n_leads), np.zeros(n_leads), np.zeros(n_leads)
        for position in range(len(self)):
            prepared = self.prepared(position)
            values = prepared.microvolts.astype(np.float64) / 1000.0
            count += prepared.lead_mask * values.shape[1]
            total += values.sum(axis=1)
            squares += (values**2).sum(axis=1)
        mean = total / np.maximum(count, 1)
        spread = np.sqrt(np.maximum(squares / np.maximum(count, 1) - mean**2, 0))
        return mean.astype(np.float32), spread.astype(np.float32)
