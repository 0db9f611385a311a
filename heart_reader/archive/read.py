"""Reading all ECGs that a search finds, where one that fails does not stop the others.

What was read is written down at once, and not read again when the command is repeated.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from heart_reader.archive.dicomweb import Archive, FoundEcg, Wanted
from heart_reader.archive.report import encoded, facts_of, report_of
from heart_reader.classifier import EcgClassifier
from heart_reader.data.formats import read_record
from heart_reader.data.one_record import one_record
from heart_reader.errors import ArchiveError, HeartReaderError, RecordError, UnexpectedError
from heart_reader.folders import write_whole
from heart_reader.reading import Reading
from heart_reader.reading_report import ReportFolder

__all__ = ["ArchiveReading", "ReadingFolder", "fetch_all", "read_all_of"]

ROWS = "readings.jsonl"
# An archive that fails this often in succession is asked no more.
MOST_FAILURES = 5


@dataclass(frozen=True)
class ArchiveReading:
    """What came of one ECG of an archive.

    Parameters
    ----------
    ecg
        What was found.
    reading
        Its reading, or why there is none; None where it was read before.
    status
        ``read``; ``refused``, which reading it again would not change; ``failed``, which is tried
        again; ``before`` for one that was read earlier.
    checkpoint
        Hash of what read it.
    stored
        Identifier of the report that the archive took; None where there is none.
    error
        What prevented reading or storing.
    """

    ecg: FoundEcg
    reading: Reading | None
    status: str
    checkpoint: str
    stored: str | None = None
    error: HeartReaderError | None = None

    def to_json(self, *, identity: bool = False) -> dict[str, Any]:
        """Return a row: identifiers, and the reading or the error."""
        diagnosis = None if self.reading is None else self.reading.diagnosis
        return {
            **self.ecg.to_json(identity=identity),
            "status": self.status,
            "checkpoint_sha256": self.checkpoint,
            "report_stored": self.stored,
            "reading": None if diagnosis is None else diagnosis.to_json(),
            "error": None if self.error is None else {"code": self.error.code, "message": self.error.message},
        }


@dataclass
class ReadingFolder:
    """A folder of readings: rows in one file, and a report of each where it was asked for.

    Parameters
    ----------
    path
        The folder; what is in it already is not read again.
    pdf, sr
        Whether to write a page of PDF, and a DICOM structured report, of each.
    """

    path: Path
    pdf: bool = False
    sr: bool = False
    _rows: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        rows = self.path / ROWS
        if not rows.exists():
            return
        whole, _, torn = rows.read_bytes().rpartition(b"\n")
        if torn:  # the process that wrote this row was killed
            with rows.open("rb+") as file:
                file.truncate(len(whole) + bool(whole))
        for line in whole.splitlines():
            row = json.loads(line)
            self._rows[row["sop_instance_uid"], row["checkpoint_sha256"]] = row

    def has(self, ecg: FoundEcg, checkpoint: str, *, stored: bool) -> bool:
        """Whether all that is asked for of an ECG is here; ``stored``: also its report there."""
        row = self._rows.get((ecg.instance, checkpoint))
        if row is None or row["status"] == "failed":
            return False
        if row["status"] == "refused":
            return True
        files = [path for path, asked in ((self._pdf(ecg), self.pdf), (self._sr(ecg), self.sr)) if asked]
        return all(path.exists() for path in files) and not (stored and row["report_stored"] is None)

    def add(self, outcome: ArchiveReading, report: bytes | None, *, identity: bool) -> ArchiveReading:
        """Write a row and what belongs to it; return it with what failed then.

        Raises
        ------
        HeartReaderError
            If nothing can be written, such as on a full disk.
        """
        if outcome.status == "read" and outcome.reading is not None:
            if self.pdf:
                self._pdf(outcome.ecg).unlink(missing_ok=True)
                try:
                    ReportFolder(self.path).write(outcome.reading)
                except UnexpectedError as error:
                    outcome = replace(outcome, error=error)
            if self.sr and report is not None:
                write_whole(self._sr(outcome.ecg), lambda new: new.write_bytes(report))
        row = outcome.to_json(identity=identity)
        try:
            with (self.path / ROWS).open("a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
        except OSError as error:
            raise HeartReaderError(f"{self.path / ROWS}: could not be written ({error.strerror}): free some space") from error
        return outcome

    def _pdf(self, ecg: FoundEcg) -> Path:
        return self.path / f"{ecg.instance}.pdf"

    def _sr(self, ecg: FoundEcg) -> Path:
        return self.path / f"{ecg.instance}.sr.dcm"


def read_all_of(
    archive: Archive,
    wanted: Wanted,
    classifier: EcgClassifier,
    *,
    out: ReadingFolder | None = None,
    store_in: Archive | None = None,
    identity: bool = False,
) -> Iterator[ArchiveReading]:
    """Read what a search finds; yield what came of each.

    Parameters
    ----------
    out
        Where readings go, and what is not read again.
    store_in
        The archive that gets a structured report of each, usually the same.
    identity
        Whether rows say who was recorded.

    Raises
    ------
    ArchiveError
        If the search fails, or several retrievals in succession.
    """
    checkpoint = classifier.checkpoint.sha256
    failures = 0
    for ecg in archive.find(wanted):
        if out is not None and out.has(ecg, checkpoint, stored=store_in is not None):
            yield ArchiveReading(ecg, None, "before", checkpoint)
            continue
        outcome, report = _read_one(archive, ecg, classifier, store_in)
        if out is not None:
            outcome = out.add(outcome, report, identity=identity)
        yield outcome
        failures = failures + 1 if outcome.status == "failed" else 0
        if failures == MOST_FAILURES:
            raise ArchiveError(
                f"stopped after {failures} failures in succession, the last: {outcome.error}; the same command goes on from here"
            )


def _read_one(archive: Archive, ecg: FoundEcg, classifier: EcgClassifier, store_in: Archive | None) -> tuple[ArchiveReading, bytes | None]:
    """Retrieve, read and report one ECG."""
    checkpoint = classifier.checkpoint.sha256
    name = Path(f"{ecg.instance}.dcm")
    stored, report, status, error = None, None, "failed", None
    try:
        content, status = archive.retrieve(ecg), "refused"  # from here on it is the object's fault
        facts = facts_of(content)
        if facts.SOPInstanceUID != ecg.instance:
            raise ArchiveError(f"{archive.access.url}: another object came for {ecg.instance}")
        reading = _reading(name, content, classifier)
    except HeartReaderError as failed:
        status = "failed" if isinstance(failed, UnexpectedError) else status
        return ArchiveReading(ecg, Reading(name, None, failed), status, checkpoint, error=failed), None
    assert reading.diagnosis is not None
    try:
        with one_record(name):
            made = report_of(reading.diagnosis, facts)
            report = encoded(made)
        if store_in is not None:
            store_in.store(report)
            stored = str(made.SOPInstanceUID)
    except HeartReaderError as failed:
        error = failed
    return ArchiveReading(ecg, reading, "read", checkpoint, stored, error), report


def _reading(name: Path, content: bytes, classifier: EcgClassifier) -> Reading:
    """Read a file of DICOM that is in memory."""
    with TemporaryDirectory(prefix="heart_reader-") as folder, one_record(name):
        path = Path(folder, name)
        path.write_bytes(content)
        try:
            record = read_record(path)
        except RecordError as error:
            # Messages name the file, whose folder is of no use to anyone.
            raise type(error)(*(_without(text, folder) for text in error.args)) from None
        return Reading(name, classifier.predict(record), None, record)


def _without(text: object, folder: str) -> object:
    from heart_reader.messages import Message

    return text.replaced(f"{folder}/", "") if isinstance(text, Message) else str(text).replace(f"{folder}/", "")


def fetch_all(archive: Archive, wanted: Wanted, out: Path) -> Iterator[tuple[FoundEcg, str, ArchiveError | None]]:
    """Write what a search finds as files of DICOM; yield each with what came of it.

    ``fetched``, ``before`` for one that is there already, or ``failed`` with its error.

    Raises
    ------
    ArchiveError
        If the search fails, or several retrievals in succession.
    HeartReaderError
        If nothing can be written.
    """
    failures = 0
    for ecg in archive.find(wanted):
        path = out / f"{ecg.instance}.dcm"
        if path.exists():
            yield ecg, "before", None
            continue
        try:
            content = archive.retrieve(ecg)
        except ArchiveError as error:
            failures += 1
            yield ecg, "failed", error
            if failures == MOST_FAILURES:
                raise ArchiveError(f"stopped after {failures} failures in succession; the same command goes on") from None
            continue
        failures = 0
        write_whole(path, lambda new, content=content: new.write_bytes(content))  # type: ignore[misc]
        yield ecg, "fetched", None
