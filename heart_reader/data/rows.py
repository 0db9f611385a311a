"""Random numbers for a part of a batch, equal to those it gets when the batch is drawn whole."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["RowsOf"]


class RowsOf(np.random.Generator):
    """A generator for some rows of a batch: each gets what it would get among all of them.

    What has one number (or more) per row is drawn for all rows, and those of the others are thrown
    away; anything else is drawn as usual. So processes that share a batch draw alike.

    Parameters
    ----------
    rng
        Whose numbers are drawn; it moves on as if the whole batch were drawn from it.
    n_rows
        Rows of the whole batch.
    rows
        (n,) which of them are wanted.

    Examples
    --------
    >>> whole = np.random.default_rng(0).random(4)
    >>> part = RowsOf(np.random.default_rng(0), 4, np.array([2, 3])).random(2)
    >>> (part == whole[2:]).all()
    np.True_
    """

    def __init__(self, rng: np.random.Generator, n_rows: int, rows: NDArray[np.integer]) -> None:
        super().__init__(rng.bit_generator)
        self._n_rows = n_rows
        self._rows = rows

    def random(self, size: Any = None, *given: Any, **named: Any) -> Any:
        """Return numbers from 0 to 1."""
        return self._of_rows(super().random, size, *given, **named)

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        """Return numbers from ``low`` to ``high``."""
        return self._of_rows(lambda shape: super(RowsOf, self).uniform(low, high, shape), size)

    def integers(self, low: Any, high: Any = None, size: Any = None, *given: Any, **named: Any) -> Any:
        """Return whole numbers."""
        return self._of_rows(lambda shape: super(RowsOf, self).integers(low, high, shape, *given, **named), size)

    def standard_normal(self, size: Any = None, *given: Any, **named: Any) -> Any:
        """Return numbers of the standard normal distribution."""
        return self._of_rows(super().standard_normal, size, *given, **named)

    def _of_rows(self, draw: Any, size: Any, *given: Any, **named: Any) -> Any:
        shape = (size,) if isinstance(size, int) else tuple(size or ())
        if not shape or shape[0] != len(self._rows):
            return draw(size, *given, **named)
        return draw((self._n_rows, *shape[1:]), *given, **named)[self._rows]
