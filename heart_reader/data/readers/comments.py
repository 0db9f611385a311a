"""What comment lines say about a recording: sampling rate, unit, age and sex."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["age_and_sex", "stated_values"]

_PAIR = re.compile(r"<?\b(\w{1,32})>?[ \t]*[=:][ \t]*([^\s,;]{1,32})")
# MIT-BIH: "69 M 1085 1629 x1", with -1 for an unknown age.
_MIT_BIH = re.compile(r"\s*(-?\d{1,3})\s+([MF])\s")
_SEXES = {"m": "male", "male": "male", "f": "female", "female": "female"}
_MAX_AGE = 130.0


def stated_values(comments: Iterable[str]) -> dict[str, str]:
    """Return ``key: value`` and ``key = value`` pairs of comment lines, keys in lower case; the first of a kind counts.

    Examples
    --------
    >>> stated_values(["fs=500 unit = uV", "<age>: 51"])
    {'fs': '500', 'unit': 'uV', 'age': '51'}
    """
    values: dict[str, str] = {}
    for line in comments:
        for key, value in _PAIR.findall(line):
            values.setdefault(key.lower(), value)
    return values


def age_and_sex(comments: Iterable[str]) -> tuple[float | None, str | None]:
    """Return age in years and ``"male"`` or ``"female"``, each None where the comments do not say.

    Examples
    --------
    >>> age_and_sex(["Age: 56", "Sex: Female"]), age_and_sex(["69 M 1085 1629 x1"]), age_and_sex(["Age: NaN"])
    ((56.0, 'female'), (69.0, 'male'), (None, None))
    """
    lines = list(comments)
    stated = stated_values(lines)
    if not {"age", "sex"} & stated.keys():
        for line in lines:
            if match := _MIT_BIH.match(line + " "):
                stated = {"age": match[1], "sex": match[2]}
                break
    return _age(stated.get("age", "")), _SEXES.get(stated.get("sex", "").lower())


def _age(text: str) -> float | None:
    try:
        age = float(text)
    except ValueError:
        return None
    return age if 0 <= age <= _MAX_AGE else None
