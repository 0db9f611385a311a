"""Label rules, levels of diagnosis, and how coarse levels follow from fine ones.

A *level* is a set of classes that one record may carry: ``all`` (71 SCP-ECG statements), ``diagnostic`` (44), ``subdiagnostic``
(23), ``superdiagnostic`` (5), ``form`` (19), ``rhythm`` (12). A network answers one or two levels directly (its *heads*); the
others are aggregated from the statements by noisy-OR.

References
----------
Strodthoff N. et al. Deep learning for ECG analysis: benchmarks and insights from PTB-XL. IEEE JBHI 25 (2021) 1519-1528.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from heart_reader.errors import ConfigError

__all__ = ["ALL", "LEVELS", "SUPERCLASSES", "SUPERDIAGNOSTIC", "LabelRule", "LabelSpace", "Level", "sigmoid"]

SUPERCLASSES = ("NORM", "MI", "STTC", "CD", "HYP")
ALL = "all"
SUPERDIAGNOSTIC = "superdiagnostic"
LEVELS = (ALL, "diagnostic", "subdiagnostic", SUPERDIAGNOSTIC, "form", "rhythm")

LabelRule = Literal["any_likelihood", "likelihood_50"]


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
        For each class the positions of its statements in the level ``all``; None where the level is not made of statements.
    """

    name: str
    class_names: tuple[str, ...]
    members: tuple[tuple[int, ...], ...] | None = None


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
        start = 0
        for head in self.heads:
            stop = start + len(self.levels[head].class_names)
            if head == name:
                return slice(start, stop)
            start = stop
        raise ConfigError(f"level {name} is no head; the heads are {', '.join(self.heads)}")

    def answerable(self) -> tuple[str, ...]:
        """Return the levels that follow from the heads, in the order of ``levels``."""
        return tuple(name for name, level in self.levels.items() if name in self.heads or (level.members is not None and ALL in self.heads))

    def with_heads(self, heads: tuple[str, ...]) -> LabelSpace:
        """Return the same levels answered by other heads."""
        return LabelSpace(self.levels, heads)

    def probabilities(self, logits: NDArray[np.floating]) -> dict[str, NDArray[np.float64]]:
        """Turn logits into probabilities of every answerable level.

        A level with a head and with statements is the mean of its head and of the noisy-OR of its statements.

        Parameters
        ----------
        logits
            (n_rows, n_outputs).

        Returns
        -------
        dict
            Level name to (n_rows, n_classes), not yet calibrated.
        """
        logits = np.asarray(logits, dtype=np.float64)
        answers = {}
        for name in self.answerable():
            level = self.levels[name]
            votes = []
            if name in self.heads:
                votes.append(sigmoid(logits[:, self.head_slice(name)]))
            if name != ALL and level.members is not None and ALL in self.heads:
                votes.append(_noisy_or(logits[:, self.head_slice(ALL)], level.members))
            answers[name] = np.mean(votes, axis=0)
        return answers

    def to_json(self) -> dict[str, Any]:
        """Return plain values; :meth:`from_json` is the inverse."""
        return {
            "heads": list(self.heads),
            "levels": {
                name: {
                    "class_names": list(level.class_names),
                    "aggregation": None if level.members is None else {"rule": "noisy_or", "members": [list(m) for m in level.members]},
                }
                for name, level in self.levels.items()
            },
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> LabelSpace:
        """Make a label space from :meth:`to_json`."""
        levels = {}
        for name, entry in values["levels"].items():
            rule = entry["aggregation"]
            members = None if rule is None else tuple(tuple(m) for m in rule["members"])
            levels[name] = Level(name, tuple(entry["class_names"]), members)
        return cls(levels, tuple(values["heads"]))


def sigmoid(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the logistic function without overflow.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    e = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1.0, e) / (1.0 + e)


def _noisy_or(logits: NDArray[np.floating], members: tuple[tuple[int, ...], ...]) -> NDArray[np.float64]:
    """Probability that at least one member applies, taking members as independent: 1 - prod(1 - p)."""
    log_absent = -np.logaddexp(0.0, logits)
    return np.stack([-np.expm1(log_absent[:, list(group)].sum(axis=1)) for group in members], axis=1)
