"""A folder of readings: one page of PDF, FHIR bundle, DICOM report or JSON per record."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from heart_reader.data.one_record import one_record
from heart_reader.diagnosis import Diagnosis
from heart_reader.errors import ConfigError, HeartReaderError, RecordError, UnexpectedError
from heart_reader.reading import Reading

__all__ = ["REPORTS", "ReportFolder", "ReportKind"]

LONGEST_NAME = 120


@dataclass(frozen=True)
class ReportKind:
    """One form in which a reading is written.

    Parameters
    ----------
    word
        What it is called where its path is printed.
    suffix
        Of its file, with the dot.
    write
        Writes a reading that there is into a file, with or without whose ECG it is.
    """

    word: str
    suffix: str
    write: Callable[[Reading, Diagnosis, Path, bool], None]


# What writes a report loads on use: drawing is slow to load, and a machine that only reads needs
# none.
def _write_pdf(reading: Reading, diagnosis: Diagnosis, path: Path, identity: bool) -> None:
    from heart_reader.reading_page import draw_page

    assert reading.record is not None
    draw_page(diagnosis, reading.record, path)


def _write_json(reading: Reading, diagnosis: Diagnosis, path: Path, identity: bool) -> None:
    _save(diagnosis.to_json(), path)


def _write_fhir(reading: Reading, diagnosis: Diagnosis, path: Path, identity: bool) -> None:
    from heart_reader.exchange import to_fhir
    from heart_reader.exchange.dicom_source import source_of

    _save(to_fhir(diagnosis, source=source_of(diagnosis, reading.path), identity=identity), path)


def _write_dicom_sr(reading: Reading, diagnosis: Diagnosis, path: Path, identity: bool) -> None:
    from heart_reader.exchange import to_dicom_sr
    from heart_reader.exchange.dicom_source import source_of

    report = to_dicom_sr(diagnosis, source=source_of(diagnosis, reading.path), identity=identity)
    report.save_as(path, enforce_file_format=True)


def _save(values: Mapping[str, object], path: Path) -> None:
    path.write_text(json.dumps(values, ensure_ascii=False, allow_nan=False, indent=1), encoding="utf-8")


REPORTS = {
    "pdf": ReportKind("page", ".pdf", _write_pdf),
    "json": ReportKind("reading", ".json", _write_json),
    "fhir": ReportKind("FHIR bundle", ".fhir.json", _write_fhir),
    "dicom-sr": ReportKind("DICOM report", ".sr.dcm", _write_dicom_sr),
}


class ReportFolder:
    """Writes readings into a folder; a file that is there already is never replaced.

    Parameters
    ----------
    folder
        Made if it does not exist.
    kind
        In which form, one of :data:`REPORTS`.
    identity
        Whether a report for other systems says whose ECG it is, where the record does.

    Raises
    ------
    ConfigError
        If nothing can be written there.
    """

    def __init__(self, folder: Path, kind: str = "pdf", *, identity: bool = False) -> None:
        self._folder, self._kind, self._identity = folder, REPORTS[kind], identity
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / ".heart_reader_probe"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> ConfigError:
        return ConfigError(
            f"{self._folder}: no report can be written here ({error.strerror}): give --report or --out a folder that you may write to"
        )

    def add(self, reading: Reading) -> HeartReaderError | None:
        """Write a reading and print its path on standard error; return why it failed, if so."""
        try:
            written = self.write(reading)
        except (UnexpectedError, RecordError) as error:
            print(f"error: {error.message}", file=sys.stderr, flush=True)
            return error
        if written is not None:
            print(f"{self._kind.word} {written}", file=sys.stderr, flush=True)
        return None

    def write(self, reading: Reading) -> Path | None:
        """Write a reading and return its path, None for an unreadable record.

        Raises
        ------
        ConfigError
            If the file cannot be written, such as on a full disk.
        HeartReaderError
            If what it needs is not installed.
        UnexpectedError
            If it cannot be made.
        """
        if reading.diagnosis is None or reading.record is None:
            return None
        try:
            path = self._reserve(reading.diagnosis.record_id)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            with one_record(reading.path):
                self._kind.write(reading, reading.diagnosis, path, self._identity)
        except HeartReaderError as error:
            path.unlink(missing_ok=True)
            if isinstance(error, UnexpectedError) and isinstance(error.__cause__, OSError):
                raise self._unwritable(error.__cause__) from error
            raise
        return path

    def _reserve(self, record_id: str) -> Path:
        """Create an empty file named after the record, with a number where the name is taken."""
        name = re.sub(r"[^\w.-]+", "_", record_id)[:LONGEST_NAME].lstrip(".") or "record"
        paths = (
            self._folder / (f"{name}{self._kind.suffix}" if number == 1 else f"{name}-{number}{self._kind.suffix}") for number in count(1)
        )
        for path in paths:
            with suppress(FileExistsError):
                path.open("x").close()
                break
        return path
