"""Label rules, levels of diagnosis, and how coarse levels follow from fine ones.

A *level* is a set of classes that one record may carry; :mod:`heart_reader.data.tasks` registers
those there are. A network answers one or two levels directly (its *heads*); the others are
aggregated from the statements, the level ``all``, by noisy-OR. A binary level sets classes of
another level against each other (:class:`Contrast`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from heart_reader.errors import ConfigError

__all__ = ["ALL", "SUPERCLASSES", "SUPERDIAGNOSTIC", "Contrast", "LabelRule", "LabelSpace", "Level", "any_known", "sigmoid"]

SUPERCLASSES = ("NORM", "MI", "STTC", "CD", "HYP")
ALL = "all"
SUPERDIAGNOSTIC = "superdiagnostic"

LabelRule = Literal["any_likelihood", "likelihood_50"]


@dataclass(frozen=True)
class Contrast:
    """A binary question put to another level: do its positive classes apply, or its negative.

    Records to which both sides or neither apply have no true answer.

    Parameters
    ----------
    of
        Name of that level.
    positive, negative
        Positions of the classes there that make the answer 1, and of those that make it 0.
    """

    of: str
    positive: tuple[int, ...]
    negative: tuple[int, ...]

    def truth(self, labels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n_records, 1): 1, 0, or NaN where neither or both sides apply or it is not known.

        Parameters
        ----------
        labels
            (n_records, n_classes) of the level ``of``: 1, 0, or NaN where not known.

        Examples
        --------
        >>> labels = np.array([[1, 0, 0], [0, 0, 1], [0, 0, 0], [1, 1, 0]])
        >>> Contrast("level", (0,), (1, 2)).truth(labels).ravel().tolist()
        [1.0, 0.0, nan, nan]
        """
        yes, no = (any_known(labels[:, list(side)]) for side in (self.positive, self.negative))
        answers = np.full((len(labels), 1), np.nan, dtype=np.float32)
        answers[(yes == 1) & (no == 0)] = 1
        answers[(yes == 0) & (no == 1)] = 0
        return answers

    def probability(self, y_prob: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of the positive side if exactly one side applies, (n_rows, 1).

        It is p(1 - q) / (p(1 - q) + q(1 - p)), with p and q the noisy-OR of the sides' classes.

        Parameters
        ----------
        y_prob
            (n_rows, n_classes) of the level ``of``.
        """
        with np.errstate(divide="ignore"):  # a class that is certain: log1p(-1)
            log_absent = np.log1p(-y_prob)
        yes, no = (-np.expm1(log_absent[:, list(side)].sum(axis=1, keepdims=True)) for side in (self.positive, self.negative))
        positive, negative = yes * (1 - no), no * (1 - yes)
        total = positive + negative
        answer: NDArray[np.float64] = np.divide(positive, total, out=np.full_like(total, 0.5), where=total > 0)
        return answer


@dataclass(frozen=True)
class Level:
    """The classes of one level and how they follow from the statements.

    Parameters
    ----------
    name
        Such as ``"superdiagnostic"``.
    class_names
        n_classes names.
    members
        For each class the positions of its statements in the level ``all``; None where the level is
        not made of statements.
    contrast
        What a binary level asks of another one; such a level has one class. None for any other
        level.
    titles
        Class name to its name in plain English, for classes that have one; levels that differ only
        in these are equal.
    """

    name: str
    class_names: tuple[str, ...]
    members: tuple[tuple[int, ...], ...] | None = None
    contrast: Contrast | None = None
    titles: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class LabelSpace:
    """Every level a data set or a network knows, and which of them the network's outputs answer.

    Parameters
    ----------
    levels
        By name. If any level has ``members``, the level ``all`` is there too.
    heads
        Names of the levels that the outputs answer directly, in the order of the outputs.
    """

    levels: Mapping[str, Level]
    heads: tuple[str, ...]

    def __post_init__(self) -> None:
        unknown = [name for name in self.heads if name not in self.levels]
        if unknown or not self.heads:
            raise ConfigError(f"heads {unknown or 'none'}: choose among the levels of the data, {', '.join(self.levels)}")

    @property
    def n_outputs(self) -> int:
        """Number of logits."""
        return sum(len(self.levels[name].class_names) for name in self.heads)

    def head_slice(self, name: str) -> slice:
        """Return which outputs answer a head."""
        if name not in self.heads:
            raise ConfigError(f"level {name} is no head; the heads are {', '.join(self.heads)}")
        return self._head_slices[name]

    @cached_property
    def _head_slices(self) -> dict[str, slice]:
        sizes = [len(self.levels[head].class_names) for head in self.heads]
        stops = list(accumulate(sizes))
        return {head: slice(stop - size, stop) for head, size, stop in zip(self.heads, sizes, stops, strict=True)}

    def answerable(self) -> tuple[str, ...]:
        """Return the levels that follow from the heads, in the order of ``levels``."""
        return self._answerable

    @cached_property
    def _answerable(self) -> tuple[str, ...]:
        return tuple(name for name in self.levels if self._is_answered(name))

    def _is_answered(self, name: str) -> bool:
        level = self.levels[name]
        follows = level.contrast is not None and self._is_answered(level.contrast.of)
        return follows or name in self.heads or (level.members is not None and ALL in self.heads)

    @cached_property
    def groups(self) -> Mapping[str, Mapping[str, tuple[str, ...]]]:
        """Level that is made of statements to class to the codes of its statements."""
        if ALL not in self.levels:
            return {}
        codes = self.levels[ALL].class_names
        return {
            name: {label: tuple(codes[n] for n in group) for label, group in zip(level.class_names, level.members, strict=True)}
            for name, level in self.levels.items()
            if level.members is not None
        }

    def reading_levels(self, first: str) -> tuple[str, ...]:
        """Return the levels that a reading states, the level of interest first.

        A binary level stands there only if it is the one of interest: its probability presupposes
        that one of its sides applies, which nobody knows of an ECG that is yet to be read.
        """
        return (first, *(name for name in self.answerable() if name != first and self.levels[name].contrast is None))

    def screens(self, first: str) -> tuple[str, ...]:
        """Return the binary levels that a reading answers beside its levels, as questions apart."""
        return tuple(name for name in self.answerable() if name != first and self.levels[name].contrast is not None)

    def with_heads(self, heads: tuple[str, ...]) -> LabelSpace:
        """Return the same levels answered by other heads."""
        return LabelSpace(self.levels, heads)

    def probabilities(self, logits: NDArray[np.floating]) -> dict[str, NDArray[np.float64]]:
        """Turn logits into probabilities of every answerable level.

        A level with a head and with statements is the mean of its head and of the noisy-OR of its
        statements; a binary level, of its head and of what the level it questions says.

        Parameters
        ----------
        logits
            (n_rows, n_outputs).

        Returns
        -------
        dict
            Level name to (n_rows, n_classes), not yet calibrated.
        """
        exact = np.asarray(logits, dtype=np.float64)
        # Of every statement the logarithm of the probability that it does not apply.
        absent = -np.logaddexp(0.0, exact[:, self.head_slice(ALL)]) if ALL in self.heads else None
        present = sigmoid(exact).astype(np.float64, copy=False)
        answers: dict[str, NDArray[np.float64]] = {}
        for name in self.answerable():
            self._answer(name, present, absent, answers)
        return {name: answers[name] for name in self.answerable()}

    def _answer(
        self, name: str, present: NDArray[np.float64], absent: NDArray[np.float64] | None, answers: dict[str, NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """Add the probabilities of one answerable level, the mean of all ways to it, if missing."""
        if name in answers:
            return answers[name]
        level = self.levels[name]
        votes = []
        if name in self.heads:
            votes.append(present[:, self.head_slice(name)])
        if name in self._memberships and absent is not None:
            # Noisy-OR: the probability that at least one of independent members applies.
            votes.append(-np.expm1(absent @ self._memberships[name]))
        if level.contrast is not None and self._is_answered(level.contrast.of):
            votes.append(level.contrast.probability(self._answer(level.contrast.of, present, absent, answers)))
        answers[name] = votes[0] if len(votes) == 1 else sum(votes[1:], votes[0]) / len(votes)
        return answers[name]

    @cached_property
    def _memberships(self) -> dict[str, NDArray[np.float64]]:
        """Level to the matrix (n_statements, n_classes) of which statement is in which class."""
        matrices = {}
        for name, level in self.levels.items():
            if name != ALL and level.members is not None and ALL in self.levels:
                matrices[name] = np.zeros((len(self.levels[ALL].class_names), len(level.members)))
                for column, group in enumerate(level.members):
                    matrices[name][list(group), column] = 1.0
        return matrices

    def to_json(self) -> dict[str, Any]:
        """Return plain values; :meth:`from_json` is the inverse."""
        return {
            "heads": list(self.heads),
            "levels": {
                name: {
                    "class_names": list(level.class_names),
                    "aggregation": _aggregation_to_json(level),
                    **({"titles": dict(level.titles)} if level.titles else {}),
                }
                for name, level in self.levels.items()
            },
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> LabelSpace:
        """Make a label space from :meth:`to_json`.

        Raises
        ------
        ConfigError
            If a level follows from others by a rule that is not known.
        """
        levels = {
            name: Level(
                name, tuple(entry["class_names"]), **_aggregation_from_json(entry["aggregation"]), titles=dict(entry.get("titles", {}))
            )
            for name, entry in values["levels"].items()
        }
        return cls(levels, tuple(values["heads"]))


def _aggregation_to_json(level: Level) -> dict[str, Any] | None:
    if level.members is not None:
        return {"rule": "noisy_or", "members": [list(group) for group in level.members]}
    if level.contrast is not None:
        of, positive, negative = level.contrast.of, level.contrast.positive, level.contrast.negative
        return {"rule": "contrast", "of": of, "positive": list(positive), "negative": list(negative)}
    return None


def _aggregation_from_json(values: Mapping[str, Any] | None) -> dict[str, Any]:
    if values is None:
        return {}
    if values["rule"] == "noisy_or":
        return {"members": tuple(tuple(group) for group in values["members"])}
    if values["rule"] == "contrast":
        return {"contrast": Contrast(values["of"], tuple(values["positive"]), tuple(values["negative"]))}
    raise ConfigError(f"aggregation rule {values['rule']!r}; noisy_or and contrast are known: use the version that wrote this checkpoint")


def any_known(labels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return whether any label of a row applies, (n_rows,): 1, 0, or NaN where not known.

    Parameters
    ----------
    labels
        (n_rows, n_labels): 1, 0, or NaN where not known.

    Examples
    --------
    >>> any_known(np.array([[1, np.nan], [0, 0], [0, np.nan]])).tolist()
    [1.0, 0.0, nan]
    """
    present = (labels == 1).any(axis=1)
    absent = (labels == 0).all(axis=1)
    return np.select([present, absent], [1.0, 0.0], np.nan).astype(np.float32)


def sigmoid(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the logistic function without overflow.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    e = np.exp(-np.abs(logits))
    answer: NDArray[np.floating] = np.where(logits >= 0, 1.0, e) / (1.0 + e)
    return answer
