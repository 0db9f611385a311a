"""Where the time of a piece of work goes: stages by name, noted only while somebody asks.

Reading a file, preparing, measuring, the network and the conclusion are marked where they are
written. A server asks, for its counters and traces; elsewhere a mark costs a look-up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar

__all__ = ["Stage", "Stages", "noted", "noting", "stage", "staged"]

P = ParamSpec("P")
R = TypeVar("R")


@dataclass
class Stage:
    """All times that one stage was gone through, however often.

    Parameters
    ----------
    begun_ns, ended_ns
        When the first began and the last ended, in nanoseconds since 1970.
    busy_ns
        What all of them took.
    calls
        How often.
    items
        How many things were worked on, such as windows.
    """

    begun_ns: int
    ended_ns: int
    busy_ns: int = 0
    calls: int = 0
    items: int = 0
    is_open: bool = False


class Stages(dict[str, Stage]):
    """Stages by name, in the order in which they began."""

    def to_json(self) -> list[tuple[str, int, int, int, int, int]]:
        """Return them as plain values."""
        return [(name, one.begun_ns, one.ended_ns, one.busy_ns, one.calls, one.items) for name, one in self.items()]

    def add(self, values: Iterable[tuple[str, int, int, int, int, int]]) -> None:
        """Take what :meth:`to_json` returned elsewhere."""
        for name, begun_ns, ended_ns, busy_ns, calls, items in values:
            one = self.setdefault(name, Stage(begun_ns, ended_ns))
            one.ended_ns = max(one.ended_ns, ended_ns)
            one.busy_ns, one.calls, one.items = one.busy_ns + busy_ns, one.calls + calls, one.items + items


_noted: ContextVar[Stages | None] = ContextVar("stages", default=None)


def noted() -> Stages | None:
    """Return the stages of the work that is under way, None where nobody asks."""
    return _noted.get()


@contextmanager
def noting() -> Iterator[Stages]:
    """Note the stages of what is done inside.

    Examples
    --------
    >>> with noting() as stages:
    ...     for n_windows in (32, 8):
    ...         with stage("network", n_windows):
    ...             pass
    >>> [(name, one.calls, one.items) for name, one in stages.items()]
    [('network', 2, 40)]
    """
    stages = Stages()
    token = _noted.set(stages)
    try:
        yield stages
    finally:
        _noted.reset(token)


@contextmanager
def stage(name: str, items: int = 0) -> Iterator[None]:
    """Mark a stage; within one of the same name it is part of that.

    Parameters
    ----------
    items
        How many things are worked on.
    """
    stages = _noted.get()
    if stages is None:
        yield
        return
    now = time.time_ns()
    one = stages.setdefault(name, Stage(now, now))
    if one.is_open:
        yield
        return
    one.is_open = True
    begun = time.perf_counter_ns()
    try:
        yield
    finally:
        took = time.perf_counter_ns() - begun
        one.busy_ns, one.calls, one.items, one.ended_ns, one.is_open = (
            one.busy_ns + took,
            one.calls + 1,
            one.items + items,
            now + took,
            False,
        )


def staged(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark every call of a function as a stage."""

    def mark(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def marked(*args: P.args, **kwargs: P.kwargs) -> R:
            if _noted.get() is None:
                return function(*args, **kwargs)
            with stage(name):
                return function(*args, **kwargs)

        return marked

    return mark
