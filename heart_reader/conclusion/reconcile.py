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
from typing import Any, NamedTuple

from heart_reader.conclusion.table import Condition, read_table

__all__ = ["ClassReading", "Reconciled", "Yielded", "broken_conditions", "reconcile"]

NORMAL = "NORM"
_EDGE = 1e-9


class ClassReading(NamedTuple):
    """One class of one level; a tuple, since a reading makes hundreds.

    Parameters
    ----------
    probability
        Calibrated probability that the label applies, mean over windows.
    threshold
        From the validation split; None where that split had too few such records to choose one.
    decision
        ``"present"``, ``"absent"`` or ``"uncertain"``.
    zone
        Lower and upper limit of the uncertain zone: read as absent below it, as present above it.
        None where the class has none; then the threshold alone decides, if there is one.
    maximum
        Highest probability of a single window, given for recordings longer than the usual ten
        seconds.
    """

    probability: float
    threshold: float | None
    decision: str
    zone: tuple[float, float] | None = None
    maximum: float | None = None

    @property
    def margin(self) -> float:
        """How far the log-odds lie above those of the threshold."""
        return _log_odds(self.probability) - _log_odds(self.threshold if self.threshold is not None else 0.5)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        probability, threshold, decision, zone, maximum = self
        said = {"probability": probability, "threshold": threshold, "decision": decision, "zone": zone and [*zone]}
        return said if maximum is None else {**said, "maximum": maximum}


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
    statements: Mapping[str, ClassReading],
    superclasses: Mapping[str, ClassReading],
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
    places = read_table().places
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
    rivals = _rivals(candidates)
    chosen = _best(candidates, rivals, superclass_of)
    for n, candidate in enumerate(candidates):
        if n not in chosen and not candidate.is_superclass:
            winners = [candidates[other] for other in rivals[n] & chosen]
            to = max(winners, key=lambda winner: winner.margin).code if winners else None
            yielded.append(Yielded(candidate.code, to=to, without=None if winners else superclass_of.get(candidate.code)))
    stated = {candidates[n].code for n in chosen if not candidates[n].is_superclass}
    return Reconciled(
        tuple(sorted(stated, key=lambda code: places.get(code, len(places)))),
        tuple(candidates[n].code for n in sorted(chosen) if candidates[n].is_superclass),
        tuple(sorted(yielded, key=lambda item: places.get(item.code, len(places)))),
    )


def broken_conditions(codes: Iterable[str], measured: Mapping[str, float]) -> dict[str, tuple[Condition, float]]:
    """Return code to the condition that what was measured breaks, and the value."""
    wanted = set(codes)
    return {
        rule.code: (rule, measured[rule.measurement])
        for rule in read_table().conditions
        if rule.code in wanted and rule.measurement in measured and not rule.holds(measured[rule.measurement])
    }


class _Candidate(NamedTuple):
    code: str
    is_superclass: bool
    margin: float


def _best(candidates: Sequence[_Candidate], rivals: Sequence[set[int]], superclass_of: Mapping[str, str]) -> set[int]:
    """Return the places of the best set of superclasses and of statements beside them."""
    supers = {n: candidate.code for n, candidate in enumerate(candidates) if candidate.is_superclass}
    parents = {n: superclass_of.get(candidate.code) for n, candidate in enumerate(candidates) if not candidate.is_superclass}
    best_score, best = -math.inf, set[int]()
    # One below its threshold that no statement brings in never gains.
    gaining = [n for n, name in supers.items() if candidates[n].margin >= 0 or name in parents.values()]
    for kept in chain.from_iterable(combinations(gaining, size) for size in range(len(gaining) + 1)):
        barred = set[int]().union(*(rivals[n] for n in kept))
        if not barred.isdisjoint(kept):
            continue
        left_out = {name for n, name in supers.items() if n not in kept}
        fitting = [n for n, parent in parents.items() if n not in barred and parent not in left_out]
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


def _rivals(candidates: Sequence[_Candidate]) -> list[set[int]]:
    """Return for each candidate the places of those that exclude it."""
    excluded = read_table().rivals
    found: list[set[int]] = [set() for _ in candidates]
    for i, first in enumerate(candidates):
        against = excluded.get(first.code, frozenset())
        for j, second in enumerate(candidates[:i]):
            both = first.is_superclass and second.is_superclass
            if NORMAL in (first.code, second.code) if both else second.code in against:
                found[i].add(j)
                found[j].add(i)
    return found


def _log_odds(probability: float) -> float:
    inside = min(max(probability, _EDGE), 1 - _EDGE)
    return math.log(inside) - math.log1p(-inside)
