"""Places that fsspec reaches: buckets, servers, memory. Files of this machine need none of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import fsspec

from heart_reader.errors import ConfigError, HeartReaderError

__all__ = ["Store", "has_wildcard", "local_path"]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


def local_path(source: str) -> str | None:
    """Return the path of what lies on this machine, None for an address elsewhere.

    Examples
    --------
    >>> local_path("a/b.dat"), local_path("file:///data/a%20b"), local_path("s3://bucket/a")
    ('a/b.dat', '/data/a b', None)
    """
    scheme = _SCHEME.match(source)
    if scheme is None:
        return source
    return unquote(urlsplit(source).path) if scheme.group(1).lower() == "file" else None


def has_wildcard(source: str) -> bool:
    """Return whether a source is a pattern of names."""
    return any(sign in source for sign in "*?[")


class Store(NamedTuple):
    """A file system of fsspec, and a place in it.

    Parameters
    ----------
    files
        The file system, opened by what fsspec finds in the environment and its own settings.
    path
        The place, without protocol.
    protocol
        Such as ``s3``.
    """

    files: Any
    path: str
    protocol: str

    @classmethod
    def of(cls, address: str) -> Store:
        """Return what reaches an address.

        Raises
        ------
        ConfigError
            If there is no such protocol, or its package is not installed.
        """
        scheme = _SCHEME.match(address)
        protocol = "" if scheme is None else scheme.group(1)
        try:
            files, path = fsspec.core.url_to_fs(address)
        except (ImportError, ValueError) as error:
            raise ConfigError(f"{address}: cannot be reached, {' '.join(str(error).split())}") from None
        return cls(files, path, protocol)

    def address(self, path: str) -> str:
        """Return the address of a path in the same file system."""
        return f"{self.protocol}://{path.lstrip('/')}"

    def kind(self) -> str | None:
        """Return ``"directory"``, ``"file"``, or None if there is nothing.

        Raises
        ------
        HeartReaderError
            If the file system does not answer.
        """
        try:
            return str(self.files.info(self.path)["type"])
        except FileNotFoundError:
            return None
        except Exception as error:  # each file system has exceptions of its own
            raise HeartReaderError(f"{self.address(self.path)}: out of reach ({type(error).__name__}: {error})") from None

    def walk(self) -> Iterator[tuple[str, list[str]]]:
        """Yield folders, and the names in each, both sorted."""
        for folder, below, names in self.files.walk(self.path):
            below.sort() if isinstance(below, list) else None
            yield folder, sorted(names)

    def glob(self) -> list[str]:
        """Return the paths of a pattern, sorted."""
        return sorted(self.files.glob(self.path))
