"""Processes that work on one piece at a time, ended on excess and replaced when they die."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from threading import Event, Lock
from typing import Any

import anyio
from anyio import to_thread
from starlette.requests import ClientDisconnect, Request

from heart_reader.errors import CheckpointError
from heart_reader.frontend.nursery import Copy, Nursery, can_copy, new_nursery
from heart_reader.frontend.process import Died, GivenUp, Process, TooSlow
from heart_reader.frontend.refusals import RequestRefused
from heart_reader.frontend.settings import MEGABYTE, Settings
from heart_reader.frontend.worker import NotCopyable, OutOfMemory, Prepare, work

__all__ = ["NO_PROCESS", "GivenUp", "InThreads", "Workers", "run_for", "start_work"]

log = logging.getLogger("heart_reader.frontend")

# Half an hour of twelve leads at 500 Hz: what is longer takes longer.
USUAL_BYTES = 24 * MEGABYTE
# What killed a process may have had nothing to do with what it read.
ATTEMPTS = 2

SHORTER = "send a shorter part of it"
NO_PROCESS = "The processes that read cannot be started: try again later, and inform the operator of this server."


class InThreads:
    """Work in the callers' threads, which Python cannot end: time and memory are unbounded."""

    def __init__(self, prepare: Prepare) -> None:
        self._do = prepare()

    def do(self, given_up: Event, *arguments: Any, n_bytes: int = 0) -> bytes:
        """Do one piece of work, if its client still waits when it begins.

        Parameters
        ----------
        n_bytes
            Nothing here: a thread has all the time that it takes.

        Raises
        ------
        GivenUp
            If nobody does.
        RequestRefused
            413 if it needs more memory than there is.
        """
        if given_up.is_set():
            raise GivenUp
        try:
            return self._do(*arguments)
        except MemoryError:
            raise RequestRefused(413, "too_much_memory", f"This recording needs more memory than the server has: {SHORTER}.") from None

    def wait(self) -> None:
        """Return at once: it was prepared when it was made."""

    def is_ready(self) -> bool:
        """Return True: what is prepared stays so."""
        return True

    def close(self) -> None:
        """Do nothing: threads end with their work."""


