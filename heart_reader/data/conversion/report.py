"""What became of each file of a conversion, kept while it runs and told at its end."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from heart_reader.errors import HeartReaderError
from heart_reader.folders import write_text

__all__ = ["Entry", "Journal", "Report"]

# Refusals and kinds of losses that are told one by one.
_SHOWN = 20


@dataclass(frozen=True)
class Entry:
    """What became of one file.

    Parameters
    ----------
    source
        Its path.
    stamp
        Its size in bytes and when it was changed, in nanoseconds.
    name
        Of the new files in the folder, without ending.
    files
        The new files, below the folder; empty where it was refused.
    refused
        Why, in a sentence.
    lost, warnings
        Code to sentence: what the new format has no place for, and what was said on reading.
    """

    source: str
    stamp: tuple[int, int]
    name: str
    files: tuple[str, ...] = ()
    refused: str | None = None
    lost: Mapping[str, str] = field(default_factory=dict)
    warnings: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Entry:
        """Return what ``asdict`` made plain."""
        size, changed = values["stamp"]
        return cls(**{**values, "stamp": (int(size), int(changed)), "files": tuple(values["files"])})


@dataclass(frozen=True)
class Report:
    """What became of all files.

    Parameters
    ----------
    to
        The title of the format.
    entries
        One per file, in their order.
    n_done_before
        How many of them an earlier run had converted.
    """

    to: str
    entries: tuple[Entry, ...]
    n_done_before: int = 0

    @property
    def refused(self) -> list[Entry]:
        """The files that were not converted."""
        return [entry for entry in self.entries if entry.refused is not None]

    def to_lines(self) -> list[str]:
        """Return sentences for a person: the sum, each refusal, each kind of loss and warning."""
        n_refused = len(self.refused)
        before = f", {self.n_done_before} of them before" if self.n_done_before else ""
        lines = [f"{len(self.entries) - n_refused} of {len(self.entries)} files converted to {self.to}{before}"]
        lines += [f"refused: {entry.refused}" for entry in self.refused[:_SHOWN]]
        lines += [f"refused: {n_refused - _SHOWN} more"] if n_refused > _SHOWN else []
        lines += _of_kind("not kept", (entry.lost for entry in self.entries))
        return lines + _of_kind("read with a warning", (entry.warnings for entry in self.entries))


def _of_kind(title: str, said: Iterable[Mapping[str, str]]) -> list[str]:
    """Return a line per code: how many files, and the sentence of the first of them."""
    count: Counter[str] = Counter()
    first: dict[str, str] = {}
    for sentences in said:
        count.update(sentences.keys())
        first = {**sentences, **first}
    return [
        f"{title} (1 file): {first[code]}" if number == 1 else f"{title} ({number} files, such as this one): {first[code]}"
        for code, number in count.most_common(_SHOWN)
    ]


class Journal:
    """The report as a file, with a line per file beside it while the conversion runs.

    What was interrupted goes on where it was; what was done with other settings does not count.

    Parameters
    ----------
    path
        Of the report.
    settings
        What the files were converted to, and how.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self.path = path
        self._settings = json.loads(json.dumps(settings))
        self._running = path.with_name(f".running-{path.name}l")

    def read(self) -> dict[str, Entry]:
        """Return what earlier runs with the same settings did, by source."""
        done: dict[str, Entry] = {}
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            report = json.loads(self.path.read_text(encoding="utf-8"))
            if report["settings"] == self._settings:
                done |= {item["source"]: Entry.from_json(item) for item in report["files"]}
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            first, *lines = self._running.read_text(encoding="utf-8").splitlines()
            if json.loads(first) == self._settings:
                for line in lines:
                    item = json.loads(line)
                    done[item["source"]] = Entry.from_json(item)
        return done

    @contextlib.contextmanager
    def running(self, done: Iterable[Entry]) -> Iterator[Callable[[Entry], None]]:
        """Yield what adds an entry; the end of the block leaves the lines for the next run."""
        try:
            self._running.parent.mkdir(parents=True, exist_ok=True)
            with self._running.open("w", encoding="utf-8") as file:

                def add(entry: Entry) -> None:
                    file.write(json.dumps(asdict(entry), ensure_ascii=False) + "\n")
                    file.flush()

                file.write(json.dumps(self._settings) + "\n")
                for entry in done:
                    add(entry)
                yield add
        except OSError as error:
            raise HeartReaderError(f"{self._running}: could not be written, {error.strerror or error}") from error

    def finish(self, report: Report) -> None:
        """Write the whole report in place of the lines."""
        content = {
            "settings": self._settings,
            "summary": report.to_lines(),
            "files": [asdict(entry) for entry in report.entries],
        }
        write_text(self.path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
        self._running.unlink(missing_ok=True)
