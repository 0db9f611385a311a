"""The text of a WFDB header: one record line, one line per signal or segment, comments.

References
----------
WFDB Applications Guide, header(5). https://physionet.org/physiotools/wag/header-5.htm
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import NamedTuple

from heart_reader.data.formats.wfdb_samples import DIFFERENCES
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import message

__all__ = [
    "CHECKSUM_MODULUS",
    "DEFAULT_FS_HZ",
    "DEFAULT_GAIN",
    "MAX_NAME",
    "NO_FILE",
    "SegmentLine",
    "SignalLine",
    "WfdbHeader",
    "looks_like_header",
    "parse_header",
]

# What the format itself prescribes where a header is silent.
DEFAULT_FS_HZ = 250.0
DEFAULT_GAIN = 200.0
CHECKSUM_MODULUS = 1 << 16
# Stands for a segment in which nothing was recorded, and for the file of a signal of a layout.
NO_FILE = "~"
# Far above any recording and low enough that a hostile header costs nothing.
MAX_SIGNALS = 256
MAX_SEGMENTS = 4096
MAX_NAME = 64
# A usual gain is positive and resolves 20 microvolts or better; with a usual baseline no 16-bit
# sample is far from zero then.
_USUAL_GAIN, _USUAL_BASELINE = {"mv": 50.0, "uv": 0.05}, 1 << 17
_MAX_BASELINE = 1 << 31
# Formats whose samples may lie anywhere.
_WIDE = {8, 24, 32, 524}

_FORMAT = re.compile(r"(\d{1,4})(?:x(\d{1,9}))?(?::(\d{1,9}))?(?:\+(\d{1,12}))?")
_GAIN = re.compile(r"([-+]?[\d.]{1,40}(?:[eE][-+]?\d{1,3})?)(?:\(([-+]?\d{1,18})\))?(?:/(\S{0,32}))?")


class SignalLine(NamedTuple):
    """One signal: where its samples are, and ``(sample - baseline) / gain``, its values.

    ``calibrated`` is whether the gain is a real one, ``usual`` whether it is a voltage whose scale
    is in no way remarkable. ``checksum`` is the sum of all samples modulo 65,536, ``initial`` the
    first of them where there is no checksum; each is 0 where it is not stated, for 0 is the
    format's placeholder. ``start`` is the first sample whether or not there is a checksum.
    """

    file_name: str
    fmt: int
    byte_offset: int
    gain: float
    baseline: int
    unit: str
    name: str
    calibrated: bool
    usual: bool
    initial: int
    checksum: int
    start: int


class SegmentLine(NamedTuple):
    """One segment: the name of its header, or :data:`NO_FILE`, and its samples per signal."""

    name: str
    n_times: int


class WfdbHeader(NamedTuple):
    """A header: rate in Hz, samples per signal (None if not stated), signals, comments.

    One with ``segments`` has ``n_signals`` and no lines for them. ``started`` is the time and date
    when the recording began, as written.
    """

    fs: float | None
    n_times: int | None
    signals: tuple[SignalLine, ...]
    comments: tuple[str, ...]
    segments: tuple[SegmentLine, ...] = ()
    n_signals: int = 0
    started: tuple[str, ...] = ()


def looks_like_header(text: str) -> bool:
    r"""Recognise a WFDB header by its record line and first signal line.

    Examples
    --------
    >>> looks_like_header("a 1 500 5000\na.dat 16 1000/mV"), looks_like_header("I,II\n0,0")
    (True, False)
    """
    lines = _content_lines(text[:4096])[0]
    fields = [line.split() for _, line in lines[:2]]
    if not fields or len(fields[0]) < 2 or not fields[0][1].isdigit():
        return False
    if "/" in fields[0][0]:
        return fields[0][0].rpartition("/")[2].isdigit()
    return len(fields) == 2 and len(fields[1]) >= 2 and not _is_number(fields[1][0]) and bool(_FORMAT.fullmatch(fields[1][1]))


def parse_header(text: str, where: str) -> WfdbHeader:
    r"""Parse the text of a header.

    Raises
    ------
    UnreadableRecord
        If a line is malformed, or the number of signals or segments is not the declared one.

    Examples
    --------
    >>> text = "a 1 500 5000\na.dat 16 1000.0(0)/mV 16 0 0 0 0 II\n#Age: 56"
    >>> header = parse_header(text, "a.hea")
    >>> header.fs, header.n_times, header.signals[0].name, header.comments
    (500.0, 5000, 'II', ('Age: 56',))
    """
    lines, comments = _content_lines(text)
    if not lines:
        raise UnreadableRecord(message("header_without_line", where=where))
    number, record_line = lines[0]
    try:
        n_signals, fs, n_times, n_segments, started = _record_line(record_line)
        if (n_segments or n_signals) != len(lines) - 1:
            raise ValueError(message("header_signals", declared=n_segments or n_signals, given=len(lines) - 1))
        signals, segments = [], []
        for position, (number, line) in enumerate(lines[1:], start=1):  # noqa: B007  (number serves the message below)
            if n_segments:
                segments.append(_segment_line(line))
            else:
                signals.append(_signal_line(line, position))
    except ValueError as error:
        raise UnreadableRecord(message("header_line", where=where, line=number, problem=error.args[0])) from None
    return WfdbHeader(fs, n_times, tuple(signals), tuple(comments), tuple(segments), n_signals, started)


def _content_lines(text: str) -> tuple[list[tuple[int, str]], list[str]]:
    """Numbered lines with content, and comments."""
    lines: list[tuple[int, str]] = []
    comments = []
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.strip()
        if bare.startswith("#"):
            comments.append(bare[1:].strip())
        elif bare:
            lines.append((number, bare))
    return lines, comments


def _record_line(line: str) -> tuple[int, float | None, int | None, int, tuple[str, ...]]:
    """Signals, rate, length, segments and start: ``name/segments signals fs n_times time date``."""
    fields = line.split()
    _, slash, count = fields[0].rpartition("/")
    n_segments = 0
    if slash and count.isdigit():
        n_segments = _whole(count, "number of segments")
        if not 1 <= n_segments <= MAX_SEGMENTS:
            raise ValueError(f"{n_segments} segments; 1 to {MAX_SEGMENTS} are read")
    if len(fields) < 2:
        raise ValueError(f"{line[:60]!r} is no record line (name, number of signals, rate, length)")
    n_signals = _whole(fields[1], "number of signals")
    if not 1 <= n_signals <= MAX_SIGNALS:
        raise ValueError(f"{n_signals} signals; 1 to {MAX_SIGNALS} are read")
    fs = _real(fields[2].partition("/")[0], "sampling rate") if len(fields) > 2 else None
    n_times = _whole(fields[3], "number of samples", 0) if len(fields) > 3 else 0
    # The format uses 0 for "not known".
    return n_signals, fs or None, n_times or None, n_segments, tuple(fields[4:6])


def _segment_line(line: str) -> SegmentLine:
    """One segment: ``name n_times``."""
    fields = line.split()
    if len(fields) < 2:
        raise ValueError(f"{line[:60]!r} is no segment line (name, number of samples)")
    _refuse_outside(fields[0])
    return SegmentLine(fields[0], _whole(fields[1], "number of samples", 0))


def _refuse_outside(file_name: str) -> None:
    """A header comes from anyone; it may name files of its own folder only."""
    if "/" in file_name or "\\" in file_name or file_name in {".", ".."}:
        raise ValueError(message("header_lies_outside", file=file_name))


def _signal_line(line: str, position: int) -> SignalLine:
    """One signal: ``file format gain(baseline)/unit resolution zero first checksum block name``."""
    fields = line.split(None, 8)
    if len(fields) < 2:
        raise ValueError(f"{line[:60]!r} is no signal line (file, format, gain, ...)")
    file_name = fields[0]
    _refuse_outside(file_name)
    fmt, byte_offset, gain, baseline, unit, calibrated, usual = _layout(fields[1], fields[2] if len(fields) > 2 else "0")
    if baseline is None:
        baseline = _whole(fields[4], "ADC zero", -_MAX_BASELINE, _MAX_BASELINE) if len(fields) > 4 else 0
        usual = usual and abs(baseline) <= _USUAL_BASELINE
    try:
        checksum = int(fields[6])
    except (IndexError, ValueError):
        checksum = _whole(fields[6], "checksum") if len(fields) > 6 else 0
    start = 0 if len(fields) < 6 or (checksum and fmt != DIFFERENCES) else _whole(fields[5], "initial value")
    initial = 0 if checksum or fmt == DIFFERENCES else start
    name = fields[8].strip()[:MAX_NAME] if len(fields) > 8 else f"signal {position}"
    # Half the time of naming them, twelve times a record.
    return SignalLine._make((file_name, fmt, byte_offset, gain, baseline, unit, name, calibrated, usual, initial, checksum, start))


# The lines of one header, and the headers of one data set, repeat the same two fields: parse each
# spelling once.
@lru_cache(maxsize=4096)
def _layout(form: str, scale: str) -> tuple[int, int, float, int | None, str, bool, bool]:
    """Parse ``16x1:0+24`` and ``1000.0(0)/mV``; last: whether calibrated, and whether usual."""
    match = _FORMAT.fullmatch(form)
    if match is None:
        raise ValueError(f"{form[:40]!r} is no signal format such as 16 or 16+24")
    if int(match[2] or 1) != 1:
        raise ValueError(f"{match[2]} samples per frame ({form}); only signals of one common rate are read")
    if int(match[3] or 0) != 0:
        raise ValueError(f"a skew of {match[3]} samples ({form}); only signals that start together are read")
    fmt, byte_offset = int(match[1]), int(match[4] or 0)
    match = _GAIN.fullmatch(scale)
    if match is None:
        raise ValueError(f"{scale[:40]!r} is no gain such as 1000(0)/mV")
    gain = _real(match[1], "gain")
    baseline = None if match[2] is None else _whole(match[2], "baseline", -_MAX_BASELINE, _MAX_BASELINE)
    unit = match[3] or "mV"
    if gain == 0:
        return fmt, byte_offset, DEFAULT_GAIN, baseline, unit, False, False
    # Outside this the conversion leaves what float32 can hold.
    if not 1e-9 <= abs(gain) <= 1e15:
        raise ValueError(f"a gain of {gain:g}, which no converter has")
    fine = gain >= _USUAL_GAIN.get(unit.lower(), math.inf)
    near = fmt not in _WIDE and abs(baseline or 0) <= _USUAL_BASELINE
    return fmt, byte_offset, gain, baseline, unit, True, fine and near


def _whole(text: str, meaning: str, least: int | None = None, most: int | None = None) -> int:
    """A whole number of at most 18 characters; beyond the limits no recorder writes it."""
    try:
        value = int(text) if len(text) <= 18 else None
    except ValueError:
        value = None
    if value is None:
        raise ValueError(f"{meaning} {text[:40]!r} is not a whole number")
    if (least is not None and value < least) or (most is not None and value > most):
        raise ValueError(f"{meaning} {value}, which no record can have")
    return value


def _real(text: str, meaning: str) -> float:
    if not _is_number(text) or not math.isfinite(float(text)):
        raise ValueError(f"{meaning} {text[:40]!r} is not a number")
    return float(text)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
