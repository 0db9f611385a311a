"""The rules of one reading: statements that exclude each other, and measurements that each needs.

The table itself is ``table.json``, each rule with its source.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

from heart_reader.messages import Message

__all__ = ["GROUPS", "Condition", "Exclusion", "Table", "class_name", "read_table"]

# Groups follow the order in which a clinician writes.
GROUPS = ("rhythm", "conduction", "axis", "infarction", "st_t", "hypertrophy", "other")


@dataclass(frozen=True)
class Exclusion:
    """Two statements that do not stand together.

    Parameters
    ----------
    first, second
        Codes.
    source
        Who says so.
    """

    first: str
    second: str
    source: str


@dataclass(frozen=True)
class Condition:
    """What a measurement must be where a statement is stated.

    Parameters
    ----------
    code
        Code of the statement.
    measurement
        A name of ``GLOBAL_FEATURES`` or ``RHYTHM_FEATURES``.
    at_least, at_most
        Limits that are allowed themselves; None where there is no such limit.
    outside
        Or: the open interval that the value must not lie in.
    source
        Who says so, and how many labelled records lie beyond the limit.
    """

    code: str
    measurement: str
    at_least: float | None
    at_most: float | None
    outside: tuple[float, float] | None
    source: str

    def holds(self, value: float) -> bool:
        """Return whether a measured value allows the statement."""
        if self.outside is not None:
            return not self.outside[0] < value < self.outside[1]
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


@dataclass(frozen=True)
class Table:
    """The declared table.

    Parameters
    ----------
    names, groups
        Code to English name and to one of ``GROUPS``, in the order in which statements are written.
    exclusions, conditions
        The rules.
    """

    names: Mapping[str, str]
    groups: Mapping[str, str]
    exclusions: tuple[Exclusion, ...]
    conditions: tuple[Condition, ...]

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Code to its place in the order in which statements are written."""
        return {code: place for place, code in enumerate(self.names)}

    @cached_property
    def rivals(self) -> Mapping[str, frozenset[str]]:
        """Code to the codes that do not stand beside it."""
        found: dict[str, set[str]] = {}
        for rule in self.exclusions:
            found.setdefault(rule.first, set()).add(rule.second)
            found.setdefault(rule.second, set()).add(rule.first)
        return {code: frozenset(others) for code, others in found.items()}


@cache
def read_table() -> Table:
    """Return the table that is shipped."""
    values = json.loads((Path(__file__).parent / "table.json").read_text(encoding="utf-8"))
    statements = values["statements"]
    return Table(
        {item["code"]: item["name"] for item in statements},
        {item["code"]: item["group"] for item in statements},
        tuple(rule for item in values["exclusions"] for rule in _exclusions(item)),
        tuple(rule for item in values["conditions"] for rule in _conditions(item)),
    )


def _exclusions(item: Mapping[str, Any]) -> list[Exclusion]:
    """All pairs of a set, or each of one set with each of another."""
    of = item["of"]
    against = item.get("against")
    pairs = [(a, b) for a in of for b in against] if against else [(a, b) for n, a in enumerate(of) for b in of[n + 1 :]]
    return [Exclusion(first, second, item["source"]) for first, second in pairs]


def _conditions(item: Mapping[str, Any]) -> list[Condition]:
    outside = tuple(item["outside"]) if "outside" in item else None
    return [Condition(code, item["measurement"], item.get("at_least"), item.get("at_most"), outside, item["source"]) for code in item["of"]]


# A reading names a dozen classes, nearly always of the same few levels.
@lru_cache(maxsize=1024)
def class_name(code: str) -> Message:
    """Return the English name of a statement or superclass; the page translates it by its code."""
    return Message(read_table().names.get(code, code), "class_name", {"statement": code})
