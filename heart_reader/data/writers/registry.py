"""The list of formats that are written: what such a format is, and how one is added.

One module of this package per format, with a function decorated with :func:`register_writer`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from heart_reader.data.record import EcgRecord
from heart_reader.messages import Message
from heart_reader.registry import Registry

__all__ = ["WRITERS", "Writer", "register_writer"]

# Writes a record into a folder under a name without ending; returns the files that it wrote, the
# one that is read again first, and what of the record the format has no place for.
Write = Callable[[EcgRecord, Path, str], "tuple[list[Path], list[Message]]"]


@dataclass(frozen=True)
class Writer:
    """One format that is written.

    Parameters
    ----------
    name
        Lower case; where the format is read too, the name of that format or a variety of it.
    title
        What people call it.
    suffix
        Of the file that is read again, with the dot.
    write
        Writes a record: itself, the folder, the name without ending. Files appear whole or not at
        all.
    package
        A module that writing needs and that the core does not bring; the extra ``formats`` does.
    """

    name: str
    title: str
    suffix: str
    write: Write
    package: str | None = None


WRITERS: Registry[Writer] = Registry("format to write", "heart_reader.data.writers")


def register_writer(name: str, *, title: str, suffix: str, package: str | None = None) -> Callable[[Write], Write]:
    """Register the decorated function as a writer; :class:`Writer` has the parameters."""

    def register(write: Write) -> Write:
        WRITERS.add(name, Writer(name, title, suffix, write, package))
        return write

    return register
