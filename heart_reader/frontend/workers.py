"""Processes that work on one piece at a time, ended on excess and replaced when they die."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from multiprocessing import get_context
from threading import Event, Lock
from typing import Any

import anyio
from anyio import to_thread
from starlette.requests import ClientDisconnect, Request

from heart_reader.errors import CheckpointError
from heart_reader.frontend.error_answers import RequestRefused
from heart_reader.frontend.settings import MEGABYTE, Settings
from heart_reader.frontend.worker import OutOfMemory, Prepare, work

__all__ = ["NO_PROCESS", "GivenUp", "InThreads", "Workers", "run_for", "start_work"]

log = logging.getLogger("heart_reader.frontend")

POLL_S = 0.1
# Work that nobody waits for any more may end by itself within this: a new process would take longer
# to get ready.
LEAVE_S = 1.0
START_S = 120.0
END_S = 5.0
# Half an hour of twelve leads at 500 Hz: what is longer takes longer.
USUAL_BYTES = 24 * MEGABYTE
# What killed a process may have had nothing to do with what it read.
ATTEMPTS = 2

SHORTER = "send a shorter part of it"
NO_PROCESS = "The processes that read cannot be started: try again later, and inform the operator of this server."


class GivenUp(Exception):
    """Work that ended because nobody waited for it any more."""


class Died(Exception):
    """A process that ended without an answer."""


class TooSlow(Exception):
    """A process that took too long to answer."""


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
    """Processes that prepare themselves before work comes.

    Parameters
    ----------
    prepare
        Makes the function that does the work, in each process; sent there, so it must be picklable.
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
        self._idle: list[_Process] = []
        self._busy: set[_Process] = set()
        self._closed = False
        self._fill()

    def wait(self) -> None:
        """Return when every process is ready.

        Raises
        ------
        CheckpointError
            If the checkpoint cannot be served.
        """
        for process in self._idle:
            process.wait(Event())

    def is_ready(self) -> bool:
        """Return whether a process is ready or at work, and replace those that died."""
        with self._lock:
            self._fill()
            return any(process.is_ready for process in self._busy) or any(process.look() for process in self._idle)

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

    @contextmanager
    def _process(self) -> Iterator[_Process]:
        """Give a process to its caller alone, a ready one where there is one."""
        with self._lock:
            self._fill()
            if not self._idle:
                raise RequestRefused(503, "no_process", NO_PROCESS)
            process = max(self._idle, key=_Process.look)
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
                self._idle.append(_Process(self._prepare, self._memory_mb))
            except OSError as error:
                log.error("a process cannot be started", extra={"reason": error.strerror})
                return


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
    outcome: bytes | Exception = GivenUp()
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_watch, request, given_up, group.cancel_scope)
            # Kept and raised below: a task group would wrap it in a group of exceptions.
            try:
                async with lane or nullcontext():
                    outcome = await to_thread.run_sync(work, given_up, limiter=threads)
            except Exception as error:
                outcome = error
            group.cancel_scope.cancel()
        if given_up.is_set():
            raise ClientDisconnect
    finally:
        # The server itself may have cancelled this when it stops.
        given_up.set()
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


async def _watch(request: Request, given_up: Event, scope: anyio.CancelScope) -> None:
    """Cancel when the client is gone: after a body that was read, nothing else arrives."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    given_up.set()
    scope.cancel()


class _Process:
    """One process with the pipe to it; only ``kill`` may be called beside another method."""

    def __init__(self, prepare: Prepare, memory_mb: int) -> None:
        # Not forked: the server has threads, and a lock that one of them holds would never be
        # opened in a copy.
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(theirs, prepare, memory_mb), daemon=True)
        self.exit_code: int | None = None
        self.is_ready = False
        self._ended = False
        try:
            self._process.start()
        except BaseException:
            self._pipe.close()
            raise
        finally:
            theirs.close()

    def is_alive(self) -> bool:
        """Whether it can still be asked."""
        return not self._ended and self._process.is_alive()

    def look(self) -> bool:
        """Return whether it is ready by now; one that failed to get ready is ended."""
        if not self.is_ready and self.is_alive() and self._pipe.poll():
            try:
                self.wait(Event())
            except Exception as error:
                log.error("a process did not get ready", extra={"reason": str(error) or type(error).__name__})
                self.end()
        return self.is_ready

    def wait(self, given_up: Event) -> None:
        """Return when it is ready."""
        if self.is_ready:
            return
        try:
            self._hear(START_S, given_up, leave_s=0.0)
            problem = self._pipe.recv()
        except (EOFError, OSError, TooSlow):
            self.end()
            raise Died from None
        if problem is not None:
            raise problem
        self.is_ready = True

    def do(self, arguments: tuple[Any, ...], timeout_s: float, given_up: Event) -> bytes:
        """Do one piece of work; a process that is not fit for another is ended."""
        try:
            self._pipe.send(arguments)
            self._hear(timeout_s, given_up, LEAVE_S)
            problem = self._pipe.recv()
            result = self._pipe.recv_bytes() if problem is None else b""
        except (EOFError, OSError):
            self.end()
            raise Died from None
        except (GivenUp, TooSlow):
            self.end()
            raise
        if isinstance(problem, OutOfMemory):
            # What was freed is in pieces, and the next piece of work is to have all of it.
            self.end()
        if problem is not None:
            raise problem
        return result

    def _hear(self, timeout_s: float, given_up: Event, leave_s: float) -> None:
        """Return when there is an answer, or when the process died."""
        begun = time.monotonic()
        while not self._pipe.poll(POLL_S):
            waited = time.monotonic() - begun
            if waited > timeout_s:
                raise TooSlow
            if waited > leave_s and given_up.is_set():
                raise GivenUp

    def kill(self) -> None:
        """End it while somebody else waits for its answer."""
        self._process.kill()

    def end(self) -> None:
        """End it and let go of what it held."""
        if self._ended:
            return
        self._ended = True
        self._process.kill()
        self._process.join(END_S)
        self.exit_code = self._process.exitcode
        self._pipe.close()
        if self.exit_code is not None:
            self._process.close()
