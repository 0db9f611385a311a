"""What classes mean that are no statements of PTB-XL: titles, and which statement says the same.

``vocabulary.json`` lists the classes of published tasks, by the names of their levels; a checkpoint
names its own classes in ``titles`` of its manifest. Codes of one letter mean one thing among beats
and another among rhythms, so a class is never known by its code alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from heart_reader.data.labels import LabelSpace, Level

__all__ = ["ClassMeaning", "meanings", "published_classes", "with_titles"]


@dataclass(frozen=True)
class ClassMeaning:
    """What is known of one class of a level.

    Parameters
    ----------
    title
        Its name in English, or its code where nobody gave it one.
    words
        Its entry under ``classes`` in the page's files of languages; None for English only.
    statement
        Code of the PTB-XL statement that says the same; None where none does.
    group
        Where a diagnosis states it, see :data:`heart_reader.conclusion.table.GROUPS`.
    normal
        Whether a normal ECG may have it; None where it is not known.
    """

    title: str
    words: str | None = None
    statement: str | None = None
    group: str = "other"
    normal: bool | None = None


def meanings(level: Level) -> dict[str, ClassMeaning]:
    """Return what is known of the classes of a level, without those that nobody described.

    A level is known by its name, or by having the very classes of a published task.

    Examples
    --------
    >>> {code: of.title for code, of in meanings(Level("beats", ("N", "V"))).items()}
    {'N': 'Beat of normal origin', 'V': 'Ventricular ectopic beat'}
    >>> meanings(Level("mine", ("N", "V")))
    {}
    >>> meanings(Level("mine", ("N", "V"), titles={"N": "nocturnal"}))["N"]
    ClassMeaning(title='nocturnal', words=None, statement=None, group='other', normal=None)
    """
    published: Mapping[str, ClassMeaning] = published_classes().get(level.name) or _by_classes().get(frozenset(level.class_names), {})
    known = {name: published[name] for name in level.class_names if name in published}
    own = {name: title for name, title in level.titles.items() if name not in known or known[name].title != title}
    return known | {name: ClassMeaning(title) for name, title in own.items()}


def with_titles(space: LabelSpace) -> LabelSpace:
    """Return the same levels with the titles of those of a published task written out."""
    named = {
        name: replace(level, titles={code: of.title for code, of in meanings(level).items()}) if level.members is None else level
        for name, level in space.levels.items()
    }
    return LabelSpace(named, space.heads)


@cache
def published_classes() -> Mapping[str, Mapping[str, ClassMeaning]]:
    """Return level to class to meaning, for every level of the vocabularies."""
    return {level: classes for levels, classes in _vocabularies() for level in levels}


@cache
def _vocabularies() -> tuple[tuple[tuple[str, ...], Mapping[str, ClassMeaning]], ...]:
    """Levels of each vocabulary, and its classes."""
    listed = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))["vocabularies"]
    return tuple(
        (tuple(one["levels"]), {code: ClassMeaning(**{"normal": False, **entry}) for code, entry in one["classes"].items()})
        for one in listed
    )


@cache
def _by_classes() -> Mapping[frozenset[str], Mapping[str, ClassMeaning]]:
    return {frozenset(classes): classes for _, classes in _vocabularies()}
