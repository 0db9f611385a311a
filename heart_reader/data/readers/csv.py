"""CSV files: a column per lead, a row per time point."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.leads import canonical_lead
from heart_reader.data.readers.comments import age_and_sex, stated_values
from heart_reader.data.readers.csv_table import CsvTable, parse_table
from heart_reader.data.readers.files import Given, check_fs, check_length
from heart_reader.data.record import N_PUBLISHED_FEATURES, UNIT_TO_MV, EcgRecord, build_record
from heart_reader.errors import LeadError, UnitError, UnreadableRecord
from heart_reader.messages import Message, message

__all__ = ["names_a_lead", "read_csv"]

# Seconds per unit of a time column, by its name.
_TIME_S = {
    **dict.fromkeys(("time", "t", "s", "sec", "second", "seconds", "time_s", "time_sec", "time_seconds", "t_s"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds", "time_ms", "time_msec", "time_milliseconds", "t_ms"), 1e-3),
}
_INDEX = {"", "#", "n", "no", "idx", "index", "sample", "samples", "sample_index", "sample_number", "sample_no", "sample_#", "unnamed:_0"}
_FEATURE = re.compile(r"feat_(\d{1,6})", re.IGNORECASE)
_UNIT_NOTE = re.compile(r"[(\[]\s*([munµμ]?v)\s*[)\]]", re.IGNORECASE)
_RATE_KEYS = ("fs", "sampling_rate", "sampling_frequency", "frequency", "hz")
_UNIT_KEYS = ("unit", "units")
# Unlabelled tables of these lengths are PTB-XL's: ten seconds at 100 or 500 Hz.
_FS_OF_LENGTH = {1000: 100.0, 5000: 500.0}
# A longer name is a sentence, not a lead.
_MAX_NAME = 64


class _Columns(NamedTuple):
    """Which columns are what; ``features`` in the order of their numbers."""

    leads: list[int]
    lead_names: tuple[str, ...]
    time: int | None
    time_unit_s: float
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
        The rate, where the file states none; a unit that overrides the file's, with a warning; names of the lead columns in
        order, or of all columns where there is no row of names.

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
    check_length(path, len(columns.leads), len(table.rows), None, given)
    stated = stated_values(table.comments)
    numbers = table.numbers(columns.leads if columns.time is None else [*columns.leads, columns.time])
    signal = numbers[: len(columns.leads)]
    warnings = list(columns.warnings)
    rates = {
        message("by_times"): None if columns.time is None else _rate_of_times(path, numbers[-1] * columns.time_unit_s),
        message("by_comment"): _stated_rate(path, stated),
        message("by_given"): given.fs,
    }
    fs = _rate(path, signal.shape[1], rates, warnings)
    check_length(path, len(columns.leads), len(table.rows), fs, given)
    age, sex = age_and_sex(table.comments)
    return build_record(
        os.path.splitext(os.path.basename(path))[0],
        signal,
        fs,
        columns.lead_names,
        unit=_unit(path, _units_in_file(table, columns, stated), given.unit, warnings),
        age=age,
        sex=sex,
        source_format="csv",
        warnings=tuple(warnings),
        published_features=_features(table, columns.features),
    )


def names_a_lead(first_lines: str) -> bool:
    r"""Tell from its first lines whether a CSV file has a column that is a lead.

    Examples
    --------
    >>> names_a_lead("# fs=500\ntime;I;II\n0;0;0"), names_a_lead("ecg_id,patient_id\n1,2")
    (True, False)
    """
    try:
        return any(_lead(name) for name in parse_table(first_lines, "").names)
    except UnreadableRecord:
        return False


def _lead(name: str) -> str | None:
    return canonical_lead(name) if len(name) <= _MAX_NAME else None


def _plain(name: str) -> str:
    """Lower case, without quotes and brackets, blanks as underscores."""
    return re.sub(r"[\s_\-()\[\]]+", "_", name.strip(" '\"").lower()).strip("_")


def _choose_columns(table: CsvTable, leads: tuple[str, ...] | None) -> _Columns:
    """Sort the columns into leads, time, row numbers, features and others."""
    names = table.names or _given_names(table, leads)
    plain = [_plain(name) for name in names]
    time = next((column for column, name in enumerate(plain) if name in _TIME_S), None)
    features = _feature_columns(table.where, plain)
    candidates = [
        column for column, name in enumerate(plain) if name not in _TIME_S and name not in _INDEX and not _FEATURE.fullmatch(name)
    ]
    chosen, lead_names = _lead_columns(table, names, candidates, leads)
    others = sorted(set(candidates) - set(chosen))
    warnings: list[str] = [message("columns_not_read", columns=_some(names, others))] if others else []
    return _Columns(chosen, lead_names, time, 1.0 if time is None else _TIME_S[plain[time]], features, warnings)


def _feature_columns(where: str, plain: Sequence[str]) -> list[int]:
    """Find the columns ``feat_0`` to ``feat_1312`` of PTB-XL+, in this order, wherever they stand; none or all of them are allowed."""
    numbered = sorted((int(match[1]), column) for column, name in enumerate(plain) if (match := _FEATURE.fullmatch(name)))
    if numbered and [number for number, _ in numbered] != list(range(N_PUBLISHED_FEATURES)):
        first, last, end = numbered[0][0], numbered[-1][0], N_PUBLISHED_FEATURES - 1
        found = {"count": len(numbered), "first": first, "last": last, "needed": N_PUBLISHED_FEATURES, "end": end}
        raise UnreadableRecord(message("features_incomplete", where=where, **found))
    return [column for _, column in numbered]


def _features(table: CsvTable, columns: list[int]) -> NDArray[np.float32] | None:
    """Features stand in the first row of data only; an empty cell is not known."""
    if not columns:
        return None
    first = replace(table, rows=table.rows[:1], line_numbers=table.line_numbers[:1])
    values = first.numbers(columns)[:, 0]
    return np.where(np.isfinite(values), values, np.nan).astype(np.float32)


def _lead_columns(
    table: CsvTable, names: Sequence[str], candidates: list[int], leads: tuple[str, ...] | None
) -> tuple[list[int], tuple[str, ...]]:
    """Columns that are leads, with their names: the ones given, or those that a row of names tells."""
    if leads is not None and table.names and len(leads) != len(candidates):
        shown = _some(names, candidates)
        raise LeadError(message("names_for_named_columns", where=table.where, given=len(leads), columns=len(candidates), names=shown))
    if leads is not None:
        chosen, lead_names = candidates, leads if table.names else tuple(names[column] for column in candidates)
    else:
        chosen = [column for column in candidates if _lead(names[column])]
        lead_names = tuple(names[column] for column in chosen)
    if not chosen:
        raise LeadError(message("no_lead_column", where=table.where, found=_some(names, range(len(names)))))
    repeated = [name for name, count in Counter(_lead(name) or name for name in lead_names).items() if count > 1]
    if repeated:
        raise LeadError(message("lead_in_columns", where=table.where, lead=repeated[0]))
    return chosen, lead_names


def _given_names(table: CsvTable, leads: tuple[str, ...] | None) -> tuple[str, ...]:
    """Names for a table without a header row; which column is which lead cannot be seen from numbers."""
    if leads is None:
        raise LeadError(message("no_lead_names", where=table.where, columns=table.n_columns))
    if len(leads) != table.n_columns:
        raise LeadError(message("names_for_columns", where=table.where, given=len(leads), columns=table.n_columns))
    return leads


def _some(names: Sequence[str], columns: Sequence[int]) -> str:
    shown = ", ".join(names[column][:40] for column in columns[:5])
    return message("and_more", names=shown, count=len(columns) - 5) if len(columns) > 5 else shown


def _rate_of_times(path: str, times_s: NDArray[np.float64]) -> float:
    """Sampling rate in Hz of evenly rising times in seconds, which may be rounded."""
    if len(times_s) < 2 or not np.isfinite(times_s).all():
        raise UnreadableRecord(message("times_incomplete", where=path))
    span = float(times_s[-1] - times_s[0])
    step = span / (len(times_s) - 1)
    if not step > 0 or np.abs(np.diff(times_s) - step).max() > 0.5 * step:
        raise UnreadableRecord(message("times_uneven", where=path))
    fs = check_fs(path, 1.0 / step)
    # Rounded times leave the rate uncertain by their largest deviation at both ends; within that, a whole number is meant.
    deviation = np.abs(times_s - times_s[0] - step * np.arange(len(times_s))).max()
    whole = round(fs)
    return float(whole) if abs(whole - fs) <= fs * (2.0 * deviation / span + 1e-6) else fs


def _stated_rate(path: str, stated: dict[str, str]) -> float | None:
    text = next((stated[key] for key in _RATE_KEYS if key in stated), None)
    if text is None:
        return None
    try:
        return check_fs(path, float(re.sub(r"(?i)hz$", "", text)))
    except ValueError:
        raise UnreadableRecord(message("rate_not_a_number", where=path, text=text)) from None


def _rate(path: str, n_times: int, rates: Mapping[Message, float | None], warnings: list[str]) -> float:
    """Agree on the sampling rate; two sources that contradict each other are an error."""
    known = [(source, check_fs(path, fs)) for source, fs in rates.items() if fs is not None]
    if not known:
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


def _units_in_file(table: CsvTable, columns: _Columns, stated: dict[str, str]) -> list[str]:
    """Units that a comment line and notes such as ``I (uV)`` state; spellings of one unit, such as uV and µV, count once."""
    notes = [_UNIT_NOTE.search(table.names[column][:_MAX_NAME]) for column in columns.leads] if table.names else []
    spelled = [stated[key] for key in _UNIT_KEYS if key in stated] + [note[1] for note in notes if note]
    return list({UNIT_TO_MV.get(name.lower(), name): name for name in spelled}.values())


def _unit(path: str, in_file: list[str], given: str | None, warnings: list[str]) -> str:
    """Agree on the unit: the given one, the file's one, else mV with a warning."""
    if given is not None:
        if any(UNIT_TO_MV.get(name.lower()) != UNIT_TO_MV.get(given.lower()) for name in in_file):
            warnings.append(message("unit_overridden", unit=given, stated=in_file))
        return given
    if len(in_file) > 1:
        raise UnitError(message("units_differ", where=path, units=in_file))
    if not in_file:
        warnings.append(message("unit_assumed"))
        return "mV"
    return in_file[0]
