"""A process that gets ready once, and copies of it: they start at once and share its memory.

Linux alone can tell when a copy ends without having started it, and a copy of a process with
several threads may wait for ever for what one of them held: elsewhere, every process gets ready by
itself.
"""

from __future__ import annotations

import os
import select
import signal
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from threading import Lock

from heart_reader.frontend.worker import Prepare, raise_copies

__all__ = ["Copy", "Nursery", "can_copy", "new_nursery", "start_early"]

END_S = 5.0


def can_copy() -> bool:
    """Return whether this system lets a process have copies that another one watches."""
    if not hasattr(os, "pidfd_open"):
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True


class Nursery:
    """The process that copies are made of, as the server sees it.

    It loads what reading needs as soon as it is started, and waits for what it is to prepare.
    """

    def __init__(self) -> None:
        # Not forked: the server has threads, and a lock that one of them holds would never be
        # opened in a copy.
        context = get_context("spawn")
        self._control, theirs = context.Pipe()
        self._process = context.Process(target=raise_copies, args=(theirs,), daemon=True)
        self._exit_codes: dict[int, int] = {}
        self._hearing = Lock()
        try:
            self._process.start()
        except BaseException:
            self._control.close()
            raise
        finally:
            theirs.close()

    def prepare(self, prepare: Prepare, memory_mb: int) -> None:
        """Say what every copy is to do, see :func:`heart_reader.frontend.worker.work`."""
        self._control.send((prepare, memory_mb))

    def is_alive(self) -> bool:
        """Whether copies can still be had."""
        return self._process.is_alive()

    def copy(self, pipe: Connection) -> Copy:
        """Ask for a copy at the other end of a pipe; it comes when all is prepared.

        Raises
        ------
        OSError
            If the process has just ended.
        """
        send_handle(self._control, pipe.fileno(), self._process.pid)
        return Copy(self)

    def exit_code(self, pid: int) -> int | None:
        """Return how a copy ended; None if that is not known."""
        until = time.monotonic() + END_S
        with self._hearing:
            try:
                while pid not in self._exit_codes and self._control.poll(max(0.0, until - time.monotonic())):
                    ended, code = self._control.recv()
                    self._exit_codes[ended] = code
            except (EOFError, OSError):
                pass
            return self._exit_codes.pop(pid, None)

    def end(self) -> None:
        """End the process; its copies go on."""
        self._process.kill()
        self._process.join(END_S)
        self._control.close()


class Copy:
    """One copy, with the methods of a process of :mod:`multiprocessing` that are used here."""

    def __init__(self, nursery: Nursery) -> None:
        self._nursery = nursery
        self.pid: int | None = None
        self.exitcode: int | None = None
        # Names this one process for ever, which its number does not.
        self._watch: int | None = None

    def greet(self, pipe: Connection) -> None:
        """Take what it says of itself when it is ready."""
        self.pid = pipe.recv()
        self._watch = recv_handle(pipe)

    def give_up(self) -> None:
        """End what it was to be made of, which did not get ready: another one may."""
        self._nursery.end()

    def is_alive(self) -> bool:
        """Whether it is there, or is yet to come."""
        return self._nursery.is_alive() if self._watch is None else not self._has_ended(0.0)

    def kill(self) -> None:
        """End it; one that is yet to come ends by itself once its pipe is closed."""
        if self._watch is not None and not self._has_ended(0.0):
            signal.pidfd_send_signal(self._watch, signal.SIGKILL)

    def join(self, timeout: float) -> None:
        """Wait for its end."""
        if self._watch is not None and self._has_ended(timeout) and self.pid is not None:
            self.exitcode = self._nursery.exit_code(self.pid)

    def close(self) -> None:
        """Let go of it."""
        if self._watch is not None:
            os.close(self._watch)
            self._watch = None

    def _has_ended(self, timeout: float) -> bool:
        assert self._watch is not None
        poll = select.poll()
        poll.register(self._watch, select.POLLIN)
        return bool(poll.poll(1e3 * timeout))


_started_early: list[Nursery] = []


def start_early() -> None:
    """Start a nursery before it is known what it prepares; the next new one is this."""
    if can_copy() and not _started_early:
        _started_early.append(Nursery())


def new_nursery() -> Nursery:
    """Return the one that was started early, or another."""
    return _started_early.pop() if _started_early else Nursery()
