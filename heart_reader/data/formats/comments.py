"""Parse comment lines about a recording: statements of the form ``key: value``, such as age."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeVar

from heart_reader.data.formats.files import plausible_age

__all__ = ["Statement", "age_and_sex", "statements"]

_T = TypeVar("_T")

# A comma between digits is a decimal mark or one of thousands.
_PIECE = re.compile(r"[;|\t]|,(?!\d)|(?<!\d),")
_SEPARATOR = re.compile(r"[=:]+")
# Between two separators stand a value, with its unit, and the next key.
_VALUE_AND_KEY = re.compile(
    r"(\S+(?:\s+(?:[kK]?[hH][zZ]|sps|m?s|[munµμ]?V|years?|yrs?|y|months?|mo|weeks?|days?)(?=\s))?)\s+(.+)",
)
_KEY_NOTE = re.compile(r"[(\[](.*?)[)\]]")
# MIT-BIH: "69 M 1085 1629 x1", with -1 for an unknown age.
_MIT_BIH = re.compile(r"\s*(-?\d{1,3})\s+([MF])(?:\s|$)")
# Lines with more characters than this are not kept in memory.
_MOST_KEPT = 100
_PERSON = re.compile(rf"age|sex|gender|^{_MIT_BIH.pattern}", re.IGNORECASE)
_SEXES = {**dict.fromkeys(("m", "male", "man"), "male"), **dict.fromkeys(("f", "female", "woman"), "female")}
_SEX_KEYS = {"sex", "gender", "patientsex", "patientgender", "subjectsex"}
_AGE_KEY = re.compile(r"(?:patient|subject)?age(?:in)?((?:[a-z]{2,})?)")
_AGE = re.compile(r"(\d{1,3}(?:[.,]\d{1,2})?)\s*([a-z.]*)\s*(?:old)?")
_YEARS = {
    **dict.fromkeys(("", "y", "yr", "yrs", "year", "years", "yo", "y.o."), 1.0),
    **dict.fromkeys(("mo", "mos", "month", "months"), 1 / 12),
    **dict.fromkeys(("w", "wk", "wks", "week", "weeks"), 7 / 365.25),
    **dict.fromkeys(("d", "day", "days"), 1 / 365.25),
}
# DICOM writes three digits and a letter: 018M. Elsewhere an M behind an age is a sex as likely as
# months.
_DICOM_MONTHS = re.compile(r"\d{3}m")


class Statement(NamedTuple):
    """One ``key: value`` of a comment line.

    ``key`` is in lower case, letters and digits only, with the unit at its end if it has one:
    ``samplingratehz``. ``value`` is as written, without blanks and quotes around, and empty where
    there is no separator. ``text`` is both, as written.
    """

    key: str
    value: str
    text: str


def statements(comments: Iterable[str]) -> list[Statement]:
    """Split comment lines into statements, in order; text without ``:`` or ``=`` has no value.

    Examples
    --------
    >>> comments = ["fs=500 unit = uV", "<age>: 51", "Sample Rate (Hz): 250"]
    >>> [(key, value) for key, value, _ in statements(comments)]
    [('fs', '500'), ('unit', 'uV'), ('age', '51'), ('sampleratehz', '250')]
    """
    return [statement for line in comments for piece in _PIECE.split(line) if piece.strip() for statement in _pairs(piece.strip())]


def age_and_sex(comments: Iterable[str]) -> tuple[float | None, str | None]:
    """Return age in years and ``"male"`` or ``"female"``; None without one undisputed answer.

    Examples
    --------
    >>> age_and_sex(["Age: 56", "Sex: Female"]), age_and_sex(["69 M 1085 x1"])
    ((56.0, 'female'), (69.0, 'male'))
    >>> age_and_sex(["Patient age: 18 months", "gender=M"])
    (1.5, 'male')
    """
    lines = tuple(line for line in comments if _PERSON.search(line))
    return (_of_lines if sum(map(len, lines)) <= _MOST_KEPT else _of_lines.__wrapped__)(lines)


# Most patients of a data set share age and sex with others.
@lru_cache(maxsize=1024)
def _of_lines(lines: tuple[str, ...]) -> tuple[float | None, str | None]:
    stated = statements(lines)
    ages = [(match[1], value) for key, value, _ in stated if value and (match := _AGE_KEY.fullmatch(key)) and match[1] in _YEARS]
    sexes = [value for key, value, _ in stated if key in _SEX_KEYS]
    if not ages and not sexes and (match := next(filter(None, map(_MIT_BIH.match, lines)), None)):
        ages, sexes = [("", match[1])], [match[2]]
    return _only([_age(value, unit) for unit, value in ages]), _only([_SEXES.get(value.lower()) for value in sexes])


def _pairs(piece: str) -> list[Statement]:
    """Statements of one piece of a line: one, or several of one word each."""
    parts = [part.strip() for part in _SEPARATOR.split(piece)]
    if len(parts) == 1:
        return [Statement(_plain_key(piece), "", piece)]
    found = []
    key = parts[0]
    for part in parts[1:-1]:
        match = _VALUE_AND_KEY.fullmatch(part)
        value, following = (match[1], match[2]) if match else (part, part)
        found.append(_statement(key, value))
        key = following
    return [*found, _statement(key, parts[-1])]


def _statement(key: str, value: str) -> Statement:
    return Statement(_plain_key(key), value.strip(" \t'\""), f"{key}: {value}")


def _plain_key(key: str) -> str:
    letters = unicodedata.normalize("NFKD", _KEY_NOTE.sub(r" \1", key)).lower()
    return re.sub(r"[^a-z0-9]", "", letters)


def _age(text: str, unit: str) -> float | None:
    match = _AGE.fullmatch(_KEY_NOTE.sub(r" \1", text.lower()).strip())
    if not match:
        return None
    stated = "mo" if _DICOM_MONTHS.fullmatch(text.lower()) else match[2]
    if stated not in _YEARS or (stated and unit and _YEARS[stated] != _YEARS[unit]):
        return None
    return plausible_age(float(match[1].replace(",", ".")) * _YEARS[stated or unit])


def _only(values: Sequence[_T]) -> _T | None:
    """The value that all statements share."""
    return values[0] if len(set(values)) == 1 else None
