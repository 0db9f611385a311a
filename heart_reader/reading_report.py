"""A folder of readings, one page of PDF per record."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path

from heart_reader.data.one_record import one_record
from heart_reader.errors import ConfigError, UnexpectedError
from heart_reader.reading import Reading

__all__ = ["ReportFolder"]

LONGEST_NAME = 120


class ReportFolder:
    """Writes pages into a folder; a page that is there already is never replaced.

    Parameters
    ----------
    folder
        Made if it does not exist.

    Raises
    ------
    ConfigError
        If nothing can be written there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / ".heart_reader_probe"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> ConfigError:
        return ConfigError(
            f"{self._folder}: no report can be written here ({error.strerror}): give --report a folder that you may write to"
        )

    def add(self, reading: Reading) -> UnexpectedError | None:
        """Write a page and print its path on standard error; return why it failed, if so."""
        try:
            page = self.write(reading)
        except UnexpectedError as error:
            print(f"error: {error.message}", file=sys.stderr, flush=True)
            return error
        if page is not None:
            print(f"page {page}", file=sys.stderr, flush=True)
        return None

    def write(self, reading: Reading) -> Path | None:
        """Write a page and return its path, None for an unreadable record.

        Raises
        ------
        ConfigError
            If the page cannot be written, such as on a full disk.
        UnexpectedError
            If it cannot be drawn.
        """
        # The drawing library is slow to load, and a machine that only reads needs none.
        from heart_reader.reading_page import draw_page

        if reading.diagnosis is None or reading.record is None:
            return None
        try:
            path = self._reserve(reading.diagnosis.record_id)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            with one_record(reading.path):
                draw_page(reading.diagnosis, reading.record, path)
        except UnexpectedError as error:
            path.unlink(missing_ok=True)
            if isinstance(error.__cause__, OSError):
                raise self._unwritable(error.__cause__) from error
            raise
        return path

    def _reserve(self, record_id: str) -> Path:
        """Create an empty file named after the record, with a number where the name is taken."""
        name = re.sub(r"[^\w.-]+", "_", record_id)[:LONGEST_NAME].lstrip(".") or "record"
        paths = (self._folder / (f"{name}.pdf" if number == 1 else f"{name}-{number}.pdf") for number in count(1))
        for path in paths:
            with suppress(FileExistsError):
                path.open("x").close()
                break
        return path
