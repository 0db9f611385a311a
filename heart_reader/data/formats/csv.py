"""CSV files: a column per lead, a row per time point."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from heart_reader.data.formats.agreement import refuse_other_leads
from heart_reader.data.formats.comments import Statement, age_and_sex, statements
from heart_reader.data.formats.csv_order import check_row_numbers, mask_gap_codes, rate_of_times
from heart_reader.data.formats.csv_table import CsvTable, parse_table
from heart_reader.data.formats.files import Given, check_fs, check_length
from heart_reader.data.formats.stated_rate import stated_rates, unclear_rate
from heart_reader.data.formats.stated_unit import agreed_unit, unit_notes
from heart_reader.data.leads import canonical_lead, modified_lead, without_channel
from heart_reader.data.record import N_PUBLISHED_FEATURES, EcgRecord, build_record
from heart_reader.errors import LeadError, UnreadableRecord
from heart_reader.messages import Message, message

__all__ = ["names_a_lead", "read_csv"]

# Seconds per unit of a time column, by its name.
_TIME_S = {
    **dict.fromkeys(("time", "t", "s", "sec", "second", "seconds", "time_s", "time_sec", "time_seconds", "t_s"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds", "time_ms", "time_msec", "time_milliseconds", "t_ms"), 1e-3),
    **dict.fromkeys(("us", "µs", "μs", "microseconds", "time_us", "time_µs", "time_μs", "time_microseconds", "t_us"), 1e-6),
    **dict.fromkeys(("minutes", "time_min", "time_minutes", "t_min"), 60.0),
}
# Columns that number the rows, or tell their times in a unit that their names do not say.
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


class _Columns(NamedTuple):
    """Which columns are what; ``features`` in the order of their numbers, ``row_numbers`` that are
    numbers.
    """

    leads: list[int]
    lead_names: tuple[str, ...]
    time: int | None
    time_unit_s: float
    row_numbers: list[int]
    features: list[int]
    warnings: list[str]


def read_csv(path: str, text: str, given: Given) -> EcgRecord:
    """Read a table whose columns are leads.

    Parameters
    ----------
    path
        The file.
    text
        Its content.
    given
        The rate, where the file states none; a unit that overrides the file's, with a warning;
        names of the lead columns in order, or of all columns where there is no row of names.

    Raises
    ------
    LeadError
        If no column is a lead, one is there twice, or ``given.leads`` does not fit the columns.
    UnitError
        If the file contradicts itself about the unit, or the amplitudes are not in it.
    UnreadableRecord
        If rows, cells, time column or sampling rate are missing or wrong.
    RecordError
        If the signal is not an ECG; see :func:`~heart_reader.data.record.build_record`.
    """
    table = parse_table(text, path)
    columns = _choose_columns(table, given.leads)
    stated = statements(table.comments)
    # Before any number is made: what the times say is known only afterwards.
    told = _told_rates(path, stated, given.fs)
    check_length(path, len(columns.leads), len(table.rows), told[-1][1] if told else None, given)
    times = [] if columns.time is None else [columns.time]
    numbers, features = table.numbers([*columns.leads, *times, *columns.row_numbers], first=columns.features)
    signal, others = numbers[: len(columns.leads)], numbers[len(columns.leads) :]
    warnings = list(columns.warnings)
    times_s = others[0] * columns.time_unit_s if times else None
    known = told if times_s is None else [(message("by_times"), rate_of_times(path, times_s)), *told]
    fs = _rate(path, known, stated, signal.shape[1], warnings)
    check_length(path, len(columns.leads), len(table.rows), fs, given)
    for column, row_numbers in zip(columns.row_numbers, others[len(times) :], strict=True):
        check_row_numbers(path, (table.names and table.names[column]) or f"{column + 1}", row_numbers, fs)
    warnings += mask_gap_codes(signal, columns.lead_names)
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
    r"""Tell from its first lines whether a CSV file has a column that is a lead.

    Examples
    --------
    >>> names_a_lead("# fs=500\ntime;I;II\n0;0;0"), names_a_lead("ecg_id,patient_id\n1,2")
    (True, False)
    """
    try:
        return any(canonical_lead(name) for name in without_channel(parse_table(first_lines, "").names))
    except UnreadableRecord:
        return False


def _plain(name: str) -> str:
    """Lower case, without quotes and brackets, blanks as underscores."""
    return re.sub(r"[\s_\-()\[\]]+", "_", name.strip(" '\"").lower()).strip("_")


def _choose_columns(table: CsvTable, leads: tuple[str, ...] | None) -> _Columns:
    """Sort the columns into leads, time, row numbers, features and others."""
    names = without_channel(table.names or _given_names(table, leads))
    plain = [_plain(name) for name in names]
    first = table.cells(0)
    if canonical_lead(first[0]):
        below = len(first) > 1 and canonical_lead(first[1])
        raise LeadError(
            message("names_below", where=table.where, line=table.line_numbers[0])
            if below
            else message("leads_in_rows", where=table.where, lead=first[0])
        )
    time = next((column for column, name in enumerate(plain) if name in _TIME_S), None)
    if time is not None and time < len(first) and _CLOCK.fullmatch(first[time]):
        raise UnreadableRecord(message("clock_times", where=table.where, text=first[time][:40]))
    # An unnamed column may hold anything; what begins with a number is taken to number the rows.
    numbering = [column for column, name in enumerate(plain) if (name in _INDEX or name in _TIME_S) and column != time]
    row_numbers = [column for column in numbering if column < len(first) and _NUMBER.fullmatch(first[column])]
    features = _feature_columns(table.where, plain)
    candidates = [
        column for column, name in enumerate(plain) if name not in _TIME_S and name not in _INDEX and not _FEATURE.fullmatch(name)
    ]
    chosen, lead_names = _lead_columns(table, names, candidates, leads)
    texts = {column for column in numbering if plain[column] and column not in row_numbers}
    others = sorted(texts | (set(candidates) - set(chosen)))
    warnings: list[str] = [message("columns_not_read", columns=_some(names, others))] if others else []
    if hint := modified_lead((*lead_names, *(names[column] for column in others))) if others else None:
        warnings.append(hint)
    return _Columns(chosen, lead_names, time, 1.0 if time is None else _TIME_S[plain[time]], row_numbers, features, warnings)


def _feature_columns(where: str, plain: Sequence[str]) -> list[int]:
    """Find the columns ``feat_0`` to ``feat_1312`` of PTB-XL+, in this order, wherever they stand;
    none or all of them are allowed.
    """
    numbered = sorted((int(match[1]), column) for column, name in enumerate(plain) if (match := _FEATURE.fullmatch(name)))
    if numbered and [number for number, _ in numbered] != list(range(N_PUBLISHED_FEATURES)):
        first, last, end = numbered[0][0], numbered[-1][0], N_PUBLISHED_FEATURES - 1
        found = {"count": len(numbered), "first": first, "last": last, "needed": N_PUBLISHED_FEATURES, "end": end}
        raise UnreadableRecord(message("features_incomplete", where=where, **found))
    return [column for _, column in numbered]


def _lead_columns(
    table: CsvTable, names: Sequence[str], candidates: list[int], leads: tuple[str, ...] | None
) -> tuple[list[int], tuple[str, ...]]:
    """Columns that are leads, with their names: the ones given, or those that a row of names tells."""
    if leads is not None and table.names and len(leads) != len(candidates):
        shown = _some(names, candidates)
        raise LeadError(message("names_for_named_columns", where=table.where, given=len(leads), columns=len(candidates), names=shown))
    if leads is not None and table.names:
        refuse_other_leads(table.where, [names[column] for column in candidates], leads)
    if leads is not None:
        chosen, lead_names = candidates, leads if table.names else tuple(names[column] for column in candidates)
    else:
        chosen = [column for column in candidates if canonical_lead(names[column])]
        lead_names = tuple(names[column] for column in chosen)
    if not chosen and (hint := modified_lead(names)):
        raise LeadError(message("in_record", where=table.where, problem=hint))
    if not chosen:
        raise LeadError(message("no_lead_column", where=table.where, found=_some(names, range(len(names)))))
    upright = ((canonical_lead(name) or name).removeprefix("-") for name in lead_names)
    repeated = [name for name, count in Counter(upright).items() if count > 1]
    if repeated:
        raise LeadError(message("lead_in_columns", where=table.where, lead=repeated[0]))
    return chosen, lead_names


def _given_names(table: CsvTable, leads: tuple[str, ...] | None) -> tuple[str, ...]:
    """Names for a table without a header row; which column is which lead cannot be seen from
    numbers.
    """
    if leads is None:
        raise LeadError(message("no_lead_names", where=table.where, columns=table.n_columns))
    if len(leads) != table.n_columns:
        raise LeadError(message("names_for_columns", where=table.where, given=len(leads), columns=table.n_columns))
    return leads


def _some(names: Sequence[str], columns: Sequence[int]) -> str:
    shown = ", ".join(names[column][:40] for column in columns[:5])
    return message("and_more", names=shown, count=len(columns) - 5) if len(columns) > 5 else shown


def _told_rates(path: str, stated: Sequence[Statement], given: float | None) -> list[tuple[Message, float]]:
    """What comments and the caller say about the sampling rate, in Hz, each with who says it."""
    told = [(message("by_comment"), fs) for fs in stated_rates(path, stated)]
    return told if given is None else [*told, (message("by_given"), check_fs(path, given))]


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
