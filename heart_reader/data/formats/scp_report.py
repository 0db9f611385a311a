"""Sections 7, 8, 10 and 11 of SCP-ECG: what the recorder measured and concluded.

References
----------
EN 1064 (ISO 11073-91064), clauses 5.10 global measurements, 5.11 textual diagnosis, 5.13 lead
measurements and 5.14 universal statement codes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

import numpy as np

from heart_reader.data.formats.scp_header import scp_text
from heart_reader.data.formats.scp_sections import Section

__all__ = ["parse_measurements", "parse_statements"]

_GLOBAL, _TEXTS, _LEADS, _CODES = 7, 8, 10, 11
# Not computed, not found because the lead was rejected, not found because there is no such wave.
_NOTHING = {29999, 29998, 19999, 0xFFFF}
_NO_AXIS = {999, 29999, 29998, 19999, -1, -32768}
_BEAT = struct.Struct("<5H3h")
_SPIKE_BYTES = 10
_RATES = struct.Struct("<3HB")
_BAZETT = 1
_MOST_MS, _MOST_BPM = 5000, 600
# The first four numbers of each lead.
_LEAD_INTERVALS = ("p_ms", "pr_ms", "qrs_ms", "qt_ms")
# Recorders of this version have a byte too many in front, and others perhaps not.
_SHIFTED = 11
_CONFIRMED = {0: False, 1: True, 2: False}
_STATEMENTS_AT = 8
_MOST_STATEMENTS = 255
# What a statement of section 11 is: a code, or words of the maker's.
_KIND_BYTES = 1


def parse_measurements(sections: Mapping[int, Section]) -> tuple[dict[str, float], list[int]]:
    """Return what was measured, under our names, and the sections that end too early.

    What section 7 leaves out is the median of what section 10 has for each lead.
    """
    measured: dict[str, float] = {}
    cut_off = []
    if (section := sections.get(_GLOBAL)) is not None and section.protocol != _SHIFTED:
        try:
            measured |= _global(section)
        except struct.error:
            cut_off.append(_GLOBAL)
    if (section := sections.get(_LEADS)) is not None:
        try:
            measured = _of_leads(section.data) | measured
        except struct.error:
            cut_off.append(_LEADS)
    return measured, cut_off


def parse_statements(sections: Mapping[int, Section], encoding: str | None) -> tuple[tuple[str, ...], bool | None, list[int]]:
    """Return statements, whether a physician confirmed them, and the sections that end too early.

    Sentences of section 8 come before codes of section 11, which mean the same.
    """
    cut_off = []
    for number, skipped in ((_TEXTS, 0), (_CODES, _KIND_BYTES)):
        if (section := sections.get(number)) is None:
            continue
        try:
            texts = [text for value in _values(section.data) for text in _texts(value[skipped:], encoding)]
        except (struct.error, IndexError):
            cut_off.append(number)
            continue
        if texts:
            return tuple(texts[:_MOST_STATEMENTS]), _CONFIRMED.get(section.data[0]), cut_off
    return (), None, cut_off


def _global(section: Section) -> dict[str, float]:
    data = section.data
    n_beats, n_spikes = struct.unpack_from("<BB", data)
    rr_ms, _ = struct.unpack_from("<HH", data, 2)
    measured: dict[str, float] = {}
    if rr_ms not in _NOTHING and 0 < rr_ms <= _MOST_MS:
        measured["rr_mean_ms"] = float(rr_ms)
    if n_beats:
        # The first is reference beat 0, which stands for most heartbeats.
        measured |= _of_beat(*_BEAT.unpack_from(data, 6))
    at = 6 + n_beats * _BEAT.size + n_spikes * _SPIKE_BYTES
    if len(data) < at + 2:
        # Older versions end here.
        return measured
    (n_kinds,) = struct.unpack_from("<H", data, at)
    at += 2 if n_kinds in _NOTHING else 2 + n_kinds
    if len(data) < at + _RATES.size:
        return measured
    rate, _, qtc_ms, formula = _RATES.unpack_from(data, at)
    if rate not in _NOTHING and 0 < rate <= _MOST_BPM:
        measured["heart_rate_bpm"] = float(rate)
    if formula == _BAZETT and qtc_ms not in _NOTHING and 0 < qtc_ms <= _MOST_MS:
        measured["qtc_bazett_ms"] = float(qtc_ms)
    return measured


def _of_beat(p_on: int, p_off: int, qrs_on: int, qrs_off: int, t_off: int, *axes: int) -> dict[str, float]:
    """Intervals between boundaries in milliseconds, and axes in degrees."""
    bounds = {"p_ms": (p_on, p_off), "pr_ms": (p_on, qrs_on), "qrs_ms": (qrs_on, qrs_off), "qt_ms": (qrs_on, t_off)}
    measured = {
        name: float(end - start) for name, (start, end) in bounds.items() if not {start, end} & _NOTHING and start < end <= start + _MOST_MS
    }
    names = ("p_axis_deg", "qrs_axis_deg", "t_axis_deg")
    return measured | {name: float(axis) for name, axis in zip(names, axes, strict=True) if axis not in _NO_AXIS and abs(axis) <= 360}


def _of_leads(data: bytes) -> dict[str, float]:
    """Medians over the leads of section 10."""
    n_leads, _ = struct.unpack_from("<HH", data)
    found: dict[str, list[int]] = {name: [] for name in _LEAD_INTERVALS}
    at = 4
    for _ in range(n_leads):
        _, length = struct.unpack_from("<HH", data, at)
        for name, place in zip(_LEAD_INTERVALS, range(0, length - 1, 2), strict=False):
            (value,) = struct.unpack_from("<H", data, at + 4 + place)
            if value not in _NOTHING and 0 < value <= _MOST_MS:
                found[name].append(value)
        at += 4 + length
    return {name: float(np.median(values)) for name, values in found.items() if values}


def _values(data: bytes) -> Iterator[bytes]:
    """What is in each statement."""
    at = _STATEMENTS_AT + 1
    for _ in range(data[_STATEMENTS_AT]):
        _, length = struct.unpack_from("<BH", data, at)
        if at + 3 + length > len(data):
            raise struct.error("a statement is cut off")
        yield data[at + 3 : at + 3 + length]
        at += 3 + length


def _texts(value: bytes, encoding: str | None) -> list[str]:
    """Texts of a statement, which a 0 parts."""
    parts = [value] if encoding == "utf-16-le" else value.split(b"\0")
    return [text for part in parts if (text := scp_text(part, encoding))]
