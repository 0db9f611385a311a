"""HDF5 files, MATLAB 7.3's among them: one dataset is the signal, attributes say what it is.

h5py takes the file apart; links to other files and data kept in them are not followed.
"""

from __future__ import annotations

import math
import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.formats.arrays import MOST_FACTS, ArrayFile, StoredArray, array_record, is_fact
from heart_reader.data.formats.files import Given, damaged
from heart_reader.data.formats.registry import register_format
from heart_reader.data.record import EcgRecord
from heart_reader.errors import RecordError

__all__ = ["read_hdf5"]

_MAGIC = b"\x89HDF\r\n\x1a\n"
_STARTS = (0, 512, 1024, 2048, 4096)
_MOST_OBJECTS = 256
# How a collection of texts begins, in its first version.
_HEAP = b"GCOL\x01\0\0\0"


def _is_hdf5(head: bytes, path: str) -> bool:
    return any(head[start : start + len(_MAGIC)] == _MAGIC for start in _STARTS)


@register_format(
    "hdf5",
    title="HDF5",
    suffixes=(".h5", ".hdf5", ".mat"),
    sniff=_is_hdf5,
    lists=_is_hdf5,
    states="rate, unit, leads, age and sex as attributes or datasets fs, unit, leads, age, sex",
    package="h5py",
)
def read_hdf5(path: str, head: bytes, given: Given) -> EcgRecord:
    """Read a dataset of a file; see :class:`Format` for parameters and errors."""
    import h5py

    with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if not _heaps_end(content):
            raise damaged(path, "the texts in this HDF5 file cannot be read")
    try:
        with h5py.File(path, "r") as file:
            return array_record(path, _contents(file), given, "hdf5")
    except RecordError:
        raise
    except Exception as error:  # a damaged file may fail in any way
        problem = f"not an HDF5 file that can be read ({type(error).__name__})"
        raise damaged(path, problem) from None


def _heaps_end(content: mmap.mmap) -> bool:
    """Whether the objects of each collection of texts end: the library walks on for ever else."""
    at = content.find(_HEAP)
    while at >= 0:
        place, end = at + 16, at + int.from_bytes(content[at + 8 : at + 16], "little")
        while place + 16 <= min(end, len(content)):
            number, size = content[place : place + 2], int.from_bytes(content[place + 8 : place + 16], "little")
            # The last one, of number 0, is what is free, and counts its own head.
            step = size if number == b"\0\0" else 16 + size + -size % 8
            if step < 16 or place + step > end:
                return False
            place += step
        at = content.find(_HEAP, at + 1)
    return True


def _contents(file: Any) -> ArrayFile:
    """The datasets of a file, and what it and the only signal in it state."""
    import h5py

    arrays: list[StoredArray] = []
    facts: dict[str, Any] = {}
    found: list[tuple[str, Any]] = []

    def visit(name: str, item: Any) -> bool | None:
        if isinstance(item, h5py.Dataset):
            found.append((name, item))
        return len(found) >= _MOST_OBJECTS or None

    # Follows no links.
    file.visititems(visit)
    own: dict[str, dict[str, Any]] = {}
    for name, item in found:
        short = name.rpartition("/")[2]
        if item.external or item.is_virtual:
            continue
        if is_fact(short):
            if item.size is not None and item.size <= MOST_FACTS:
                facts[short] = _fact(item)
        elif item.shape and item.dtype.kind in "iuf" and item.size > 1 and not name.startswith("#"):
            arrays.append(StoredArray(name, tuple(item.shape), item.dtype, _cut_of(item)))
            own[name] = _attributes(item)
    facts |= _attributes(file)
    for name in own if len(own) == 1 else [name for name in own if name.rpartition("/")[2].lower() == "signal"]:
        facts |= own[name]
    return ArrayFile(arrays, facts)


def _cut_of(item: Any) -> Any:
    def cut(start: int, stop: int, first_axis: bool) -> NDArray[Any]:
        values: NDArray[Any] = item[start:stop] if first_axis else item[..., start:stop]
        return values

    return cut


def _attributes(item: Any) -> dict[str, Any]:
    sizes = {name: math.prod(item.attrs.get_id(name).shape or (1,)) for name in item.attrs if is_fact(name)}
    return {name: item.attrs[name] for name, size in sizes.items() if size <= MOST_FACTS}


def _fact(item: Any) -> Any:
    """A value or text; MATLAB keeps texts as numbers of their characters, column by column."""
    value = item[()]
    if item.attrs.get("MATLAB_class") == b"char":
        rows = np.atleast_2d(np.asarray(value)).T
        return ["".join(map(chr, row)) for row in rows.tolist()]
    return value
