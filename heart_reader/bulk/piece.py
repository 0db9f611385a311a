"""Reading a piece of a partition: the one function that every process of a run calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from heart_reader.bulk.columns import Columns, Row, error_row, reading_row
from heart_reader.bulk.fetch import Fetched, OutOfReach
from heart_reader.bulk.items import Item
from heart_reader.bulk.versions import check_versions
from heart_reader.checkpoint import Checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.data.formats import read_record
from heart_reader.data.one_record import one_record
from heart_reader.errors import HeartReaderError, RecordError
from heart_reader.messages import Message

__all__ = ["Done", "Job", "Reader", "dead_row"]

# A place that fails this often in succession is asked no more.
_MOST_OUT_OF_REACH = 5


@dataclass(frozen=True)
class Job:
    """What all processes of a run have in common.

    Parameters
    ----------
    checkpoint
        Directory of the reader.
    versions
        What it and the code must be, see :func:`~heart_reader.bulk.versions.versions_of`.
    measure
        See :meth:`heart_reader.classifier.EcgClassifier.predict`.
    fs, unit, leads
        See :func:`heart_reader.data.formats.read_record`.
    """

    checkpoint: Path
    versions: tuple[tuple[str, str], ...]
    measure: bool = True
    fs: float | None = None
    unit: str | None = None
    leads: tuple[str, ...] | None = None

    def columns(self, checkpoint: Checkpoint) -> Columns:
        """Return the columns of the result."""
        return Columns.of(checkpoint, dict(self.versions))


@dataclass(frozen=True)
class Done:
    """What came of a piece.

    Parameters
    ----------
    table
        A row per record, in their order.
    reading_s
        Processor time that reading files and ECGs took, in seconds.
    processor_s
        Processor time of all of it.
    """

    table: pa.Table
    reading_s: float
    processor_s: float

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel in Arrow's own form: pickling hundreds of columns takes fourteen times as long."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self.table.schema) as stream:
            stream.write_table(self.table)
        return _arrived, (sink.getvalue().to_pybytes(), self.reading_s, self.processor_s)


def _arrived(table: bytes, reading_s: float, processor_s: float) -> Done:
    return Done(pa.ipc.open_stream(table).read_all(), reading_s, processor_s)


class Reader:
    """Reads pieces with one classifier.

    Parameters
    ----------
    job
        What to read with.

    Raises
    ------
    HeartReaderError
        If the checkpoint cannot be loaded, or is not the one that the run was begun with.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._classifier = EcgClassifier.load(job.checkpoint, threads=1)
        check_versions(self._classifier.checkpoint, dict(job.versions))
        self._columns = job.columns(self._classifier.checkpoint)
        self._out_of_reach = 0

    def read_piece(self, items: Sequence[Item], scratch: Path, alive: Callable[[], None] = lambda: None) -> Done:
        """Read records; one that fails becomes a row that says why.

        Parameters
        ----------
        items
            The records.
        scratch
            An empty folder.
        alive
            Called before each record; what it raises ends the piece.

        Raises
        ------
        HeartReaderError
            If it is not the fault of any record: the disk is full, or a store does not answer.
        """
        started, reading_s, rows = time.process_time(), 0.0, []
        fetched = Fetched(scratch)
        try:
            for item in items:
                alive()
                row, seconds = self._row(item, fetched)
                reading_s += seconds
                rows.append(row)
        finally:
            fetched.close()
        table = self._columns.table(rows)
        return Done(table, reading_s, time.process_time() - started)

    def _row(self, item: Item, fetched: Fetched) -> tuple[Row, float]:
        """Return the row of a record, and the processor time that reading it took."""
        path = item.place
        try:
            path = fetched.path(item)
            self._out_of_reach = 0
        except OutOfReach as error:
            self._out_of_reach += 1
            if self._out_of_reach == _MOST_OUT_OF_REACH:
                raise HeartReaderError(f"{error.message}, like {_MOST_OUT_OF_REACH - 1} before it") from None
            return _failed(item, path, error), 0.0
        except RecordError as error:
            return _failed(item, path, error), 0.0
        started = time.process_time()
        try:
            with one_record(item.key):
                record = read_record(path, fs=self._job.fs, unit=self._job.unit, leads=self._job.leads)
                reading = self._classifier.predict(record, measure=self._job.measure)
                read = time.process_time()
                row = reading_row(item, record, reading)
                kept = time.process_time()
                # Giving back what reading made belongs to reading.
                del record, reading
                return row, (read - started) + (time.process_time() - kept)
        except HeartReaderError as error:
            return _failed(item, path, error), time.process_time() - started


def dead_row(columns: Columns, item: Item, why: str) -> pa.Table:
    """Return the row of a record that ended the processes which read it."""
    return columns.table([error_row(item, "process_ended", f"{item.key}: reading it ended the process, twice: {why}")])


def _failed(item: Item, path: str, error: HeartReaderError) -> Row:
    """Return the row of an error, which names the record by its key and no folder of a machine."""
    said = error.args[0] if error.args else None
    code = said.code if isinstance(said, Message) else error.code
    sentence = error.message.replace(path, item.key).replace(item.place, item.key).replace(f"{Path(path).parent}/", "")
    return error_row(item, code, sentence)
