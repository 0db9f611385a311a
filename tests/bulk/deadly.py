"""What a process runs in which reading a certain record kills it, as a shortage of memory does."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from heart_reader.bulk import on_ray, processes
from heart_reader.bulk.items import Item
from heart_reader.bulk.piece import Done, Job, Reader

KEY = "deadly"
_work, _read, _ray_read = processes._work, Reader.read_piece, on_ray._read


def work(pipe: Connection, job: Job, scratch: Path, parent: int) -> None:
    Reader.read_piece = read  # type: ignore[method-assign]
    _work(pipe, job, scratch, parent)


def read(self: Reader, items: Sequence[Item], scratch: Path, alive: Callable[[], Any]) -> Done:
    if any(KEY in item.key for item in items):
        os.kill(os.getpid(), signal.SIGKILL)
    return _read(self, items, scratch, alive)


def ray_read(job: Job, files: list[Any], items: tuple[Item, ...]) -> Any:
    if any(KEY in item.key for item in items):
        os.kill(os.getpid(), signal.SIGKILL)
    return _ray_read(job, files, items)


def stillborn(pipe: Connection, job: Job, scratch: Path, parent: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
