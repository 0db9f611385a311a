"""Sections of an SCP-ECG record: where they lie, and which of them can be trusted.

A record and each of its sections begin with a checksum. A writer that computes them rightly
anywhere computes them rightly everywhere, so one that does not fit then means damage. Where none
fits, or a 0 is in its place, the writer does not compute them, and they say nothing.

References
----------
EN 1064 (ISO 11073-91064), Standard communication protocol - Computer-assisted electrocardiography,
clauses 5.2 and 5.3: sections, their identification header and the pointers to them.
"""

from __future__ import annotations

import binascii
import itertools
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from heart_reader.data.formats.files import damaged, file_size, read_bytes
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import Message, message

__all__ = ["LEADS", "LOCATIONS", "REFERENCE_BEAT", "RHYTHM", "TABLES", "Section", "looks_like_scp", "read_sections"]

TABLES, LEADS, LOCATIONS, REFERENCE_BEAT, RHYTHM = 2, 3, 4, 5, 6
# Without these, or with damage in them, there is no knowing what the signal was.
_OF_SIGNAL = {0, TABLES, LEADS, RHYTHM}
# What is after them belongs to makers or to long-term recordings.
_LAST = 11
_HEADER = struct.Struct("<HHIBB6s")
_POINTER = struct.Struct("<HII")
# Checksum and length of the record come before its first section, whose pointer counts from 1.
_BEFORE = 6
_FIRST_INDEX = 7
# 255 leads of 65535 bytes, the most that rhythm and reference beats can have, are 34 MB.
_MOST_BYTES = 1 << 26


@dataclass(frozen=True)
class Section:
    """One section without its header.

    Parameters
    ----------
    number
        Its identification.
    protocol
        Version of the protocol in tenths: 13 is 1.3. 0 where the writer left it out.
    data
        What is in it.
    """

    number: int
    protocol: int
    data: bytes


def looks_like_scp(head: bytes) -> bool:
    """Recognise a record by its first section, which names itself or points to itself.

    Examples
    --------
    >>> looks_like_scp(b"0" * 16 + b"SCPECG"), looks_like_scp(b"I,II")
    (True, False)
    """
    if head[16:22] == b"SCPECG":
        return True
    if len(head) < _BEFORE + _HEADER.size + _POINTER.size:
        return False
    _, number, length, *_ = _HEADER.unpack_from(head, _BEFORE)
    # Some writers count from 0; what they write is refused with that reason.
    return number == 0 and length > _HEADER.size and _POINTER.unpack_from(head, 22) in {(0, length, 7), (0, length, 6)}


def read_sections(path: str, warnings: list[Message]) -> Mapping[int, Section]:
    """Return the sections of a record by number, without damaged ones that can be missed.

    Raises
    ------
    UnreadableRecord
        If a section of the signal is damaged, or sections lie outside the file or in each other.
    """
    content = _content(path)
    places = _places(path, content)
    stated = {number: place for number, place in places.items() if any(content[place[0] : place[0] + 2])}
    sound = {number: _checksum_fits(content, start, end) for number, (start, end) in stated.items()}
    if not any(sound.values()) or not _OF_SIGNAL & places.keys() <= stated.keys():
        warnings.append(message("scp_checksums_unused"))
    if any(sound.values()):
        if damaged := [number for number, fits in sound.items() if not fits and number in _OF_SIGNAL]:
            raise UnreadableRecord(message("scp_checksum", where=path, section=damaged[0]))
        if damaged := [number for number, fits in sound.items() if not fits]:
            warnings.append(message("scp_sections_left_out", sections=[str(number) for number in damaged]))
            places = {number: place for number, place in places.items() if number not in damaged}
        elif not _checksum_fits(content, 0, min(len(content), _record_size(content))):
            warnings.append(message("scp_record_checksum"))
    return {number: Section(number, content[start + 9], content[start + _HEADER.size : end]) for number, (start, end) in places.items()}


