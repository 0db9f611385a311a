"""ISHNE Holter files: a header of fixed columns, a block of any text, and 16-bit samples.

References
----------
Badilini F. The ISHNE Holter standard output file format. Ann. Noninvasive Electrocardiol. 3 (1998)
263-266. Its length of the recording is samples of one lead to some programs and of all leads to
others.
"""

from __future__ import annotations

import binascii
import os
import struct
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.device_report import DeviceReport, Patient
from heart_reader.data.formats.agreement import agreed_fs, agreed_names
from heart_reader.data.formats.edf import missing_samples
from heart_reader.data.formats.files import Given, check_length, damaged, file_size, read_bytes, years_between
from heart_reader.data.formats.registry import register_format
from heart_reader.data.record import EcgRecord, build_record
from heart_reader.data.signal import SignalParts
from heart_reader.errors import UnitError, UnreadableRecord
from heart_reader.messages import message

__all__ = ["HEADER_BYTES", "MAGIC", "read_ishne"]

MAGIC = b"ISHNE1.0"
HEADER_BYTES = 522
# What the checksum is over begins here.
_CHECKED = 10
MOST_LEADS = 12
_LEADS = {5: "I", 6: "II", 7: "III", 8: "aVR", 9: "aVL", 10: "aVF", **{10 + i: f"V{i}" for i in range(1, 7)}}
_OTHERS = {2: "X", 3: "Y", 4: "Z", 17: "ES", 18: "AS", 19: "AI"}
_POOR = {3: "frequent noise", 4: "intermittent disconnect", 5: "frequent disconnect"}
_SEXES = {1: "male", 2: "female"}
_LOWEST, _HIGHEST = -(1 << 15), (1 << 15) - 1


@dataclass(frozen=True)
class _Header:
    """The fixed header; ``steps_nv`` is what a unit of each lead's samples is, 0 if not stated."""

    checksum: int
    var_bytes: int
    n_samples: int
    var_start: int
    start: int
    sex: str | None
    born: date | None
    recorded: date | None
    clock: tuple[int, int, int]
    names: tuple[str, ...]
    quality: tuple[int, ...]
    steps_nv: tuple[int, ...]
    fs: float
    content: bytes


@register_format(
    "ishne",
    title="ISHNE",
    suffixes=(".ecg",),
    sniff=lambda head, _: head.startswith(MAGIC),
    lists=lambda head, _: head.startswith(MAGIC),
    states="rate, scale, leads, age and sex",
)
def read_ishne(path: str, head: bytes, given: Given) -> EcgRecord:
    """Read a Holter recording; see :class:`Format` for parameters and errors.

    ``given.leads`` names all leads.
    """
    header = _parse(path, head)
    warnings: list[str] = []
    n_leads = len(header.names)
    n_times = _n_times(path, header, file_size(path), warnings)
    fs = agreed_fs(path, header.fs, given.fs)
    check_length(path, n_leads, n_times, fs, given)
    names = agreed_names(path, header.names, given.leads)
    if header.checksum and not _is_unchanged(path, header):
        warnings.append(message("checksum_wrong"))
    if poor := [f"{name} ({_POOR[code]})" for name, code in zip(names, header.quality, strict=True) if code in _POOR]:
        warnings.append(message("channel_status", leads=poor))
    steps = _steps(path, names, header, given, warnings)

    def cut(start: int, stop: int) -> NDArray[np.float64]:
        n_bytes = 2 * n_leads * (stop - start)
        content = read_bytes(path, n_bytes, header.start + 2 * n_leads * start)
        if len(content) < n_bytes:
            raise UnreadableRecord(f"{path}: the file shrank while it was read: wait until it is complete")
        samples = np.ascontiguousarray(np.frombuffer(content, "<i2").reshape(-1, n_leads).T)
        signal = samples * steps[:, None]
        for row in np.flatnonzero(samples.min(axis=1) == _LOWEST).tolist():
            if (missing := missing_samples(samples[row], _LOWEST, _HIGHEST, fs)) is not None:
                signal[row, missing] = np.nan
        return signal

    return build_record(
        os.path.splitext(os.path.basename(path))[0],
        SignalParts(n_leads, n_times, cut, on_disk=True),
        fs,
        names,
        unit=given.unit or "uV",
        age=years_between(header.born, header.recorded),
        sex=header.sex,
        source_format="ishne",
        warnings=tuple(warnings),
        device_report=_report(header, identity=given.identity),
    )


