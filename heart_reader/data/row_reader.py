"""Read rows of a table from their files, as a person would hand them in."""

from __future__ import annotations

from heart_reader.data.formats import read_record
from heart_reader.data.record import EcgRecord
from heart_reader.data.record_table import RecordTable

__all__ = ["RowReader"]


class RowReader:
    """Reads rows; the recording that was read last stays, as the next row may be a part of it."""

    def __init__(self, table: RecordTable) -> None:
        self._paths: list[str] = table.paths.tolist()
        self._parts: list[list[float]] = table.parts.tolist()
        self._last: tuple[str, EcgRecord] | None = None

    def __call__(self, row: int) -> EcgRecord:
        """Return a record, or the part of one that a row is.

        Raises
        ------
        RecordError
            If the file cannot be read.
        """
        path = self._paths[row]
        if self._last is None or self._last[0] != path:
            self._last = (path, read_record(path))
        return self._last[1].part(*self._parts[row])
