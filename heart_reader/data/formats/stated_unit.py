"""Units of amplitude as comment lines and column names state them, a factor included."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from heart_reader.data.formats.comments import Statement
from heart_reader.data.record import UNIT_TO_MV
from heart_reader.errors import UnitError
from heart_reader.messages import message

__all__ = ["agreed_unit", "mv_per_unit", "unit_notes"]

_UNIT_KEY = re.compile(r"(?:amplitude|voltage|signal|sample|ecg|data|value|y|lead)?s?units?")
_NOTE = re.compile(r"[(\[](.*?)[)\]]")
_MV = {
    **dict.fromkeys(("mv", "millivolt", "millivolts"), 1.0),
    **dict.fromkeys(("uv", "μv", "microvolt", "microvolts"), 1e-3),
    **dict.fromkeys(("nv", "nanovolt", "nanovolts"), 1e-6),
    **dict.fromkeys(("v", "volt", "volts"), 1e3),
}
_NUMBER = r"(\d+(?:[.,]\d+)?(?:e[+-]?\d+)?)"
_VOLT = r"([munμ]?v|(?:milli|micro|nano)?volts?)"
_COUNT = r"(?:lsb|bit|count|adu|digit|unit|step)s?"
_PER = r"\s*(?:/|per)\s*"
_PLAIN = re.compile(rf"(?:{_NUMBER}\s*)?{_VOLT}")
_PER_COUNT = re.compile(rf"{_NUMBER}\s*{_VOLT}{_PER}{_COUNT}")
_PER_COUNT_BEHIND = re.compile(rf"{_VOLT}{_PER}{_COUNT}\s*[:=]?\s*{_NUMBER}")
_COUNTS_PER = re.compile(rf"{_NUMBER}\s*{_COUNT}{_PER}{_VOLT}")
_UNIT_OR_FACTOR = re.compile(rf"(?<![a-z])(?:{_VOLT}|lsb|bits?|counts?|adu|digits?)(?![a-z])|[*×/]\s*\d|(?<![a-z])x\s*\d|\dx|%")
# What is not mV, which is what is read where nothing is said.
_OTHER_VOLT = re.compile(r"(?<![a-z])(?:[unμ]v|(?:micro|nano)?volts?)(?![a-z])")
# A number beside one of these may scale the values; the bits of a converter and the millimetres of
# a print do not.
_SCALE = re.compile(
    r"(?<![a-z])(?:gain|scal(?:e|ing)|multipl\w*|divi\w*|amplif\w*|resolution|lsb|factor|adu|counts?)(?![a-z]).*\d|values?\s*[x*×/]\s*\d|\d.*(?:lsb|adu|counts?)",
    re.IGNORECASE,
)
_NO_SCALE = re.compile(r"\d\s*bits?|mm|[:=\s]1(?:\.0*)?\s*$", re.IGNORECASE)


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
        A unit that :func:`~heart_reader.data.record.build_record` knows, and what values are to be
        multiplied by to be in it.

    Raises
    ------
    UnitError
        If the file contradicts itself, states what is no unit, or may mean that values are to be
        scaled.
    """
    texts = list(dict.fromkeys([*(value for key, value, _ in stated if value and _UNIT_KEY.fullmatch(key)), *notes]))
    # Spellings of one unit, such as uV and µV, count once.
    in_file = {_rounded(mv_per_unit(text)) or text: text for text in texts}
    scale = _scale_text(stated)
    if not texts and given is None:
        _refuse_unclear(path, stated, scale)
    if given is not None:
        if set(in_file) - {_rounded(mv_per_unit(given))}:
            warnings.append(message("unit_overridden", unit=given, stated=list(in_file.values())))
        unit, factor = given, 1.0
    elif not in_file:
        warnings.append(message("unit_assumed"))
        unit, factor = "mV", 1.0
    else:
        unit, factor = _unit_in_file(path, list(in_file.values()))
    if scale:
        warnings.append(message("scale_not_applied", text=scale[:60]))
    return unit, factor


def unit_notes(name: str) -> list[str]:
    """Return what stands in brackets behind a column's name and is a unit or a factor, as written.

    Examples
    --------
    >>> unit_notes("I (uV)"), unit_notes("II [mV x 10]"), unit_notes("V1 (Wilson)")
    (['uV'], ['mV x 10'], [])
    """
    return [note.strip() for note in _NOTE.findall(name) if _UNIT_OR_FACTOR.search(_plain(note))]


def mv_per_unit(text: str) -> float | None:
    """Return how many mV one unit of the values is, None if the text does not say it beyond doubt.

    Examples
    --------
    >>> mv_per_unit("uV"), mv_per_unit("0.5 mV"), mv_per_unit("uV/LSB 5"), mv_per_unit("200 adu/mV"), mv_per_unit("mV x 10")
    (0.001, 0.5, 0.005, 0.005, None)
    """
    plain = _plain(text)
    # 1,000 is a thousand for some and one for others.
    if re.search(r"(?<!\d)[1-9]\d{0,2},\d{3}(?!\d)", plain):
        return None
    if match := _PLAIN.fullmatch(plain) or _PER_COUNT.fullmatch(plain):
        return _float(match[1] or "1") * _MV[match[2]]
    if match := _PER_COUNT_BEHIND.fullmatch(plain):
        return _float(match[2]) * _MV[match[1]]
    if (match := _COUNTS_PER.fullmatch(plain)) and _float(match[1]):
        return _MV[match[2]] / _float(match[1])
    return None


def _refuse_unclear(path: str, stated: Iterable[Statement], scale: str | None) -> None:
    """Refuse comments that may tell a factor or a unit in other words, where nothing else does."""
    if scale:
        raise UnitError(message("scale_unclear", where=path, text=scale[:60]))
    if text := next((text for _, _, text in stated if _OTHER_VOLT.search(_plain(text))), None):
        raise UnitError(message("unit_unknown", where=path, unit=text[:60]))


def _unit_in_file(path: str, texts: Sequence[str]) -> tuple[str, float]:
    unknown = [text for text in texts if mv_per_unit(text) is None]
    if unknown:
        raise UnitError(message("unit_unknown", where=path, unit=", ".join(unknown)[:60]))
    if len(texts) > 1:
        raise UnitError(message("units_differ", where=path, units=texts))
    text = texts[0]
    return (text, 1.0) if text.strip().lower() in UNIT_TO_MV else ("mV", mv_per_unit(text) or 0.0)


def _scale_text(stated: Iterable[Statement]) -> str | None:
    """The first text beside the units that may tell a factor of the values."""
    texts = (text for key, _, text in stated if not _UNIT_KEY.fullmatch(key))
    return next((text for text in texts if _SCALE.search(text) and not _NO_SCALE.search(text)), None)


def _rounded(factor: float | None) -> str | None:
    return None if factor is None else f"{factor:.9g}"


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def _float(text: str) -> float:
    return float(text.replace(",", "."))
