"""CPSC2018's original files: MATLAB 5 workspaces with a structure ``ECG`` of ``sex, age, data``.

The reader is our own: what a file declares of its sizes is compared with the file, and with the
longest record that is allowed, before memory is taken for it.

References
----------
MathWorks. MAT-File Format (2018), level 5. Liu F. et al. An open access database for evaluating the
algorithms of electrocardiogram rhythm and morphology abnormality detection. J. Med. Imaging Health
Inform. 8 (2018) 1368-1373: twelve leads at 500 Hz.
"""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.formats.agreement import agreed_names
from heart_reader.data.formats.files import MAX_FILE_BYTES, Given, check_fs, check_length, file_size, plausible_age, read_bytes
from heart_reader.data.formats.registry import register_format
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.record import EcgRecord, build_record
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import Message, message

__all__ = ["read_matlab"]

MAGIC = b"MATLAB 5.0 MAT-file"
CPSC2018_FS_HZ = 500.0
_HEADER, _TAG = 128, 8
_MATRIX, _COMPRESSED = 14, 15
# Types of elements, and the classes of arrays that hold numbers, characters and fields.
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_TEXTS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_STRUCT, _CHARACTERS, _NUMERIC = 2, 4, range(6, 16)
_COMPLEX = 0x08
# What a structure with three fields needs, many times over.
_MOST_FIELDS, _MOST_SMALL_BYTES, _MOST_DIMENSIONS = 64, 4096, 8
# No element of a kind that zlib writes is more than so many times as long as its compressed form.
_MOST_INFLATED = 1100
_AT_ONCE = 1 << 20


class _Damaged(Exception):
    """What is wrong with the file, in words."""


@register_format(
    "matlab",
    title="MATLAB",
    suffixes=(".mat",),
    sniff=lambda head, _: head.startswith(MAGIC),
    lists=lambda head, _: head.startswith(MAGIC),
    states="age and sex; rate and leads are those of CPSC2018",
)
def read_matlab(path: str, head: bytes, given: Given) -> EcgRecord:
    """Read an original file of CPSC2018; see :class:`Format` for parameters and errors.

    ``given.leads`` names the rows of ``ECG.data``.
    """
    size = file_size(path)
    try:
        found = next(filter(None, (_ecg(path, source, given) for source in _variables(path, head, size))), None)
    except _Damaged as error:
        raise UnreadableRecord(message("matlab_damaged", where=path, problem=str(error))) from None
    if found is None:
        raise UnreadableRecord(message("matlab_file", where=path))
    data, age, sex = found
    warnings: list[Message] = []
    fs = CPSC2018_FS_HZ if given.fs is None else check_fs(path, given.fs)
    if given.fs is None or given.leads is None:
        warnings.append(message("matlab_assumed", fs=fs))
    names = agreed_names(path, [f"signal {row + 1}" for row in range(len(data))] if given.leads else STANDARD_LEADS, given.leads)
    return build_record(
        os.path.splitext(os.path.basename(path))[0],
        data,
        fs,
        names,
        unit=given.unit or "mV",
        age=plausible_age(age),
        sex=sex,
        source_format="matlab",
        warnings=tuple(warnings),
    )


