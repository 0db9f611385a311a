"""Where the time of a piece of work goes: stages by name, noted only while somebody asks.

Reading a file, preparing, measuring, the network and the conclusion are marked where they are
written. A server asks, for its counters and traces; elsewhere a mark costs a look-up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
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


def stage(name: str, items: int = 0) -> AbstractContextManager[None]:
    """Return a context that marks a stage; within one of the same name it is part of that.

    Parameters
    ----------
    items
        How many things are worked on.
    """
    stages = _noted.get()
    return nullcontext() if stages is None else _Mark(stages, name, items)


class _Mark:
    """One time that a stage is gone through."""

    def __init__(self, stages: Stages, name: str, items: int) -> None:
        self._stages, self._name, self._items = stages, name, items
        self._stage: Stage | None = None

    def __enter__(self) -> None:
        now = time.time_ns()
        one = self._stages.setdefault(self._name, Stage(now, now))
        if not one.is_open:
            one.is_open, self._stage = True, one
            self._begun_ns, self._counted_ns = now, time.perf_counter_ns()

    def __exit__(self, *_: object) -> None:
        if (one := self._stage) is None:
            return
        took = time.perf_counter_ns() - self._counted_ns
        one.busy_ns += took
        one.calls += 1
        one.items += self._items
        one.ended_ns, one.is_open = self._begun_ns + took, False


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
