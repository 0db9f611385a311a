"""Parse the sampling rate and the unit that comments and column names state."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from heart_reader.data.formats.comments import Statement
from heart_reader.data.formats.files import check_fs
from heart_reader.data.record import UNIT_TO_MV
from heart_reader.errors import UnitError, UnreadableRecord
from heart_reader.messages import message

__all__ = ["agreed_unit", "mv_per_unit", "stated_rates", "unclear_rate", "unit_notes"]

_NUMBER = r"(\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?)"
# 1,000 is a thousand for some and one for others.
_UNCLEAR_COMMA = re.compile(r"(?<!\d)[1-9]\d{0,2},\d{3}(?!\d)")

_RATE_KEY = re.compile(
    r"(?:ecg|signal|data|adc|nominal)?(?:fs|sf|sfreq|hz|frequency|freq|(?:sampl(?:e|es|ing)|samp|acquisition|digiti[sz]ation)"
    r"(?:rate|freq(?:uency)?)|samplesper(?:second|sec|s)|sps|abtastrate|abtastfrequenz|frequencedechantillonnage|frecuenciademuestreo)"
    r"(?:in)?(hz|khz|sps)?"
)
_INTERVAL_KEY = re.compile(
    r"(?:ecg|signal|data|adc|nominal)?(?:sampl(?:e|ing)(?:interval|period)|dt|deltat|timestep)(?:in)?"
    r"(s|sec|seconds?|ms|msec|milliseconds?|us|microseconds?)?"
)
_RATE = re.compile(_NUMBER + r"\s*([a-z^\-/1 ]*?)(?:\s*(?:per|/)\s*(?:channel|lead))?\.?", re.IGNORECASE)
_TIME = re.compile(_NUMBER + r"\s*([a-zµμ]*)\.?", re.IGNORECASE)
_ONE_OVER = re.compile(r"1\s*/\s*" + _NUMBER + r"\s*([a-zµμ]*)", re.IGNORECASE)
_SAMPLES_PER_S = (
    "hz",
    "hertz",
    "sps",
    "s/s",
    "sa/s",
    "samples/s",
    "samples/sec",
    "samples/second",
    "samples per second",
    "1/s",
    "/s",
    "s^-1",
)
_HZ = {**dict.fromkeys(("", *_SAMPLES_PER_S), 1.0), **dict.fromkeys(("khz", "kilohertz", "ksps", "ks/s"), 1e3)}
_SECONDS = {
    **dict.fromkeys(("", "s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "µs", "μs", "microsecond", "microseconds"), 1e-6),
}
# What may be a rate, said in a way that is not read, and what has a frequency of another kind.
_MENTION = re.compile(
    r"\d\s*(?:k?hz|k?sps|samples?\s*(?:/|per))|sampl\w*[\s_\-]*(?:rate|freq|interval|period|time|at\b)|"
    r"(?<![a-z0-9])(?:(?:fs|sr|dt|rate|freq|frequency)(?![a-z0-9])|ts?: 0?[.,]0)",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"mains|power|line|notch|filter|low[\s_\-]*pass|high[\s_\-]*pass|band|cut[\s_\-]*off|corner|hum|heart|pulse|hpf|lpf", re.IGNORECASE
)

_UNIT_KEY = re.compile(r"(?:amplitude|voltage|signal|sample|ecg|data|value|y|lead)?s?units?")
_NOTE = re.compile(r"[(\[](.*?)[)\]]")
_MV = {
    **dict.fromkeys(("mv", "millivolt", "millivolts"), 1.0),
    **dict.fromkeys(("uv", "μv", "microvolt", "microvolts"), 1e-3),
    **dict.fromkeys(("nv", "nanovolt", "nanovolts"), 1e-6),
    **dict.fromkeys(("v", "volt", "volts"), 1e3),
}
_VOLT = r"([munμ]?v|(?:milli|micro|nano)?volts?)"
_COUNT = r"(?:lsb|bit|count|adu|digit|unit|step)s?"
_PER = r"\s*(?:/|per)\s*"
_PLAIN = re.compile(rf"(?:{_NUMBER}\s*)?{_VOLT}")
_PER_COUNT = re.compile(rf"{_NUMBER}\s*{_VOLT}{_PER}{_COUNT}")
_PER_COUNT_BEHIND = re.compile(rf"{_VOLT}{_PER}{_COUNT}\s*[:=]?\s*{_NUMBER}")
_COUNTS_PER = re.compile(rf"{_NUMBER}\s*{_COUNT}{_PER}{_VOLT}")
_UNIT_OR_FACTOR = re.compile(rf"(?<![a-z])(?:{_VOLT}|lsb|bits?|counts?|adu|digits?)(?![a-z])|[*×/]\s*\d|(?<![a-z])x\s*\d|\dx|%")
# Units other than mV, the default where none is stated.
_OTHER_VOLT = re.compile(r"(?<![a-z])(?:[unμ]v|(?:micro|nano)?volts?)(?![a-z])")
# A number beside one of these may scale the values; the bits of a converter and the millimetres of
# a print do not.
_SCALE = re.compile(
    r"(?<![a-z])(?:gain|scal(?:e|ing)|multipl\w*|divi\w*|amplif\w*|resolution|lsb|factor|adu|counts?)(?![a-z]).*\d|values?\s*[x*×/]\s*\d|\d.*(?:lsb|adu|counts?)",
    re.IGNORECASE,
)
_NO_SCALE = re.compile(r"\d\s*bits?|mm|[:=\s]1(?:\.0*)?\s*$", re.IGNORECASE)


def stated_rates(where: str, stated: Iterable[Statement]) -> list[float]:
    """Return each rate in Hz that comments state, be it as an interval between samples.

    Raises
    ------
    UnreadableRecord
        If a key that means the rate has a value that is no rate, or one that no ECG has.

    Examples
    --------
    >>> from heart_reader.data.formats.comments import statements
    >>> stated_rates("a.csv", statements(["fs=0.5 kHz", "dt: 2 ms", "Mains frequency: 50 Hz"]))
    [500.0, 500.0]
    """
    found = []
    for key, value, _ in stated:
        rate, interval = _RATE_KEY.fullmatch(key), _INTERVAL_KEY.fullmatch(key)
        if not value or not (rate or interval):
            continue
        text = " ".join(re.sub(r"[()\[\]]", " ", value).split())
        fs = _of_rate(text, rate[1] or "") if rate else _of_interval(text, interval[1] or "") if interval else None
        if fs is None or _UNCLEAR_COMMA.search(value):
            raise UnreadableRecord(message("rate_not_a_number", where=where, text=value[:40]))
        found.append(check_fs(where, fs))
    return found


def unclear_rate(stated: Iterable[Statement]) -> str | None:
    """Return the first text that may mean the rate but is not read as one."""
    return next((text for _, _, text in stated if _MENTION.search(text) and not _OTHER.search(text)), None)


def _of_rate(text: str, unit_of_key: str) -> float | None:
    if match := _ONE_OVER.fullmatch(text):
        return _over(_times(match[1], match[2], "", _SECONDS))
    match = _RATE.fullmatch(text)
    return _times(match[1], match[2], unit_of_key, _HZ) if match else None


def _of_interval(text: str, unit_of_key: str) -> float | None:
    if match := re.fullmatch(r"1\s*/\s*" + _NUMBER, text):
        return _times(match[1], "", "", _HZ)
    match = _TIME.fullmatch(text)
    return _over(_times(match[1], match[2], unit_of_key, _SECONDS)) if match else None


def _times(number: str, unit: str, unit_of_key: str, known: dict[str, float]) -> float | None:
    """A number in its own unit or in that of its key; None if unknown or if the two differ."""
    unit = " ".join(unit.lower().split())
    if unit not in known or (unit and unit_of_key and known[unit] != known[unit_of_key]):
        return None
    return _float(number) * known[unit or unit_of_key]


def _over(seconds: float | None) -> float | None:
    return None if not seconds else round(1.0 / seconds, 9)


def agreed_unit(path: str, stated: Sequence[Statement], notes: Sequence[str], given: str | None, warnings: list[str]) -> tuple[str, float]:
    """Agree on the unit: the given one, the file's one, else mV with a warning.

    Parameters
    ----------
    stated
        What comments say.
    notes
        Units beside column names, as written.
    given
        The caller's unit, which overrides the file's with a warning.

    Returns
    -------
    tuple
        A unit that :func:`~heart_reader.data.record.build_record` knows, and the factor that brings
        values to it.

    Raises
    ------
    UnitError
        If the file contradicts itself, states what is no unit, or may mean that values are to be
        scaled.
    """
    texts = list(dict.fromkeys([*(value for key, value, _ in stated if value and _UNIT_KEY.fullmatch(key)), *notes]))
    # Spellings of one unit, such as uV and µV, count once.
    in_file = {_rounded(text) or text: text for text in texts}
    # The first text beside the units that may state a factor of the values.
    others = (text for key, _, text in stated if not _UNIT_KEY.fullmatch(key))
    scale = next((text for text in others if _SCALE.search(text) and not _NO_SCALE.search(text)), None)
    unit, factor = given or "mV", 1.0
    if given is not None:
        if set(in_file) - {_rounded(given)}:
            warnings.append(message("unit_overridden", unit=given, stated=list(in_file.values())))
        unit = given
    elif in_file:
        unit, factor = _unit_in_file(path, list(in_file.values()))
    elif scale:
        raise UnitError(message("scale_unclear", where=path, text=scale[:60]))
    elif unclear := next((text for _, _, text in stated if _OTHER_VOLT.search(_plain(text))), None):
        raise UnitError(message("unit_unknown", where=path, unit=unclear[:60]))
    else:
        warnings.append(message("unit_assumed"))
    if scale:
        warnings.append(message("scale_not_applied", text=scale[:60]))
    return unit, factor


def unit_notes(name: str) -> list[str]:
    """Return each unit or factor that stands in brackets behind a column's name, as written.

    Examples
    --------
    >>> unit_notes("I (uV)"), unit_notes("II [mV x 10]"), unit_notes("V1 (Wilson)")
    (['uV'], ['mV x 10'], [])
    """
    return [note.strip() for note in _NOTE.findall(name) if _UNIT_OR_FACTOR.search(_plain(note))]


def mv_per_unit(text: str) -> float | None:
    """Return how many mV one unit of the values is; None if the text leaves a doubt.

    Examples
    --------
    >>> [mv_per_unit(text) for text in ("uV", "0.5 mV", "uV/LSB 5", "200 adu/mV", "mV x 10")]
    [0.001, 0.5, 0.005, 0.005, None]
    """
    plain = _plain(text)
    if _UNCLEAR_COMMA.search(plain):
        return None
    if match := _PLAIN.fullmatch(plain) or _PER_COUNT.fullmatch(plain):
        return _float(match[1] or "1") * _MV[match[2]]
    if match := _PER_COUNT_BEHIND.fullmatch(plain):
        return _float(match[2]) * _MV[match[1]]
    if (match := _COUNTS_PER.fullmatch(plain)) and _float(match[1]):
        return _MV[match[2]] / _float(match[1])
    return None


def _unit_in_file(path: str, texts: Sequence[str]) -> tuple[str, float]:
    if unknown := [text for text in texts if mv_per_unit(text) is None]:
        raise UnitError(message("unit_unknown", where=path, unit=", ".join(unknown)[:60]))
    if len(texts) > 1:
        raise UnitError(message("units_differ", where=path, units=texts))
    text = texts[0]
    return (text, 1.0) if text.strip().lower() in UNIT_TO_MV else ("mV", mv_per_unit(text) or 0.0)


def _rounded(unit: str) -> str | None:
    factor = mv_per_unit(unit)
    return None if factor is None else f"{factor:.9g}"


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def _float(text: str) -> float:
    return float(text.replace(",", "."))
