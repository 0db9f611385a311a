"""What an HL7 aECG says beside its signal: subject, device, time, filters, annotations.

References
----------
See :mod:`heart_reader.data.formats.aecg`.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from heart_reader.data.codes import codes_of
from heart_reader.data.device_report import Patient
from heart_reader.data.formats.agreement import Band
from heart_reader.data.formats.files import plausible_age, years_between
from heart_reader.data.formats.xml_file import number_of, text_of
from heart_reader.messages import message

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = [
    "code_of",
    "combined",
    "device_line",
    "filter_band",
    "iso_time",
    "measurements_of",
    "notch_hz",
    "patient_of",
    "period_start",
    "person_of",
    "quantity",
    "statements_of",
    "time_of",
]

_TIME = re.compile(r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,9}))?)?)?)?)?)?([+-]\d{4})?")
_SEXES = {"M": "male", "F": "female"}
# Age reported, age, age calculated.
_LOINC_AGES = {"21612-7", "30525-0", "29553-5"}
_YEARS = {
    **dict.fromkeys(("a", "y", "yr", "year", "years"), 1.0),
    **dict.fromkeys(("mo", "month", "months"), 1 / 12),
    **dict.fromkeys(("wk", "week", "weeks"), 7 / 365.25),
    **dict.fromkeys(("d", "day", "days"), 1 / 365.25),
}
_HZ = {"hz": 1.0, "mhz": 1e-3, "khz": 1e3}
_MS = {"s": 1e3, "ms": 1.0, "us": 1e-3, "µs": 1e-3, "μs": 1e-3}
_BPM = {**dict.fromkeys(("bpm", "/min", "1/min", "{beat}/min", "{beats}/min", "beats/min", "{h.b.}/min"), 1.0), "hz": 60.0, "/s": 60.0}
_DEGREES = {**dict.fromkeys(("deg", "degree", "degrees", "°"), 1.0), "rad": 57.29577951308232}
_UNITS = {"ms": _MS, "bpm": _BPM, "deg": _DEGREES}
# Code to our name. Files also mark global values by a suffix, and some call PR PQ.
_MEASUREMENTS = {code: name for name, code in codes_of("measurements", "mdc").items()} | {"MDC_ECG_TIME_PD_PQ": "pr_ms"}
_STATEMENTS = {
    "MDC_ECG_INTERPRETATION",
    "MDC_ECG_INTERPRETATION_STATEMENT",
    "MDC_ECG_INTERPRETATION_SUMMARY",
    "MDC_ECG_INTERPRETATION_COMMENT",
    "MDC_ECG_RHY",
}
_FILTER = "MDC_ECG_CTL_VBL_ATTR_FILTER_"
_LEAD = "MDC_ECG_LEAD_"


def code_of(element: Element | None) -> str:
    """Return the code of an element, without blanks around; empty if it has none."""
    code = None if element is None else element.find("code")
    return "" if code is None else code.get("code", "").strip()


def quantity(element: Element | None, units: dict[str, float]) -> float | None:
    """Return the value of a physical quantity in the unit whose factor is 1; None if unknown."""
    if element is None:
        return None
    value, factor = number_of(element.get("value")), units.get(element.get("unit", "").strip().lower())
    return None if value is None or factor is None else value * factor


def time_of(text: str | None) -> datetime | None:
    """Return a point in time of at least a day's precision.

    Examples
    --------
    >>> time_of("20021122091000.500+0100").isoformat(), time_of("200211")
    ('2002-11-22T09:10:00.500000+01:00', None)
    """
    match = _TIME.fullmatch((text or "").strip())
    if match is None or match[3] is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    zone = None
    if match[8]:
        offset = timedelta(hours=int(match[8][1:3]), minutes=int(match[8][3:]))
        zone = timezone(-offset if match[8][0] == "-" else offset) if offset < timedelta(days=1) else None
    try:
        return datetime(year, month, day, hour, minute, second, int((match[7] or "0").ljust(6, "0")[:6]), zone)
    except ValueError:
        return None


def iso_time(text: str | None) -> str | None:
    """Return a time as ISO 8601, the day alone where no time of day is stated.

    Examples
    --------
    >>> iso_time("20021122091000.000"), iso_time("20021122"), iso_time("soon")
    ('2002-11-22T09:10:00', '2002-11-22', None)
    """
    time = time_of(text)
    if time is None:
        return None
    has_clock = len(re.split(r"[.+-]", (text or "").strip())[0]) >= len("YYYYMMDDhhmm")
    return time.isoformat() if has_clock else time.date().isoformat()


def period_start(element: Element) -> str | None:
    """Return when an act began, as the file has it: its first, its middle or its only time."""
    period = element.find("effectiveTime")
    if period is None:
        return None
    stated = [time.get("value") for name in ("low", "center") if (time := period.find(name)) is not None]
    return next((text for text in (*stated, period.get("value")) if time_of(text)), None)


def person_of(root: Element, acquired: str | None, warnings: list[str]) -> tuple[float | None, str | None]:
    """Return age at the recording in years and sex; a warning says where two ages differ."""
    person = root.find(".//subjectDemographicPerson")
    gender = None if person is None else person.find("administrativeGenderCode")
    sex = None if gender is None else _SEXES.get(gender.get("code", "").strip().upper())
    stated = plausible_age(_stated_age(root))
    birth = _birth_date(person)
    recorded = time_of(acquired)
    counted = years_between(birth, None if recorded is None else recorded.date())
    if stated is not None and counted is not None and abs(stated - counted) > 1.0:
        warnings.append(message("age_contradicts", stated=stated, counted=counted))
    return (counted if stated is None else stated), sex


def patient_of(root: Element) -> Patient:
    """Return who was recorded."""
    subject = root.find(".//trialSubject")
    person = None if subject is None else subject.find("subjectDemographicPerson")
    name = None if person is None else person.find("name")
    number = None if subject is None else subject.find("id")
    words = None if name is None else " ".join(" ".join(name.itertext()).split()) or None
    birth = _birth_date(person)
    return Patient(words, None if number is None else number.get("extension"), None if birth is None else birth.isoformat())


def _stated_age(root: Element) -> float | None:
    for observation in root.findall("controlVariable/relatedObservation"):
        if code_of(observation) in _LOINC_AGES:
            return quantity(observation.find("value"), _YEARS)
    return None


def _birth_date(person: Element | None) -> date | None:
    birth = None if person is None else person.find("birthTime")
    time = None if birth is None else time_of(birth.get("value"))
    return None if time is None else time.date()


def device_line(series: Element) -> str | None:
    """Return maker, model and program of the recorder as one line."""
    author = series.find("author/seriesAuthor")
    places = ("manufacturerOrganization/name", "manufacturedSeriesDevice/manufacturerModelName", "manufacturedSeriesDevice/softwareName")
    return " ".join(words for place in places if (words := text_of(author, place))) or None


def filter_band(element: Element) -> Band:
    """Return the filters that are stated of a series, a set or a sequence itself, in Hz."""
    cutoffs = {kind: _filter_hz(element, kind, "CUTOFF_FREQ") for kind in ("HIGH_PASS", "LOW_PASS")}
    return cutoffs["HIGH_PASS"], cutoffs["LOW_PASS"]


def notch_hz(element: Element) -> float | None:
    """Return the mains frequency that was taken out of a series or set."""
    return _filter_hz(element, "NOTCH", "NOTCH_FREQ")


def combined(bands: Iterable[Band]) -> Band:
    """Return what passes all of several filters.

    Examples
    --------
    >>> combined([(0.05, 150.0), (None, 40.0)])
    (0.05, 40.0)
    """
    stated = list(bands)
    low = max((low for low, _ in stated if low is not None), default=None)
    return low, min((high for _, high in stated if high is not None), default=None)


def _filter_hz(element: Element, kind: str, attribute: str) -> float | None:
    """Frequency of a filter; 0 says that it was off."""
    for variable in element.findall("controlVariable/controlVariable"):
        if code_of(variable) != _FILTER + kind:
            continue
        parts = [part for part in variable.findall("component/controlVariable") if code_of(part) == _FILTER + attribute]
        for part in (*parts, variable):
            if (frequency := quantity(part.find("value"), _HZ)) is not None and frequency > 0:
                return frequency
    return None


def measurements_of(series: Element, derived: Iterable[Element]) -> dict[str, float]:
    """Return global measurements under our names and in our units.

    Those of the recording as a whole come before those of representative beats, and these before
    the median of what is stated beat by beat. Values of single leads are passed over, and so is a
    QTc whose formula is not named.
    """
    sets = [found for part in (series, *derived) for found in part.findall("subjectOf/annotationSet")]
    values: dict[str, float] = {}
    for one in sets:
        for annotation in one.findall("component/annotation"):
            _keep(annotation, values)
    for one in sets:
        by_beat: dict[str, list[float]] = {}
        for annotation in one.findall("component/annotation/component/annotation"):
            of_beat: dict[str, float] = {}
            _keep(annotation, of_beat)
            for name, value in of_beat.items():
                by_beat.setdefault(name, []).append(value)
        values = {name: statistics.median(beats) for name, beats in by_beat.items()} | values
    return values


def _keep(annotation: Element, values: dict[str, float]) -> None:
    """Keep the value of an annotation, if it is a global measurement that is not known yet."""
    name = _MEASUREMENTS.get(code_of(annotation).removesuffix("_GL"))
    if name is None or name in values or any(code_of(part).startswith(_LEAD) for part in annotation.iter("boundary")):
        return
    value = quantity(annotation.find("value"), _UNITS[name.rpartition("_")[2]])
    if value is not None:
        values[name] = round(value, 6)


def statements_of(series: Element) -> tuple[str, ...]:
    """Return the interpretation, in order; a rhythm that is stated beat by beat stands once."""
    statements: list[str] = []
    for one in series.findall("subjectOf/annotationSet"):
        for annotation in one.iter("annotation"):
            code = code_of(annotation)
            words = _words(annotation) if code in _STATEMENTS else None
            if words and not (code == "MDC_ECG_RHY" and words in statements):
                statements.append(words)
    return tuple(statements)


def _words(annotation: Element) -> str | None:
    """Text of a value, or of a code the name, or the code itself."""
    value = annotation.find("value")
    if value is None:
        return text_of(annotation, "text")
    coded = value.get("displayName", "").strip() or value.get("code", "").strip()
    return text_of(value) or coded or text_of(annotation, "text")
