"""Write SCP-ECG records of every kind, right ones and such that lie.

What is compressed here is compressed by the words of the standard, sample by sample, so that it
does not share its arithmetic with what reads it.
"""

from __future__ import annotations

import binascii
import itertools
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import FS_HZ, reference

__all__ = ["CODES", "DEFAULT", "SWITCHING", "Code", "Scp", "beat_at", "encode", "scp_bytes", "sealed", "table_bytes", "tag", "write"]

Digital = NDArray[np.int64]
# Bits of the prefix, bits in all, mode, value, and the prefix as text.
Code = tuple[int, int, int, int, str]
# What is between the checksum of the file and its end, by number of the section.
Sections = dict[int, bytes]

CODES = dict(zip(STANDARD_LEADS, (1, 2, 61, 62, 63, 64, 3, 4, 5, 6, 7, 8), strict=True)) | {"-aVR": 65}
# The table of the standard, for which a file has but a number.
DEFAULT: tuple[Code, ...] = (
    (1, 1, 1, 0, "0"),
    *((n + 2, n + 2, 1, sign * n, "1" * n + "0" + ("1" if sign < 0 else "0")) for n in range(1, 9) for sign in (1, -1)),
    (10, 18, 1, 0, "1111111110"),
    (10, 26, 1, 0, "1111111111"),
)
# Small numbers in one table, all others in another.
SWITCHING: tuple[tuple[Code, ...], ...] = (
    ((1, 1, 1, 0, "0"), (2, 10, 1, 0, "10"), (2, 2, 0, 2, "11")),
    ((1, 17, 1, 0, "0"), (1, 1, 0, 1, "1")),
)
# Beats of the reference ECG as it is cut up here: samples before and after each fiducial.
BEFORE, AFTER = 60, 100


def tag(number: int, value: bytes) -> bytes:
    """One tag of section 1."""
    return struct.pack("<BH", number, len(value)) + value


# 62 years, female, recorded on 31 May 2020 at 12:00:00, born on 1 April 1958.
TAGS: Mapping[int, bytes] = {
    0: b"Doe\0", 1: b"Jane\0", 2: b"4711\0", 4: struct.pack("<HB", 62, 1), 5: struct.pack("<HBB", 1958, 4, 1), 8: b"\2",
    14: bytes(7) + bytes([17]) + b"AT-10\0" + bytes([13, 0xA0, 0, 0, 1]) + bytes(16) + b"\1\0" + b"S1\0v2\0v3\0Maker\0",
    25: struct.pack("<HBB", 2020, 5, 31), 26: bytes([12, 0, 0]), 27: struct.pack("<H", 5), 28: struct.pack("<H", 150), 29: b"\2",
    34: struct.pack("<hH", 120, 0) + b"\0",
}  # fmt: skip


@dataclass(frozen=True)
class Scp:
    """A record; what is not said is that of the reference ECG.

    ``digital`` are (n_leads, n_times) numbers; ``tables`` Huffman tables, or ``"default"``;
    ``subtracted`` and ``factor`` compress around the heartbeats at ``beats``, fiducial samples from
    1. ``edit`` changes sections before they have headers, ``finish`` the bytes of all.
    """

    digital: Digital | None = None
    leads: Sequence[str | int] = STANDARD_LEADS
    fs: float = FS_HZ
    step_nv: int = 1000
    beat_step_nv: int | None = None
    differences: int = 0
    tables: Sequence[Sequence[Code]] | str | None = None
    subtracted: bool = False
    factor: int = 1
    beats: Sequence[int] = (168, 390, 615, 829)
    start: int = 1
    flags: int | None = None
    tags: Mapping[int, bytes] = field(default_factory=dict)
    extra: Mapping[int, bytes] = field(default_factory=dict)
    edit: Callable[[Sections], None] | None = None
    finish: Callable[[bytearray], None] | None = None
    checksums: bool = True
    protocol: int = 20
    order: Sequence[int] = tuple(range(1, 12))


def whole(spec: Scp) -> Digital:
    """Numbers of the leads, (n_leads, n_times)."""
    if spec.digital is not None:
        return spec.digital
    rows = [reference().lead(str(lead).removeprefix("-")) * (-1 if str(lead)[:1] == "-" else 1) for lead in spec.leads]
    return np.rint(np.stack(rows).astype(np.float64) * 1e6 / spec.step_nv).astype(np.int64)