def _parse(path: str, head: bytes) -> _Header:
    if len(head) < HEADER_BYTES:
        raise damaged(path, f"{len(head)} bytes, but the header of an ISHNE file has {HEADER_BYTES}")
    checksum, var_bytes, n_samples, var_start, start = struct.unpack_from("<H4i", head, 8)
    sex, _, *dates = struct.unpack_from("<15h", head, 128)
    n_leads = dates.pop()
    if not 1 <= n_leads <= MOST_LEADS:
        raise damaged(path, f"{n_leads} leads in an ISHNE header; 1 to {MOST_LEADS} are allowed")
    if var_bytes < 0 or start < HEADER_BYTES + var_bytes or (var_bytes and not HEADER_BYTES <= var_start <= start - var_bytes):
        raise damaged(path, f"a block of {var_bytes} bytes from {var_start} on and samples from {start} on are declared")
    codes, quality, steps = (struct.unpack_from(f"<{n_leads}h", head, at) for at in (158, 182, 206))
    names = tuple(_LEADS.get(code) or _OTHERS.get(code) or f"lead {number}" for number, code in enumerate(codes, start=1))
    return _Header(
        checksum, var_bytes, n_samples, var_start, start, _SEXES.get(sex), _date(dates[:3]), _date(dates[3:6]),
        (dates[9], dates[10], dates[11]), names, quality, steps, float(struct.unpack_from("<h", head, 272)[0]), head[:HEADER_BYTES],
    )  # fmt: skip


def _n_times(path: str, header: _Header, size: int, warnings: list[str]) -> int:
    """Samples of each lead, which the size of the file must confirm."""
    n_leads, there = len(header.names), (size - header.start) // 2
    declared = header.n_samples
    if declared == there and there % n_leads == 0:
        # The samples of all leads were counted.
        return _some(path, there // n_leads)
    if declared <= 0:
        if there % n_leads:
            raise _truncated(path, size - header.start, n_leads, there // n_leads + 1)
        return _some(path, there // n_leads)
    if declared * n_leads > there:
        raise _truncated(path, max(0, size - header.start), n_leads, declared)
    if declared * n_leads < there:
        warnings.append(message("samples_not_read", file=os.path.basename(path), there=there // n_leads, declared=declared))
    return declared


def _some(path: str, n_times: int) -> int:
    if n_times < 1:
        raise UnreadableRecord(message("without_samples", where=path))
    return n_times


def _truncated(path: str, there: int, n_leads: int, n_times: int) -> UnreadableRecord:
    return UnreadableRecord(message("samples_truncated", where=path, there=there, channels=n_leads, samples=n_times, kind="16 bits"))


def _steps(path: str, names: tuple[str, ...], header: _Header, given: Given, warnings: list[str]) -> NDArray[np.float64]:
    """Microvolts of a unit of each lead's samples, or 1 where the caller names their unit."""
    silent = [name for name, step in zip(names, header.steps_nv, strict=True) if step <= 0]
    if silent and given.unit is None:
        raise UnitError(message("unit_missing", where=path, lead=silent[0]))
    if silent:
        return np.ones(len(names))
    if given.unit is not None and given.unit.strip().lower() not in {"uv", "µv", "μv"}:
        warnings.append(message("unit_overridden_in_header", unit=given.unit, stated=["uV"]))
    return np.array(header.steps_nv) / 1000.0


def _is_unchanged(path: str, header: _Header) -> bool:
    """Whether the checksum is that of the header and the block behind it."""
    checked = binascii.crc_hqx(header.content[_CHECKED:], 0xFFFF)
    return binascii.crc_hqx(read_bytes(path, header.var_bytes, header.var_start), checked) == header.checksum


def _date(numbers: list[int]) -> date | None:
    day, month, year = numbers
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _report(header: _Header, *, identity: bool) -> DeviceReport:
    hour, minute, second = header.clock
    acquired = None
    if header.recorded is not None:
        known = 0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60
        acquired = header.recorded.isoformat() + (f"T{hour:02}:{minute:02}:{second:02}" if known else "")
    patient = None
    if identity:
        name = " ".join(filter(None, (_text(header.content[at : at + 40]) for at in (28, 68))))
        patient = Patient(name or None, _text(header.content[108:128]), None if header.born is None else header.born.isoformat())
    return DeviceReport(device=_text(header.content[232:272]), acquired=acquired, patient=patient)


def _text(field: bytes) -> str | None:
    return " ".join(field.split(b"\0")[0].decode("latin-1").split()) or None
