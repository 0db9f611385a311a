"""From the leads of a recorder's XML file to a record: what its makers' formats have in common."""

from __future__ import annotations

import base64
import binascii
import math
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.device_report import DeviceReport, MedianBeats
from heart_reader.data.formats.agreement import agreed_fs, agreed_names, filter_warnings, scale_warnings, within_range
from heart_reader.data.formats.files import Given, check_length, damaged
from heart_reader.data.leads import canonical_lead, canonical_leads
from heart_reader.data.limb_leads import with_limb_leads
from heart_reader.data.record import UNIT_TO_MV, EcgRecord, build_record
from heart_reader.data.signal import SignalParts
from heart_reader.errors import RecordError, UnitError, UnreadableRecord
from heart_reader.messages import Message, message

__all__ = [
    "MOST_TIMES",
    "Waveform",
    "age_between",
    "beats_beside",
    "beats_or_warning",
    "choose_waveform",
    "date_of",
    "from_base64",
    "is_bazett",
    "iso_time",
    "median_beats",
    "one_line",
    "positive",
    "record_of",
    "unread",
]

_DATE = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)")
_AMERICAN_DATE = re.compile(r"(\d\d?)[-/](\d\d?)[-/](\d{4})")
_TIME = re.compile(r"(\d\d?):?(\d\d):?(\d\d(?:\.\d+)?)?(?:\D.*)?")
# More time points than any computer holds, and fewer than floating-point numbers confuse.
MOST_TIMES = 1 << 50
# Rates and intervals are whole numbers, and the rate is of other beats than the interval.
_BAZETT_SHARE = 0.02
_CIRCLE_DEG = 360.0


@dataclass(frozen=True, eq=False)
class Waveform:
    """Leads that were sampled together, as a file describes them.

    Parameters
    ----------
    name
        What the file calls it.
    fs
        Hz.
    lead_names
        n_leads names.
    n_times
        Time points of every lead.
    steps
        Value of one count of each lead, in its unit.
    units
        Unit of each lead.
    averaged
        Whether it is made of several beats.
    source
        What is needed to decode its counts.
    """

    name: str
    fs: float
    lead_names: tuple[str, ...]
    n_times: int
    steps: tuple[float, ...]
    units: tuple[str, ...]
    averaged: bool = False
    source: Any = field(default=None, repr=False)

    @property
    def rank(self) -> tuple[bool, int, float]:
        """What the best has most of: recorded rather than averaged, leads of the twelve, length."""
        return (not self.averaged, sum(canonical_lead(name) is not None for name in self.lead_names), self.n_times / self.fs)

    @property
    def words(self) -> Message:
        """A phrase for it."""
        return message("waveform", name=self.name, channels=len(self.lead_names), duration=self.n_times / self.fs)


def unread(path: str, problem: str) -> UnreadableRecord:
    """Return the refusal of a file that has something which is lawful and not known here."""
    return UnreadableRecord(message("variant_unread", where=path, problem=problem))


def choose_waveform(waveforms: Sequence[Waveform], warnings: list[str]) -> Waveform:
    """Return the best by :attr:`Waveform.rank`; say which other recordings are left out."""
    chosen = max(waveforms, key=lambda item: item.rank)
    others = [item.words for item in waveforms if item is not chosen and not item.averaged]
    if others:
        warnings.append(message("waveform_chosen", chosen=chosen.words, others=others))
    if chosen.averaged:
        warnings.append(message("waveform_derived", name=chosen.name))
    return chosen


def from_base64(path: str, text: str | None, where: str) -> bytes:
    """Decode base64 with line breaks; nothing else may stand in it.

    Raises
    ------
    UnreadableRecord
        If it is no base64, or empty.
    """
    try:
        content = base64.b64decode("".join((text or "").split()), validate=True)
    except (binascii.Error, ValueError):
        raise damaged(path, f"the samples of {where} are not in base64") from None
    if not content:
        raise damaged(path, f"{where} has no samples")
    return content


def record_of(
    path: str,
    given: Given,
    waveform: Waveform,
    counts: NDArray[np.integer],
    *,
    source_format: str,
    age: float | None,
    sex: str | None,
    report: DeviceReport,
    warnings: Sequence[str] = (),
) -> EcgRecord:
    """Make a record of counts, with the limb leads that follow from I and II.

    Parameters
    ----------
    counts
        (n_leads, n_times), as stored.
    warnings
        What was noticed before.

    Raises
    ------
    RecordError
        If what the file states contradicts itself, the caller, or what recorders can do.
    """
    said = list(warnings)
    fs = agreed_fs(path, waveform.fs, given.fs)
    check_length(path, counts.shape[0], counts.shape[1], fs, given)
    names = agreed_names(path, waveform.lead_names, given.leads)
    units = _units(path, waveform, given, said)
    said += scale_warnings(names, units, waveform.steps)
    band = (report.low_hz, report.high_hz)
    said += filter_warnings(names, [band] * len(names))
    signal: NDArray[np.floating] = counts * _scales(path, names, waveform.steps)
    if len(set(units)) > 1:
        signal *= np.array([UNIT_TO_MV[unit] for unit in units])[:, None]
        units = ("mV",) * len(units)
    signal, names, derived = with_limb_leads(signal, canonical_leads(names))
    if derived:
        said.append(message("leads_derived", leads=derived))
    units = (units[0],) * len(names)
    parts = within_range(path, SignalParts.of(signal), names, units)
    return build_record(
        os.path.splitext(os.path.basename(path))[0],
        parts,
        fs,
        names,
        unit=units,
        age=age,
        sex=sex,
        source_format=source_format,
        warnings=tuple(said),
        device_report=report,
    )


