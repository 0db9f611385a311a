"""NumPy's files: an array (.npy), or arrays by name (.npz). Python objects in them are not opened.

References
----------
NumPy reference, numpy.lib.format: a text that describes the array, and its numbers.
"""

from __future__ import annotations

import io
import math
import warnings as python_warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from heart_reader.data.formats.arrays import MOST_FACTS, ArrayFile, StoredArray, array_record, is_fact
from heart_reader.data.formats.files import MAX_FILE_BYTES, Given, damaged, file_size
from heart_reader.data.formats.registry import register_format
from heart_reader.data.record import EcgRecord
from heart_reader.errors import RecordError, UnreadableRecord
from heart_reader.messages import message

__all__ = ["read_numpy"]

_MAGIC = b"\x93NUMPY"
_ZIP = b"PK\x03\x04"
_SUFFIX = b".npy"
_MOST_ARRAYS = 64
# Texts of facts are short.
_MOST_FACT_BYTES = 1 << 16
_LAST_LETTER = 0x10FFFF


def _is_numpy(head: bytes, path: str) -> bool:
    if head.startswith(_MAGIC):
        return True
    length = int.from_bytes(head[26:28], "little")
    return head.startswith(_ZIP) and head[30 : 30 + length].endswith(_SUFFIX)


@register_format(
    "numpy",
    title="NumPy",
    suffixes=(".npy", ".npz"),
    sniff=_is_numpy,
    states="in .npz: rate, unit, leads, age and sex as arrays fs, unit, leads, age, sex",
)
def read_numpy(path: str, head: bytes, given: Given) -> EcgRecord:
    """Read an array of a file; see :class:`Format` for parameters and errors."""
    with _errors_of_damage(path):
        if head.startswith(_MAGIC):
            return array_record(path, ArrayFile([_single(path)]), given, "numpy")
        with zipfile.ZipFile(path) as archive:
            return array_record(path, _several(path, archive), given, "numpy")


@contextmanager
def _errors_of_damage(path: str) -> Iterator[None]:
    """Whatever is raised by a file that is not as NumPy writes it becomes one sentence."""
    try:
        with python_warnings.catch_warnings():
            # Old files are read with a remark about the Python that wrote them.
            python_warnings.simplefilter("ignore")
            yield
    except RecordError:
        raise
    except Exception:  # a damaged file may fail in any way
        raise damaged(path, "not an array as NumPy writes it") from None


def _head(path: str, file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any], bool]:
    """Shape, kind of numbers, and whether columns follow each other; objects are refused."""
    version = npy.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(version)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, columns, dtype = read(file)
    if dtype.hasobject:
        raise UnreadableRecord(message("array_pickled", where=path))
    if any(length < 0 for length in shape):
        raise ValueError(shape)
    return tuple(int(length) for length in shape), dtype, columns


def _single(path: str) -> StoredArray:
    """The array of an .npy file, which stays on disk."""
    with open(path, "rb") as file:
        shape, dtype, columns = _head(path, file)
        start = file.tell()
    if math.prod(shape) * dtype.itemsize > file_size(path) - start:
        raise _too_short(path, shape, dtype, file_size(path) - start)

    def cut(start_at: int, stop: int, first_axis: bool) -> NDArray[Any]:
        values: NDArray[Any] = np.memmap(path, dtype, "r", start, shape, "F" if columns else "C")
        return np.array(values[start_at:stop] if first_axis else values[..., start_at:stop])

    return StoredArray("", shape, dtype, cut, on_disk=True)


def _several(path: str, archive: zipfile.ZipFile) -> ArrayFile:
    arrays, facts = [], {}
    members = [member for member in archive.infolist() if member.filename.endswith(_SUFFIX.decode())]
    for member in members[:_MOST_ARRAYS]:
        name = member.filename.removesuffix(_SUFFIX.decode())
        with archive.open(member) as file:
            head = io.BytesIO(file.read(_MOST_FACT_BYTES))
        shape, dtype, _ = _head(path, head)
        n_bytes = head.tell() + math.prod(shape) * dtype.itemsize
        if n_bytes > member.file_size or member.file_size > MAX_FILE_BYTES:
            raise _too_short(path, shape, dtype, member.file_size - head.tell())
        if is_fact(name):
            if math.prod(shape) <= MOST_FACTS and n_bytes <= _MOST_FACT_BYTES:
                facts[name] = _loaded(archive, member, n_bytes)
        else:
            arrays.append(StoredArray(name, shape, dtype, _cut_of(archive, member, n_bytes)))
    return ArrayFile(arrays, facts)


def _cut_of(archive: zipfile.ZipFile, member: zipfile.ZipInfo, n_bytes: int) -> Any:
    """What cuts from an array of an archive, which is inflated once and as a whole."""
    whole: list[NDArray[Any]] = []

    def cut(start: int, stop: int, first_axis: bool) -> NDArray[Any]:
        if not whole:
            whole.append(_loaded(archive, member, n_bytes))
        return whole[0][start:stop] if first_axis else whole[0][..., start:stop]

    return cut


def _loaded(archive: zipfile.ZipFile, member: zipfile.ZipInfo, n_bytes: int) -> NDArray[Any]:
    with archive.open(member) as file:
        content = io.BytesIO(file.read(n_bytes))
    values: NDArray[Any] = npy.read_array(content, allow_pickle=False)
    if values.dtype.kind == "U":
        # NumPy itself makes text of any number.
        letters = np.ascontiguousarray(values).reshape(-1).view(values.dtype.byteorder.replace("=", "<").replace("|", "<") + "u4")
        if letters.size and letters.max() > _LAST_LETTER:
            raise ValueError(letters.max())
    return values


def _too_short(path: str, shape: tuple[int, ...], dtype: np.dtype[Any], there: int) -> UnreadableRecord:
    size = " x ".join(map(str, shape))
    return damaged(path, f"an array of {size} {dtype} is declared, {there} bytes follow")