class Workers:
    """Processes that are prepared before work comes.

    Where several are asked for, they are copies of one that got ready, if the system allows that.

    Parameters
    ----------
    prepare
        Makes the function that does the work; sent to the process, so it must be picklable.
    count
        How many processes; as many callers at a time may come.
    timeout_s
        Longest time of one piece of work, in seconds.
    memory_mb
        What one piece of work may take, in MiB, see :func:`~heart_reader.frontend.worker.work`.
    """

    def __init__(self, prepare: Prepare, count: int, *, timeout_s: float, memory_mb: int) -> None:
        self._prepare, self._count = prepare, count
        self._timeout_s, self._memory_mb = timeout_s, memory_mb
        self._lock = Lock()
        self._idle: list[Process] = []
        self._busy: set[Process] = set()
        self._closed = False
        self._copied = count > 1 and can_copy()
        self._nursery: Nursery | None = None
        self._fill()

    def wait(self) -> None:
        """Return when every process is ready.

        Raises
        ------
        CheckpointError
            If the checkpoint cannot be served.
        """
        try:
            for process in self._idle:
                process.wait(Event())
        except NotCopyable:
            log.warning("every process gets ready by itself, for this reader starts threads")
            with self._lock:
                self._copied = False
                self._fill()
            self.wait()

    def is_ready(self) -> bool:
        """Return whether a process is ready or at work, and replace those that died."""
        with self._lock:
            self._fill()
            return any(process.is_ready for process in self._busy) or any(process.look() for process in self._idle)

    def pids(self) -> list[int]:
        """Return the numbers of the processes that are ready or at work."""
        with self._lock:
            return [process.pid for process in (*self._idle, *self._busy) if process.pid is not None and process.is_alive()]

    def do(self, given_up: Event, *arguments: Any, n_bytes: int = 0) -> bytes:
        """Do one piece of work in a process; blocks, and may be called from several threads.

        Parameters
        ----------
        n_bytes
            Size of what is worked on: that of hours has more time.

        Raises
        ------
        GivenUp
            If nobody waited long enough.
        RecordError
            If the recording cannot be read.
        RequestRefused
            413, 500, 503 or 504 if it takes too much memory, kills its processes, finds none, or
            takes too long.
        UnforeseenElsewhere
            If anything else was raised in the process.
        """
        timeout_s = self._timeout_s * max(1, -(-n_bytes // USUAL_BYTES))
        for _ in range(ATTEMPTS):
            with self._process() as process:
                try:
                    process.wait(given_up)
                    return process.do(arguments, timeout_s, given_up)
                except Died:
                    log.warning("a process died at work", extra={"exit_code": process.exit_code})
                except TooSlow:
                    words = f"This recording takes longer than {timeout_s:g} s, the most that the server gives one of its size: {SHORTER}."
                    raise RequestRefused(504, "too_slow", words) from None
                except OutOfMemory:
                    words = f"This recording takes more than {self._memory_mb} MB of memory, the most that the server gives one: {SHORTER}."
                    raise RequestRefused(413, "too_much_memory", words) from None
                except CheckpointError as error:
                    log.error("a process did not get ready", extra={"reason": error.message})
                    raise RequestRefused(503, "no_process", NO_PROCESS) from None
        if not process.is_ready:
            raise RequestRefused(503, "no_process", NO_PROCESS)
        words = f"Two processes died of this recording: it may be damaged, or need more memory than the server has: {SHORTER}."
        raise RequestRefused(500, "process_died", words)

    def close(self) -> None:
        """End the processes; what they still do is lost."""
        with self._lock:
            self._closed = True
            for process in self._busy:
                process.kill()
            for process in self._idle:
                process.end()
            self._idle.clear()
            if self._nursery is not None:
                self._nursery.end()

    @contextmanager
    def _process(self) -> Iterator[Process]:
        """Give a process to its caller alone, a ready one where there is one."""
        with self._lock:
            self._fill()
            if not self._idle:
                raise RequestRefused(503, "no_process", NO_PROCESS)
            process = max(self._idle, key=Process.look)
            self._idle.remove(process)
            self._busy.add(process)
        try:
            yield process
        finally:
            with self._lock:
                self._busy.remove(process)
                if self._closed:
                    process.end()
                else:
                    self._idle.append(process)
                    self._fill()

    def _fill(self) -> None:
        """Replace idle processes that are gone; done with the lock held."""
        for process in [process for process in self._idle if not process.is_alive()]:
            self._idle.remove(process)
            process.end()
        while not self._closed and len(self._idle) + len(self._busy) < self._count:
            try:
                self._idle.append(Process(self._start))
            except OSError as error:
                log.error("a process cannot be started", extra={"reason": error.strerror})
                return

    def _start(self, pipe: Connection) -> SpawnProcess | Copy:
        """Start a process at the other end of a pipe."""
        if not self._copied:
            process = get_context("spawn").Process(target=work, args=(pipe, self._prepare, self._memory_mb), daemon=True)
            process.start()
            return process
        if self._nursery is not None and not self._nursery.is_alive():
            self._nursery.end()
            self._nursery = None
        if self._nursery is None:
            self._nursery = new_nursery()
            self._nursery.prepare(self._prepare, self._memory_mb)
        return self._nursery.copy(pipe)


def start_work(prepare: Prepare, count: int, settings: Settings) -> InThreads | Workers:
    """Return what does the work, in ``count`` processes or in threads, as the settings say."""
    if not settings.processes:
        return InThreads(prepare)
    return Workers(prepare, count, timeout_s=settings.reading_timeout_s, memory_mb=settings.reading_memory_mb)


async def run_for(
    request: Request, work: Callable[[Event], bytes], threads: anyio.CapacityLimiter, lane: anyio.CapacityLimiter | None = None
) -> bytes:
    """Run blocking work in one of a few threads, until its client leaves.

    Parameters
    ----------
    request
        Whose body has been read.
    work
        Gets an event that is set when its result is no longer wanted; a thread cannot be ended from
        outside.
    threads
        Where it waits for its turn; it leaves the queue at once.
    lane
        Where it waits first, if its kind may not take all threads; None for any other.

    Raises
    ------
    ClientDisconnect
        If the client left.
    """
    given_up = Event()
    waiting = anyio.CancelScope()
    # A plain task: a group of tasks costs several times as much, and this one raises nothing.
    watch = asyncio.create_task(_watch(request, given_up, waiting))
    try:
        with waiting:
            async with lane or nullcontext():
                result = await to_thread.run_sync(work, given_up, limiter=threads)
        if given_up.is_set():
            raise ClientDisconnect
        return result
    except Exception:
        # Whatever came of it, nobody wants it.
        if given_up.is_set():
            raise ClientDisconnect from None
        raise
    finally:
        # The server itself may have cancelled this when it stops.
        given_up.set()
        watch.cancel()


async def _watch(request: Request, given_up: Event, scope: anyio.CancelScope) -> None:
    """Cancel when the client is gone: after a body that was read, nothing else arrives."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    given_up.set()
    scope.cancel()
