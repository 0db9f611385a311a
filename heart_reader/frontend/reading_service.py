"""Readings and explanations for many clients: a few at a time, a few waiting."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event, Lock

import anyio
from fastapi import Request
from starlette.requests import ClientDisconnect

from heart_reader.checkpoint import Checkpoint, load_checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.errors import CheckpointError, RecordError
from heart_reader.frontend.error_answers import RequestRefused, without_folder
from heart_reader.frontend.keys import file_stamp
from heart_reader.frontend.metrics import Metrics
from heart_reader.frontend.model_facts import model_facts
from heart_reader.frontend.reading_work import NOT_EXPLAINABLE, prepare_explaining, prepare_reading
from heart_reader.frontend.schemas import FileFacts, ReadOptions, Stretch
from heart_reader.frontend.settings import Settings
from heart_reader.frontend.workers import NO_PROCESS, InThreads, Workers, run_for, start_work
from heart_reader.signing import TrustedKeys, check_signature
from heart_reader.signing.signature import SIGNATURE

__all__ = ["ReadingService"]

log = logging.getLogger("heart_reader.frontend")


class ReadingService:
    """One checkpoint behind a bounded queue.

    Raises
    ------
    CheckpointError
        If the checkpoint cannot be served.
    ConfigError
        If the file of trusted keys cannot be read.
    """

    def __init__(self, checkpoint: Path, settings: Settings, metrics: Metrics) -> None:
        self.settings = settings
        self.metrics = metrics
        served = load_checkpoint(checkpoint)
        trusted = None if settings.trusted_keys is None else TrustedKeys.read(settings.trusted_keys)
        self._watch = _CheckpointWatch(served, trusted)
        prepare = partial(prepare_reading, checkpoint, served.sha256, trusted, settings.max_values)
        self._readers = start_work(prepare, settings.max_concurrency, settings)
        try:
            self.model = model_facts(EcgClassifier.load(checkpoint, trusted=trusted))
            self._readers.wait()
        except BaseException:
            self._readers.close()
            raise
        self.explanations = _ExplanationService(served, settings)
        self._threads = anyio.CapacityLimiter(settings.max_concurrency)
        self.n_in_flight = 0
        metrics.watch_in_flight(lambda: self.n_in_flight)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place in the queue until the answer is made.

        Raises
        ------
        RequestRefused
            503 with ``Retry-After`` if the queue is full.
        """
        if self.n_in_flight >= self.settings.max_concurrency + self.settings.queue_limit:
            retry_after_s = self.settings.retry_after_s
            raise RequestRefused(
                503, "busy", f"The server is busy: try again in {retry_after_s} seconds.", headers={"Retry-After": str(retry_after_s)}
            )
        self.n_in_flight += 1
        try:
            yield
        finally:
            self.n_in_flight -= 1

    async def run(self, request: Request, work: Callable[[Event], bytes]) -> bytes:
        """Run blocking work that makes a reading in one of the few threads, see :func:`run_for`.

        Raises
        ------
        ClientDisconnect
            If the client left.
        RecordError
            If the recording cannot be read.
        RequestRefused
            If reading it takes more than is allowed.
        """
        try:
            reading = await run_for(request, work, self._threads)
        except (RecordError, RequestRefused) as error:
            self.metrics.count_reading(error.code)
            raise
        except ClientDisconnect:
            self.metrics.count_reading("given_up")
            raise
        self.metrics.count_reading("read")
        return reading

    def read(self, path: Path, options: ReadOptions, given_up: Event) -> bytes:
        """Read one recording from disk; blocking.

        Raises
        ------
        RecordError
            If the recording cannot be read. Its message names the file without its folder, which is
            the server's own affair.
        RequestRefused
            If reading it takes more than is allowed, see
            :class:`~heart_reader.frontend.workers.Workers`.
        """
        try:
            return self._readers.do(given_up, path, options)
        except RecordError as error:
            raise without_folder(error, path.parent) from None

    def check_ready(self) -> None:
        """Return if a reading could be made now; blocking.

        Raises
        ------
        RequestRefused
            503 if the checkpoint on disk is not the one that was loaded, or no process is ready.
        """
        if not self._watch.is_intact():
            words = "The checkpoint on disk is damaged, unsigned or another one by now: put the served one back, or start the server again."
            raise RequestRefused(503, "checkpoint_changed", words)
        if not self._readers.is_ready():
            raise RequestRefused(503, "no_process", NO_PROCESS)

    def close(self) -> None:
        """End the processes."""
        self._readers.close()
        self.explanations.close()


class _ExplanationService:
    """Explains readings one at a time: an explanation takes as long as fifty readings."""

    def __init__(self, served: Checkpoint, settings: Settings) -> None:
        self._served, self._settings = served, settings
        self._explainer: InThreads | Workers | None = None
        self._loading = Lock()
        self._threads = anyio.CapacityLimiter(1)

    async def run(self, request: Request, work: Callable[[Event], bytes]) -> bytes:
        """Run blocking work in the one thread that explains, see :func:`run_for`."""
        return await run_for(request, work, self._threads)

    def explain(self, path: Path, facts: FileFacts, stretch: Stretch, given_up: Event) -> bytes:
        """Explain a recording on disk, see :func:`explain_file`; blocking.

        Raises
        ------
        RecordError
            If the recording cannot be read; its message names the file without its folder.
        RequestRefused
            409 if there are no gradients to explain with, 422 if the model has no such finding, or
            if it takes more than is allowed, see :class:`~heart_reader.frontend.workers.Workers`.
        """
        try:
            return self._load().do(given_up, path, facts, stretch)
        except RecordError as error:
            raise without_folder(error, path.parent) from None

    def close(self) -> None:
        """End the process that explains."""
        if self._explainer is not None:
            self._explainer.close()

    def _load(self) -> InThreads | Workers:
        with self._loading:
            if self._explainer is None:
                from heart_reader.explain import find_origin

                try:
                    origin = find_origin(self._served, self._settings.explain_checkpoint)
                    prepare = partial(prepare_explaining, origin.directory, origin.sha256, self._settings.max_values)
                    self._explainer = start_work(prepare, 1, self._settings)
                except CheckpointError as error:
                    # The folders of the server are its operator's affair.
                    log.warning("not explainable", extra={"reason": error.message})
                    raise RequestRefused(409, "not_explainable", NOT_EXPLAINABLE) from None
            return self._explainer


class _CheckpointWatch:
    """Says whether a checkpoint is unchanged; it is hashed again if a file's status changed."""

    def __init__(self, checkpoint: Checkpoint, trusted: TrustedKeys | None = None) -> None:
        self._checkpoint, self._trusted = checkpoint, trusted
        self._files = (checkpoint.directory / "manifest.json", checkpoint.weights_path, checkpoint.directory / SIGNATURE)
        self._verified = self._state()

    def is_intact(self) -> bool:
        """Return whether a process that started now would load the same checkpoint."""
        state = self._state()
        if state != self._verified:
            try:
                found = load_checkpoint(self._checkpoint.directory)
                if found.sha256 != self._checkpoint.sha256:
                    return False
                if self._trusted is not None:
                    check_signature(found, self._trusted)
            except (CheckpointError, OSError):
                return False
            self._verified = state
        return True

    def _state(self) -> list[tuple[int, ...] | None]:
        return [file_stamp(file) for file in self._files]
