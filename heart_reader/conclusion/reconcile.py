"""Find the most probable consistent set of statements, given the measurements.

Each statement read as present is a candidate, and so is each superclass. A set of them is scored by
how far the log-odds of its members lie above those of their thresholds, which is where each is as
likely to be right as to be wrong by the rule that chose the thresholds. A stated statement states
its superclass, at the cost of that superclass where it lies below its own threshold. Among the sets
that break no rule the best one is found exactly: for each set of superclasses, by taking or leaving
each statement that excludes another.

References
----------
Mason J. W. et al. AHA/ACCF/HRS recommendations for the standardization and interpretation of the
electrocardiogram, part II. Circulation 115 (2007) 1325-1332.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from typing import NamedTuple

from heart_reader.conclusion.table import Condition, Table, read_table

__all__ = ["Answer", "Reconciled", "Yielded", "broken_conditions", "reconcile"]

NORMAL = "NORM"
_EDGE = 1e-9


class Answer(NamedTuple):
    """Probability, threshold (None without one) and decision of one class."""

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
    without
        The superclass without which it is not stated; or None.
    """

    code: str
    condition: Condition | None = None
    value: float | None = None
    to: str | None = None
    without: str | None = None


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
        Code to what the model says of it.
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
    candidates = [_Candidate(code, False, margin) for code, margin in present.items()]
    # A superclass that is not read as present never gains by being stated, but a statement may
    # bring it in.
    candidates += [
        _Candidate(name, True, answer.margin if answer.decision == "present" else min(answer.margin, -_EDGE))
        for name, answer in superclasses.items()
    ]
    rivals = _rivals(candidates, table)
    chosen = _best(candidates, rivals, superclass_of)
    for n, candidate in enumerate(candidates):
        if n not in chosen and not candidate.is_superclass:
            winners = [candidates[other] for other in rivals[n] & chosen]
            to = max(winners, key=lambda winner: winner.margin).code if winners else None
            yielded.append(Yielded(candidate.code, to=to, without=None if winners else superclass_of.get(candidate.code)))
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


def _best(candidates: Sequence[_Candidate], rivals: Sequence[set[int]], superclass_of: Mapping[str, str]) -> set[int]:
    """Return the places of the best set of superclasses and of statements beside them."""
    supers = [n for n, candidate in enumerate(candidates) if candidate.is_superclass]
    known = {candidates[n].code for n in supers}
    best_score, best = -math.inf, set[int]()
    for kept in chain.from_iterable(combinations(supers, size) for size in range(len(supers) + 1)):
        if any(rivals[n] & set(kept) for n in kept):
            continue
        names, barred = {candidates[n].code for n in kept}, set[int]().union(*(rivals[n] for n in kept))
        fitting = [
            n
            for n, candidate in enumerate(candidates)
            if not candidate.is_superclass and n not in barred and superclass_of.get(candidate.code) not in known - names
        ]
        score, chosen = _heaviest(fitting, candidates, rivals)
        score += sum(candidates[n].margin for n in kept)
        if score > best_score:
            best_score, best = score, chosen | set(kept)
    return best


def _heaviest(places: Sequence[int], candidates: Sequence[_Candidate], rivals: Sequence[set[int]]) -> tuple[float, set[int]]:
    """Return the largest sum of margins of places without rivals among them, and these places."""
    if not places:
        return 0.0, set()
    first, rest = places[0], places[1:]
    score, chosen = _heaviest([n for n in rest if n not in rivals[first]], candidates, rivals)
    score, chosen = score + candidates[first].margin, chosen | {first}
    if candidates[first].margin >= 0 and rivals[first].isdisjoint(rest):
        return score, chosen
    without = _heaviest(rest, candidates, rivals)
    return without if without[0] > score else (score, chosen)


def _rivals(candidates: Sequence[_Candidate], table: Table) -> list[set[int]]:
    """Return for each candidate the places of those that exclude it."""
    pairs = {frozenset((rule.first, rule.second)) for rule in table.exclusions}
    found: list[set[int]] = [set() for _ in candidates]
    for i, first in enumerate(candidates):
        for j, second in enumerate(candidates[:i]):
            codes = frozenset((first.code, second.code))
            both = first.is_superclass and second.is_superclass
            if NORMAL in codes if both else codes in pairs:
                found[i].add(j)
                found[j].add(i)
    return found


def _log_odds(probability: float) -> float:
    inside = min(max(probability, _EDGE), 1 - _EDGE)
    return math.log(inside) - math.log1p(-inside)
