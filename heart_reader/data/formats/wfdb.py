"""WFDB records: a text header and its signal files, as PhysioNet and the Challenges publish them.

References
----------
WFDB Applications Guide, header(5) and signal(5). https://physionet.org/physiotools/wag/wag.htm
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import lru_cache

from heart_reader.data.device_report import DeviceReport
from heart_reader.data.formats.agreement import agreed_fs, agreed_names, scale_warnings, voltage_rows, within_range
from heart_reader.data.formats.comments import age_and_sex
from heart_reader.data.formats.files import HEAD_BYTES, Given, check_fs, check_length, decode_text, file_size, is_text, read_bytes
from heart_reader.data.formats.registry import register_format
from heart_reader.data.formats.wfdb_files import open_signals
from heart_reader.data.formats.wfdb_header import DEFAULT_FS_HZ, DEFAULT_GAIN, NO_FILE, SignalLine, looks_like_header, parse_header
from heart_reader.data.formats.wfdb_samples import COARSE
from heart_reader.data.formats.wfdb_segments import open_segments, segments_in_folder
from heart_reader.data.record import EcgRecord, build_record
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import Message, message

__all__ = ["read_wfdb"]

_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?")
_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


def _is_wfdb(head: bytes, path: str) -> bool:
    return _is_header(head, path) or _header_beside(path) is not None


def _is_header(head: bytes, path: str) -> bool:
    """A header by its content; one called .hea may be damaged, unless it is plainly a table."""
    if not is_text(head):
        return False
    text = decode_text(head)
    if not path.endswith(".hea"):
        return looks_like_header(text)
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    return "," not in first and ";" not in first


def _header_beside(path: str) -> str | None:
    """The header of the same stem, if it names this file as a signal file."""
    header = os.path.splitext(path)[0] + ".hea"
    if header == path or not os.path.isfile(header):
        return None
    lines = decode_text(read_bytes(header, HEAD_BYTES)).splitlines()
    return header if any(line.split(None, 1)[:1] == [os.path.basename(path)] for line in lines) else None


def _is_listed(head: bytes, path: str) -> bool:
    """All headers but those of segments and layouts, which another header lists."""
    folder, name = os.path.split(path)
    return os.path.splitext(name)[0] not in _segments(folder, os.stat(folder or ".").st_mtime_ns)


@lru_cache(maxsize=64)
def _segments(folder: str, _changed: int) -> set[str]:
    return segments_in_folder(folder)


@register_format(
    "wfdb",
    title="WFDB",
    suffixes=(".hea",),
    companions=(".dat", ".mat"),
    sniff=_is_wfdb,
    lists=_is_listed,
    states="rate, unit, leads and checksums; comments may add age and sex",
)
def read_wfdb(path: str, head: bytes, given: Given) -> EcgRecord:
    """Read the record of a header or of one of its signal files; see :class:`Format` for the rest.

    ``given.leads`` names all signals.
    """
    if (header_beside := _header_beside(path)) and not _is_header(head, path):
        path, head = header_beside, read_bytes(header_beside, HEAD_BYTES)
    if len(head) == HEAD_BYTES and (size := file_size(path)) > HEAD_BYTES:
        raise UnreadableRecord(f"{path}: a header of {size} bytes; at most {HEAD_BYTES} are read: correct the header")
    header = parse_header(decode_text(head), path)
    warnings: list[str] = []
    if header.fs is not None:
        rate = agreed_fs(path, header.fs, given.fs)
    elif given.fs is not None:
        rate = check_fs(path, given.fs)
    else:
        rate = DEFAULT_FS_HZ
        warnings.append(message("rate_default", fs=DEFAULT_FS_HZ))
    if header.segments:
        signal, lines = open_segments(path, header, rate, given, warnings)
    else:
        _refuse_layout(path, header.signals)
        signal, lines = open_signals(path, header, warnings), list(header.signals)
    check_length(path, signal.n_leads, signal.n_times, rate, given)
    names = agreed_names(path, [line.name for line in lines], given.leads)
    units = tuple([line.unit for line in lines])
    if given.unit is not None or not all(line.usual for line in lines):
        warnings += _scale(lines, names, given.unit)
        signal = within_range(path, signal, names, [given.unit or unit for unit in units])
        if given.unit is None:
            rows = voltage_rows(names, units, warnings)
            signal, names, units = signal.rows(rows), tuple(names[row] for row in rows), tuple(units[row] for row in rows)
        elif different := sorted(set(units) - {given.unit}):
            warnings.append(message("unit_overridden_in_header", unit=given.unit, stated=different))
    age, sex = age_and_sex(header.comments) if header.comments else (None, None)
    return build_record(
        os.path.splitext(os.path.basename(path))[0],
        signal,
        rate,
        names,
        unit=given.unit or units,
        age=age,
        sex=sex,
        source_format="wfdb",
        warnings=tuple(warnings),
        device_report=_report(header.started),
    )


def _report(started: tuple[str, ...]) -> DeviceReport | None:
    """When the recording began, if both the clock and the date are stated."""
    clock, date = (pattern.fullmatch(text) for pattern, text in zip((_CLOCK, _DATE), (*started, "", "")[:2], strict=True))
    if clock is None or date is None:
        return None
    day, month, year = (int(text) for text in date.groups())
    return DeviceReport(acquired=f"{year:04}-{month:02}-{day:02}T{int(clock[1]):02}:{clock[2]}:{clock[3] or '00'}")


def _refuse_layout(path: str, lines: Sequence[SignalLine]) -> None:
    """Refuse a header that only describes the signals of others."""
    if any(line.file_name == NO_FILE for line in lines):
        raise UnreadableRecord(message("header_layout", where=path))


def _scale(lines: Sequence[SignalLine], names: tuple[str, ...], unit: str | None) -> list[Message]:
    """Say what is remarkable about gains."""
    uncalibrated = [line.name for line in lines if not line.calibrated]
    said = [message("no_calibration", leads=uncalibrated, gain=DEFAULT_GAIN)] if uncalibrated else []
    units = [unit or line.unit for line in lines]
    # Eight bits are lawfully coarser.
    return said + scale_warnings(names, units, [(0.125 if line.fmt in COARSE else 1.0) / line.gain for line in lines])
