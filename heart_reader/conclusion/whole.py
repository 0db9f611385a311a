"""The rhythm of a recording that was read as a whole: its beats say it, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from heart_reader.conclusion.reconcile import ClassReading
from heart_reader.conclusion.table import class_name, read_table
from heart_reader.messages import Message, message

__all__ = ["Line", "RhythmLines", "WholeRhythm", "without_contradicted"]

# Beats do not tell these.
_BEYOND_BEATS = frozenset({"PACE", "AFLT"})


@dataclass(frozen=True)
class Line:
    """One line of a diagnosis.

    Parameters
    ----------
    group
        One of :data:`heart_reader.conclusion.table.GROUPS`.
    text
        What is stated.
    codes
        The statements it stands for; empty for what was measured alone.
    probability
        Probability of the statement; None for what was measured alone.
    abnormal
        Whether a normal ECG cannot have it.
    """

    group: str
    text: Message
    codes: tuple[str, ...] = ()
    probability: float | None = None
    abnormal: bool = True

    def to_json(self) -> dict[str, object]:
        """Return plain values."""
        return {"group": self.group, "text": self.text, "codes": list(self.codes), "probability": self.probability}


@dataclass(frozen=True)
class RhythmLines:
    """The lines of the rhythm, and whether it is one of a normal heart."""

    lines: tuple[Line, ...]
    normal: bool


@dataclass(frozen=True)
class WholeRhythm:
    """The rhythm of a long recording.

    Parameters
    ----------
    lines
        What is stated of it, each with the statement that it is the definition of.
    """

    lines: RhythmLines

    @property
    def codes(self) -> frozenset[str]:
        """Statements that its beats are the definition of."""
        return frozenset(code for line in self.lines.lines for code in line.codes)

    def lines_with(self, stated: Mapping[str, ClassReading]) -> RhythmLines:
        """Return the lines, and what is stated that beats do not tell.

        Parameters
        ----------
        stated
            The statements that are stated.
        """
        lines = [_as_stated(line, stated) for line in self.lines.lines]
        more = [Line("rhythm", class_name(code), (code,), stated[code].probability) for code in sorted(_BEYOND_BEATS & stated.keys())]
        return RhythmLines((*lines, *more), self.lines.normal and not more)

    @property
    def not_normal(self) -> Message | None:
        """What no normal ECG has; None without it."""
        return next((line.text for line in self.lines.lines if line.abnormal), None)


def _as_stated(line: Line, stated: Mapping[str, ClassReading]) -> Line:
    """Return a line with its code and probability where the reader states it too."""
    codes = tuple(code for code in line.codes if code in stated)
    return replace(line, codes=codes, probability=stated[codes[0]].probability if codes else None)


def without_contradicted(
    statements: Mapping[str, ClassReading], whole: WholeRhythm
) -> tuple[dict[str, ClassReading], tuple[tuple[str, float, Message], ...]]:
    """Leave statements of the rhythm undecided that the beats of the whole recording do not show.

    A mean over windows may state premature beats of which the whole recording has none.

    Returns
    -------
    tuple
        The statements, and what is not stated: code, probability and reason.
    """
    contradicted = set(_contradicted(statements, whole))
    kept = {code: answer._replace(decision="uncertain") if code in contradicted else answer for code, answer in statements.items()}
    why = ((code, statements[code].probability, message("not_stated_whole", finding=class_name(code))) for code in sorted(contradicted))
    return kept, tuple(why)


def _contradicted(statements: Mapping[str, ClassReading], whole: WholeRhythm) -> Iterator[str]:
    groups = read_table().groups
    for code, answer in statements.items():
        if answer.decision == "present" and groups.get(code) == "rhythm" and code not in whole.codes | _BEYOND_BEATS:
            yield code
