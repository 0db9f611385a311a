"""Changes of SCP-ECG records, before and after their checksums are written."""

from __future__ import annotations

import binascii
import struct
from collections.abc import Callable
from typing import Any

from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import Case
from tests.hostile.write_scp import Scp, Sections, seal, write

__all__ = [
    "case",
    "count_from_zero",
    "cut",
    "dropped",
    "flipped",
    "lengthened",
    "moved_onto",
    "pointer",
    "put",
    "shortened",
    "unstated",
    "without",
]


def case(name: str, spec: Scp, **expected: Any) -> Case:
    return Case(name, lambda folder: write(folder, spec), **expected)


def without(*leads: str) -> tuple[str, ...]:
    return tuple(lead for lead in STANDARD_LEADS if lead not in leads)


def put(section: int, at: int, fmt: str, *values: int) -> Callable[[Sections], None]:
    """Write numbers into a section."""

    def edit(sections: Sections) -> None:
        data = bytearray(sections[section])
        struct.pack_into(fmt, data, at, *values)
        sections[section] = bytes(data)

    return edit


def cut(section: int, n_bytes: int) -> Callable[[Sections], None]:
    """Leave only the first bytes of a section, or drop the last ones."""

    def edit(sections: Sections) -> None:
        sections[section] = sections[section][:n_bytes]

    return edit


def dropped(*numbers: int) -> Callable[[Sections], None]:
    def edit(sections: Sections) -> None:
        for number in numbers:
            del sections[number]

    return edit


def pointer(number: int, *, length: int | None = None, index: int | None = None, name: int | None = None) -> Callable[[bytearray], None]:
    """Change a pointer; the checksums fit afterwards, as far as it leads somewhere."""

    def finish(content: bytearray) -> None:
        at = 22 + 10 * number
        old = struct.unpack_from("<HII", content, at)
        new = [old[place] if value is None else value for place, value in enumerate((name, length, index))]
        struct.pack_into("<HII", content, at, *new)
        seal(content)

    return finish


def unstated(number: int) -> Callable[[bytearray], None]:
    """Write 0 for the checksum of a section, under one of the file that is right."""

    def finish(content: bytearray) -> None:
        _, _, index = struct.unpack_from("<HII", content, 22 + 10 * number)
        content[index - 1 : index + 1] = bytes(2)
        content[:2] = binascii.crc_hqx(bytes(content[2:]), 0xFFFF).to_bytes(2, "little")

    return finish


def flipped(number: int, at: int = 20) -> Callable[[bytearray], None]:
    """Change a byte of a section and not its checksum."""

    def finish(content: bytearray) -> None:
        _, _, index = struct.unpack_from("<HII", content, 22 + 10 * number)
        content[index - 1 + at] ^= 0x10

    return finish


def lengthened(content: bytearray, at: int) -> None:
    """Make a pointer's length four more; only sections with something behind them can be."""
    content.extend(bytes(8))
    (length,) = struct.unpack_from("<I", content, at)
    struct.pack_into("<I", content, at, length + 4)
    _first_checksum(content)


def moved_onto(content: bytearray, number: int, other: int) -> None:
    struct.pack_into("<II", content, 24 + 10 * number, *struct.unpack_from("<II", content, 24 + 10 * other))
    seal(content)


def count_from_zero(content: bytearray) -> None:
    for place in range(22, 142, 10):
        _, length, index = struct.unpack_from("<HII", content, place)
        if length:
            struct.pack_into("<I", content, place + 6, index - 1)
    _first_checksum(content)


def shortened(content: bytearray, n_bytes: int) -> None:
    """Leave only the first bytes of a file, or drop the last ones."""
    del content[n_bytes:]


def _first_checksum(content: bytearray) -> None:
    """Write the checksum of the pointers and of the file, and leave the others."""
    content[6:8] = binascii.crc_hqx(bytes(content[8:142]), 0xFFFF).to_bytes(2, "little")
    content[:2] = binascii.crc_hqx(bytes(content[2:]), 0xFFFF).to_bytes(2, "little")
