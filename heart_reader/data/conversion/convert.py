"""Convert files and folders of them, in processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from heart_reader.data.conversion.identity import without_identity
from heart_reader.data.conversion.names import named_sources
from heart_reader.data.conversion.report import Entry, Journal, Report
from heart_reader.data.formats import read_record
from heart_reader.data.one_record import one_record
from heart_reader.data.writers import WRITERS, write_record
from heart_reader.errors import ConfigError, HeartReaderError
from heart_reader.folders import run_folder
from heart_reader.in_order import in_order, n_jobs
from heart_reader.messages import Message

__all__ = ["Plan", "convert"]

# Files that a process takes at once.
_AT_ONCE = 8
_REPORT = "convert.json"


@dataclass(frozen=True)
class Plan:
    """How files are converted.

    Parameters
    ----------
    to
        One of :data:`~heart_reader.data.writers.WRITERS`.
    out
        The folder of the new files.
    deidentify
        Whether to leave out who was recorded and when.
    fs, unit, leads
        What the files may not say themselves, see
        :func:`~heart_reader.data.formats.read_record`.
    """

    to: str
    out: Path
    deidentify: bool = False
    fs: float | None = None
    unit: str | None = None
    leads: tuple[str, ...] | None = None

    @property
    def report(self) -> Path:
        """Where the report stands.

        It names the source of each new file, so without identity it lies beside the folder.
        """
        out = self.out.absolute()
        return out.with_name(f"{out.name}.key.json") if self.deidentify else out / _REPORT


def convert(sources: Sequence[Path], plan: Plan, *, jobs: int | None = None, tell: Callable[[int, int], object] | None = None) -> Report:
    """Convert files, and the records in folders and below, and write a report.

    A file that cannot be read or written is refused, and the others go on. What was interrupted
    goes on where it was: files that are unchanged since they were converted are passed over.

    Parameters
    ----------
    sources
        Files and folders.
    jobs
        Processes; None takes one per core.
    tell
        Called with how many files are done, and how many there are.

    Returns
    -------
    Report
        What became of each file; ``plan.report`` is the same as a file.

    Raises
    ------
    ConfigError
        If there is no such format, another process works in the folder, or a new file would take
        the place of a source.
    HeartReaderError
        If the folder cannot be written.
    """
    writer = WRITERS[plan.to]
    with run_folder(plan.out):
        # Where a folder lies does not matter to what is in it.
        settings = {**asdict(plan), "out": None}
        journal = Journal(plan.report, settings)
        earlier = journal.read()
        named = named_sources(sources, plan.out, {source: entry.name for source, entry in earlier.items()}, numbered=plan.deidentify)
        _refuse_own_sources(named, plan, writer.suffix)
        entries = {source: entry for source, entry in earlier.items() if source in named and _is_current(entry, plan.out)}
        n_before = len(entries)
        todo = [(source, name) for source, name in named.items() if source not in entries]
        with journal.running(entries.values()) as add:
            for entry in _entries(todo, plan, n_jobs(jobs, -(-len(todo) // _AT_ONCE))):
                entries[entry.source] = entry
                add(entry)
                if tell is not None:
                    tell(len(entries), len(named))
        report = Report(writer.title, tuple(entries[source] for source in named), n_before)
        journal.finish(report)
    return report


def _entries(todo: Sequence[tuple[str, str]], plan: Plan, jobs: int) -> Iterator[Entry]:
    """Yield what became of each file, in their order."""
    size = 1 if jobs == 1 else _AT_ONCE
    parts = (todo[start : start + size] for start in range(0, len(todo), size))
    for entries in in_order(partial(_part, plan=plan), parts, jobs):
        yield from entries


def _part(part: Sequence[tuple[str, str]], plan: Plan) -> list[Entry]:
    return [_converted(source, name, plan) for source, name in part]


def _converted(source: str, name: str, plan: Plan) -> Entry:
    """Convert one file."""
    stamp = _stamp(source)
    folder = plan.out / Path(name).parent
    try:
        with one_record(source):
            record = read_record(source, fs=plan.fs, unit=plan.unit, leads=plan.leads, identity=not plan.deidentify)
            if plan.deidentify:
                record = without_identity(record, Path(name).name)
            files, lost = write_record(record, folder, plan.to, name=Path(name).name)
    except HeartReaderError as error:
        return Entry(source, stamp, name, refused=error.message)
    kept = tuple(file.relative_to(plan.out).as_posix() for file in files)
    return Entry(source, stamp, name, kept, None, _by_code(lost), _by_code(record.warnings))


def _by_code(said: Sequence[str]) -> dict[str, str]:
    return {text.code if isinstance(text, Message) else text: str(text) for text in reversed(said)}


def _stamp(source: str) -> tuple[int, int]:
    try:
        status = os.stat(source)
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _is_current(entry: Entry, out: Path) -> bool:
    """Whether a file was converted, stayed as it was, and the new files are there."""
    return entry.refused is None and entry.stamp == _stamp(entry.source) and all((out / file).exists() for file in entry.files)


def _refuse_own_sources(named: dict[str, str], plan: Plan, suffix: str) -> None:
    """Refuse to write over what is to be read."""
    taken = {os.path.realpath(source) for source in named}
    for source, name in named.items():
        if os.path.realpath(plan.out / f"{name}{suffix}") in taken:
            raise ConfigError(f"{source}: its new file {plan.out / name}{suffix} would take the place of a source: choose another --out")
