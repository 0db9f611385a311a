"""What reads pieces elsewhere, as the rest of a run sees it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from heart_reader.bulk.items import Item
from heart_reader.bulk.piece import Done

__all__ = ["Died", "Engine"]


class Died(NamedTuple):
    """A process ended while it read a piece; ``why`` in a few words."""

    why: str


class Engine(Protocol):
    """Processes that read pieces, on this machine or on several."""

    @property
    def n_free(self) -> int:
        """How many pieces can be given now."""

    def give(self, number: int, items: tuple[Item, ...]) -> None:
        """Have a piece read, under a number of the caller's."""

    def take(self) -> tuple[int, Done | Died]:
        """Wait for a piece, and return its number and what came of it.

        Raises
        ------
        HeartReaderError
            If reading cannot go on at all.
        """

    def close(self) -> None:
        """End the processes at once, whatever they do."""
