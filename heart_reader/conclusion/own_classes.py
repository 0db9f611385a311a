"""Readers whose classes are no statements of PTB-XL: what they say in the terms of a diagnosis.

A class that says the same as a statement is reconciled as that statement; any other stands under
its own title. What a class means is known by its level only, see
:mod:`heart_reader.data.vocabulary`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from heart_reader.conclusion.findings import Line
from heart_reader.conclusion.reconcile import ClassReading
from heart_reader.conclusion.table import read_table
from heart_reader.data.labels import ALL, SUPERCLASSES, SUPERDIAGNOSTIC, Level
from heart_reader.data.scp_statements import SCP_STATEMENTS
from heart_reader.data.tasks import TASKS
from heart_reader.data.vocabulary import ClassMeaning, meanings
from heart_reader.messages import Message, message

__all__ = ["OwnClasses", "meaning_of"]

_STATEMENTS = frozenset(statement.code for statement in SCP_STATEMENTS)


def meaning_of(level: Level, name: str) -> ClassMeaning:
    """Return what a class of any level means, as far as it is known.

    Examples
    --------
    >>> meaning_of(Level("rhythm", ("SBRAD",)), "SBRAD").title
    'Sinus bradycardia'
    >>> meaning_of(Level("mine", ("SBRAD",)), "SBRAD").title
    'SBRAD'
    """
    known = meanings(level).get(name)
    if known is not None or level.name not in TASKS:
        return known or ClassMeaning(name)
    table = read_table()
    statement = name if name in _STATEMENTS and name not in SUPERCLASSES[1:] else None
    return ClassMeaning(table.names.get(name, name), name, statement, table.groups.get(name, "other"), normal=False)


# Level and class.
Key = tuple[str, str]
# Class, probability and why it is not stated.
Yielding = tuple[str, float, Message]


@dataclass(frozen=True)
class OwnClasses:
    """The answers of levels whose classes are not those that the rules are written for.

    Parameters
    ----------
    answers
        Level and class to what the model says of it.
    meanings
        Level and class to what it means.
    """

    answers: Mapping[Key, ClassReading]
    meanings: Mapping[Key, ClassMeaning]

    @classmethod
    def of(cls, levels: Mapping[str, Mapping[str, ClassReading]], space: Mapping[str, Level]) -> OwnClasses | None:
        """Return the classes of all levels; None where statements or superclasses are answered."""
        if ALL in levels or SUPERDIAGNOSTIC in levels:
            return None
        answers = {(level, name): answer for level, of in levels.items() for name, answer in of.items()}
        return cls(answers, {(level, name): meaning_of(space[level], name) for level, name in answers})

    def statements(self) -> dict[str, ClassReading]:
        """What the classes say as statements, the first level's where two say the same."""
        said: dict[str, ClassReading] = {}
        for key, of in self.meanings.items():
            if of.statement is not None:
                said.setdefault(of.statement, self.answers[key])
        return said

    def settle(self, statements: Mapping[str, str], against: Message | None) -> tuple[dict[Key, str], list[Yielding]]:
        """Return the decisions of the classes as they follow from those of the statements.

        A class that a normal ECG may have is not stated beside one that it may not have, nor
        ``against`` a measured finding that no normal ECG has.
        """
        decisions = {
            key: self.answers[key].decision if of.statement is None else statements[of.statement] for key, of in self.meanings.items()
        }
        abnormal = next((key for key, of in self.meanings.items() if of.normal is False and decisions[key] == "present"), None)
        yielded: list[Yielding] = []
        for key, of in self.meanings.items():
            if not of.normal or of.statement is not None or decisions[key] != "present":
                continue
            if against is not None:
                reason = message("not_stated_measured", finding=self._title(key), measured=against)
            elif abnormal is not None:
                reason = message("not_stated_against", finding=self._title(key), other=self._title(abnormal))
            else:
                continue
            decisions[key] = "uncertain"
            yielded.append((key[1], self.answers[key].probability, reason))
        return decisions, yielded

    def lines(self, decisions: Mapping[Key, str]) -> list[Line]:
        """Write the present classes that are no statements; what is not known is not abnormal."""
        return [
            Line(of.group, self._title(key), (key[1],), self.answers[key].probability, abnormal=of.normal is False)
            for key, of in self.meanings.items()
            if of.statement is None and decisions[key] == "present"
        ]

    def _title(self, key: Key) -> Message:
        """The title of a class; the page says it by its words or by the titles it was sent."""
        of = self.meanings[key]
        if of.words is None:
            return Message(of.title, "class_code", {"statement": key[1]})
        return Message(of.title, "class_name", {"statement": of.words})

    def renamed(self, line: Line) -> Line:
        """The same line under the codes of the classes."""
        return replace(line, codes=tuple(self.code(code) for code in line.codes))

    def code(self, statement: str) -> str:
        """The class that says the same as a statement."""
        return next((name for (_, name), of in self.meanings.items() if of.statement == statement), statement)

    def why_undecided(self, decisions: Mapping[Key, str]) -> Message | None:
        """Why a reading without anything abnormal is none of a normal ECG; None for the usual."""
        present = [key for key, decision in decisions.items() if decision == "present"]
        if not present:
            return message("no_own_class")
        return message("meaning_not_known") if any(self.meanings[key].normal is None for key in present) else None
