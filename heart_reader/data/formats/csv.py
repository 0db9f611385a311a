"""CSV files: a column per lead, a row per time point."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.formats.agreement import refuse_other_leads
from heart_reader.data.formats.comments import Statement, age_and_sex, statements
from heart_reader.data.formats.csv_table import CsvTable, parse_table
from heart_reader.data.formats.files import (
    HEAD_BYTES,
    Given,
    check_fs,
    check_length,
    decode_text,
    file_size,
    foreign_kind,
    is_text,
    read_bytes,
)
from heart_reader.data.formats.registry import register_format
from heart_reader.data.formats.stated import agreed_unit, stated_rates, unclear_rate, unit_notes
from heart_reader.data.leads import canonical_lead, modified_lead, without_channel
from heart_reader.data.record import N_PUBLISHED_FEATURES, EcgRecord, build_record
from heart_reader.errors import LeadError, RecordError, UnreadableRecord
from heart_reader.messages import Message, message

__all__ = ["ALL_LEADS", "names_a_lead", "read_csv", "read_header"]

# A comment by which every column is a lead, whatever its name, and what is missing is empty: what
# looks like another column or like a code for gaps is none.
ALL_LEADS = "columns=leads"

# Seconds per unit of a time column, by its name.
_TIME_S = {
    **dict.fromkeys(("time", "t", "s", "sec", "second", "seconds", "time_s", "time_sec", "time_seconds", "t_s"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds", "time_ms", "time_msec", "time_milliseconds", "t_ms"), 1e-3),
    **dict.fromkeys(("us", "µs", "μs", "microseconds", "time_us", "time_µs", "time_μs", "time_microseconds", "t_us"), 1e-6),
    **dict.fromkeys(("minutes", "time_min", "time_minutes", "t_min"), 60.0),
}
# Columns that number the rows, or hold their times in a unit that their names do not say.
_INDEX = {
    "", "#", "n", "no", "no.", "nr", "nr.", "idx", "index", "sample", "samples", "sample_index", "sample_number", "sample_no",
    "sample_no.", "sample_#", "sample_id", "unnamed:_0", "row", "rows", "row_index", "row_number", "row_no", "frame", "tick",
    "seq", "sequence", "timestamp", "timestamps", "time_stamp", "elapsed", "elapsed_time", "epoch", "unix_time",
}  # fmt: skip
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d*)?(?:[eE][-+]?\d+)?")
_FEATURE = re.compile(r"feat_(\d{1,6})", re.IGNORECASE)
# Unlabelled tables of these lengths are PTB-XL's: ten seconds at 100 or 500 Hz.
_FS_OF_LENGTH = {1000: 100.0, 5000: 500.0}
_CLOCK = re.compile(r"\[?(?:\d{4}-\d\d-\d\d[ T])?\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?.*")
# What programs write where nothing was recorded: the limits of whole numbers, and rows of nines.
_GAP_CODES = {-32768, 32767, 65535, -(1 << 31), (1 << 31) - 1, *(sign * nines for sign in (1, -1) for nines in (999, 9999, 99999, 999999))}


class _Columns(NamedTuple):
    """Which columns are what; ``row_numbers`` that are numbers, ``features`` in their own order."""

    leads: list[int]
    lead_names: tuple[str, ...]
    time: int | None
    time_unit_s: float
    row_numbers: list[int]
    features: list[int]
    warnings: list[str]


def _is_table(head: bytes, path: str) -> bool:
    return is_text(head) and foreign_kind(head) is None


def _is_listed(head: bytes, path: str) -> bool:
    """An empty or locked .csv is listed, for reading must complain about it."""
    return is_text(head) and names_a_lead(decode_text(head)) if head else path.lower().endswith(".csv")


@register_format(
    "csv",
    title="CSV",
    suffixes=(".csv", ".tsv", ".txt"),
    sniff=_is_table,
    lists=_is_listed,
    states="leads by column names; rate by a comment or a time column; unit, age and sex by comments",
    last=True,
)
def read_csv(path: str, head: bytes, given: Given) -> EcgRecord:
    """Read a table whose columns are leads; see :class:`Format` for parameters and errors.

    ``given.leads`` names the lead columns in order, or all columns where there is no row of names.
    """
    # The whole file is decoded at once, for a multi-byte character may be cut at the end of the
    # head.
    table = parse_table(decode_text(head if len(head) < HEAD_BYTES else read_bytes(path, file_size(path))), path)
    stated = statements(table.comments)
    all_leads = ALL_LEADS in table.comments
    columns = _choose_columns(table, given.leads, all_leads=all_leads)
    known = [(message("by_comment"), fs) for fs in stated_rates(path, stated)]
    if given.fs is not None:
        known.append((message("by_given"), check_fs(path, given.fs)))
    # Before any number is made: what the times say is known only afterwards.
    check_length(path, len(columns.leads), table.n_rows, known[-1][1] if known else None, given)
    times = [] if columns.time is None else [columns.time]
    numbers, features = table.numbers([*columns.leads, *times, *columns.row_numbers], first=columns.features)
    signal, others = numbers[: len(columns.leads)], numbers[len(columns.leads) :]
    warnings = list(columns.warnings)
    if times:
        known.insert(0, (message("by_times"), _rate_of_times(path, others[0] * columns.time_unit_s)))
    fs = _rate(path, known, stated, table.n_rows, warnings)
    check_length(path, len(columns.leads), table.n_rows, fs, given)
    for column, row_numbers in zip(columns.row_numbers, others[len(times) :], strict=True):
        _check_row_numbers(path, (table.names and table.names[column]) or f"{column + 1}", row_numbers, fs)
    warnings += [] if all_leads else _mask_gap_codes(signal, columns.lead_names)
    notes = [note for column in columns.leads for note in unit_notes(table.names[column])] if table.names else []
    unit, factor = agreed_unit(path, stated, notes, given.unit, warnings)
    age, sex = age_and_sex(table.comments)
    return build_record(
        os.path.splitext(os.path.basename(path))[0],
        signal if factor == 1.0 else signal * factor,
        fs,
        columns.lead_names,
        unit=unit,
        age=age,
        sex=sex,
        source_format="csv",
        warnings=tuple(warnings),
        published_features=np.where(np.isfinite(features), features, np.nan).astype(np.float32) if columns.features else None,
    )


def names_a_lead(first_lines: str) -> bool:
    r"""Return whether the first lines of a CSV file name a column that is a lead.

    Examples
    --------
    >>> names_a_lead("# fs=500\ntime;I;II\n0;0;0"), names_a_lead("ecg_id,patient_id\n1,2")
    (True, False)
    """
    try:
        table = parse_table(first_lines, "")
    except UnreadableRecord:
        return False
    return ALL_LEADS in table.comments or any(canonical_lead(name) for name in without_channel(table.names))


def read_header(text: str) -> tuple[str, ...]:
    """Return the leads of a text with :data:`ALL_LEADS` in it; empty if they are unclear."""
    try:
        table = parse_table(text, "")
        leads = _choose_columns(table, None, all_leads=True).lead_names
    except RecordError:
        return ()
    return () if any(unit_notes(name) for name in table.names) else leads


def _choose_columns(table: CsvTable, leads: tuple[str, ...] | None, *, all_leads: bool = False) -> _Columns:
    """Sort the columns into leads, time, row numbers, features and others."""
    names = without_channel(table.names or _given_names(table, leads))
    if all_leads:
        chosen, lead_names = _lead_columns(table, names, list(range(len(names))), leads or names)
        return _Columns(chosen, lead_names, None, 1.0, [], [], [])
    # Lower case, without quotes and brackets, blanks as underscores.
    plain = [re.sub(r"[\s_\-()\[\]]+", "_", name.strip(" '\"").lower()).strip("_") for name in names]
    first = table.first_row()
    if canonical_lead(first[0]):
        if len(first) > 1 and canonical_lead(first[1]):
            raise LeadError(message("names_below", where=table.where, line=table.line_numbers[0]))
        raise LeadError(message("leads_in_rows", where=table.where, lead=first[0]))
    time = next((column for column, name in enumerate(plain) if name in _TIME_S), None)
    if time is not None and time < len(first) and _CLOCK.fullmatch(first[time]):
        raise UnreadableRecord(message("clock_times", where=table.where, text=first[time][:40]))
    # An unnamed column may hold anything; what begins with a number is taken to number the rows.
    numbering = [column for column, name in enumerate(plain) if (name in _INDEX or name in _TIME_S) and column != time]
    row_numbers = [column for column in numbering if column < len(first) and _NUMBER.fullmatch(first[column])]
    candidates = [column for column, name in enumerate(plain) if not (name in _TIME_S or name in _INDEX or _FEATURE.fullmatch(name))]
    features = _feature_columns(table.where, plain)
    chosen, lead_names = _lead_columns(table, names, candidates, leads)
    texts = {column for column in numbering if plain[column] and column not in row_numbers}
    others = sorted(texts | (set(candidates) - set(chosen)))
    warnings: list[str] = [message("columns_not_read", columns=_some(names, others))] if others else []
    if others and (hint := modified_lead((*lead_names, *(names[column] for column in others)))):
        warnings.append(hint)
    unit_s = 1.0 if time is None else _TIME_S[plain[time]]
    return _Columns(chosen, lead_names, time, unit_s, row_numbers, features, warnings)


def _feature_columns(where: str, plain: Sequence[str]) -> list[int]:
    """Columns ``feat_0`` to ``feat_1312`` of PTB-XL+ in this order: none or all of them."""
    numbered = sorted((int(match[1]), column) for column, name in enumerate(plain) if (match := _FEATURE.fullmatch(name)))
    if numbered and [number for number, _ in numbered] != list(range(N_PUBLISHED_FEATURES)):
        first, last, end = numbered[0][0], numbered[-1][0], N_PUBLISHED_FEATURES - 1
        found = {"count": len(numbered), "first": first, "last": last, "needed": N_PUBLISHED_FEATURES, "end": end}
        raise UnreadableRecord(message("features_incomplete", where=where, **found))
    return [column for _, column in numbered]


def _lead_columns(
    table: CsvTable, names: Sequence[str], candidates: list[int], leads: tuple[str, ...] | None
) -> tuple[list[int], tuple[str, ...]]:
    """Columns that are leads, and their names: those given, or those that the row of names has."""
    if leads is not None and table.names:
        if len(leads) != len(candidates):
            shown = _some(names, candidates)
            raise LeadError(message("names_for_named_columns", where=table.where, given=len(leads), columns=len(candidates), names=shown))
        refuse_other_leads(table.where, [names[column] for column in candidates], leads)
        chosen, lead_names = candidates, leads
    else:
        chosen = [column for column in candidates if leads is not None or canonical_lead(names[column])]
        lead_names = tuple(names[column] for column in chosen)
    if not chosen and (hint := modified_lead(tuple(names))):
        raise LeadError(message("in_record", where=table.where, problem=hint))
    if not chosen:
        raise LeadError(message("no_lead_column", where=table.where, found=_some(names, range(len(names)))))
    upright = Counter((canonical_lead(name) or name).removeprefix("-") for name in lead_names)
    if repeated := [name for name, count in upright.items() if count > 1]:
        raise LeadError(message("lead_in_columns", where=table.where, lead=repeated[0]))
    return chosen, lead_names


def _given_names(table: CsvTable, leads: tuple[str, ...] | None) -> tuple[str, ...]:
    """Names for a table without a header row: numbers do not show which column is which lead."""
    if leads is None:
        raise LeadError(message("no_lead_names", where=table.where, columns=table.n_columns))
    if len(leads) != table.n_columns:
        raise LeadError(message("names_for_columns", where=table.where, given=len(leads), columns=table.n_columns))
    return leads


def _some(names: Sequence[str], columns: Sequence[int]) -> str:
    shown = ", ".join(names[column][:40] for column in columns[:5])
    return message("and_more", names=shown, count=len(columns) - 5) if len(columns) > 5 else shown


def _rate(path: str, known: Sequence[tuple[Message, float]], stated: Sequence[Statement], n_times: int, warnings: list[str]) -> float:
    """Agree on the sampling rate; two sources that contradict each other are an error."""
    if not known:
        if text := unclear_rate(stated):
            raise UnreadableRecord(message("rate_unclear", where=path, text=text[:60]))
        if n_times not in _FS_OF_LENGTH:
            raise UnreadableRecord(message("rate_unknown", where=path, rows=n_times))
        warnings.append(message("rate_assumed", rows=n_times, fs=_FS_OF_LENGTH[n_times]))
        return _FS_OF_LENGTH[n_times]
    # A rate from rounded times is approximate: the one that a person wrote counts.
    source, fs = known[-1]
    for other_source, other in known[:-1]:
        if abs(other - fs) > 1e-3 * fs:
            raise UnreadableRecord(message("rates_differ", where=path, other=other, other_source=other_source, fs=fs, source=source))
    return fs


def _rate_of_times(path: str, times_s: NDArray[np.float64]) -> float:
    """Sampling rate in Hz of (n_times,) evenly rising times in seconds, which may be rounded."""
    if len(times_s) < 2 or not np.isfinite(times_s).all():
        raise UnreadableRecord(message("times_incomplete", where=path))
    span = float(times_s[-1] - times_s[0])
    step = span / (len(times_s) - 1)
    if not step > 0 or np.abs(np.diff(times_s) - step).max() > 0.5 * step:
        raise UnreadableRecord(message("times_uneven", where=path))
    fs = check_fs(path, 1.0 / step)
    # Rounded times leave the rate uncertain by their largest deviation at both ends; within that, a
    # whole number is meant.
    deviation = np.abs(times_s - times_s[0] - step * np.arange(len(times_s))).max()
    whole = round(fs)
    return float(whole) if abs(whole - fs) <= fs * (2.0 * deviation / span + 1e-6) else fs


def _check_row_numbers(path: str, column: str, numbers: NDArray[np.float64], fs: float) -> None:
    """Refuse (n_times,) row numbers that rise neither by one nor as times of that rate."""
    steps = np.diff(numbers)
    if not len(steps) or (steps == 1.0).all():
        return
    mean = float(numbers[-1] - numbers[0]) / len(steps)
    for step in (1.0 / fs, 1e3 / fs, 1e6 / fs, 1e9 / fs):
        if abs(mean - step) <= 0.01 * step and np.abs(steps - step).max() <= 0.51 * step:
            return
    row = int(np.argmax(steps != 1.0))
    raise UnreadableRecord(message("row_numbers", where=path, column=column, before=float(numbers[row]), there=float(numbers[row + 1])))


def _mask_gap_codes(signal: NDArray[np.float64], names: Sequence[str]) -> list[Message]:
    """Make usual codes NaN, in place, that lie far from all other values of their lead."""
    warnings = []
    lowest, highest = np.fmin.reduce(signal, axis=1), np.fmax.reduce(signal, axis=1)
    for row, limits in enumerate(zip(lowest.tolist(), highest.tolist(), strict=True)):
        for code in _GAP_CODES.intersection(limits):
            there = signal[row] == code
            rest = signal[row][~there & np.isfinite(signal[row])]
            if len(rest) and np.abs(rest - code).min() > rest.max() - rest.min():
                signal[row, there] = np.nan
                warnings.append(message("gap_codes", lead=names[row], value=f"{code:.0f}", count=int(there.sum())))
    return warnings
