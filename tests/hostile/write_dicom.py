"""Write DICOM waveforms to the byte: any element or sample can differ from the truth."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import reference

__all__ = ["CODES", "KINDS", "Dicom", "Group", "write"]

Digital = NDArray[np.int64]
# Numbers of the standard leads in the coding schemes.
CODES = dict(zip(STANDARD_LEADS, (1, 2, 61, 62, 63, 64, 3, 4, 5, 6, 7, 8), strict=True))
KINDS = {"SB": "i1", "UB": "u1", "SS": "i2", "US": "u2", "SL": "i4", "UL": "u4"}
_LITTLE, _BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
_STORAGE = "1.2.840.10008.5.1.4.1.1.9.1.1"
_CHANNEL = {
    "label": (0x003A, 0x0203, "SH"), "status": (0x003A, 0x0205, "CS"), "sensitivity": (0x003A, 0x0210, "DS"),
    "correction": (0x003A, 0x0212, "DS"), "baseline": (0x003A, 0x0213, "DS"), "time_skew": (0x003A, 0x0214, "DS"),
    "sample_skew": (0x003A, 0x0215, "DS"), "filter_low": (0x003A, 0x0220, "DS"), "filter_high": (0x003A, 0x0221, "DS"),
}  # fmt: skip


@dataclass(frozen=True)
class Group:
    """How to write the reference as a multiplex group; 8-bit samples are of seven microvolts.

    Parameters
    ----------
    kind
        Sample interpretation.
    bits_stored
        None for all that are allocated.
    channel
        Fields of all channels: code, meaning, unit, unit_meaning and those of the standard; None
        leaves one out.
    of_lead
        Fields of single leads.
    zero
        Sample of 0 mV; the baseline of the channels makes up for it.
    stored
        Changes the samples, (12, 1000).
    written
        Changes them after they got their type.
    head
        Fields of the group: originality, n_channels, n_samples, fs, label, bits_allocated,
        interpretation; None leaves one out.
    padding
        Padding value.
    tail
        Bytes behind the samples; a negative number cuts.
    """

    kind: str = "SS"
    bits_stored: int | None = None
    channel: Mapping[str, str | None] = field(default_factory=dict)
    of_lead: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    zero: int = 0
    stored: Callable[[Digital], Digital] | None = None
    written: Callable[[NDArray[np.integer]], NDArray[np.integer]] | None = None
    head: Mapping[str, str | int | None] = field(default_factory=dict)
    padding: int | None = None
    tail: int = 0


@dataclass(frozen=True)
class Dicom:
    """A file of multiplex groups."""

    groups: Sequence[Group] = (Group(),)
    age: str | None = "062Y"
    sex: str | None = "F"
    big_endian: bool = False
    syntax: str | None = None


def write(folder: Path, spec: Dicom) -> Path:
    """Write the file."""
    order = ">" if spec.big_endian else "<"
    person = [
        (0x0008, 0x0016, "UI", _STORAGE),
        (0x0008, 0x0018, "UI", "1.2.3"),
        (0x0010, 0x0040, "CS", spec.sex),
        (0x0010, 0x1010, "AS", spec.age),
    ]
    body = _elements(order, [*person, (0x5400, 0x0100, "SQ", [_group(order, group) for group in spec.groups])])
    syntax = spec.syntax or (_BIG if spec.big_endian else _LITTLE)
    meta = _elements("<", [(2, 1, "OB", b"\0\1"), (2, 2, "UI", _STORAGE), (2, 3, "UI", "1.2.3"), (2, 0x10, "UI", syntax)])
    path = folder / "a.dcm"
    path.write_bytes(bytes(128) + b"DICM" + _elements("<", [(2, 0, "UL", len(meta))]) + meta + body)
    return path


def _group(order: str, spec: Group) -> bytes:
    dtype = np.dtype(KINDS[spec.kind]).newbyteorder(order)
    truth = reference().signal.astype(np.float64)
    step = 7.0 if dtype.itemsize == 1 else 1.0
    # Eight bits reach a lead from its middle only.
    middles = np.rint((truth.max(axis=1) + truth.min(axis=1)) * 500 / step).astype(int) if dtype.itemsize == 1 else np.zeros(12, int)
    zeros = spec.zero - middles
    digital = np.rint(truth * 1000 / step).astype(np.int64) + zeros[:, None]
    if spec.stored is not None:
        digital = spec.stored(digital)
    samples = digital.astype(dtype)
    if spec.written is not None:
        samples = spec.written(samples)
    data = np.ascontiguousarray(samples.T).tobytes()
    data = data[: spec.tail] if spec.tail < 0 else data + bytes(spec.tail)
    head = {
        "originality": "ORIGINAL", "n_channels": 12, "n_samples": 1000, "fs": "250", "label": "RHYTHM",
        "bits_allocated": 8 * dtype.itemsize, "interpretation": spec.kind, **spec.head,
    }  # fmt: skip
    channels = [_channel(order, lead, step, -step * float(zero), spec, dtype) for lead, zero in zip(STANDARD_LEADS, zeros, strict=True)]
    padding = None if spec.padding is None else np.array(spec.padding).astype(dtype).tobytes()
    return _elements(
        order,
        [
            (0x003A, 0x0004, "CS", head["originality"]), (0x003A, 0x0005, "US", head["n_channels"]),
            (0x003A, 0x0010, "UL", head["n_samples"]),
            (0x003A, 0x001A, "DS", head["fs"]), (0x003A, 0x0020, "SH", head["label"]), (0x003A, 0x0200, "SQ", channels),
            (0x5400, 0x1004, "US", head["bits_allocated"]), (0x5400, 0x1006, "CS", head["interpretation"]),
            (0x5400, 0x100A, "OW", padding), (0x5400, 0x1010, "OW", data),
        ],
    )  # fmt: skip


def _channel(order: str, lead: str, step: float, baseline: float, spec: Group, dtype: np.dtype[np.integer]) -> bytes:
    fields: dict[str, str | None] = {
        "code": f"5.6.3-9-{CODES[lead]}", "meaning": f"Lead {lead}", "unit": "uV", "unit_meaning": "microvolt", "sensitivity": f"{step:g}",
        "correction": "1", "baseline": f"{baseline:g}", "sample_skew": "0", **spec.channel, **spec.of_lead.get(lead, {}),
    }  # fmt: skip
    source, unit = (
        _elements(order, [(8, 0x100, "SH", fields[code]), (8, 0x104, "LO", fields[meaning])])
        for code, meaning in (("code", "meaning"), ("unit", "unit_meaning"))
    )
    bits = int(fields.get("bits_stored") or spec.bits_stored or 8 * dtype.itemsize)
    elements = [(*_CHANNEL[name], fields.get(name)) for name in _CHANNEL]
    elements += [
        (0x003A, 0x0208, "SQ", [source]),
        (0x003A, 0x0211, "SQ", None if fields["unit"] is None else [unit]),
        (0x003A, 0x021A, "US", bits),
    ]
    return _elements(order, sorted(elements, key=lambda element: element[:2]))


def _elements(order: str, elements: Sequence[tuple[int, int, str, str | int | bytes | Sequence[bytes] | None]]) -> bytes:
    """Encode elements with their kinds; None leaves one out."""
    return b"".join(_element(order, *element) for element in elements if element[3] is not None)


def _element(order: str, group: int, number: int, kind: str, value: str | int | bytes | Sequence[bytes]) -> bytes:
    if isinstance(value, int):
        content = struct.pack(order + {"US": "H", "UL": "I"}[kind], value)
    elif isinstance(value, str):
        content = value.encode("latin-1")
        content += (b"\0" if kind == "UI" else b" ") * (len(content) % 2)
    elif isinstance(value, bytes):
        content = value + bytes(len(value) % 2)
    else:
        content = b"".join(struct.pack(order + "HHI", 0xFFFE, 0xE000, len(item)) + item for item in value)
    tag = struct.pack(order + "HH", group, number) + kind.encode()
    if kind in {"OB", "OW", "SQ"}:
        return tag + bytes(2) + struct.pack(order + "I", len(content)) + content
    return tag + struct.pack(order + "H", len(content)) + content
