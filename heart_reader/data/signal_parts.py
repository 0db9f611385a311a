"""A signal that is made part by part: one of hours is decoded in double precision, but never lies
in memory so as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SignalParts"]

# Values of one part, 32 MB in double precision; eleven minutes of twelve leads at 500 Hz are one
# part.
PART_VALUES = 1 << 22


@dataclass(frozen=True, eq=False)
class SignalParts:
    """The signal of a record before it is decoded.

    Parameters
    ----------
    n_leads, n_times
        Its shape.
    cut
        Gives (n_leads, stop - start) values from ``start`` and ``stop``; ``start`` is even.
    """

    n_leads: int
    n_times: int
    cut: Callable[[int, int], NDArray[np.floating]]

    @classmethod
    def of(cls, values: NDArray[np.floating]) -> SignalParts:
        """Make parts of (n_leads, n_times) values that are in memory already."""
        n_leads, n_times = values.shape
        return cls(n_leads, n_times, lambda start, stop: values[:, start:stop])

    @property
    def is_one(self) -> bool:
        """Whether the whole signal is one part."""
        return self.n_leads * self.n_times <= PART_VALUES

    def whole(self) -> NDArray[np.floating]:
        """Return all of it, (n_leads, n_times)."""
        return self.cut(0, self.n_times)

    def rows(self, chosen: Sequence[int]) -> SignalParts:
        """Keep some of the leads."""
        return SignalParts(len(chosen), self.n_times, lambda start, stop: self.cut(start, stop)[chosen])

    def __iter__(self) -> Iterator[tuple[int, NDArray[np.floating]]]:
        """Give the first time point of each part, and the part."""
        step = max(2, PART_VALUES // self.n_leads & ~1)
        for start in range(0, self.n_times, step):
            yield start, self.cut(start, min(start + step, self.n_times))