class _Source:
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
        _Damaged
            If there are not as many; none is read where there cannot be.
        """
        if n_bytes > self._limit - self._given:
            raise _Damaged(f"{what} of {n_bytes} bytes are declared, which the file cannot hold")
        self._given += n_bytes
        parts: list[bytes] = []
        missing = n_bytes
        while missing:
            part = self._next(min(missing, _AT_ONCE))
            if not part:
                raise _Damaged(f"{what} ends after {n_bytes - missing} of {n_bytes} bytes")
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
                raise _Damaged("a compressed part is damaged") from None
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


def _variables(path: str, head: bytes, size: int) -> Iterator[_Source]:
    """Yield the content of every array of the file, from behind its tag."""
    if len(head) < _HEADER or head[126:128] not in (b"IM", b"MI"):
        raise _Damaged("its header is not that of a MATLAB 5 file")
    order = "<" if head[126:128] == b"IM" else ">"
    at = _HEADER
    while at + _TAG <= size:
        kind, n_bytes = np.frombuffer(read_bytes(path, _TAG, at), f"{order}u4").tolist()
        at += _TAG
        if n_bytes > size - at:
            raise _Damaged(f"a variable of {n_bytes} bytes is declared, {size - at} are left in the file")
        if kind in (_MATRIX, _COMPRESSED):
            source = _Source(path, at, n_bytes, order, compressed=kind == _COMPRESSED)
            if kind == _MATRIX or _tag(source, "a variable").kind == _MATRIX:
                yield source
        elif kind == 0 or kind > 18:
            raise _Damaged(f"an element of the unknown type {kind}")
        at += n_bytes


def _tag(source: _Source, what: str) -> _Element:
    word = int(np.frombuffer(source.take(4, what), f"{source.order}u4")[0])
    if word >> 16:
        # A short element: its length in the upper half, up to four bytes in place of the length.
        if word >> 16 > 4:
            raise _Damaged(f"a short element of {word >> 16} bytes")
        return _Element(word & 0xFFFF, word >> 16, source.take(4, what)[: word >> 16])
    return _Element(word, int(np.frombuffer(source.take(4, what), f"{source.order}u4")[0]), None)


def _small(source: _Source, what: str) -> tuple[int, bytes]:
    """Return type and content of an element that must be short, such as a name."""
    element = _tag(source, what)
    if element.content is not None:
        return element.kind, element.content
    if element.n_bytes > _MOST_SMALL_BYTES:
        raise _Damaged(f"{what} takes {element.n_bytes} bytes")
    content = source.take(element.n_bytes, what)
    source.take(-element.n_bytes % 8, what)
    return element.kind, content


class _Array(NamedTuple):
    """What an array says before its content."""

    kind: int
    is_complex: bool
    shape: tuple[int, ...]
    name: str


def _array(source: _Source, what: str) -> _Array:
    flags = _small(source, what)[1]
    if len(flags) != 8:
        raise _Damaged(f"{what} has no flags")
    word = int(np.frombuffer(flags[:4], f"{source.order}u4")[0])
    dimensions = _small(source, what)[1]
    if len(dimensions) % 4 or not 2 <= len(dimensions) // 4 <= _MOST_DIMENSIONS:
        raise _Damaged(f"{what} has {len(dimensions) // 4} dimensions")
    shape = tuple(np.frombuffer(dimensions, f"{source.order}i4").tolist())
    if min(shape) < 0:
        raise _Damaged(f"{what} has the size {' x '.join(map(str, shape))}")
    name = _small(source, what)[1].decode("latin-1")
    return _Array(word & 0xFF, bool(word >> 8 & _COMPLEX), shape, name)


def _ecg(path: str, source: _Source, given: Given) -> tuple[NDArray[np.floating], float | None, str | None] | None:
    """Return signal, age and sex of the variable ``ECG``; None for any other variable."""
    array = _array(source, "a variable")
    if array.kind != _STRUCT or array.name != "ECG":
        return None
    if math.prod(array.shape) != 1:
        raise _Damaged(f"ECG is {' x '.join(map(str, array.shape))} structures; one recording is read at a time")
    length = int.from_bytes(_small(source, "ECG")[1], "little" if source.order == "<" else "big")
    names = _small(source, "the names of ECG's fields")[1]
    if not 1 <= length <= 64 or len(names) % length or len(names) // length > _MOST_FIELDS:
        raise _Damaged("the names of ECG's fields cannot be read")
    fields = [names[at : at + length].split(b"\0")[0].decode("latin-1") for at in range(0, len(names), length)]
    data: NDArray[np.floating] | None = None
    age, sex = None, None
    for field in fields:
        what = f"ECG.{field}"
        element = _tag(source, what)
        if element.kind != _MATRIX or element.content is not None:
            raise _Damaged(f"{what} is no array")
        if element.n_bytes == 0:
            continue
        if field == "data":
            data = _signal(path, source, given)
        elif field == "age" and element.n_bytes <= _MOST_SMALL_BYTES:
            age = _age(source)
        elif field == "sex" and element.n_bytes <= _MOST_SMALL_BYTES:
            sex = _sex(source)
        else:
            source.skip(element.n_bytes, what)
    if data is None:
        raise _Damaged(f"ECG has the fields {', '.join(fields)}, and no data")
    return data, age, sex


def _signal(path: str, source: _Source, given: Given) -> NDArray[np.floating]:
    """Return ``ECG.data`` leads first."""
    array = _array(source, "ECG.data")
    size = " x ".join(map(str, array.shape))
    n_leads = len(STANDARD_LEADS) if given.leads is None else len(given.leads)
    if array.kind not in _NUMERIC or array.is_complex:
        raise _Damaged("ECG.data holds no real numbers")
    if len(array.shape) != 2 or n_leads not in array.shape:
        raise UnreadableRecord(message("matlab_leads", where=path, size=size, leads=n_leads))
    n_times = math.prod(array.shape) // n_leads
    check_length(path, n_leads, n_times, CPSC2018_FS_HZ if given.fs is None else given.fs, given)
    element = _tag(source, "ECG.data")
    if element.kind not in _NUMBERS:
        raise _Damaged("ECG.data holds no numbers")
    stored = np.dtype(source.order + _NUMBERS[element.kind])
    if element.n_bytes != n_leads * n_times * stored.itemsize:
        raise _Damaged(f"ECG.data is {size}, but {element.n_bytes} bytes of {stored.itemsize} each follow")
    content = source.take(element.n_bytes, "ECG.data") if element.content is None else element.content
    source.take(-element.n_bytes % 8 if element.content is None else 0, "ECG.data")
    values = np.frombuffer(content, stored).reshape(array.shape[::-1])
    # MATLAB stores columns: what is read has its dimensions the other way round.
    leads_first = values.T if array.shape[0] == n_leads else values
    return leads_first.astype(np.float64)


def _age(source: _Source) -> float | None:
    array = _array(source, "ECG.age")
    kind, content = _small(source, "ECG.age")
    if array.kind not in _NUMERIC or kind not in _NUMBERS or math.prod(array.shape) != 1:
        return None
    stored = np.dtype(source.order + _NUMBERS[kind])
    value = float(np.frombuffer(content, stored)[0]) if len(content) == stored.itemsize else math.nan
    return value if math.isfinite(value) else None


def _sex(source: _Source) -> str | None:
    array = _array(source, "ECG.sex")
    kind, content = _small(source, "ECG.sex")
    if array.kind != _CHARACTERS or kind not in _TEXTS:
        return None
    encoding = _TEXTS[kind] + ("" if kind in (1, 2, 16) else "-le" if source.order == "<" else "-be")
    word = content.decode(encoding, errors="replace").strip("\0 ").lower()
    return word if word in ("male", "female") else None