def _content(path: str) -> bytes:
    size = file_size(path)
    if size > _MOST_BYTES:
        problem = f"{size / 1e6:.0f} MB, but no leads of SCP-ECG fill more than {_MOST_BYTES / 1e6:.0f} MB, the file is damaged"
        raise damaged(path, problem)
    content = read_bytes(path, size)
    if len(content) < _BEFORE + _HEADER.size:
        raise UnreadableRecord(message("scp_truncated", where=path, section=0, needed=_BEFORE + _HEADER.size, there=len(content)))
    return content


def _record_size(content: bytes) -> int:
    return int.from_bytes(content[2:6], "little")


def _checksum_fits(content: bytes, start: int, end: int) -> bool:
    """CRC-CCITT over everything behind the checksum."""
    return int.from_bytes(content[start : start + 2], "little") == binascii.crc_hqx(memoryview(content)[start + 2 : end], 0xFFFF)


def _places(path: str, content: bytes) -> dict[int, tuple[int, int]]:
    """First byte and end of every section that is read, by number, section 0 first."""
    _, number, length, *_ = _HEADER.unpack_from(content, _BEFORE)
    if number != 0 or length < _HEADER.size:
        problem = f"it begins with section {number} of {length} bytes instead of the pointers to all others, the file is damaged"
        raise damaged(path, problem)
    if _BEFORE + length > len(content):
        raise UnreadableRecord(message("scp_truncated", where=path, section=0, needed=_BEFORE + length, there=len(content)))
    pointers = content[_BEFORE + _HEADER.size : _BEFORE + length]
    places = {0: (_BEFORE, _BEFORE + length)}
    for number, length, index in _POINTER.iter_unpack(pointers[: len(pointers) // _POINTER.size * _POINTER.size]):
        if number == 0 and length and index != _FIRST_INDEX:
            problem = f"its first section begins at byte {index} by its own pointer, but at byte {_FIRST_INDEX} in the file"
            raise UnreadableRecord(message("scp_not_standard", where=path, problem=problem))
        # Empty sections have a pointer, and some a header; the list may be filled up with zeros.
        if number == 0 or length in (0, _HEADER.size) or number > _LAST:
            continue
        if number in places:
            problem = f"two pointers to section {number}, the file is damaged"
            raise damaged(path, problem)
        places[number] = _place(path, content, number, length, index - 1)
    _check_apart(path, places)
    return places


def _place(path: str, content: bytes, number: int, length: int, start: int) -> tuple[int, int]:
    """First byte and end of a section, which its own header must confirm."""
    if start < _BEFORE or length < _HEADER.size:
        problem = f"section {number} of {length} bytes begins at byte {start + 1}, where none can be, the file is damaged"
        raise damaged(path, problem)
    if start + length > len(content):
        raise UnreadableRecord(message("scp_truncated", where=path, section=number, needed=start + length, there=len(content)))
    _, named, stated, *_ = _HEADER.unpack_from(content, start)
    if named != number:
        problem = f"the pointer to section {number} leads to section {named}, the file is damaged"
        raise damaged(path, problem)
    if stated == length:
        return start, start + length
    # The checksum decides which of two lengths is the true one.
    for end in (start + length, start + stated):
        if _HEADER.size <= end - start <= len(content) - start and _checksum_fits(content, start, end):
            return start, end
    problem = f"section {number} has {stated} bytes by its header and {length} by the pointer to it, the file is damaged"
    raise damaged(path, problem)


def _check_apart(path: str, places: Mapping[int, tuple[int, int]]) -> None:
    """Refuse sections that lie in each other."""
    in_order = sorted((start, end, number) for number, (start, end) in places.items())
    for (_, end, number), (start, _, other) in itertools.pairwise(in_order):
        if start < end:
            problem = f"sections {number} and {other} overlap, the file is damaged"
            raise damaged(path, problem)
