"""Sentences for people that keep their code and values, so that they can be translated.

Every sentence has a code and an English template in ``messages.json``: ``{name}`` takes a value,
with a format after a colon; for a list, what joins it. A template with two forms has one for a
``count`` of one and one for several. The page has the same sentences in its other languages, under
the same codes. A :class:`Message` is the finished English
sentence, a plain ``str`` to whoever only wants to read it, with its ``code`` and ``values`` beside
it. A value may itself be a message.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from math import isfinite
from numbers import Integral, Real
from pathlib import Path
from string import Formatter
from types import MappingProxyType
from typing import Any

__all__ = ["TEMPLATES", "Message", "Value", "clock", "coded", "message", "template_fields"]

Value = str | int | float | Sequence[str]
Plain = str | int | float | tuple[str, ...]

# Code to the English template; a list of two: for a ``count`` of one, and of several.
TEMPLATES: Mapping[str, str | list[str]] = {
    code: template
    for section in json.loads(Path(__file__).with_name("messages.json").read_text(encoding="utf-8")).values()
    for code, template in section.items()
}


class Message(str):
    """An English sentence with its code and its values; made by :func:`message`.

    Attributes
    ----------
    code
        Name of the template, stable across releases.
    values
        Name to number, text or tuple of texts, as the sentence says them: a number is rounded as it
        is in the text.

    Examples
    --------
    >>> said = message("low_rate", fs=100.0, wanted=250.0, limit=50.0)
    >>> said
    'sampled at 100 Hz, but the model expects 250 Hz: nothing above 50 Hz is known'
    >>> said.code, dict(said.values)
    ('low_rate', {'fs': 100, 'wanted': 250, 'limit': 50})
    """

    __slots__ = ("code", "values")
    code: str
    values: Mapping[str, Plain]

    def __new__(cls, text: str, code: str, values: Mapping[str, Plain]) -> Message:
        """Keep a finished sentence; :func:`message` finishes it."""
        made = str.__new__(cls, text)
        made.code = code
        made.values = MappingProxyType(dict(values))
        return made

    def __reduce__(self) -> tuple[type[Message], tuple[str, str, dict[str, Plain]]]:
        """Pickle and copy with code and values."""
        return Message, (str(self), self.code, dict(self.values))

    def replaced(self, old: str, new: str) -> Message:
        """Return the sentence with ``old`` replaced in all its texts, such as a private folder."""

        def in_text(text: str) -> str:
            return text.replaced(old, new) if isinstance(text, Message) else text.replace(old, new)

        def swap(value: Plain) -> Plain:
            if isinstance(value, tuple):
                return tuple(in_text(item) for item in value)
            return in_text(value) if isinstance(value, str) else value

        if self.code not in TEMPLATES:  # the name of a statement
            return Message(str(self).replace(old, new), self.code, self.values)
        return message(self.code, **{name: swap(value) for name, value in self.values.items()})

    def to_json(self) -> dict[str, Any]:
        """Return ``code`` and ``values`` as plain values."""
        return {"code": self.code, "values": {name: list(of) if isinstance(of, tuple) else of for name, of in self.values.items()}}


def message(code: str, **values: Value) -> Message:
    """Make a sentence.

    Parameters
    ----------
    code
        One of ``TEMPLATES``.
    values
        What its template names, no more and no less; ``count`` chooses between one and several
        where the template has two forms.

    Raises
    ------
    KeyError
        If there is no such code.
    TypeError
        If a value is missing, unknown or neither number, text nor a list of texts.
    """
    specs = _specs(code)
    if values.keys() != specs.keys():
        raise TypeError(f"message {code}: values {sorted(values)}; needed are {sorted(specs)}")
    plain = {name: value if isinstance(value, str) else _plain(code, value, specs[name]) for name, value in values.items()}
    forms = TEMPLATES[code]
    pieces = []
    for literal, name, spec, quoted in _parts(forms if isinstance(forms, str) else forms[plain["count"] != 1]):
        pieces.append(literal)
        if name is not None:
            pieces.append(_said(plain[name], spec, quoted))
    # One line, whatever a file calls its leads.
    text = "".join(pieces)
    return Message(" ".join(text.split()), code, plain)


def template_fields(code: str) -> frozenset[str]:
    """Return the names of the values of a message."""
    return frozenset(_specs(code))


def clock(seconds: float) -> str:
    """Return a time of a recording.

    Examples
    --------
    >>> clock(3725.4)
    '1:02:05'
    """
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def coded(sentences: Iterable[str | None]) -> dict[str, dict[str, Any]]:
    """Map each sentence that is a message, and each message within one, to its code and values.

    Examples
    --------
    >>> said = message("no_measurements", reason=message("one_beat"))
    >>> coded(["free text", said])["No measurements: only one heartbeat."]
    {'code': 'no_measurements', 'values': {'reason': 'only one heartbeat'}}
    """
    found: dict[str, dict[str, Any]] = {}
    for sentence in sentences:
        if isinstance(sentence, Message) and sentence not in found:
            _add(found, sentence)
    return found


def _add(found: dict[str, dict[str, Any]], sentence: Message) -> None:
    """Add a message and those within it."""
    found[str(sentence)] = sentence.to_json()
    for value in sentence.values.values():
        if isinstance(value, Message):
            _add(found, value)
        elif isinstance(value, tuple):
            found |= coded(value)


@cache
def _parts(template: str) -> tuple[tuple[str, str | None, str, bool], ...]:
    """Return a template as texts, each with name and format of the value behind it."""
    return tuple((literal, name, spec or "", conversion == "r") for literal, name, spec, conversion in Formatter().parse(template))


def _said(value: Plain, spec: str, quoted: bool) -> str:
    """Return a value as text; a list is joined by commas or by what the template says."""
    if isinstance(value, str):  # a number that is none, such as NaN, is here as text too
        return repr(str(value)) if quoted else value
    if isinstance(value, tuple):
        return (spec or ", ").join(value)
    return repr(value) if quoted else format(value, spec)


@cache
def _specs(code: str) -> dict[str, str]:
    """Name to format of each value of a template, both forms together."""
    if code not in TEMPLATES:
        raise KeyError(f"no message is called {code!r}; messages.json lists them")
    forms = TEMPLATES[code]
    texts = [forms] if isinstance(forms, str) else forms
    specs = {name: spec or "" for text in texts for _, name, spec, _ in Formatter().parse(text) if name is not None}
    return specs if isinstance(forms, str) else {"count": "", **specs}


def _plain(code: str, value: Value, spec: str) -> Plain:
    """Return a number or a list as the sentence says it; NaN becomes text, which JSON lacks."""
    # Nearly every number is a float, and abstract classes are slow to say what is one of theirs.
    if not isinstance(value, float):
        if isinstance(value, Integral):
            return int(value)
        if isinstance(value, Sequence) and all(isinstance(item, str) for item in value):
            return tuple(value)
        if not isinstance(value, Real):
            raise TypeError(f"message {code}: {value!r}; a number, a text or a list of texts is needed")
    text = format(float(value), spec)
    number = float(text)
    if not isfinite(number):
        return text
    return int(number) if number == int(number) else number
