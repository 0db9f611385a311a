"""The most probable set of statements that can stand together, given their probabilities and what was measured.

Each statement read as present is a candidate, and so is each superclass. A set of them is scored by how far the log-odds of its members
lie above those of their thresholds, which is where each is as likely to be right as to be wrong by the rule that chose the thresholds. A
stated statement states its superclass, at the cost of that superclass where it lies below its own threshold. Among the sets that break no
rule the best one is found by trying them all: there are few candidates, and most of them exclude nothing.

References
----------
Mason J. W. et al. AHA/ACCF/HRS recommendations for the standardization and interpretation of the electrocardiogram, part II. Circulation
115 (2007) 1325-1332.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heart_reader.conclusion.table import Condition, Table, read_table

__all__ = ["Answer", "Reconciled", "Yielded", "broken_conditions", "reconcile"]

# More candidates than these are not tried in all combinations: the least certain ones beyond yield to nothing and are dropped.
MOST_CANDIDATES = 14
NORMAL = "NORM"
_EDGE = 1e-9


@dataclass(frozen=True)
class Answer:
    """What the reader says of one class: probability, threshold (None where there is none) and decision."""

    probability: float
    threshold: float | None
    decision: str

    @property
    def margin(self) -> float:
        """How far the log-odds lie above those of the threshold."""
        return _log_odds(self.probability) - _log_odds(self.threshold if self.threshold is not None else 0.5)


@dataclass(frozen=True)
class Yielded:
    """A statement that was read as present and is not stated.

    Parameters
    ----------
    code
        The statement.
    condition, value
        What was measured against it; or None.
    to
        The statement or superclass that it yields to; or None.
    """

    code: str
    condition: Condition | None = None
    value: float | None = None
    to: str | None = None


@dataclass(frozen=True)
class Reconciled:
    """The outcome.

    Parameters
    ----------
    stated
        Statements, in the order of the table.
    superclasses
        Those that are stated.
    yielded
        What is not stated although it was read as present.
    """

    stated: tuple[str, ...]
    superclasses: tuple[str, ...]
    yielded: tuple[Yielded, ...]


def reconcile(
    statements: Mapping[str, Answer],
    superclasses: Mapping[str, Answer],
    superclass_of: Mapping[str, str],
    measured: Mapping[str, float],
) -> Reconciled:
    """Find the most probable set of statements and superclasses that can stand together.

    Parameters
    ----------
    statements, superclasses
        Code to what the reader says of it.
    superclass_of
        Code of a diagnostic statement to its superclass.
    measured
        Name to value of what was measured; what is not there sets no condition.
    """
    table = read_table()
    order = {code: place for place, code in enumerate(table.names)}
    broken = broken_conditions((code for code, answer in statements.items() if answer.decision == "present"), measured)
    yielded = [Yielded(condition.code, condition, value) for condition, value in broken.values()]
    present = {code: answer.margin for code, answer in statements.items() if answer.decision == "present" and code not in broken}
    certain = sorted(present, key=lambda code: -present[code])[: MOST_CANDIDATES - len(superclasses)]
    candidates = [_Candidate(code, False, present[code]) for code in certain]
    # A superclass that is not read as present never gains by being stated, but a statement may bring it in.
    candidates += [
        _Candidate(name, True, answer.margin if answer.decision == "present" else min(answer.margin, -_EDGE))
        for name, answer in superclasses.items()
    ]
    conflicts = _conflicts(candidates, table)
    chosen = _best(candidates, conflicts, superclass_of)
    for n, candidate in enumerate(candidates):
        if n in chosen or candidate.is_superclass:
            continue
        rivals = [candidates[other] for pair in conflicts if n in pair for other in pair - {n} if other in chosen]
        to = max(rivals, key=lambda rival: rival.margin).code if rivals else superclass_of.get(candidate.code)
        yielded.append(Yielded(candidate.code, to=to))
    yielded += [Yielded(code, to=certain[0]) for code in present.keys() - set(certain)]
    stated = {candidates[n].code for n in chosen if not candidates[n].is_superclass}
    return Reconciled(
        tuple(sorted(stated, key=lambda code: order.get(code, len(order)))),
        tuple(candidates[n].code for n in sorted(chosen) if candidates[n].is_superclass),
        tuple(sorted(yielded, key=lambda item: order.get(item.code, len(order)))),
    )


def broken_conditions(codes: Iterable[str], measured: Mapping[str, float]) -> dict[str, tuple[Condition, float]]:
    """Return code to the condition that what was measured breaks, and the value."""
    wanted = set(codes)
    return {
        rule.code: (rule, measured[rule.measurement])
        for rule in read_table().conditions
        if rule.code in wanted and rule.measurement in measured and not rule.holds(measured[rule.measurement])
    }


@dataclass(frozen=True)
class _Candidate:
    code: str
    is_superclass: bool
    margin: float


def _best(candidates: Sequence[_Candidate], conflicts: Sequence[frozenset[int]], superclass_of: Mapping[str, str]) -> set[int]:
    """Try every set of candidates and return the places of the best one."""
    n = len(candidates)
    sets = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(bool)
    allowed = np.ones(len(sets), dtype=bool)
    for i, j in map(sorted, conflicts):
        allowed &= ~(sets[:, i] & sets[:, j])
    place_of = {candidate.code: place for place, candidate in enumerate(candidates) if candidate.is_superclass}
    for place, candidate in enumerate(candidates):
        of = superclass_of.get(candidate.code)
        if not candidate.is_superclass and of in place_of:
            allowed &= ~sets[:, place] | sets[:, place_of[of]]
    score: NDArray[np.float64] = sets @ np.array([candidate.margin for candidate in candidates], dtype=np.float64)
    return set(np.flatnonzero(sets[np.where(allowed, score, -np.inf).argmax()]).tolist())


def _conflicts(candidates: Sequence[_Candidate], table: Table) -> list[frozenset[int]]:
    """Places of the candidates that do not stand together: by the table, and NORM beside another superclass."""
    pairs = {frozenset((rule.first, rule.second)) for rule in table.exclusions}
    found = []
    for i, first in enumerate(candidates):
        for j, second in enumerate(candidates[:i]):
            codes = frozenset((first.code, second.code))
            if first.is_superclass and second.is_superclass:
                excluded = NORMAL in codes
            elif first.is_superclass or second.is_superclass:
                # A rhythm that is not normal has no superclass of its own.
                excluded = (first if first.is_superclass else second).code == NORMAL and codes in pairs
            else:
                excluded = codes in pairs
            if excluded:
                found.append(frozenset((i, j)))
    return found


def _log_odds(probability: float) -> float:
    inside = min(max(probability, _EDGE), 1 - _EDGE)
    return math.log(inside) - math.log1p(-inside)
