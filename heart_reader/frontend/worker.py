"""Inside a process of the server: pieces of work, each with a bound on its memory."""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import connection, parent_process
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler, recv_handle, send_handle
from pathlib import Path
from typing import Any, NoReturn

from heart_reader.errors import CheckpointError, HeartReaderError
from heart_reader.frontend.refusals import RequestRefused, UnforeseenElsewhere
from heart_reader.machine import MEGABYTE

if sys.platform != "win32":
    import resource

__all__ = ["NotCopyable", "OutOfMemory", "Prepare", "raise_copies", "work"]

# Makes the function that does the work; it and its arguments are sent to the process.
Prepare = Callable[[], Callable[..., bytes]]
# What a process may keep of a reading that is over: after an ordinary one there is nothing to give
# back.
KEPT_MB = 32
# How libraries say it that are not Python's own.
OUT_OF_MEMORY = ("bad_alloc", "allocate memory", "could not create a primitive")


# What reading needs, loaded while the server still finds out what is to be read with.
READING = "heart_reader.frontend.reading_work"
TASKS = Path("/proc/self/task")
STATM = Path("/proc/self/statm")


class NotCopyable(CheckpointError):
    """A process with more than one thread: what another one holds would never be let go of."""

    code = "not_copyable"


class OutOfMemory(Exception):
    """A piece of work that needs more memory than one is given."""


def work(pipe: Connection, prepare: Prepare, memory_mb: int) -> None:
    """Do what arrives until the other end of the pipe is closed or the server is gone.

    The first answer is about the preparation: None or what went wrong. Every other one is a result,
    which is never empty and so comes as one message, or an empty message and what went wrong.

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
    _set_up()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        do = _prepared(prepare)
    except Exception as error:
        pipe.send(_sendable(error))
        return
    pipe.send(None)
    _serve(pipe, do, memory_mb)


def raise_copies(control: Connection) -> None:
    """Get ready once, then make a copy of this process for every pipe that arrives.

    A copy says None, its number and a handle of itself when it is there, then answers as
    :func:`work` does. All are told why there are none, if so.

    Parameters
    ----------
    control
        To the server, which sends what to prepare, how much memory a piece of work may take, and
        pipes; it is told which copy ended and how.
    """
    _set_up()
    # Threads of libraries would be lost in the copies, each of which has a core of its own.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    importlib.import_module(READING)
    server = parent_process()
    assert server is not None
    _wait_for(control, server.sentinel)
    prepare, memory_mb = control.recv()
    do: Callable[..., bytes] | None = None
    problem: Exception = NotCopyable("this reader starts threads")
    try:
        do = _prepared(prepare)
    except Exception as error:
        problem = _sendable(error)
    if TASKS.is_dir() and len(list(TASKS.iterdir())) > 1:
        do = None
    signal.signal(signal.SIGCHLD, lambda *_: _report_ended(control))
    while True:
        _wait_for(control, server.sentinel)
        try:
            handle = recv_handle(control)
        except EOFError:
            return
        with Connection(handle) as pipe:
            if do is None:
                pipe.send(problem)
            elif os.fork() == 0:
                _be_copy(control, pipe, do, memory_mb)


def _set_up() -> None:
    # Ctrl-C reaches every process of the terminal; the server answers what is running, then closes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _prepared(prepare: Prepare) -> Callable[..., bytes]:
    """Prepare; what is there then stays, and is no longer searched for garbage."""
    do = prepare()
    gc.collect()
    gc.freeze()
    return do


def _be_copy(control: Connection, pipe: Connection, do: Callable[..., bytes], memory_mb: int) -> NoReturn:
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        control.close()
        threading.Thread(target=_end_with_parent, daemon=True).start()
        server = parent_process()
        assert server is not None
        pipe.send(None)
        pipe.send(os.getpid())
        watch = os.pidfd_open(os.getpid())
        send_handle(pipe, watch, server.pid)
        os.close(watch)
        _serve(pipe, do, memory_mb)
    except (BrokenPipeError, ConnectionResetError):
        pass  # nobody wants it any more
    finally:
        # Whatever happens, a copy never does the work of the process that it was made of.
        os._exit(0)


def _report_ended(control: Connection) -> None:
    """Tell the server which copies ended: only their parent learns it."""
    with suppress(ChildProcessError, OSError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            control.send((ended[0], os.waitstatus_to_exitcode(ended[1])))


def _wait_for(control: Connection, server: int) -> None:
    """Return when something arrives; end with the server."""
    if control not in connection.wait([control, server]):
        os._exit(1)


def _serve(pipe: Connection, do: Callable[..., bytes], memory_mb: int) -> None:
    """Do what arrives until the other end is closed."""
    idle, writable = _held_bytes()
    limit = writable + memory_mb * MEGABYTE
    while True:
        try:
            arguments = pipe.recv()
        except EOFError:
            return
        _answer(pipe, do, arguments, limit)
        if _held_bytes()[0] > idle + KEPT_MB * MEGABYTE:
            _give_back_memory()


def _answer(pipe: Connection, do: Callable[..., bytes], arguments: tuple[Any, ...], limit: int) -> None:
    try:
        with _bounded_memory(limit):
            result = do(*arguments)
    except Exception as error:
        pipe.send_bytes(b"")
        pipe.send(_sendable(error))
    else:
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


def _held_bytes() -> tuple[int, int]:
    """Return what Linux says of the memory of this process; zeros elsewhere.

    Returns
    -------
    resident
        What of all its memory is there.
    writable
        What it has asked for to write into, whether or not it has written there.
    """
    try:
        # Asked after every reading, and much shorter than what is written for people.
        with STATM.open("rb", buffering=0) as file:
            pages = file.read().split()
    except OSError:
        return 0, 0
    return int(pages[1]) * resource.getpagesize(), int(pages[5]) * resource.getpagesize()


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
