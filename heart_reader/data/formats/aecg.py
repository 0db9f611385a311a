"""HL7 annotated ECG (aECG), in which trials of drugs hand ECGs to the FDA.

A file holds series; a series holds sets of sequences that were sampled together, one of them the
time and each other a lead, whose voltage is an origin and a scale times whole numbers.

References
----------
ANSI/HL7 V3 ECG, R1-2004: Annotated ECG, schema PORT_MT020001. Brown B. D., Badilini F. HL7 aECG
Implementation Guide, March 2005. ISO/IEEE 11073-10102: codes of leads and annotations.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.codes import codes_of
from heart_reader.data.device_report import DeviceReport, MedianBeats
from heart_reader.data.formats.aecg_report import (
    code_of,
    combined,
    device_line,
    filter_band,
    iso_time,
    measurements_of,
    notch_hz,
    patient_of,
    period_start,
    person_of,
    quantity,
    statements_of,
    time_of,
)
from heart_reader.data.formats.agreement import agreed_fs, agreed_names, filter_warnings, scale_warnings, voltage_rows, within_range
from heart_reader.data.formats.files import Given, check_length, damaged
from heart_reader.data.formats.number_text import count_numbers, parse_numbers
from heart_reader.data.formats.registry import register_format
from heart_reader.data.formats.xml_file import number_of, parse_xml, root_name
from heart_reader.data.leads import canonical_lead, canonical_leads
from heart_reader.data.record import UNIT_TO_MV, EcgRecord, build_record
from heart_reader.data.signal import SignalParts, resample
from heart_reader.errors import LeadError, RecordError, UnitError
from heart_reader.messages import Message, message

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["read_aecg"]

_LEADS = {code: name for name, code in codes_of("leads", "mdc").items()}
_LEAD = "MDC_ECG_LEAD_"
_TIMES = ("TIME_ABSOLUTE", "TIME_RELATIVE")
_BEAT = "REPRESENTATIVE_BEAT"
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_MAX_LEADS = 256
_SHORT_TEXT = 1 << 16
# Programs round the increments that they write.
_RATE_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class _Lead:
    """A sequence that is not the time; its numbers are text still."""

    name: str
    element: Element
    digits: str
    n_times: int


@dataclass(frozen=True, eq=False)
class _Set:
    """Leads that were sampled together, and the axes of their time."""

    name: str
    element: Element
    axes: tuple[Element, ...]
    leads: tuple[_Lead, ...]

    @property
    def n_times(self) -> int:
        return max((lead.n_times for lead in self.leads), default=0)

    @property
    def fs(self) -> float | None:
        """Hz; None where it is not stated, or impossible."""
        steps = [step for axis in self.axes if (step := quantity(axis.find("value/increment"), _SECONDS)) is not None]
        return 1.0 / steps[0] if steps and steps[0] > 0 else None

    @property
    def rank(self) -> tuple[int, int]:
        """What the best set has most of."""
        return sum(canonical_lead(lead.name) is not None for lead in self.leads), self.n_times

    @property
    def words(self) -> Message:
        """A phrase for the set."""
        return message("waveform", name=self.name, channels=len(self.leads), duration=self.n_times / (self.fs or math.inf))


@register_format(
    "aecg",
    title="HL7 aECG",
    suffixes=(".xml", ".aecg"),
    sniff=lambda head, _: root_name(head) == "AnnotatedECG",
    lists=lambda head, _: root_name(head) == "AnnotatedECG",
    states="rate, unit, leads, filters, age and sex, measurements, statements and representative beats",
)
def read_aecg(path: str, head: bytes, given: Given) -> EcgRecord:
    """Read the rhythm of an aECG; see :class:`Format` for parameters and errors.

    Of several series, recorded ones come before representative beats, then the one with most of
    the twelve leads, then the longest. Sets of the series that begin and end with the chosen one
    are read with it; a warning names all others. ``given.leads`` names all sequences.
    """
    root = parse_xml(path)
    recorded = root.findall("component/series")
    derived = [part for series in recorded for part in series.findall("derivation/derivedSeries")]
    rhythm = [series for series in recorded if code_of(series) != _BEAT]
    beats = [series for series in (*derived, *recorded) if series not in rhythm]
    sets = {id(series): _sets(path, series) for series in (*recorded, *derived)}
    series = max([item for item in rhythm if sets[id(item)]] or beats, key=lambda item: _rank(sets[id(item)]), default=None)
    if series is None or not sets[id(series)]:
        raise damaged(path, "an aECG without a series of leads")
    warnings: list[str] = []
    chosen = _chosen(path, sets[id(series)], [one for item in rhythm if item is not series for one in sets[id(item)]], warnings)
    if series in beats:
        warnings.append(message("waveform_derived", name=chosen[0].name))
    signal, names, units, fs = _signal(path, chosen, given, warnings)
    bands = [combined((filter_band(series), *(filter_band(item) for item in _holders(chosen, name)))) for name in names]
    warnings += filter_warnings(names, bands)
    acquired = _acquired(root, series, chosen[0])
    age, sex = person_of(root, acquired, warnings)
    report = DeviceReport(
        device=device_line(series),
        acquired=iso_time(acquired),
        low_hz=combined(bands)[0],
        high_hz=combined(bands)[1],
        notch_hz=next((hz for part in (series, *(item.element for item in chosen)) if (hz := notch_hz(part)) is not None), None),
        measurements=measurements_of(series, beats),
        statements=statements_of(series),
        medians=_medians(path, [item for item in beats if item is not series], sets, warnings),
        patient=patient_of(root) if given.identity else None,
    )
    return build_record(
        os.path.splitext(os.path.basename(path))[0],
        signal,
        fs,
        names,
        unit=units,
        age=age,
        sex=sex,
        source_format="aecg",
        warnings=tuple(warnings),
        device_report=report,
    )


def _sets(path: str, series: Element) -> list[_Set]:
    """Sets of a series that have leads, in order."""
    name, found = code_of(series) or "series", series.findall("component/sequenceSet")
    sets = [_set(path, name if len(found) == 1 else f"{name} {number}", item) for number, item in enumerate(found, start=1)]
    return [item for item in sets if item.n_times]


def _set(path: str, name: str, element: Element) -> _Set:
    sequences = element.findall("component/sequence")
    if len(sequences) > _MAX_LEADS:
        raise damaged(path, f"{len(sequences)} sequences in a set; at most {_MAX_LEADS} are read")
    axes = tuple(item for item in sequences if code_of(item) in _TIMES)
    leads = []
    for number, item in enumerate((item for item in sequences if item not in axes), start=1):
        digits = item.find("value/digits")
        text = "" if digits is None else digits.text or ""
        leads.append(_Lead(_lead_name(path, number, item), item, text, count_numbers(text)))
    return _Set(name, element, axes, tuple(leads))


def _lead_name(path: str, number: int, sequence: Element) -> str:
    """Name of a lead: by its code where that is known, else by the words beside it."""
    element = sequence.find("code")
    words = "" if element is None else element.get("displayName", "").strip()
    code = code_of(sequence)
    coded, named = _LEADS.get(code) or canonical_lead(code), canonical_lead(words)
    if coded is not None and named is not None and coded != named:
        raise LeadError(message("lead_code_and_name", where=path, channel=number, coded=coded, named=named))
    # A lead of the standard that is none of the twelve is not one of them by its words either.
    other = code.removeprefix(_LEAD)
    return coded or (other if other != code and other else named or words or other or f"lead {number}")


def _rank(sets: Sequence[_Set]) -> tuple[int, float]:
    best = max(sets, key=lambda item: item.rank, default=None)
    return (0, 0.0) if best is None else (best.rank[0], best.n_times / (best.fs or math.inf))


def _chosen(path: str, sets: Sequence[_Set], others: Sequence[_Set], warnings: list[str]) -> list[_Set]:
    """Choose the best set and those that were recorded with it; name the others in a warning."""
    best = max(sets, key=lambda item: item.rank)
    chosen = [best]
    for item in sets:
        if item is not best and not _names(chosen) & _names([item]) and _is_simultaneous(best, item):
            chosen.append(item)
    left = [item.words for item in (*sets, *others) if item not in chosen]
    if left:
        warnings.append(message("waveform_chosen", chosen=best.words, others=left))
    return chosen


def _names(sets: Sequence[_Set]) -> set[str]:
    return {lead.name for item in sets for lead in item.leads}


def _is_simultaneous(first: _Set, second: _Set) -> bool:
    """Whether two sets begin and end together, to a sample."""
    if first.fs is None or second.fs is None:
        return False
    tolerance = 1.0 / min(first.fs, second.fs)
    starts, other = _starts(first), _starts(second)
    same = [abs(starts[kind] - other[kind]) < tolerance for kind in starts.keys() & other.keys()]
    return bool(same) and all(same) and abs(first.n_times / first.fs - second.n_times / second.fs) <= tolerance


def _starts(item: _Set) -> dict[str, float]:
    """Seconds at which a set begins, by the kind of its time."""
    starts: dict[str, float] = {}
    for axis in item.axes:
        head = axis.find("value/head")
        if code_of(axis) == "TIME_RELATIVE":
            starts["TIME_RELATIVE"] = quantity(head, _SECONDS) or 0.0
        elif head is not None and (time := time_of(head.get("value"))) is not None:
            starts["TIME_ABSOLUTE"] = (time.replace(tzinfo=None) - time.min).total_seconds()
    return starts


def _signal(
    path: str, chosen: Sequence[_Set], given: Given, warnings: list[str]
) -> tuple[SignalParts, tuple[str, ...], tuple[str, ...], float]:
    """Decode the voltages of simultaneous sets, at the rate of the fastest."""
    rates = [agreed_fs(path, _stated_fs(path, item, given), given.fs) for item in chosen]
    fastest, n_times = max(zip(rates, (item.n_times for item in chosen), strict=True))
    leads = [lead for item in chosen for lead in item.leads]
    check_length(path, len(leads), n_times, fastest, given)
    for item in chosen:
        _check_lengths(path, item)
    scales = [_scale(path, lead, given.unit) for lead in leads]
    units = tuple(given.unit or unit for unit, _, _ in scales)
    stated = sorted({unit or message("no_unit") for unit, _, _ in scales})
    if given.unit is not None and any(UNIT_TO_MV.get(unit.lower()) != UNIT_TO_MV.get(given.unit.lower()) for unit in stated):
        warnings.append(message("unit_overridden", unit=given.unit, stated=stated))
    names = agreed_names(path, [lead.name for lead in leads], given.leads)
    kept = voltage_rows(names, units, warnings)
    names, units = tuple(names[row] for row in kept), tuple(units[row] for row in kept)
    of_lead = [fs for fs, item in zip(rates, chosen, strict=True) for _ in item.leads]
    slower = [f"{name} ({of_lead[row]:g} Hz)" for row, name in zip(kept, names, strict=True) if of_lead[row] != fastest]
    if slower and not all(canonical_lead(name) for name in names):
        raise LeadError(message("rates_without_names", where=path, leads=slower, fs=fastest))
    if slower:
        warnings.append(message("resampled", fs=fastest, leads=slower))
    values = np.full((len(kept), n_times), np.nan)
    digits = _digits(path, [leads[row] for row in kept])
    for place, row in enumerate(kept):
        decoded = digits[place] * scales[row][1] + scales[row][2]
        resampled = decoded if of_lead[row] == fastest else resample(decoded, of_lead[row], fastest)
        # Cut or extended by the rounding of a ratio of rates.
        length = min(len(resampled), n_times)
        values[place, :length] = resampled[:length]
        if 0 < length < n_times:
            values[place, length:] = resampled[-1]
    warnings += scale_warnings(names, units, [scales[row][1] for row in kept])
    return within_range(path, SignalParts.of(values), names, units), names, units, fastest


def _stated_fs(path: str, item: _Set, given: Given) -> float:
    """Rate in Hz by the increments of all axes of a set, which must agree."""
    steps = []
    for axis in item.axes:
        value = axis.find("value")
        step = None if value is None else value.find("increment")
        if value is None or step is None:
            continue
        seconds = quantity(step, _SECONDS)
        if seconds is None or not 0 < seconds < math.inf:
            raise damaged(path, f"a time increment of {step.get('value', '')[:20]!r} {step.get('unit', '')[:20]}")
        if value.get("denominator", "1").strip() not in ("1", "") or value.get("period", "0").strip() not in ("0", ""):
            raise damaged(path, "a time that repeats or stands still (denominator or period)")
        steps.append(seconds)
    for before, after in itertools.pairwise(steps):
        if abs(before - after) > _RATE_TOLERANCE * before:
            raise damaged(path, f"time increments of {before:g} s and {after:g} s for the same leads")
    if steps:
        return round(1.0 / steps[0], 9)
    if given.fs is None:
        raise damaged(path, "no time increment, so that the sampling rate is unknown")
    return given.fs


def _check_lengths(path: str, item: _Set) -> None:
    """Refuse leads of different lengths; one without any values is a missing one."""
    for lead in item.leads:
        if lead.n_times not in (0, item.n_times):
            problem = f"lead {lead.name} has {lead.n_times} values, but others sampled with it have {item.n_times}"
            raise damaged(path, problem)


def _scale(path: str, lead: _Lead, given_unit: str | None) -> tuple[str, float, float]:
    """Unit, value of one step, and value of 0, both in that unit."""
    scale, origin = lead.element.find("value/scale"), lead.element.find("value/origin")
    unit = "" if scale is None else scale.get("unit", "").strip()
    step = None if scale is None else number_of(scale.get("value"))
    if step is None or (not unit and given_unit is None):
        raise UnitError(message("unit_missing", where=path, lead=lead.name))
    if step == 0:
        raise UnitError(message("scale_missing", where=path, lead=lead.name, factor=step))
    zero = 0.0 if origin is None else number_of(origin.get("value", "0"))
    if zero is None:
        raise damaged(path, f"lead {lead.name} has an origin of {origin.get('value', '')[:20]!r}" if origin is not None else "")
    zero_unit = (unit if origin is None else origin.get("unit", "").strip()) or unit
    factors = UNIT_TO_MV.get(zero_unit.lower()), UNIT_TO_MV.get(unit.lower())
    if zero and zero_unit != unit:
        if factors[0] is None or factors[1] is None:
            raise UnitError(message("unit_unknown", where=path, unit=f"{zero_unit}, {unit}"))
        zero *= factors[0] / factors[1]
    return unit, step, zero


def _digits(path: str, leads: Sequence[_Lead]) -> list[NDArray[np.float64]]:
    """Numbers of each lead, (n_times,); of a short recording all at once, in half the time."""
    if len(leads) > 1 and sum(len(lead.digits) for lead in leads) > _SHORT_TEXT:
        return [_digits(path, [lead])[0] for lead in leads]
    try:
        digits = parse_numbers(" ".join(lead.digits for lead in leads))
    except ValueError as error:
        wrong = str(error)
        name = next(lead.name for lead in leads if wrong in (lead.digits.split() if wrong.isascii() else lead.digits))
        raise damaged(path, f"lead {name} has a value {wrong[:20]!r} that is no number") from None
    return np.split(digits, np.cumsum([lead.n_times for lead in leads])[:-1])


def _holders(chosen: Sequence[_Set], name: str) -> list[Element]:
    """The set and the sequence of a lead, where a filter may be stated."""
    return [part for item in chosen for lead in item.leads if lead.name == name for part in (item.element, lead.element)]


def _acquired(root: Element, series: Element, chosen: _Set) -> str | None:
    """When the recording began, as it stands in the file."""
    for axis in chosen.axes:
        head = axis.find("value/head")
        if code_of(axis) == "TIME_ABSOLUTE" and head is not None and time_of(head.get("value")):
            return head.get("value")
    return period_start(series) or period_start(root)


def _medians(path: str, beats: Sequence[Element], sets: dict[int, list[_Set]], warnings: list[str]) -> MedianBeats | None:
    """Representative beats; a warning says why they were left out."""
    best = max((item for series in beats for item in sets[id(series)]), key=lambda item: item.rank, default=None)
    if best is None:
        return None
    try:
        signal, names, units, fs = _signal(path, [best], Given(), [])
        factors = np.array([UNIT_TO_MV[unit.lower()] for unit in units])
        names = canonical_leads(names)
        factors *= [-1.0 if name[:1] == "-" else 1.0 for name in names]
        values = (signal.whole() * factors[:, None]).astype(np.float32)
        return MedianBeats(values, fs, tuple(name.removeprefix("-") for name in names))
    except (RecordError, KeyError) as error:
        warnings.append(message("medians_left_out", problem=error.args[0]))
        return None
