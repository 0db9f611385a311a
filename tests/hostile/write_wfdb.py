"""Write WFDB records to the byte: any header field or sample can differ from the truth."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.hostile.case import reference

__all__ = ["FORMATS", "RARE", "Wfdb", "invalid", "matrix_head", "samples", "write"]

FORMATS = (16, 24, 32, 80, 212)
# Formats of old and of rare recorders.
RARE = (8, 61, 160, 310, 311)
# Units per mV that hold the reference within half of what a case tolerates.
_GAINS = {8: 150, 16: 1000, 24: 8000, 32: 100_000, 61: 1000, 80: 142, 160: 1000, 212: 400, 310: 200, 311: 200}
_BITS = {8: 8, 16: 16, 24: 24, 32: 32, 61: 16, 80: 8, 160: 16, 212: 12, 310: 10, 311: 10}

Digital = NDArray[np.int64]
# File, format, gain, resolution, zero, initial value, checksum, block, name.
Fields = list[list[str]]


@dataclass(frozen=True)
class Wfdb:
    """How to write the reference.

    Parameters
    ----------
    fmt
        Signal format.
    gain, baseline
        Units per mV, and the sample of 0 mV; None for what suits the format.
    written
        Changes the samples, (n_leads, n_times), after the header was made from them.
    stored
        Changes them before.
    header
        Changes the fields of the signal lines.
    record
        Record line.
    files
        How many leads each signal file holds.
    lead_in
        Bytes in front of the samples.
    suffix
        Of the signal files.
    comments
        Comment lines.
    """

    fmt: int = 16
    gain: float | None = None
    baseline: int | None = None
    written: Callable[[Digital], Digital] | None = None
    stored: Callable[[Digital], Digital] | None = None
    header: Callable[[Fields], Fields] | None = None
    record: str = "a {n} 250 1000"
    files: Sequence[int] = (12,)
    lead_in: bytes = b""
    suffix: str = "dat"
    comments: Sequence[str] = field(default=())


def samples(spec: Wfdb) -> tuple[Digital, list[float], list[int]]:
    """Return (n_leads, n_times), and gain and baseline of each lead."""
    truth = reference().signal.astype(np.float64)
    gains = [float(spec.gain or _GAINS[spec.fmt])] * len(truth)
    if spec.baseline is not None:
        baselines = [spec.baseline] * len(truth)
    elif spec.fmt == 80:
        # Eight bits reach a lead from its middle only.
        baselines = [-round(gain * (row.max() + row.min()) / 2) for gain, row in zip(gains, truth, strict=True)]
    else:
        baselines = [0] * len(truth)
    digital = np.rint(truth * np.array(gains)[:, None]).astype(np.int64) + np.array(baselines)[:, None]
    return digital, gains, baselines


def invalid(fmt: int) -> int:
    """Return the sample that means "missing"."""
    return -(1 << _BITS[fmt] - 1)


def write(folder: Path, spec: Wfdb) -> Path:
    """Write header and signal files; return the header."""
    digital, gains, baselines = samples(spec)
    if spec.stored is not None:
        digital = spec.stored(digital)
    names = [f"a{number or ''}.{spec.suffix}" for number, count in enumerate(spec.files) for _ in range(count)]
    layout = f"{spec.fmt}+{len(spec.lead_in)}" if spec.lead_in else str(spec.fmt)
    fields = [
        [file, layout, f"{gain:.1f}({baseline})/mV", str(_BITS[spec.fmt]), "0", str(row[0]), str(signed16(sum(row))), "0", lead]
        for file, gain, baseline, row, lead in zip(names, gains, baselines, digital.tolist(), reference().lead_names, strict=True)
    ]
    if spec.header is not None:
        fields = spec.header(fields)
    lines = [spec.record.format(n=len(fields)), *(" ".join(line).strip() for line in fields), *(f"#{text}" for text in spec.comments)]
    (folder / "a.hea").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if spec.written is not None:
        digital = spec.written(digital)
    start = 0
    for number, count in enumerate(spec.files):
        rows = digital[start : start + count]
        if spec.fmt == 8:
            rows = np.diff(rows, axis=1, prepend=rows[:, :1])
        frames = np.ascontiguousarray(rows.T).reshape(-1)
        (folder / f"a{number or ''}.{spec.suffix}").write_bytes(spec.lead_in + pack(frames, spec.fmt))
        start += count
    return folder / "a.hea"


def signed16(total: int) -> int:
    """Return a sum as a checksum: 16 bits with a sign."""
    return (int(total) + (1 << 15)) % (1 << 16) - (1 << 15)


def pack(values: Digital, fmt: int) -> bytes:
    """Store samples in a signal format; format 8 takes their differences."""
    if fmt in {16, 32}:
        return values.astype(f"<i{fmt // 8}").tobytes()
    if fmt == 61:
        return values.astype(">i2").tobytes()
    if fmt == 160:
        return (values + 32768).astype("<u2").tobytes()
    if fmt == 24:
        return values.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    if fmt in {8, 80}:
        return (values + (128 if fmt == 80 else 0)).astype(np.int64).astype(np.uint8).tobytes()
    if fmt in {310, 311}:
        return _pack_ten_bits(values, fmt)
    pairs = np.append(values, np.zeros(len(values) % 2, np.int64)).reshape(-1, 2) & 0xFFF
    packed = np.stack([pairs[:, 0] & 0xFF, (pairs[:, 0] >> 8) | (pairs[:, 1] >> 8 << 4), pairs[:, 1] & 0xFF], axis=1)
    return packed.astype(np.uint8).tobytes()[: -(-len(values) * 3 // 2)]


def _pack_ten_bits(values: Digital, fmt: int) -> bytes:
    """Three samples in four bytes; a last group is filled up."""
    first, second, third = (np.append(values, np.zeros(-len(values) % 3, np.int64)).reshape(-1, 3) & 0x3FF).T
    if fmt == 311:
        return (first | second << 10 | third << 20).astype("<u4").tobytes()
    return np.stack([first << 1 | (third & 0x1F) << 11, second << 1 | third >> 5 << 11], axis=1).astype("<u2").tobytes()


def matrix_head(kind: int = 30, rows: int = 12, columns: int = 1000) -> bytes:
    """Return the head of a MATLAB 4 matrix called "val"."""
    return struct.pack("<5i", kind, rows, columns, 0, 4) + b"val\0"
