"""Write ISHNE Holter files to the byte: any field of the header or sample can differ."""

from __future__ import annotations

import binascii
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import reference

__all__ = ["CODES", "Ishne", "content_of", "write"]

CODES = dict(zip(STANDARD_LEADS, range(5, 17), strict=True))
Digital = NDArray[np.int64]
# Field to where it stands in the file and how it is packed.
_FIELDS = {
    "checksum": (8, "<H"), "var_bytes": (10, "<i"), "n_samples": (14, "<i"), "var_start": (18, "<i"), "start": (22, "<i"),
    "version": (26, "<h"), "sex": (128, "<h"), "race": (130, "<h"), "born": (132, "<3h"), "recorded": (138, "<3h"),
    "written": (144, "<3h"), "clock": (150, "<3h"), "n_leads": (156, "<h"), "pacemaker": (230, "<h"), "fs": (272, "<h"),
}  # fmt: skip
_TEXTS = {"first": (28, 40), "last": (68, 40), "number": (108, 20), "recorder": (232, 40), "owner": (274, 80), "rights": (354, 80)}


@dataclass(frozen=True)
class Ishne:
    """How to write the reference.

    Parameters
    ----------
    step_nv
        What a unit of the samples is.
    fields, texts
        Fields of the header.
    codes, quality, steps
        Of the leads, in order; None for what is right.
    stored
        Changes the samples, (n_leads, n_times).
    block
        The block of any text.
    tail
        Bytes behind the samples; a negative number cuts.
    checked
        Whether the checksum is written.
    leads
        Leads that are written.
    """

    step_nv: int = 1000
    fields: Mapping[str, Any] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    codes: Sequence[int] | None = None
    quality: Sequence[int] | None = None
    steps: Sequence[int] | None = None
    stored: Callable[[Digital], Digital] | None = None
    block: bytes = b""
    tail: int = 0
    checked: bool = True
    leads: Sequence[str] = STANDARD_LEADS


def write(folder: Path, spec: Ishne) -> Path:
    """Write the file."""
    truth = np.stack([reference().lead(lead) for lead in spec.leads]).astype(np.float64)
    digital = np.rint(truth * 1e6 / spec.step_nv).astype(np.int64)
    path = folder / "a.ecg"
    path.write_bytes(content_of(digital if spec.stored is None else spec.stored(digital), 250.0, spec))
    return path


def content_of(digital: Digital, fs: float, spec: Ishne) -> bytes:
    """Return a file of (n_leads, n_times) samples."""
    n_leads, n_times = digital.shape
    head = bytearray(522)
    head[:8] = b"ISHNE1.0"
    values: dict[str, Any] = {
        "var_bytes": len(spec.block), "n_samples": n_times, "var_start": 522, "start": 522 + len(spec.block), "version": 1, "sex": 2,
        "race": 0, "born": (1, 2, 1958), "recorded": (1, 3, 2020), "written": (2, 3, 2020), "clock": (13, 14, 15), "n_leads": n_leads,
        "pacemaker": 0, "fs": int(fs), **spec.fields,
    }  # fmt: skip
    for name, value in values.items():
        at, kind = _FIELDS[name]
        struct.pack_into(kind, head, at, *(value if isinstance(value, tuple) else (value,)))
    for name, text in {"recorder": "digital", **spec.texts}.items():
        at, width = _TEXTS[name]
        head[at : at + width] = text.encode("latin-1")[:width].ljust(width, b"\0")
    codes = [CODES[lead] for lead in spec.leads] if spec.codes is None else spec.codes
    rows = (158, codes), (182, spec.quality or [1] * n_leads), (206, spec.steps or [spec.step_nv] * n_leads)
    for at, numbers in rows:
        padded = [*numbers, *[-9] * 12][:12]
        struct.pack_into("<12h", head, at, *padded)
    if spec.checked and "checksum" not in spec.fields:
        struct.pack_into("<H", head, 8, binascii.crc_hqx(bytes(head[10:]) + spec.block, 0xFFFF))
    samples = np.ascontiguousarray(digital.T).astype("<i2").tobytes()
    whole = bytes(head) + spec.block + samples
    return whole[: spec.tail] if spec.tail < 0 else whole + bytes(spec.tail)
