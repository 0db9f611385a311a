"""Sections 5 and 6 of SCP-ECG: reference beat and rhythm, from stored numbers to microvolts.

References
----------
EN 1064 (ISO 11073-91064), clauses 5.8 and 5.9: amplitude value multiplier, sample interval,
differences; Annex C: data compression.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.formats.agreement import agreed_fs
from heart_reader.data.formats.files import Given, check_length, damaged
from heart_reader.data.formats.scp_beats import Beats, Expansion, add_reference_beat, expansion, parse_beats
from heart_reader.data.formats.scp_huffman import DamagedCodes, HuffmanTables, huffman_decode, parse_tables
from heart_reader.data.formats.scp_leads import Leads
from heart_reader.data.formats.scp_sections import LOCATIONS, REFERENCE_BEAT, RHYTHM, TABLES, Section
from heart_reader.errors import LeadError, UnreadableRecord
from heart_reader.messages import Message, message

__all__ = ["Waveforms", "read_waveforms"]

_HEAD = struct.Struct("<HHBB")
_BYTES_PER_SAMPLE = 2
_MOST_BYTES = (1 << 16) - 1
# From this version on, the mark of bimodal compression is no longer one.
_WITHOUT_BIMODAL = 30
_MOST_FACTOR = 8
# Whatever fills a section up is shorter than a lead.
_LEAST_LEAD = 16
# Leads times time points: ten times what twelve leads can have in 65535 bytes each.
_MOST_VALUES = 1 << 24
# Boundaries of waves are measured to a few milliseconds.
_MOST_SKEW_S = 0.004


@dataclass(frozen=True)
class Waveforms:
    """What a record holds of signals.

    Parameters
    ----------
    rhythm
        (n_leads, n_times) in microvolts; NaN where a lead was not recorded.
    fs
        Hz.
    step_uv
        What one unit of the stored numbers stands for.
    beat, beat_fs
        The reference beat alike, (n_leads, n_times); None where it is missing or cannot be read.
    """

    rhythm: NDArray[np.float64]
    fs: float
    step_uv: float
    beat: NDArray[np.float64] | None = None
    beat_fs: float = 0.0


@dataclass(frozen=True)
class _Stored:
    """Section 5 or 6: a scale, an interval, and the bytes of each lead."""

    number: int
    step_nv: int
    interval_us: int
    differences: int
    bimodal: bool
    leads: tuple[bytes, ...]

    @property
    def fs(self) -> float:
        return 1e6 / self.interval_us


class _Reader:
    """Decodes the sections of one record."""

    def __init__(self, path: str, sections: Mapping[int, Section], leads: Leads) -> None:
        self.path, self.sections, self.leads = path, sections, leads
        self.tables = self._tables()
        self.rhythm = self._stored(RHYTHM, [end - start + 1 for start, end in leads.spans])
        self.beats: Beats | None = None

    def damaged(self, problem: str) -> UnreadableRecord:
        return damaged(self.path, f"{problem}, the file is damaged")

    @property
    def compressed(self) -> bool:
        """Whether the rhythm cannot be had without sections 4 and 5."""
        bimodal = self.rhythm.bimodal and self.sections[RHYTHM].protocol < _WITHOUT_BIMODAL
        return bimodal or self.leads.subtracted

    def find_beats(self, warnings: list[Message]) -> None:
        """Read where heartbeats are."""
        if (section := self.sections.get(LOCATIONS)) is None:
            return
        try:
            self.beats = parse_beats(self.path, section.data, section.protocol)
        except UnreadableRecord:
            if self.compressed:
                raise
            warnings.append(message("scp_sections_left_out", sections=[str(LOCATIONS)]))

    def _tables(self) -> HuffmanTables | None:
        section = self.sections.get(TABLES)
        if section is None:
            return None
        try:
            return parse_tables(section.data)
        except DamagedCodes as error:
            raise self.damaged(f"section {TABLES}: {error}") from None

    def _stored(self, number: int, counts: Sequence[int] | None) -> _Stored:
        """Take a section apart; ``counts`` are the samples that each lead should have."""
        data, n_leads = self.sections[number].data, len(self.leads.names)
        at = _HEAD.size + 2 * n_leads
        if len(data) < at:
            raise self.damaged(f"section {number} of {len(data)} bytes has no room for {n_leads} leads")
        step_nv, interval_us, differences, bimodal = _HEAD.unpack_from(data)
        if not step_nv:
            raise UnreadableRecord(message("scale_missing", where=self.path, lead=self.leads.names[0], factor=0))
        if not interval_us:
            raise self.damaged(f"section {number} has a sample interval of 0")
        if differences > 2:
            raise self.damaged(f"section {number} is compressed in way {differences}, but 0, 1 and 2 are defined")
        sizes = np.frombuffer(data, "<u2", n_leads, _HEAD.size).astype(np.int64)
        if counts is not None and self.tables is None:
            sizes = _whole_sizes(sizes, np.array(counts) * _BYTES_PER_SAMPLE, len(data) - at)
        ends = at + np.cumsum(sizes)
        if ends[-1] > len(data):
            raise UnreadableRecord(message("scp_truncated", where=self.path, section=number, needed=int(ends[-1]), there=len(data)))
        self._check_sizes(number, sizes, counts, len(data) - int(ends[-1]))
        leads = tuple(data[end - size : end] for size, end in zip(sizes.tolist(), ends.tolist(), strict=True))
        return _Stored(number, step_nv, interval_us, differences, bool(bimodal), leads)

    def _check_sizes(self, number: int, sizes: NDArray[np.int64], counts: Sequence[int] | None, surplus: int) -> None:
        """Refuse bytes that a lead too few was described for, or that are codes without a table."""
        if surplus >= max(int(sizes.min()), _LEAST_LEAD):
            total = int(sizes.sum())
            raise UnreadableRecord(message("samples_surplus", where=self.path, there=total + surplus, declared=total))
        if self.tables is None and len({*zip(counts or (0,) * len(sizes), sizes.tolist(), strict=True)}) > len({*(counts or (0,))}):
            problem = (
                f"section {number} has leads of as many samples and different numbers of bytes, but section {TABLES} has no code for it"
            )
            raise self.damaged(problem)

    def numbers(self, stored: _Stored, row: int, count: int) -> NDArray[np.int64]:
        """``count`` samples of a lead as stored; where they are not coded, they may be fewer."""
        data = stored.leads[row]
        if self.tables is None:
            values = np.frombuffer(data, "<i2", min(count, len(data) // _BYTES_PER_SAMPLE)).astype(np.int64)
        else:
            try:
                values = huffman_decode(data, count, self.tables)
            except DamagedCodes as error:
                raise self.damaged(f"section {stored.number}, lead {self.leads.names[row]}: {error}") from None
        return _without_differences(values, stored.differences)

    def reference_beat(self) -> tuple[NDArray[np.float64], float]:
        """(n_leads, n_times) in microvolts, and its rate in Hz."""
        stored = self._stored(REFERENCE_BEAT, None)
        length_ms = 0 if self.beats is None else self.beats.length_ms
        count, rest = divmod(1000 * length_ms, stored.interval_us)
        if self.tables is None:
            there = min(len(lead) for lead in stored.leads) // _BYTES_PER_SAMPLE
            count, rest = (min(count, there), 0) if count else (there, 0)
        if not count or count > 8 * _MOST_BYTES:
            raise self.damaged(f"the reference beat has {count} samples")
        try:
            # A length between two numbers of samples is rounded down or up.
            rows = [self.numbers(stored, row, count + bool(rest)) for row in range(len(stored.leads))]
        except UnreadableRecord:
            if not rest:
                raise
            rows = [self.numbers(stored, row, count) for row in range(len(stored.leads))]
        return _scaled(np.stack(rows), stored), stored.fs


def read_waveforms(path: str, sections: Mapping[int, Section], leads: Leads, given: Given, warnings: list[Message]) -> Waveforms:
    """Decode the rhythm, and the reference beat where there is one.

    Raises
    ------
    LeadError
        If leads do not begin together.
    UnreadableRecord
        If the rhythm cannot be decoded, or is longer than the caller allows.
    """
    if RHYTHM not in sections:
        raise UnreadableRecord(message("scp_without_rhythm", where=path))
    reader = _Reader(path, sections, leads)
    reader.find_beats(warnings)
    beat, beat_fs = _reference_beat(reader, warnings)
    factor = _factor(reader, beat_fs)
    fs = agreed_fs(path, factor * reader.rhythm.fs, given.fs)
    _check_starts(path, leads, fs)
    most = given._replace(max_values=min(_MOST_VALUES, _MOST_VALUES if given.max_values is None else given.max_values))
    check_length(path, len(leads.names), max(end - start + 1 for start, end in leads.spans), fs, most)
    rows = _rows(reader, factor, warnings)
    if leads.subtracted and beat is not None and reader.beats is not None:
        for row, of_lead, (start, _) in zip(rows, beat, leads.spans, strict=True):
            add_reference_beat(path, row, start, of_lead, reader.beats)
    return Waveforms(_together(rows, leads), fs, reader.rhythm.step_nv / 1000, beat, beat_fs)


def _scaled(numbers: NDArray[np.int64], stored: _Stored) -> NDArray[np.float64]:
    """Stored numbers in microvolts."""
    return np.multiply(numbers, stored.step_nv / 1000, dtype=np.float64)


def _whole_sizes(sizes: NDArray[np.int64], needed: NDArray[np.int64], there: int) -> NDArray[np.int64]:
    """Sizes of leads in bytes, also of those that are too long for their field of 16 bits."""
    lost = np.array_equal(needed & _MOST_BYTES, sizes) and needed.sum() in (there, there - 1)
    return needed if lost else sizes


def _without_differences(values: NDArray[np.int64], order: int) -> NDArray[np.int64]:
    """Samples from their first or second differences, in the 16 bits that writers reckon in."""
    if order == 0:
        return values
    if order == 2:
        values = np.concatenate([values[:1], np.cumsum(np.concatenate([values[1:2] - values[:1], values[2:]]))])
    wrapped: NDArray[np.int64] = np.cumsum(values).astype(np.int16).astype(np.int64)
    return wrapped


def _reference_beat(reader: _Reader, warnings: list[Message]) -> tuple[NDArray[np.float64] | None, float]:
    """The reference beat and its rate; a rhythm may be read without it."""
    if REFERENCE_BEAT not in reader.sections:
        if reader.leads.subtracted:
            raise reader.damaged(f"a reference beat was subtracted, but section {REFERENCE_BEAT} is missing")
        return None, 0.0
    try:
        return reader.reference_beat()
    except UnreadableRecord:
        if reader.compressed:
            raise
        warnings.append(message("scp_sections_left_out", sections=[str(REFERENCE_BEAT)]))
        return None, 0.0


def _factor(reader: _Reader, beat_fs: float) -> int:
    """Of how many samples outside the protected zones one is stored."""
    rhythm, path = reader.rhythm, reader.path
    if not reader.compressed:
        return 1
    bimodal = rhythm.bimodal
    if bimodal and (not beat_fs or reader.beats is None or reader.beats.zones is None):
        raise reader.damaged("samples were left out between heartbeats, but where and how many is not said")
    if reader.leads.subtracted and reader.beats is None:
        raise reader.damaged(f"a reference beat was subtracted, but section {LOCATIONS} is missing")
    ratio = beat_fs / rhythm.fs
    factor = round(ratio)
    if not math.isclose(ratio, factor, rel_tol=1e-3) or not 1 <= factor <= _MOST_FACTOR or (factor > 1 and not bimodal):
        problem = f"its reference beat has {beat_fs:g} samples per second, the rhythm compressed with it {rhythm.fs:g}"
        raise UnreadableRecord(message("scp_not_standard", where=path, problem=problem))
    return factor


def _check_starts(path: str, leads: Leads, fs: float) -> None:
    starts = [start for start, _ in leads.spans]
    skew = (max(starts) - min(starts)) / fs
    if skew > _MOST_SKEW_S:
        raise LeadError(message("channel_skew", where=path, skew=1000 * skew, most=1000 * _MOST_SKEW_S))


def _rows(reader: _Reader, factor: int, warnings: list[Message]) -> list[NDArray[np.float64]]:
    """Each lead in microvolts, at the full rate."""
    rhythm, leads = reader.rhythm, reader.leads
    if factor > 1:
        warnings.append(message("scp_decimated", fs=rhythm.fs))
        plan = _planner(reader.path, reader.beats, factor)
        expanded = []
        for row, span in enumerate(leads.spans):
            _check_bits(reader, row, (span[1] - span[0] + 1) // factor)
            expand = plan(span)
            stored = reader.numbers(rhythm, row, expand.n_stored)
            if len(stored) < expand.n_stored:
                raise reader.damaged(f"lead {leads.names[row]} has {len(stored)} samples of {expand.n_stored}")
            expanded.append(expand(stored) * (rhythm.step_nv / 1000))
        return expanded
    declared = [end - start + 1 for start, end in leads.spans]
    numbers = [reader.numbers(rhythm, row, count) for row, count in enumerate(declared)]
    if missing := [(len(row), count) for row, count in zip(numbers, declared, strict=True) if len(row) < count]:
        if not min(missing)[0]:
            raise UnreadableRecord(message("without_samples", where=reader.path))
        warnings.append(message("scp_samples_missing", there=min(missing)[0], declared=max(count for _, count in missing)))
    if reader.tables is None and (there := min(map(len, rhythm.leads)) // _BYTES_PER_SAMPLE) > max(declared):
        warnings.append(message("samples_not_read", file=f"section {RHYTHM}", there=there, declared=max(declared)))
    return [_scaled(row, rhythm) for row in numbers]


def _check_bits(reader: _Reader, row: int, least: int) -> None:
    """Refuse more samples than the bytes of a lead can hold, before memory is taken for them."""
    there = len(reader.rhythm.leads[row])
    if least > (8 * there if reader.tables else there // _BYTES_PER_SAMPLE):
        raise reader.damaged(f"lead {reader.leads.names[row]} has {there} bytes for {least} samples and more")


def _planner(path: str, beats: Beats | None, factor: int) -> Callable[[tuple[int, int]], Expansion]:
    """Plan each span of samples once: nearly always all leads have the same."""
    assert beats is not None, "checked with the factor"
    assert beats.zones is not None, "checked with the factor"
    zones, plans = beats.zones, dict[tuple[int, int], Expansion]()

    def plan(span: tuple[int, int]) -> Expansion:
        if span not in plans:
            plans[span] = expansion(path, zones, span, factor)
        return plans[span]

    return plan


def _together(rows: Sequence[NDArray[np.float64]], leads: Leads) -> NDArray[np.float64]:
    """(n_leads, n_times) from leads of different length, NaN where one was not recorded."""
    first = min(start for start, _ in leads.spans)
    n_times = max(start - first + len(row) for row, (start, _) in zip(rows, leads.spans, strict=True))
    if all(len(row) == n_times for row in rows):
        return np.stack(rows)
    signal = np.full((len(rows), n_times), np.nan)
    for lead, row, (start, _) in zip(signal, rows, leads.spans, strict=True):
        lead[start - first : start - first + len(row)] = row
    return signal
