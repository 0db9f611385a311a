"""WFDB records of several segments, which follow each other with or without the same signals.

References
----------
WFDB Applications Guide, header(5), multi-segment records: a first segment of no samples is the
layout of records whose signals come and go; a segment called ``~`` is one in which nothing was
recorded.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.formats.files import HEAD_BYTES, Given, check_length, damaged, decode_text, read_bytes
from heart_reader.data.formats.pieces import Piece, joined, refuse_long_gap
from heart_reader.data.formats.wfdb_files import open_signals
from heart_reader.data.formats.wfdb_header import NO_FILE, SegmentLine, SignalLine, WfdbHeader, parse_header
from heart_reader.data.record import UNIT_TO_MV
from heart_reader.data.signal import SignalParts
from heart_reader.errors import LeadError, UnreadableRecord
from heart_reader.messages import message

__all__ = ["open_segments", "segments_in_folder"]


def open_segments(path: str, header: WfdbHeader, fs: float, given: Given, warnings: list[str]) -> tuple[SignalParts, list[SignalLine]]:
    """Open all segments of a record.

    Parameters
    ----------
    path
        The header that lists them; theirs are beside it.
    fs
        Hz.
    warnings
        Gets what is noticed.

    Returns
    -------
    tuple
        (n_signals, n_times) in physical units, NaN where nothing was recorded, and a line for each
        signal: of all segments the one whose scale is most remarkable.

    Raises
    ------
    UnreadableRecord
        If a segment is missing or does not fit, or nothing was recorded for too long.
    LeadError
        If the layout names a signal twice, or a segment another signal than the layout.
    """
    n_times = sum(segment.n_times for segment in header.segments)
    if n_times == 0 or n_times != (header.n_times or n_times):
        problem = f"its segments have {n_times} samples, but {header.n_times or 0} are declared"
        raise damaged(path, problem)
    check_length(path, header.n_signals, n_times, fs, given)
    _check_gaps(path, header.segments, fs)
    first = header.segments[0]
    lines = list(_header_of(path, first, fs).signals) if first.n_times == 0 and first.name != NO_FILE else []
    by_layout = bool(lines)
    pieces: list[Piece] = []
    start = 0
    for segment in header.segments:
        begin, start = start, start + segment.n_times
        if segment.n_times == 0 or segment.name == NO_FILE:
            continue
        of_segment = _header_of(path, segment, fs)
        lines = lines or list(of_segment.signals)
        rows = _rows(path, segment.name, lines, of_segment.signals, by_layout=by_layout)
        factors = _factors(path, segment.name, [lines[row] for row in rows], of_segment.signals)
        for row, line in zip(rows, of_segment.signals, strict=True):
            if not line.usual and (lines[row].usual or lines[row].file_name == NO_FILE):
                lines[row] = line._replace(unit=lines[row].unit)
        pieces.append(Piece(begin, open_signals(_beside(path, segment.name), of_segment, warnings), rows, factors))
    if len(lines) != header.n_signals:
        raise UnreadableRecord(message("segment_differs", where=path, segment=first.name, got=len(lines), needed=header.n_signals))
    return joined(len(lines), n_times, pieces), lines


def _check_gaps(path: str, segments: Sequence[SegmentLine], fs: float) -> None:
    at, gap = 0, 0
    for segment in segments:
        gap = gap + segment.n_times if segment.name == NO_FILE else 0 if segment.n_times else gap
        at += segment.n_times
        refuse_long_gap(path, (at - gap) / fs, gap / fs)


def _beside(path: str, name: str) -> str:
    return os.path.join(os.path.dirname(path), f"{name}.hea")


def _header_of(path: str, segment: SegmentLine, fs: float) -> WfdbHeader:
    """Parse the header of a segment, which must be of the same rate and of the length declared."""
    where = _beside(path, segment.name)
    if not os.path.isfile(where):
        raise UnreadableRecord(message("signal_file_missing", where=where, header=os.path.basename(path)))
    header = parse_header(decode_text(read_bytes(where, HEAD_BYTES)), where)
    if header.segments:
        raise UnreadableRecord(message("header_segments", where=path, name=segment.name))
    if header.fs is not None and abs(header.fs - fs) > 1e-6 * fs:
        problem = f"the segment {segment.name} is sampled at {header.fs:g} Hz, the record at {fs:g} Hz"
        raise damaged(path, problem)
    if header.n_times != (segment.n_times or None) and header.n_times is not None:
        raise UnreadableRecord(
            message("samples_missing", where=where, there=header.n_times, header=os.path.basename(path), promised=segment.n_times)
        )
    return header._replace(n_times=segment.n_times)


def _rows(path: str, segment: str, lines: Sequence[SignalLine], of_segment: Sequence[SignalLine], *, by_layout: bool) -> list[int]:
    """Which signals of the record those of a segment are: by their names, or all in order."""
    names, there = [line.name for line in lines], [line.name for line in of_segment]
    if not by_layout:
        if names != there:
            raise UnreadableRecord(message("segment_differs", where=path, segment=segment, got=len(there), needed=len(names)))
        return list(range(len(names)))
    for found in (names, there):
        if repeated := sorted({name for name in found if found.count(name) > 1}):
            raise LeadError(message("lead_twice", leads=repeated, names=found))
    if unknown := [name for name in there if name not in names]:
        raise LeadError(message("segment_signal_unknown", where=path, segment=segment, signals=unknown))
    return [names.index(name) for name in there]


def _factors(path: str, segment: str, lines: Sequence[SignalLine], of_segment: Sequence[SignalLine]) -> NDArray[np.float64] | None:
    """What brings the signals of a segment to the units of the record; None if that is nothing."""
    if all(line.unit == other.unit for line, other in zip(lines, of_segment, strict=True)):
        return None
    factors = []
    for line, other in zip(lines, of_segment, strict=True):
        wanted, stated = (UNIT_TO_MV.get(unit.lower()) for unit in (line.unit, other.unit))
        if line.unit != other.unit and (wanted is None or stated is None):
            problem = f"{line.name} is in {other.unit} in the segment {segment} and in {line.unit} elsewhere"
            raise damaged(path, problem)
        factors.append(1.0 if wanted is None or stated is None else stated / wanted)
    return np.array(factors)


def segments_in_folder(folder: str) -> set[str]:
    """Return the names of all segments that headers of several segments in a folder list."""
    found: set[str] = set()
    with os.scandir(folder or ".") as entries:
        headers = [entry.path for entry in entries if entry.name.endswith(".hea") and entry.is_file()]
    for path in headers:
        text = decode_text(read_bytes(path, HEAD_BYTES))
        first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
        if "/" in first.partition(" ")[0]:
            try:
                found.update(segment.name for segment in parse_header(text, path).segments)
            except UnreadableRecord:
                continue
    return found