def encode(numbers: Sequence[int], tables: Sequence[Sequence[Code]]) -> bytes:
    """Huffman codes of numbers, filled up to whole bytes."""
    text, now = [], 0
    # The same numbers come again and again.
    known: dict[tuple[int, int], tuple[str, int]] = {}
    for number in numbers:
        if (number, now) not in known:
            known[number, now] = _coded(number, now, tables)
        bits, now = known[number, now]
        text.append(bits)
    joined = "".join(text)
    joined += "0" * (-len(joined) % 8)
    return int("1" + joined, 2).to_bytes(len(joined) // 8 + 1, "big")[1:]


def _coded(number: int, now: int, tables: Sequence[Sequence[Code]]) -> tuple[str, int]:
    """Bits of a number, behind a switch where it needs one, and the table that follows."""
    there = now if _code_for(number, tables[now]) else next(place for place, table in enumerate(tables) if _code_for(number, table))
    switch = "" if there == now else next(bits for _, _, mode, value, bits in tables[now] if mode == 0 and value == there + 1)
    code = _code_for(number, tables[there])
    assert code is not None
    prefix_bits, total_bits, _, value, bits = code
    rest = total_bits - prefix_bits
    return switch + bits + (f"{(number - value) & ((1 << rest) - 1):0{rest}b}" if rest else ""), there


def _code_for(number: int, table: Sequence[Code]) -> Code | None:
    for code in table:
        prefix_bits, total_bits, mode, value, _ = code
        reach = 1 << (total_bits - prefix_bits) >> 1
        if mode == 1 and (-reach <= number - value < reach if reach else number == value):
            return code
    return None


def _packed(numbers: Sequence[int], spec: Scp) -> bytes:
    """Differences of a lead, as 16-bit numbers or as codes."""
    values = [int(number) for number in numbers]
    if spec.differences == 1:
        values = values[:1] + [b - a for a, b in itertools.pairwise(values)]
    elif spec.differences == 2:
        values = values[:2] + [c - 2 * b + a for a, b, c in zip(values, values[1:], values[2:], strict=False)]
    values = [(value + 32768) % 65536 - 32768 for value in values]
    if spec.tables is None:
        return struct.pack(f"<{len(values)}h", *values)
    return encode(values, (DEFAULT,) if spec.tables == "default" else spec.tables)  # type: ignore[arg-type]


def beat_at(spec: Scp) -> tuple[int, int, int]:
    """Samples of the reference beat, its fiducial from 1, and half of a protected zone."""
    return BEFORE + AFTER, BEFORE + 1, 20


def _decimated(lead: Digital, spec: Scp, zones: Sequence[tuple[int, int]]) -> list[int]:
    """Means of ``factor`` samples outside the zones, whose ends are no part of them."""
    kept: list[int] = []
    at = 0
    for start, end in [*zones, (len(lead), len(lead))]:
        blocks = (start - at) // spec.factor
        kept += [round(float(np.mean(lead[at + k * spec.factor : at + (k + 1) * spec.factor]))) for k in range(blocks)]
        kept += lead[at + blocks * spec.factor : end].tolist()
        at = end
    return kept


def _sections(spec: Scp) -> Sections:
    digital, n_leads = whole(spec), len(spec.leads)
    n_times = digital.shape[1]
    length, fiducial, around = beat_at(spec)
    compressed = spec.subtracted or spec.factor > 1
    beat_step = spec.beat_step_nv or spec.step_nv
    made: Sections = {}
    beat = np.zeros((n_leads, length), np.int64)
    if compressed:
        # The mean of all heartbeats.
        beat = np.rint(np.mean([digital[:, fc - fiducial : fc - fiducial + length] for fc in spec.beats], axis=0)).astype(np.int64)
    residual = digital.copy()
    if spec.subtracted:
        for fc in spec.beats:
            residual[:, fc - fiducial : fc - fiducial + length] -= beat
    zones = [(fc - 1 - around, fc - 1 + around) for fc in spec.beats]
    numbers = [_decimated(lead, spec, zones) if spec.factor > 1 else lead.tolist() for lead in residual]
    interval = round(1e6 / spec.fs)
    made[1] = b"".join(tag(number, value) for number, value in {**TAGS, **spec.tags}.items()) + tag(255, b"")
    if spec.tables == "default":
        made[2] = struct.pack("<H", 19999)
    elif spec.tables is not None:
        made[2] = struct.pack("<H", len(spec.tables)) + b"".join(table_bytes(table) for table in spec.tables)
    flags = 4 | n_leads % 32 << 3 | spec.subtracted if spec.flags is None else spec.flags
    codes = [lead if isinstance(lead, int) else CODES[lead] for lead in spec.leads]
    ends = struct.pack("<II", spec.start, spec.start + n_times - 1)
    made[3] = bytes([n_leads, flags]) + b"".join(ends + bytes([code]) for code in codes)
    if compressed:
        made[4] = struct.pack("<HHH", round(length * 1000 / spec.fs), fiducial, len(spec.beats))
        shift = spec.start - 1
        for fc in spec.beats:
            first = fc - fiducial + 1 + shift
            made[4] += struct.pack("<HIII", 0 if spec.subtracted else 1, first, fc + shift, first + length - 1)
        for start, end in zones:
            made[4] += struct.pack("<II", start + 1 + shift, end + shift)
        scale = spec.step_nv // beat_step
        made[5] = _waveform([(lead * scale).tolist() for lead in beat], spec, beat_step, interval, bimodal=False)
    made[6] = _waveform(numbers, spec, spec.step_nv, interval * spec.factor, bimodal=spec.factor > 1)
    return made | dict(spec.extra)


def table_bytes(codes: Sequence[Code]) -> bytes:
    """One table of section 2."""
    packed = [struct.pack("<BBBhI", prefix, total, mode, value, int(bits[::-1] or "0", 2)) for prefix, total, mode, value, bits in codes]
    return struct.pack("<H", len(codes)) + b"".join(packed)


def _waveform(leads: Sequence[Sequence[int]], spec: Scp, step_nv: int, interval_us: int, *, bimodal: bool) -> bytes:
    packed = [_packed(lead, spec) for lead in leads]
    sizes = struct.pack(f"<{len(packed)}H", *(len(lead) % 65536 for lead in packed))
    return struct.pack("<HHBB", step_nv, interval_us, spec.differences, bimodal) + sizes + b"".join(packed)


def _section(number: int, data: bytes, spec: Scp, reserved: bytes = bytes(6)) -> bytes:
    data += b"\0" * (len(data) % 2)
    return bytes(2) + struct.pack("<HIBB", number, 16 + len(data), spec.protocol, spec.protocol) + reserved + data


def scp_bytes(spec: Scp) -> bytes:
    """Return a record as a file."""
    sections = _sections(spec)
    if spec.edit is not None:
        spec.edit(sections)
    at = 7 + 16 + 120
    pointers, body = {0: (0, 136, 7)}, b""
    for number in spec.order:
        made = _section(number, sections[number], spec) if number in sections else b""
        pointers[number] = (number, len(made), at if made else 0)
        at, body = at + len(made), body + made
    first = _section(0, b"".join(struct.pack("<HII", *pointers[number]) for number in sorted(pointers)), spec, b"SCPECG")
    content = bytearray(bytes(6) + first + body)
    content[2:6] = len(content).to_bytes(4, "little")
    if spec.checksums:
        seal(content)
    if spec.finish is not None:
        spec.finish(content)
    return bytes(content)


def sealed(content: bytes) -> bytes:
    """Return a file with the checksums that it should have, as far as its pointers lead."""
    changed = bytearray(content)
    seal(changed)
    return bytes(changed)


def seal(content: bytearray) -> None:
    """Write the checksums of all sections and of the file."""
    for place in range(22, min(len(content), 142) - 9, 10):
        _, length, index = struct.unpack_from("<HII", content, place)
        if length >= 2 and 7 <= index <= len(content) - 1:
            _put_checksum(content, index - 1, min(len(content), index - 1 + length))
    if len(content) > 2:
        _put_checksum(content, 0, len(content))


def _put_checksum(content: bytearray, start: int, end: int) -> None:
    if end - start >= 2:
        content[start : start + 2] = binascii.crc_hqx(bytes(content[start + 2 : end]), 0xFFFF).to_bytes(2, "little")


def write(folder: Path, spec: Scp) -> Path:
    """Write a record into a folder."""
    path = folder / "record.scp"
    path.write_bytes(scp_bytes(spec))
    return path
