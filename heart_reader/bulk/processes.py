"""Processes of this machine that read pieces; one that dies is replaced."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import tempfile
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from heart_reader.bulk.engine import Died
from heart_reader.bulk.items import Item
from heart_reader.bulk.piece import Done, Job, Reader
from heart_reader.errors import HeartReaderError, UnexpectedError

__all__ = ["Processes", "scratch_folder"]

# Processes that end before they have read anything, in succession, before the run ends too.
_MOST_STILLBORN = 3
_PATIENCE_S = 5.0
_PRIVATE = 0o700


def scratch_folder(out: Path) -> Path:
    """Return the folder for files that are unpacked: one for each folder of results and user."""
    name = hashlib.sha256(os.fsencode(out.resolve())).hexdigest()[:16]
    user = os.getuid() if hasattr(os, "getuid") else 0
    return Path(tempfile.gettempdir(), f"heart_reader-bulk-{user}-{name}")


class Processes:
    """An :class:`~heart_reader.bulk.engine.Engine` of this machine.

    Parameters
    ----------
    job
        What to read with.
    n_workers
        Processes.
    scratch
        A folder of this run alone; what a killed run left there is removed.
    """

    def __init__(self, job: Job, n_workers: int, scratch: Path) -> None:
        # Not forked: threads of Arrow run already, and a fork would have none of them.
        self._context = get_context("spawn")
        self._job, self._scratch = job, scratch
        self._stillborn = 0
        _remove(scratch)
        try:
            scratch.mkdir(_PRIVATE)
        except OSError as error:
            raise HeartReaderError(f"{scratch}: could not be made ({error.strerror}): set TMPDIR to a folder with room") from None
        self._workers: list[_Worker] = []
        for place in range(n_workers):
            self._workers.append(self._started(place))

    @property
    def n_free(self) -> int:
        """How many processes have nothing to do."""
        return sum(worker.number is None for worker in self._workers)

    def give(self, number: int, items: tuple[Item, ...]) -> None:
        """Have a piece read by a process that has nothing to do."""
        worker = next(worker for worker in self._workers if worker.number is None)
        worker.number = number
        # It died while it waited: the piece comes back as that of any process that dies.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            worker.pipe.send(items)

    def take(self) -> tuple[int, Done | Died]:
        """Wait for a piece."""
        while True:
            ready: list[Any] = wait([worker.pipe for worker in self._workers if worker.number is not None])
            worker = next(worker for worker in self._workers if worker.pipe is ready[0])
            try:
                answer = worker.pipe.recv()
            except (EOFError, ConnectionResetError):
                number = worker.number
                assert number is not None
                return number, self._replaced(worker)
            if answer is None:  # it is there and waits for its first piece
                self._stillborn = 0
                continue
            if isinstance(answer, BaseException):
                raise answer
            number, worker.number = worker.number, None
            assert number is not None
            return number, answer

    def close(self) -> None:
        """End the processes at once."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(_PATIENCE_S)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.pipe.close()
            worker.process.close()
        self._workers.clear()
        _remove(self._scratch)

    def _started(self, place: int) -> _Worker:
        ours, theirs = self._context.Pipe()
        folder = self._scratch / str(place)
        process = self._context.Process(target=_work, args=(theirs, self._job, folder, os.getpid()), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours, place)

    def _replaced(self, worker: _Worker) -> Died:
        """Start another process in place of one that ended; say how it ended."""
        worker.process.join(_PATIENCE_S)
        why = _ending(worker.process.exitcode)
        self._stillborn += 1
        if self._stillborn > _MOST_STILLBORN * len(self._workers):
            raise HeartReaderError(f"the processes that read end at once ({why}): fewer --workers need less memory")
        worker.pipe.close()
        worker.process.close()
        self._workers[self._workers.index(worker)] = self._started(worker.place)
        return Died(why)


class _Worker:
    """A process, the pipe to it, and the number of the piece that it reads."""

    def __init__(self, process: Any, pipe: Connection, place: int) -> None:
        self.process, self.pipe, self.place = process, pipe, place
        self.number: int | None = None


def _ending(status: int | None) -> str:
    """Say how a process ended."""
    if status is None or status >= 0:
        return f"it ended with status {status}"
    if -status == getattr(signal, "SIGKILL", None):
        return "it was killed, as the system does where memory runs out"
    try:
        return f"it ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"it ended by signal {-status}"


def _remove(folder: Path) -> None:
    if folder.exists() and not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)


def _work(pipe: Connection, job: Job, scratch: Path, parent: int) -> None:
    """Read pieces until the pipe ends; the end of the parent ends this process too."""
    # A key that stops the program reaches every process; the first one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def alive() -> None:
        if os.getppid() != parent:
            os._exit(1)

    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            scratch.mkdir(_PRIVATE, exist_ok=True)
            reader = Reader(job)
            pipe.send(None)
            while True:
                items = pipe.recv()
                pipe.send(reader.read_piece(items, scratch, alive))
        except HeartReaderError as error:
            pipe.send(error)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise
        except Exception as error:
            pipe.send(UnexpectedError(f"a process that reads failed: {type(error).__name__}: {error}"))
