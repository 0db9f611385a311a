"""The elements of a MATLAB 5 file, from the file or inflated on the way.

What a file declares of its sizes is compared with the file before memory is taken for it.

References
----------
MathWorks. MAT-File Format (2018), level 5.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.formats.files import MAX_FILE_BYTES, read_bytes

__all__ = [
    "CHARACTERS", "MAGIC", "MATRIX", "MOST_SMALL_BYTES", "NUMBERS", "NUMERIC", "STRUCT", "TEXTS", "Array", "Damaged", "Source",
    "array_head", "numbers", "small", "tag", "text_of_characters", "variables",
]  # fmt: skip

MAGIC = b"MATLAB 5.0 MAT-file"
HEADER_BYTES, _TAG = 128, 8
MATRIX, _COMPRESSED = 14, 15
# Types of elements, and the classes of arrays that hold numbers, characters and fields.
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
TEXTS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
STRUCT, CHARACTERS, NUMERIC = 2, 4, range(6, 16)
_COMPLEX = 0x08
MOST_SMALL_BYTES, _MOST_DIMENSIONS = 4096, 8
# No element of a kind that zlib writes is more than so many times as long as its compressed form.
_MOST_INFLATED = 1100
_AT_ONCE = 1 << 20


class Damaged(Exception):
    """What is wrong with the file, in words."""


class Source:
    """Bytes of one variable in order, from the file or inflated on the way."""

    def __init__(self, path: str, start: int, n_bytes: int, order: str, *, compressed: bool) -> None:
        self.order = order
        self._path, self._at, self._stop = path, start, start + n_bytes
        self._inflater = zlib.decompressobj() if compressed else None
        self._limit = min(MAX_FILE_BYTES, n_bytes * _MOST_INFLATED) if compressed else n_bytes
        self._given = 0

    def take(self, n_bytes: int, what: str) -> bytes:
        """Return so many bytes.

        Raises
        ------
        Damaged
            If there are not as many; none is read where there cannot be.
        """
        if n_bytes > self._limit - self._given:
            raise Damaged(f"{what} of {n_bytes} bytes are declared, which the file cannot hold")
        self._given += n_bytes
        parts: list[bytes] = []
        missing = n_bytes
        while missing:
            part = self._next(min(missing, _AT_ONCE))
            if not part:
                raise Damaged(f"{what} ends after {n_bytes - missing} of {n_bytes} bytes")
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def skip(self, n_bytes: int, what: str) -> None:
        """Pass over so many bytes, without keeping them."""
        while n_bytes:
            n_bytes -= len(self.take(min(n_bytes, _AT_ONCE), what))

    def _next(self, most: int) -> bytes:
        if self._inflater is None:
            return self._raw(min(most, self._stop - self._at))
        while not self._inflater.eof:
            packed = self._inflater.unconsumed_tail or self._raw(min(_AT_ONCE, self._stop - self._at))
            try:
                part = self._inflater.decompress(packed, most)
            except zlib.error:
                raise Damaged("a compressed part is damaged") from None
            if part or not packed:
                return part
        return b""

    def _raw(self, n_bytes: int) -> bytes:
        part = read_bytes(self._path, n_bytes, self._at) if n_bytes > 0 else b""
        self._at += len(part)
        return part


class _Element(NamedTuple):
    """Type and length of the next element, and its content where that stands in the tag."""

    kind: int
    n_bytes: int
    content: bytes | None


def variables(path: str, head: bytes, size: int) -> Iterator[Source]:
    """Yield the content of every array of the file, from behind its tag."""
    if len(head) < HEADER_BYTES or head[126:128] not in (b"IM", b"MI"):
        raise Damaged("its header is not that of a MATLAB 5 file")
    order = "<" if head[126:128] == b"IM" else ">"
    at = HEADER_BYTES
    while at + _TAG <= size:
        kind, n_bytes = np.frombuffer(read_bytes(path, _TAG, at), f"{order}u4").tolist()
        at += _TAG
        if n_bytes > size - at:
            raise Damaged(f"a variable of {n_bytes} bytes is declared, {size - at} are left in the file")
        if kind in (MATRIX, _COMPRESSED):
            source = Source(path, at, n_bytes, order, compressed=kind == _COMPRESSED)
            if kind == MATRIX or tag(source, "a variable").kind == MATRIX:
                yield source
        elif kind == 0 or kind > 18:
            raise Damaged(f"an element of the unknown type {kind}")
        at += n_bytes


def tag(source: Source, what: str) -> _Element:
    """Return type and length of the next element."""
    word = int(np.frombuffer(source.take(4, what), f"{source.order}u4")[0])
    if word >> 16:
        # A short element: its length in the upper half, up to four bytes in place of the length.
        if word >> 16 > 4:
            raise Damaged(f"a short element of {word >> 16} bytes")
        return _Element(word & 0xFFFF, word >> 16, source.take(4, what)[: word >> 16])
    return _Element(word, int(np.frombuffer(source.take(4, what), f"{source.order}u4")[0]), None)


def small(source: Source, what: str) -> tuple[int, bytes]:
    """Return type and content of an element that must be short, such as a name."""
    element = tag(source, what)
    if element.content is not None:
        return element.kind, element.content
    if element.n_bytes > MOST_SMALL_BYTES:
        raise Damaged(f"{what} takes {element.n_bytes} bytes")
    content = source.take(element.n_bytes, what)
    source.take(-element.n_bytes % 8, what)
    return element.kind, content


class Array(NamedTuple):
    """What an array says before its content."""

    kind: int
    is_complex: bool
    shape: tuple[int, ...]
    name: str


def array_head(source: Source, what: str) -> Array:
    """Return what an array says before its content."""
    flags = small(source, what)[1]
    if len(flags) != 8:
        raise Damaged(f"{what} has no flags")
    word = int(np.frombuffer(flags[:4], f"{source.order}u4")[0])
    dimensions = small(source, what)[1]
    if len(dimensions) % 4 or not 2 <= len(dimensions) // 4 <= _MOST_DIMENSIONS:
        raise Damaged(f"{what} has {len(dimensions) // 4} dimensions")
    shape = tuple(np.frombuffer(dimensions, f"{source.order}i4").tolist())
    if min(shape) < 0:
        raise Damaged(f"{what} has the size {' x '.join(map(str, shape))}")
    name = small(source, what)[1].decode("latin-1")
    return Array(word & 0xFF, bool(word >> 8 & _COMPLEX), shape, name)


def numbers(source: Source, array: Array, what: str) -> NDArray[np.number]:
    """Return the numbers of an array, of which only the head was taken, in its shape.

    Raises
    ------
    Damaged
        If it holds no real numbers, or not as many as its shape needs.
    """
    element = tag(source, what)
    if element.kind not in NUMBERS or array.kind not in NUMERIC or array.is_complex:
        raise Damaged(f"{what} holds no real numbers")
    stored = np.dtype(source.order + NUMBERS[element.kind])
    if element.n_bytes != math.prod(array.shape) * stored.itemsize:
        size = " x ".join(map(str, array.shape))
        raise Damaged(f"{what} is {size}, but {element.n_bytes} bytes of {stored.itemsize} each follow")
    content = source.take(element.n_bytes, what) if element.content is None else element.content
    source.take(-element.n_bytes % 8 if element.content is None else 0, what)
    # MATLAB stores columns: what is read has its dimensions the other way round.
    return np.frombuffer(content, stored).reshape(array.shape[::-1]).T


def text_of_characters(source: Source, array: Array, what: str) -> list[str]:
    """Return the rows of a short array of characters."""
    kind, content = small(source, what)
    if kind not in TEXTS or len(array.shape) != 2:
        return []
    encoding = TEXTS[kind] + ("" if kind in (1, 2, 16) else "-le" if source.order == "<" else "-be")
    text, n_rows = content.decode(encoding, errors="replace"), array.shape[0]
    return [text[row::n_rows].strip("\0 ") for row in range(n_rows)] if n_rows else []