def median_beats(path: str, waveform: Waveform, counts: NDArray[np.number]) -> MedianBeats:
    """Return representative beats in mV, with the limb leads that follow from I and II.

    Raises
    ------
    RecordError
        If a lead is there twice, or has no scale or unit.
    """
    names = canonical_leads(waveform.lead_names)
    scales = _scales(path, names, waveform.steps)
    units = _units(path, waveform, Given(), [])
    signal, names, _ = with_limb_leads(counts * scales * np.array([UNIT_TO_MV[unit] for unit in units])[:, None], names)
    return MedianBeats(signal.astype(np.float32), waveform.fs, names)


def _units(path: str, waveform: Waveform, given: Given, warnings: list[str]) -> tuple[str, ...]:
    """Unit of each lead in lower case; the caller's instead, if there is one."""
    units = tuple(unit.strip().lower() for unit in waveform.units)
    if given.unit is not None:
        wanted = given.unit.strip().lower()
        if any(UNIT_TO_MV.get(unit) != UNIT_TO_MV.get(wanted) for unit in units):
            warnings.append(
                message("unit_overridden", unit=given.unit, stated=sorted({unit or message("no_unit") for unit in waveform.units}))
            )
        units = (wanted,) * len(units)
    if unknown := sorted({unit or message("no_unit") for unit in units if unit not in UNIT_TO_MV}):
        raise UnitError(message("unit_unknown", where=path, unit=", ".join(unknown)))
    return units


def _scales(path: str, names: Sequence[str], steps: Sequence[float]) -> NDArray[np.float64]:
    """Steps as a column; none may be 0."""
    for name, step in zip(names, steps, strict=True):
        if not (math.isfinite(step) and step):
            raise UnreadableRecord(message("scale_missing", where=path, lead=name, factor=step))
    return np.array(steps)[:, None]


def date_of(text: str | None) -> tuple[int, int, int] | None:
    """Return year, month and day of 2018-12-11, 20181211 or, as Americans write it, 12-11-2018.

    Examples
    --------
    >>> date_of("12-11-2018"), date_of("20181211"), date_of("31-12-2018")
    ((2018, 12, 11), (2018, 12, 11), None)
    """
    text = (text or "").strip()
    if match := _DATE.match(text):
        year, month, day = int(match[1]), int(match[2]), int(match[3])
    elif match := _AMERICAN_DATE.match(text):
        year, month, day = int(match[3]), int(match[1]), int(match[2])
    else:
        return None
    return (year, month, day) if year and 1 <= month <= 12 and 1 <= day <= 31 else None


def iso_time(date: str | None, time: str | None) -> str | None:
    """Return date and time of day in ISO 8601, the date alone without a time.

    Examples
    --------
    >>> iso_time("12-11-2018", "15:21:27"), iso_time("20181211", "152127")
    ('2018-12-11T15:21:27', '2018-12-11T15:21:27')
    """
    day = date_of(date)
    if day is None:
        return None
    stated = f"{day[0]:04d}-{day[1]:02d}-{day[2]:02d}"
    match = _TIME.fullmatch((time or "").strip())
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        return stated
    return f"{stated}T{int(match[1]):02d}:{match[2]}:{match[3] or '00'}"


def age_between(birth: str | None, acquired: str | None) -> float | None:
    """Return whole years from a date of birth to the date of the recording; None without both.

    Examples
    --------
    >>> age_between("1950-01-20", "2010-01-19"), age_between(None, "2010-01-19")
    (59.0, None)
    """
    born, seen = date_of(birth), date_of(acquired)
    if born is None or seen is None:
        return None
    return float(seen[0] - born[0] - (seen[1:] < born[1:]))


def positive(**values: float | None) -> dict[str, float]:
    """Keep what was measured: axes within a circle, everything else above 0.

    Examples
    --------
    >>> positive(qrs_ms=96.0, pr_ms=0.0, qt_ms=None, t_axis_deg=-20.0)
    {'qrs_ms': 96.0, 't_axis_deg': -20.0}
    """
    known = {name: value for name, value in values.items() if value is not None}
    return {name: value for name, value in known.items() if (abs(value) <= _CIRCLE_DEG if name.endswith("_deg") else value > 0)}


def is_bazett(qtc_ms: float | None, qt_ms: float | None, rate_bpm: float | None) -> bool:
    """Return whether a corrected QT interval is Bazett's; files of some makers do not say.

    Examples
    --------
    >>> is_bazett(437.0, 420.0, 65.0), is_bazett(431.0, 420.0, 90.0)
    (True, False)
    """
    if not qtc_ms or not qt_ms or not rate_bpm or rate_bpm < 0:
        return False
    return abs(qtc_ms - qt_ms * math.sqrt(rate_bpm / 60.0)) <= _BAZETT_SHARE * qtc_ms


def one_line(*parts: str | None, separator: str = ", ") -> str | None:
    """Join what is stated."""
    return separator.join(part for part in parts if part) or None


def beats_beside(
    path: str, waveforms: Sequence[Waveform], chosen: Waveform, decode: Callable[[str, Waveform], NDArray[np.number]], warnings: list[str]
) -> MedianBeats | None:
    """Return the first averaged waveform but the one that is read; None without any.

    Parameters
    ----------
    decode
        Gives the counts of a waveform.
    """
    averaged = next((item for item in waveforms if item.averaged and item is not chosen), None)
    return None if averaged is None else beats_or_warning(lambda: median_beats(path, averaged, decode(path, averaged)), warnings)


def beats_or_warning(read: Callable[[], MedianBeats | None], warnings: list[str]) -> MedianBeats | None:
    """Return representative beats; a file of which they alone are damaged is read without them."""
    try:
        return read()
    except RecordError as error:
        warnings.append(message("medians_left_out", problem=error.args[0]))
        return None
