"""Readers whose classes are no statements of PTB-XL: what they say in the terms of a diagnosis.

A class that says the same as a statement is reconciled as that statement; any other stands under
its own title. What a class means is known by its level only, see
:mod:`heart_reader.data.vocabulary`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from heart_reader.conclusion.findings import Line
from heart_reader.conclusion.reconcile import Answer
from heart_reader.conclusion.table import read_table
from heart_reader.data.labels import ALL, SUPERCLASSES, SUPERDIAGNOSTIC, Level
from heart_reader.data.scp_statements import SCP_STATEMENTS
from heart_reader.data.tasks import TASKS
from heart_reader.data.vocabulary import ClassMeaning, meanings
from heart_reader.messages import Message, message

__all__ = ["OwnClasses", "meaning_of"]

Yielding = tuple[str, float, Message]
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


@dataclass(frozen=True)
class OwnClasses:
    """The answers of a level whose classes are not those that the rules are written for.

    Parameters
    ----------
    level
        Its name.
    answers
        Class to what the model says of it.
    meanings
        Class to what it means.
    """

    level: str
    answers: Mapping[str, Answer]
    meanings: Mapping[str, ClassMeaning]

    @classmethod
    def of(cls, levels: Mapping[str, Mapping[str, Answer]], space: Mapping[str, Level]) -> OwnClasses | None:
        """Return the first level's classes; None where statements or superclasses are answered."""
        if ALL in levels or SUPERDIAGNOSTIC in levels:
            return None
        level, answers = next(iter(levels.items()))
        return cls(level, answers, {name: meaning_of(space[level], name) for name in answers})

    def statements(self) -> dict[str, Answer]:
        """What the classes say as statements."""
        return {of.statement: self.answers[name] for name, of in self.meanings.items() if of.statement is not None}

    def settle(self, statements: Mapping[str, str], against: Message | None) -> tuple[dict[str, str], list[Yielding]]:
        """Return the decisions of the classes as they follow from those of the statements.

        A class that a normal ECG may have is not stated beside one that it may not have, nor
        ``against`` a measured finding that no normal ECG has.
        """
        decisions = {
            name: self.answers[name].decision if of.statement is None else statements[of.statement] for name, of in self.meanings.items()
        }
        abnormal = next((name for name, of in self.meanings.items() if of.normal is False and decisions[name] == "present"), None)
        yielded: list[Yielding] = []
        for name, of in self.meanings.items():
            if of.normal and of.statement is None and decisions[name] == "present" and (against is not None or abnormal is not None):
                decisions[name] = "uncertain"
                reason = (
                    message("not_stated_measured", finding=self.title(name), measured=against)
                    if against is not None
                    else message("not_stated_against", finding=self.title(name), other=self.title(abnormal or ""))
                )
                yielded.append((name, self.answers[name].probability, reason))
        return decisions, yielded

    def lines(self, decisions: Mapping[str, str]) -> list[Line]:
        """Write the present classes that are no statements; what is not known is not abnormal."""
        return [
            Line(of.group, self.title(name), (name,), self.answers[name].probability, abnormal=of.normal is False)
            for name, of in self.meanings.items()
            if of.statement is None and decisions[name] == "present"
        ]

    def title(self, name: str) -> Message:
        """The title of a class; the page says it by its words or by the titles it was sent."""
        of = self.meanings[name]
        if of.words is None:
            return Message(of.title, "class_code", {"statement": name})
        return Message(of.title, "class_name", {"statement": of.words})

    def renamed(self, line: Line) -> Line:
        """The same line under the codes of the classes."""
        return replace(line, codes=tuple(self.code(code) for code in line.codes))

    def code(self, statement: str) -> str:
        """The class that says the same as a statement."""
        return next((name for name, of in self.meanings.items() if of.statement == statement), statement)

    def why_undecided(self, decisions: Mapping[str, str]) -> Message | None:
        """Why a reading without anything abnormal is none of a normal ECG; None for the usual."""
        present = [name for name, decision in decisions.items() if decision == "present"]
        if not present:
            return message("no_own_class")
        return message("meaning_not_known") if any(self.meanings[name].normal is None for name in present) else None
