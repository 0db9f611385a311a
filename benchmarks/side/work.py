"""What one side of a comparison does, over and over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Answers", "Work"]

Answers = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Work:
    """Items, and what is done with each.

    Parameters
    ----------
    items
        Each is answered once, before any time is taken.
    do
        Gives the answer of an item.
    collect
        Makes arrays of all answers, to be compared with those of the other side.
    timed
        So many of the items, the first ones, are worked through in a round; None means all.
    units
        How many of what is counted, such as records or draws, one item stands for.
    repeats
        How often all timed items are worked through in a round.
    """

    items: Sequence[Any]
    do: Callable[[Any], Any]
    collect: Callable[[list[Any]], Answers]
    timed: int | None = None
    units: float = 1.0
    repeats: int = 1

    @classmethod
    def of_arrays(cls, items: Sequence[Any], do: Callable[[Any], Any], **rest: Any) -> Work:
        """Work whose answers are arrays of one shape; they are stacked as ``values``."""
        return cls(items, do, lambda answers: {"values": np.stack(answers)}, **rest)
