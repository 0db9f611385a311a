"""Pieces read by tasks of Ray, on one machine or on the machines of a cluster.

A task is given the records to read and the checkpoint's files, so a machine of the cluster needs
only the package, and a way to the records. A task whose machine vanishes is dealt with like a
process that dies here.
"""

from __future__ import annotations

import logging
import os
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import ray
import ray.exceptions

from heart_reader.bulk.engine import Died
from heart_reader.bulk.items import Item
from heart_reader.bulk.piece import Done, Job, Reader
from heart_reader.checkpoint import load_checkpoint
from heart_reader.errors import CheckpointError, HeartReaderError, UnexpectedError
from heart_reader.manifest import MANIFEST

__all__ = ["RayTasks"]

_DIED = (
    ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError, ray.exceptions.OutOfMemoryError,
    ray.exceptions.ObjectLostError, ray.exceptions.LocalRayletDiedError, ray.exceptions.RuntimeEnvSetupError,
)  # fmt: skip
# Pieces that wait on each core, so that none is idle while this process writes.
_AHEAD = 2
_PATIENCE_S = 5.0


class RayTasks:
    """An :class:`~heart_reader.bulk.engine.Engine` of Ray.

    Parameters
    ----------
    job
        What to read with.
    n_workers
        Tasks at a time; None takes a core each, of this machine or of the cluster.
    address
        Of a cluster, such as ``auto`` or ``HOST:6379``; None starts Ray here, for this run alone.

    Raises
    ------
    HeartReaderError
        If there is no such cluster.
    """

    def __init__(self, job: Job, n_workers: int | None, address: str | None = None) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        # Ray warns that it will stop to hide accelerators, of which none is used.
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        options: dict[str, Any] = {"include_dashboard": False, "num_cpus": n_workers} if address is None else {}
        if address is not None:
            _refuse_unreachable(address)
        try:
            ray.init(address=address or "local", log_to_driver=False, logging_level=logging.ERROR, **options)
        except (ConnectionError, RuntimeError, ValueError, TimeoutError, ray.exceptions.RayError) as error:
            where = "here" if address is None else f"at {address}"
            raise HeartReaderError(f"Ray cannot be reached {where}: {' '.join(str(error).split())[:300]}") from None
        resources: Any = ray.cluster_resources()  # type: ignore[no-untyped-call]
        self._n_workers = n_workers or max(1, int(resources.get("CPU", 1)))
        files = {path.name: path.read_bytes() for path in (job.checkpoint / MANIFEST, load_checkpoint(job.checkpoint).weights_path)}
        self._files, self._job = ray.put(files), job
        # A task that dies is not tried again as it is, but in smaller pieces.
        self._task = ray.remote(num_cpus=1, max_retries=0)(_read)
        self._numbers: dict[Any, int] = {}

    @property
    def n_free(self) -> int:
        """How many pieces can be given now."""
        return _AHEAD * self._n_workers - len(self._numbers)

    def give(self, number: int, items: tuple[Item, ...]) -> None:
        """Have a piece read by a task."""
        self._numbers[self._task.remote(self._job, [self._files], items)] = number

    def take(self) -> tuple[int, Done | Died]:
        """Wait for a piece."""
        (ready,), _ = ray.wait(list(self._numbers), num_returns=1)
        number = self._numbers.pop(ready)
        try:
            answer = ray.get(ready)
        except _DIED as error:
            return number, Died(" ".join(str(error).split(". ", maxsplit=1)[0].split())[:200])
        except ray.exceptions.RayError as error:
            raise HeartReaderError(f"Ray failed: {' '.join(str(error).split())[:300]}") from None
        if isinstance(answer, HeartReaderError):
            raise answer
        return number, answer

    def close(self) -> None:
        """End the tasks, and Ray where it was started here."""
        for task in self._numbers:
            ray.cancel(task, force=True)
        self._numbers.clear()
        ray.shutdown()


def _refuse_unreachable(address: str) -> None:
    """Ask once whether anything answers at an address: Ray itself asks for five minutes."""
    host, _, port = address.rpartition(":")
    if not host or "://" in address or not port.isdecimal():  # such as auto, or ray://HOST:PORT
        return
    try:
        socket.create_connection((host, int(port)), _PATIENCE_S).close()
    except (OSError, OverflowError) as error:
        raise HeartReaderError(f"Ray cannot be reached at {address} ({error}): check the address, or start a cluster there") from None


def _read(job: Job, files: list[Any], items: tuple[Item, ...]) -> Done | HeartReaderError:
    """Read a piece, in a process of Ray's."""
    try:
        with tempfile.TemporaryDirectory(prefix="heart_reader-") as scratch:
            return _reader(job, *files).read_piece(items, Path(scratch))
    except HeartReaderError as error:
        return error
    except Exception as error:
        return UnexpectedError(f"a task that reads failed: {type(error).__name__}: {error}")


@cache
def _reader(job: Job, files: Any) -> Reader:
    """Return what reads, loaded once in each process."""
    try:
        if load_checkpoint(job.checkpoint).sha256 == dict(job.versions)["checkpoint_sha256"]:
            return Reader(job)
    except CheckpointError:
        pass  # it is not on this machine
    content: Mapping[str, bytes] = ray.get(files)
    with tempfile.TemporaryDirectory(prefix="heart_reader-") as folder:
        for name, of in content.items():
            Path(folder, name).write_bytes(of)
        return Reader(replace(job, checkpoint=Path(folder)))
