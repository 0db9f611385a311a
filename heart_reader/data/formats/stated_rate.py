"""The sampling rate that comment lines state, in the spellings of people and programs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from heart_reader.data.formats.comments import Statement
from heart_reader.data.formats.files import check_fs
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import message

__all__ = ["stated_rates", "unclear_rate"]

_RATE_KEY = re.compile(
    r"(?:ecg|signal|data|adc|nominal)?(?:fs|sf|sfreq|hz|frequency|freq|(?:sampl(?:e|es|ing)|samp|acquisition|digiti[sz]ation)"
    r"(?:rate|freq(?:uency)?)|samplesper(?:second|sec|s)|sps|abtastrate|abtastfrequenz|frequencedechantillonnage|frecuenciademuestreo)"
    r"(?:in)?(hz|khz|sps)?"
)
_INTERVAL_KEY = re.compile(
    r"(?:ecg|signal|data|adc|nominal)?(?:sampl(?:e|ing)(?:interval|period)|dt|deltat|timestep)(?:in)?"
    r"(s|sec|seconds?|ms|msec|milliseconds?|us|microseconds?)?"
)
_NUMBER = r"(\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?)"
_RATE = re.compile(_NUMBER + r"\s*([a-z^\-/1 ]*?)(?:\s*(?:per|/)\s*(?:channel|lead))?\.?", re.IGNORECASE)
_TIME = re.compile(_NUMBER + r"\s*([a-zµμ]*)\.?", re.IGNORECASE)
_ONE_OVER = re.compile(r"1\s*/\s*" + _NUMBER + r"\s*([a-zµμ]*)", re.IGNORECASE)
# 1,000 is a thousand for some and one for others.
_UNCLEAR_COMMA = re.compile(r"(?<!\d)[1-9]\d{0,2},\d{3}(?!\d)")
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


def stated_rates(where: str, stated: Iterable[Statement]) -> list[float]:
    """Return every sampling rate in Hz that comments state under a key that means it, or as the
    interval between samples.

    Raises
    ------
    UnreadableRecord
        If such a key has a value that is no rate, or one that no ECG has.

    Examples
    --------
    >>> from heart_reader.data.formats.comments import statements
    >>> stated_rates("a.csv", statements(["fs=0.5 kHz", "Sample Rate (Hz): 500", "dt: 2 ms", "Mains frequency: 50 Hz"]))
    [500.0, 500.0, 500.0]
    """
    return [check_fs(where, fs) for statement in stated if (fs := _stated(where, statement)) is not None]


def unclear_rate(stated: Iterable[Statement]) -> str | None:
    """Return the first text that may mean the sampling rate without being one that
    :func:`stated_rates` reads.
    """
    return next((text for _, _, text in stated if _MENTION.search(text) and not _OTHER.search(text)), None)


def _stated(where: str, statement: Statement) -> float | None:
    rate, interval = _RATE_KEY.fullmatch(statement.key), _INTERVAL_KEY.fullmatch(statement.key)
    if not statement.value or not (rate or interval):
        return None
    value = " ".join(re.sub(r"[()\[\]]", " ", statement.value).split())
    fs = _of_rate(value, rate[1] or "") if rate else _of_interval(value, interval[1] or "") if interval else None
    if fs is None or _UNCLEAR_COMMA.search(statement.value):
        raise UnreadableRecord(message("rate_not_a_number", where=where, text=statement.value[:40]))
    return fs


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
    """A number in its own unit, or in the one of its key; None if there is no such unit, or the two
    differ.
    """
    unit = " ".join(unit.lower().split())
    if unit not in known or (unit and unit_of_key and known[unit] != known[unit_of_key]):
        return None
    return float(number.replace(",", ".")) * known[unit or unit_of_key]


def _over(seconds: float | None) -> float | None:
    return None if not seconds else round(1.0 / seconds, 9)
