"""One process that works, as the server sees it: what it is asked, and when it is ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from threading import Event
from typing import Any

from heart_reader.frontend.nursery import Copy
from heart_reader.frontend.worker import OutOfMemory

__all__ = ["Died", "GivenUp", "Process", "TooSlow"]

log = logging.getLogger("heart_reader.frontend")

POLL_S = 0.1
# Work that nobody waits for any more may end by itself within this: a new process would take longer
# to get ready.
LEAVE_S = 1.0
START_S = 120.0
END_S = 5.0


class GivenUp(Exception):
    """Work that ended because nobody waited for it any more."""


class Died(Exception):
    """A process that ended without an answer."""


class TooSlow(Exception):
    """A process that took too long to answer."""


class Process:
    """One process with the pipe to it; only ``kill`` may be called beside another method."""

    def __init__(self, start: Callable[[Connection], SpawnProcess | Copy]) -> None:
        self._pipe, theirs = get_context("spawn").Pipe()
        self.exit_code: int | None = None
        self.is_ready = False
        self._ended = False
        try:
            self._process = start(theirs)
        except BaseException:
            self._pipe.close()
            raise
        finally:
            theirs.close()

    @property
    def pid(self) -> int | None:
        """Its number; None as long as it has none."""
        return None if self._ended else self._process.pid

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
            if problem is None and isinstance(self._process, Copy):
                self._process.greet(self._pipe)
        except (EOFError, OSError, TooSlow):
            self.end()
            raise Died from None
        if problem is not None:
            self.end()
            if isinstance(self._process, Copy):
                self._process.give_up()
            raise problem
        self.is_ready = True

    def do(self, arguments: tuple[Any, ...], timeout_s: float, given_up: Event) -> bytes:
        """Do one piece of work; a process that is not fit for another is ended."""
        try:
            self._pipe.send(arguments)
            self._hear(timeout_s, given_up, LEAVE_S)
            result = self._pipe.recv_bytes()
            problem = None if result else self._pipe.recv()
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
        if self.exit_code is not None or isinstance(self._process, Copy):
            self._process.close()
