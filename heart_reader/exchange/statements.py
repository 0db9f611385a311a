"""What a reading states, line by line, with the codes and the words that leave with it."""

from __future__ import annotations

from typing import NamedTuple

from heart_reader.diagnosis import NOTICE, Diagnosis
from heart_reader.exchange.codes import Code, concept, statement_code
from heart_reader.messages import Message, message

__all__ = ["Statement", "in_words", "not_stated", "overall", "statements_of"]


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
    """Return the lines of the conclusion.

    What is only possible has no code: a program that collects codes would take it for found.
    """
    stated = []
    for line in diagnosis.conclusion.lines:
        found = () if _is_possible(line.text) else (statement_code(code) for code in line.codes)
        codes = tuple(dict.fromkeys(code for code in found if code is not None))
        stated.append(Statement(str(line.text), codes, line.probability))
    return stated


def not_stated(diagnosis: Diagnosis) -> list[str]:
    """Return sentences about what was read as present and yields to something else."""
    return [f"{text} ({probability:.0%})" for _, probability, text in diagnosis.conclusion.yielded]


def in_words(diagnosis: Diagnosis) -> str:
    """Return the conclusion in a few sentences, with what it is not."""
    sentences: list[str] = [diagnosis.conclusion.headline]
    if diagnosis.conclusion.kind != "abnormal" and diagnosis.quality.verdict != "poor":
        sentences.append(message("no_proof_of_normal"))
    return " ".join([*sentences, NOTICE])


def _is_possible(text: Message) -> bool:
    measured = text.values.get("measured")
    return isinstance(measured, Message) and measured.code == "possible"


def overall(diagnosis: Diagnosis) -> Code:
    """Return normal, abnormal or equivocal; non-diagnostic for a signal that decides nothing."""
    if diagnosis.quality.verdict == "poor":
        return concept("unusable")
    return concept(diagnosis.conclusion.kind)
