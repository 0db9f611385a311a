"""What a reading states, line by line, with the codes and the words that leave with it."""

from __future__ import annotations

from typing import NamedTuple

from heart_reader.diagnosis import Diagnosis
from heart_reader.exchange.codes import Code, concept, statement_code

__all__ = ["Statement", "overall", "statements_of"]


class Statement(NamedTuple):
    """One line of a conclusion.

    Parameters
    ----------
    text
        In English.
    codes
        SNOMED CT codes of the statements it stands for; empty where there is no public one.
    probability
        That the label applies; None for what was measured.
    """

    text: str
    codes: tuple[Code, ...]
    probability: float | None


def statements_of(diagnosis: Diagnosis) -> list[Statement]:
    """Return the lines of the conclusion, then what was read as present and is not stated."""
    stated = []
    for line in diagnosis.conclusion.lines:
        found = (statement_code(code) for code in line.codes)
        codes = tuple(dict.fromkeys(code for code in found if code is not None))
        stated.append(Statement(str(line.text), codes, line.probability))
    return stated + [Statement(str(text), (), probability) for _, probability, text in diagnosis.conclusion.yielded]


def overall(diagnosis: Diagnosis) -> Code:
    """Return normal, abnormal or equivocal, and non-diagnostic for a signal that decides nothing."""
    if diagnosis.quality.verdict == "poor":
        return concept("unusable")
    return concept(diagnosis.conclusion.kind)
