"""The list of file formats: what a format is, and how one is added.

A format is one module of this package with a function that reads a file, decorated with
:func:`register_format`. Reading, finding and serving files, and the lists of formats that people
see, ask the registry and know of no single format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from heart_reader.data.formats.files import Given
from heart_reader.data.record import EcgRecord
from heart_reader.registry import Registry

__all__ = ["FORMATS", "Format", "format_titles", "formats_in_order", "register_format"]

# Reads a file: its path, its first HEAD_BYTES bytes and what the caller says about it.
Read = Callable[[str, bytes, Given], EcgRecord]
# Answers a question about a file: its first HEAD_BYTES bytes and its path.
Question = Callable[[bytes, str], bool]


@dataclass(frozen=True)
class Format:
    """One file format.

    Parameters
    ----------
    name
        Lower case; what ``EcgRecord.source_format`` says.
    title
        What people call it.
    suffixes
        Of the files that are listed as records in a folder, lower case, with the dot.
    sniff
        Decides by the first bytes of a file, and what lies beside its path, whether it is of this
        format.
    read
        Reads a file that ``sniff`` accepted, from its path, its first bytes and what the caller
        says: a rate where the file states none, a unit that overrides the file's with a warning,
        and lead names. Raises a RecordError that says what to do, and nothing else.
    states
        What such a file says itself, so that nobody has to, for the table of formats.
    companions
        Suffixes of files that belong to a record without being one.
    lists
        Selects files with one of ``suffixes`` that count as records in a folder; None: all do.
        An unreadable or empty file has no first bytes.
    package
        A module that reading needs and that the core does not bring; the extra ``formats`` does.
    last
        Whether this format is asked only after all others have declined.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    sniff: Question
    read: Read
    states: str = ""
    companions: tuple[str, ...] = ()
    lists: Question | None = None
    package: str | None = None
    last: bool = False

    def facts(self) -> dict[str, Any]:
        """Return what people may know of the format: plain values."""
        lists = {"suffixes": list(self.suffixes), "companions": list(self.companions)}
        return {"name": self.name, "title": self.title, **lists, "states": self.states}


FORMATS: Registry[Format] = Registry("file format", "heart_reader.data.formats")


def register_format(
    name: str,
    *,
    title: str,
    suffixes: tuple[str, ...],
    sniff: Question,
    states: str = "",
    companions: tuple[str, ...] = (),
    lists: Question | None = None,
    package: str | None = None,
    last: bool = False,
) -> Callable[[Read], Read]:
    """Register the decorated function as what reads a format; :class:`Format` has the parameters.

    Examples
    --------
    >>> is_mine = lambda head, path: head.startswith(b"MINE")
    >>> @register_format("mine", title="Mine", suffixes=(".mine",), sniff=is_mine)  # doctest: +SKIP
    ... def read_mine(path, head, given):
    ...     signal, fs, leads = ...
    ...     return build_record(Path(path).stem, signal, fs, leads, source_format="mine")
    """

    def register(read: Read) -> Read:
        FORMATS.add(name, Format(name, title, suffixes, sniff, read, states, companions, lists, package, last))
        return read

    return register


def formats_in_order() -> Iterator[Format]:
    """Yield all formats in the order in which they are asked about a file."""
    yield from sorted(FORMATS.values(), key=lambda entry: entry.last)


def format_titles() -> list[str]:
    """Return the titles of all formats; one whose package is missing says how to install it."""
    return [
        entry.title if entry.package is None or find_spec(entry.package) else f"{entry.title} (after pip install 'heart-reader[formats]')"
        for entry in FORMATS.values()
    ]
