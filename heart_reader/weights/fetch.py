"""Fetching readers by name from a folder or an address of weights into the cache."""

from __future__ import annotations

import os
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

from heart_reader.errors import ConfigError, DataError, Integrity
from heart_reader.folders import atomic_directory
from heart_reader.weights.index import INDEX, ShippedReader, cache_folder, file_is, parse_index, shipped_readers

__all__ = ["SOURCE", "available_readers", "fetch"]

SOURCE = "HEART_READER_WEIGHTS"
TIMEOUT_S = 60
LARGEST_INDEX = 10_000_000


def fetch(name: str, source: str | None = None) -> Path:
    """Fetch a reader into the cache and return its directory.

    Parameters
    ----------
    name
        Address of the index.
    source
        Folder or http(s) address of ``index.json`` and one folder per reader; None for what
        ``HEART_READER_WEIGHTS`` says.

    Raises
    ------
    ConfigError
        If no index has the name; the message lists those there are.
    DataError
        If it cannot be fetched, or nobody says where from.
    Integrity
        If a file differs from the index; it is removed and named.
    """
    source = source or os.environ.get(SOURCE, "")
    reader = available_readers(source).get(name)
    if reader is None:
        there_is = ", ".join(sorted(available_readers(source)))
        raise ConfigError(f"no reader is called {name!r}, and there is no such folder; there is {there_is}")
    if not source:
        raise DataError(f"reader {name!r} is not on this machine: set {SOURCE} to a folder or an address of weights, with {INDEX} in it")
    final = cache_folder() / name
    with atomic_directory(final, DataError) as folder:
        for file, facts in reader.files.items():
            _copy(source, f"{name}/{file}", folder / file, int(facts["bytes"]))
            if not file_is(folder / file, facts):
                (folder / file).unlink()
                raise Integrity(
                    f"{source}: {name}/{file} does not have the SHA-256 {facts['sha256'][:12]}... of the index and was removed: "
                    "it was changed or cut short, fetch it again or from elsewhere"
                )
    return final


def available_readers(source: str = "") -> dict[str, ShippedReader]:
    """Return the readers of this version, and those that a source has beside them.

    The index of this version says what a name means, so that a source cannot replace a reader.
    """
    return {**(_read_index(source) if source else {}), **shipped_readers()}


def _read_index(source: str) -> dict[str, ShippedReader]:
    with _open(source, INDEX) as stream:
        return parse_index(stream.read(LARGEST_INDEX).decode("utf-8", errors="replace"), f"{source}: {INDEX}")


def _copy(source: str, name: str, path: Path, n_bytes: int) -> None:
    """Write a file of a source, taking at most one byte more than it should have."""
    try:
        with _open(source, name) as stream, path.open("wb") as target:
            left = n_bytes + 1
            while left > 0 and (block := stream.read(min(left, 1 << 18))):
                target.write(block)
                left -= len(block)
    except (OSError, HTTPException) as error:
        raise DataError(f"{source}: {name} could not be fetched ({error}): try again") from None


def _open(source: str, name: str) -> IO[bytes]:
    """Open a file of a folder or of an address.

    Raises
    ------
    DataError
        If the address has no index.
    """
    try:
        if urlsplit(source).scheme in ("http", "https"):
            request = Request(f"{source.rstrip('/')}/{quote(name)}", headers={"User-Agent": "heart-reader"})  # noqa: S310
            stream: IO[bytes] = urlopen(request, timeout=TIMEOUT_S)  # noqa: S310
            return stream
        return Path(source, name).open("rb")
    except (OSError, HTTPException, ValueError) as error:
        raise DataError(
            f"{source}: {name} cannot be opened ({error}): {SOURCE} needs a folder or an http(s) address with {INDEX}"
        ) from None
