"""Work on many pieces in several processes, with the answers in the order of the pieces."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import current_process
from typing import TypeVar

from heart_reader.errors import HeartReaderError
from heart_reader.machine import usable_cores

__all__ = ["in_order", "n_jobs"]

Piece = TypeVar("Piece")
Answer = TypeVar("Answer")

# So many pieces per process are under way or wait to be taken: memory does not grow with their
# number.
_WAITING = 3


def n_jobs(asked: int | None, n_pieces: int) -> int:
    """Return how many processes to start: those asked for or one per core, at most one per piece.

    A process that may start none, being one of several itself, works alone.

    Examples
    --------
    >>> n_jobs(8, 3), n_jobs(2, 100), n_jobs(1, 0)
    (3, 2, 1)
    """
    if current_process().daemon:
        return 1
    return max(1, min(asked or usable_cores(), n_pieces))


def in_order(work: Callable[[Piece], Answer], pieces: Iterable[Piece], jobs: int) -> Iterator[Answer]:
    """Yield what a function makes of each piece, in their order.

    Parameters
    ----------
    work
        A function of a module, for other processes find it by its name.
    pieces
        Taken only as they are worked on.
    jobs
        Number of processes; 1 works in this one.

    Raises
    ------
    HeartReaderError
        If one of the processes was ended from outside, as a system does that runs out of memory.
    """
    if jobs == 1:
        yield from map(work, pieces)
        return
    waiting = iter(pieces)
    with ProcessPoolExecutor(jobs, initializer=_leave_stopping_to_the_first) as pool:
        running: deque[Future[Answer]] = deque(pool.submit(work, piece) for piece in islice(waiting, jobs * _WAITING))
        try:
            while running:
                answer = running.popleft().result()
                running.extend(pool.submit(work, piece) for piece in islice(waiting, 1))
                yield answer
        except BrokenProcessPool:
            raise HeartReaderError(
                "one of the processes was ended from outside, most likely because memory ran out: close other programs and run again "
                '(and a script of your own, where it is run by Python on Windows or a Mac, begins under if __name__ == "__main__")'
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _leave_stopping_to_the_first() -> None:
    """Let a key that stops the program end the process that was started alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
