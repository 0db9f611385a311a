"""Records where a format can read them: files of this machine as they are, others in a folder."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from pathlib import Path
from typing import IO, Any

from heart_reader.bulk.items import Item
from heart_reader.bulk.sources import companions_of, record_names
from heart_reader.bulk.stores import Store, local_path
from heart_reader.data.formats import listed_format
from heart_reader.errors import HeartReaderError, RecordError, UnreadableRecord
from heart_reader.messages import message

__all__ = ["Fetched", "OutOfReach"]

# Seconds to wait before a place that did not answer is asked again.
_PAUSES_S = (0.5, 2.0)
_FULL = (errno.ENOSPC, errno.EDQUOT)


class OutOfReach(RecordError):
    """A place that does not answer, which another time may."""


class Fetched:
    """Brings records of one piece within reach, one at a time.

    Parameters
    ----------
    folder
        An empty folder; what is in it at the end belongs to the last record.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = os.fspath(folder)  # no Path: it takes a tenth of the time of a fast reader
        self._shard: tuple[str, IO[bytes]] | None = None
        self._written: list[str] = []

    def path(self, item: Item) -> str:
        """Return where the record can be read until the next call.

        Raises
        ------
        RecordError
            If it cannot be had.
        HeartReaderError
            If no record can: the folder cannot be written, or a shard was exchanged.
        """
        if item.problem is not None:
            raise UnreadableRecord(item.problem)
        local = local_path(item.place)
        if local is not None and not item.members:
            return local
        self._remove()
        return self._of_members(item) if item.members else self._of_store(item.place)

    def close(self) -> None:
        """Close what is open and remove what was written."""
        self._remove()
        if self._shard is not None:
            self._shard[1].close()
            self._shard = None

    def _of_members(self, item: Item) -> str:
        """Write the files of a record in a shard; return the one that is read."""
        wanted = record_names([member.name for member in item.members])
        needed = {*wanted, *(name for one in wanted for name in companions_of(one))}
        members = [member for member in item.members if member.name in needed]
        if members:
            # Neighbours in the shard, so that one call reads all of them.
            first, last = members[0], members[-1]
            content = memoryview(self._part(item, first.offset, last.offset + last.n_bytes - first.offset))
            for member in members:
                start = member.offset - first.offset
                self._write(member.name, content[start : start + member.n_bytes])
        if len(wanted) > 1:
            wanted = [name for name in wanted if listed_format(os.path.join(self._folder, name))]
        if len(wanted) != 1:
            names = ", ".join(member.name for member in item.members)
            problem = "several records under one key" if wanted else "no file of a format that is read"
            raise UnreadableRecord(f"{item.key}: {problem}: {names}")
        return os.path.join(self._folder, wanted[0])

    def _part(self, item: Item, offset: int, n_bytes: int) -> bytes:
        if self._shard is None or self._shard[0] != item.place:
            self.close()
            self._shard = item.place, self._open(item)
        try:
            file = self._shard[1]
            file.seek(offset)
            content = file.read(n_bytes)
        except Exception as error:  # each file system has exceptions of its own
            raise OutOfReach(f"{item.place}: cannot be read ({type(error).__name__})") from None
        if len(content) < n_bytes:
            raise HeartReaderError(f"{item.place}: has become shorter since its records were listed: choose another --out")
        return content

    def _open(self, item: Item) -> IO[bytes]:
        """Open a shard that is as long as it was when it was listed."""
        local = local_path(item.place)
        try:
            file: Any = open(local, "rb") if local is not None else _open_store(item.place)  # noqa: SIM115
        except FileNotFoundError:
            raise UnreadableRecord(message("no_such_file", where=item.place)) from None
        except OSError as error:
            raise OutOfReach(f"{item.place}: cannot be opened ({error.strerror or error})") from None
        if file.seek(0, 2) != item.n_bytes:
            file.close()
            raise HeartReaderError(f"{item.place}: has another length than when its records were listed: choose another --out")
        return file  # type: ignore[no-any-return]

    def _of_store(self, address: str) -> str:
        """Copy a file of a store, and those beside it that belong to it."""
        name = address.rsplit("/", 1)[-1]
        self._write(name, _content(address))
        for companion in companions_of(address):
            try:
                self._write(companion.rsplit("/", 1)[-1], _content(companion))
            except UnreadableRecord:
                continue
        return os.path.join(self._folder, name)

    def _write(self, name: str, content: bytes | memoryview) -> None:
        if name in ("", ".", "..") or "/" in name or "\\" in name or "\0" in name:
            raise UnreadableRecord(f"{name!r}: no plain name of a file")
        path = f"{self._folder}/{name}"
        try:
            self._written.append(path)
            with open(path, "wb", buffering=0) as file:
                file.write(content)
        except OSError as error:
            why = "the disk is full: free some space" if error.errno in _FULL else error.strerror
            raise HeartReaderError(f"{self._folder}: could not be written, {why}") from None

    def _remove(self) -> None:
        for path in self._written:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        self._written.clear()


def _open_store(address: str) -> Any:
    store = Store.of(address)
    return store.files.open(store.path, "rb")


def _content(address: str) -> bytes:
    """Return a file of a store, which is asked again where it does not answer.

    Raises
    ------
    UnreadableRecord
        If there is no such file.
    OutOfReach
        If it does not answer.
    """
    store = Store.of(address)
    for pause_s in (*_PAUSES_S, None):
        try:
            return bytes(store.files.cat_file(store.path))
        except FileNotFoundError:
            raise UnreadableRecord(message("no_such_file", where=address)) from None
        except Exception as error:  # each file system has exceptions of its own
            if pause_s is None:
                raise OutOfReach(f"{address}: out of reach ({type(error).__name__}: {error})") from None
            time.sleep(pause_s)
    raise AssertionError
