"""From what a person names to the records in it, in an order that does not change."""

from __future__ import annotations

import glob
import os
import posixpath
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path, PurePath

from heart_reader.bulk.items import Item
from heart_reader.bulk.shards import SHARD_SUFFIX, shard_items
from heart_reader.bulk.stores import Store, has_wildcard, local_path
from heart_reader.bulk.tables import TABLE_SUFFIXES, TableColumns, table_items
from heart_reader.data.formats import FORMATS, listed_format
from heart_reader.errors import ConfigError, HeartReaderError

__all__ = ["companions_of", "list_items", "record_names"]


def list_items(sources: Sequence[str], columns: TableColumns | None = None, *, without: Path | None = None) -> Iterator[Item]:
    """Yield the records of all sources.

    Parameters
    ----------
    sources
        Each a folder and what lies below it, a file, a shard, a table of paths, or a pattern of
        names; on this machine or an address that fsspec knows.
    columns
        Which columns of tables name files and keys.
    without
        A folder that is passed over: the one that is written to.

    Raises
    ------
    ConfigError
        If a source is not there.
    HeartReaderError
        If a source is out of reach.
    """
    columns = columns or TableColumns()
    several = len(sources) > 1
    for source in sources:
        local = local_path(source)
        if local is not None:
            yield from _local(local, columns, several, without)
        else:
            yield from _stored(Store.of(source), columns, several)


def _local(source: str, columns: TableColumns, several: bool, without: Path | None) -> Iterator[Item]:
    if os.path.isdir(source):
        root = os.path.abspath(source)
        top = PurePath(root).name if several else ""
        for path in _files_below(root, None if without is None else os.path.abspath(without)):
            yield from _local_file(path, posixpath.join(top, PurePath(path).relative_to(root).as_posix()), None)
    elif os.path.exists(source) or os.path.exists(f"{source}.hea"):
        yield from _local_file(os.path.abspath(source), PurePath(source).name, columns)
    elif has_wildcard(source):
        found = sorted(glob.iglob(source, recursive=True))
        root = _fixed_part(os.path.abspath(source))
        for path in map(os.path.abspath, found):
            if os.path.isfile(path) and (path.endswith(SHARD_SUFFIX) or listed_format(path)):
                yield from _local_file(path, PurePath(path).relative_to(root).as_posix(), None)
    else:
        raise ConfigError(f"{source}: no such file or folder: check the name")


def _local_file(path: str, name: str, columns: TableColumns | None) -> Iterator[Item]:
    """Yield what a file holds: a shard's records, a table's where one may be meant, or itself."""
    if path.endswith(SHARD_SUFFIX):
        try:
            with open(path, "rb") as file:
                yield from shard_items(file, name=name, place=path)
        except OSError as error:
            raise HeartReaderError(f"{path}: cannot be read ({error.strerror or error}): check the permissions and the disk") from None
        return
    listed = table_items(path, columns) if columns is not None and path.lower().endswith(TABLE_SUFFIXES) else None
    yield from (Item(name, name, path),) if listed is None else listed


def _files_below(root: str, without: str | None) -> Iterator[str]:
    """Yield the shards and records of a folder, each folder's before those of the folders in it."""
    for folder, below, names in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith(".") and os.path.join(folder, name) != without)
        for name in sorted(names):
            path = os.path.join(folder, name)
            if not name.startswith(".") and (name.endswith(SHARD_SUFFIX) or listed_format(path)):
                yield path


def _stored(store: Store, columns: TableColumns, several: bool) -> Iterator[Item]:
    if has_wildcard(store.path):
        root = _fixed_part(store.path)
        paths = store.glob()
        for path in record_names(paths):
            yield from _stored_file(store, path, posixpath.relpath(path, root), None)
        return
    kind = store.kind()
    if kind is None:
        raise ConfigError(f"{store.address(store.path)}: nothing is there: check the address")
    if kind != "directory":
        yield from _stored_file(store, store.path, posixpath.basename(store.path), columns)
        return
    top = posixpath.basename(store.path.rstrip("/")) if several else ""
    for folder, names in store.walk():
        for name in record_names(names):
            if not name.startswith("."):
                path = f"{folder}/{name}"
                yield from _stored_file(store, path, posixpath.join(top, posixpath.relpath(path, store.path or "/")), None)


def _stored_file(store: Store, path: str, name: str, columns: TableColumns | None) -> Iterator[Item]:
    address = store.address(path)
    if path.endswith(SHARD_SUFFIX):
        try:
            with store.files.open(path, "rb") as file:
                yield from shard_items(file, name=name, place=address)
        except HeartReaderError:
            raise
        except Exception as error:  # each file system has exceptions of its own
            raise HeartReaderError(f"{address}: out of reach ({type(error).__name__}: {error})") from None
        return
    listed = table_items(address, columns) if columns is not None and path.lower().endswith(TABLE_SUFFIXES) else None
    yield from (Item(name, name, address),) if listed is None else listed


def record_names(names: Sequence[str]) -> list[str]:
    """Select names of shards and records by their endings; a header stands for its signal files.

    Examples
    --------
    >>> record_names(["a.hea", "a.dat", "b.edf", "notes.doc", "s.tar"])
    ['a.hea', 'b.edf', 's.tar']
    """
    of_records, headers_of = _suffixes()
    there = set(names)
    kept = []
    for name in names:
        stem, suffix = os.path.splitext(name)
        suffix = suffix.lower()
        belongs = any(stem + header in there for header in headers_of.get(suffix, ()))
        if suffix == SHARD_SUFFIX or (suffix in of_records and not belongs):
            kept.append(name)
    return kept


def companions_of(path: str) -> list[str]:
    """Return the names that files beside a record may have which belong to it.

    Examples
    --------
    >>> companions_of("x/a.hea"), companions_of("x/a.edf")
    (['x/a.dat', 'x/a.mat'], [])
    """
    stem, suffix = os.path.splitext(path)
    return [stem + companion for companion, headers in _suffixes()[1].items() if suffix.lower() in headers]


@cache
def _suffixes() -> tuple[frozenset[str], dict[str, tuple[str, ...]]]:
    """Return the endings of records, and those of companions with the endings of their headers."""
    headers_of: dict[str, tuple[str, ...]] = {}
    for entry in FORMATS.values():
        headers_of |= {companion: (*headers_of.get(companion, ()), *entry.suffixes) for companion in entry.companions}
    return frozenset(suffix for entry in FORMATS.values() for suffix in entry.suffixes), headers_of


def _fixed_part(pattern: str) -> str:
    """Return the folder before the first part with a wildcard.

    Examples
    --------
    >>> _fixed_part("/data/2020/*/a?.dcm")
    '/data/2020'
    """
    parts = PurePath(pattern).parts
    fixed = [part for place, part in enumerate(parts) if not any(map(has_wildcard, parts[: place + 1]))]
    return str(PurePath(*fixed)) if fixed else "."
