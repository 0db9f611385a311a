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

__all__ = ["ClassMeaning", "Vocabulary", "meanings", "vocabularies", "with_titles"]


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

    A level is known by its name, if the task of that name has all its classes, or by having the
    very classes of a task.

    Examples
    --------
    >>> {code: of.title for code, of in meanings(Level("beats", ("N", "V"))).items()}
    {'N': 'Beat of normal origin', 'V': 'Ventricular ectopic beat'}
    >>> meanings(Level("mine", ("N", "V"))), meanings(Level("beats", ("N", "V", "X")))
    ({}, {})
    >>> meanings(Level("mine", ("N", "V"), titles={"N": "nocturnal"}))["N"]
    ClassMeaning(title='nocturnal', words=None, statement=None, group='other', normal=None)
    """
    published = next((one.classes for one in vocabularies() if one.covers(level)), {})
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


@dataclass(frozen=True)
class Vocabulary:
    """The classes of one published task.

    Parameters
    ----------
    levels
        Names of the levels that it describes.
    classes
        Class to its meaning.
    of_statements
        Whether other classes of these levels are statements of PTB-XL under their own codes.
    """

    levels: tuple[str, ...]
    classes: Mapping[str, ClassMeaning]
    of_statements: bool = False

    def covers(self, level: Level) -> bool:
        """Whether it speaks of a level."""
        names = set(level.class_names)
        if level.name in self.levels:
            return self.of_statements or names <= self.classes.keys()
        return names == self.classes.keys()


@cache
def vocabularies() -> tuple[Vocabulary, ...]:
    """Return all that are known."""
    listed = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))["vocabularies"]
    return tuple(
        Vocabulary(
            tuple(one["levels"]),
            {code: ClassMeaning(**{"normal": False, **entry}) for code, entry in one["classes"].items()},
            one.get("of_statements", False),
        )
        for one in listed
    )
