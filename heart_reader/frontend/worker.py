"""Inside a process of the server: pieces of work, each with a bound on its memory."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import connection, parent_process
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

from heart_reader.errors import HeartReaderError
from heart_reader.frontend.error_answers import RequestRefused, UnforeseenElsewhere
from heart_reader.frontend.settings import MEGABYTE

if sys.platform != "win32":
    import resource

__all__ = ["OutOfMemory", "Prepare", "work"]

# Makes the function that does the work; it and its arguments are sent to the process.
Prepare = Callable[[], Callable[..., bytes]]
# What a process may keep of a reading that is over: after an ordinary one there is nothing to give
# back.
KEPT_MB = 32
# How libraries say it that are not Python's own.
OUT_OF_MEMORY = ("bad_alloc", "allocate memory", "could not create a primitive")


class OutOfMemory(Exception):
    """A piece of work that needs more memory than one is given."""


def work(pipe: Connection, prepare: Prepare, memory_mb: int) -> None:
    """Do what arrives until the other end of the pipe is closed or the server is gone.

    Every answer is None or what went wrong; after None follows the result. The first answer is
    about the preparation and has no result.

    Parameters
    ----------
    pipe
        To the server; tuples of arguments come from there.
    prepare
        Makes the function that does the work.
    memory_mb
        What one piece of work may take beyond what the process holds when it is ready, in MiB;
        bounded on Linux only.
    """
    # Ctrl-C reaches every process of the terminal; the server answers what is running, then closes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        do = prepare()
    except Exception as error:
        pipe.send(_sendable(error))
        return
    limit, idle = _status_bytes("VmData") + memory_mb * MEGABYTE, _status_bytes("VmRSS")
    pipe.send(None)
    while True:
        try:
            arguments = pipe.recv()
        except EOFError:
            return
        _answer(pipe, do, arguments, limit)
        if _status_bytes("VmRSS") > idle + KEPT_MB * MEGABYTE:
            _give_back_memory()


def _answer(pipe: Connection, do: Callable[..., bytes], arguments: tuple[Any, ...], limit: int) -> None:
    try:
        with _bounded_memory(limit):
            result = do(*arguments)
    except Exception as error:
        pipe.send(_sendable(error))
    else:
        pipe.send(None)
        pipe.send_bytes(result)


def _end_with_parent() -> None:
    """Wait until the server is gone, however it went."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _sendable(error: Exception) -> Exception:
    """Return what can be sent of an error: as it is, or its name, words and place."""
    if isinstance(error, MemoryError) or any(words in str(error) for words in OUT_OF_MEMORY):
        return OutOfMemory()
    if isinstance(error, HeartReaderError | RequestRefused):
        try:
            ForkingPickler.dumps(error)
            return error
        except Exception:  # noqa: S110 - sent like any other
            pass
    return UnforeseenElsewhere(type(error).__name__, str(error), traceback.format_tb(error.__traceback__))


def _status_bytes(name: str) -> int:
    """Return what Linux says of the memory of this process; 0 elsewhere.

    ``VmData`` is what it has asked for to write into, whether or not it has written there;
    ``VmRSS`` what of all its memory is there.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(f"{name}:")), 0)


def _give_back_memory() -> None:
    """Return freed memory to the system, which glibc's allocator would keep."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@contextmanager
def _bounded_memory(limit: int) -> Iterator[None]:
    """Make allocations fail beyond ``limit`` bytes; mapped files do not count."""
    if sys.platform != "linux":
        yield
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
