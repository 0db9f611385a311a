"""Readings for many clients with one classifier: a few at a time, a few waiting, the rest told to
come back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event

import anyio
from fastapi import Request
from starlette.requests import ClientDisconnect

from heart_reader.checkpoint import load_checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.errors import RecordError
from heart_reader.frontend.checkpoint_watch import CheckpointWatch
from heart_reader.frontend.disconnects import run_for
from heart_reader.frontend.error_answers import RequestRefused, without_folder
from heart_reader.frontend.explanation_service import ExplanationService
from heart_reader.frontend.metrics import Metrics
from heart_reader.frontend.model_facts import model_facts
from heart_reader.frontend.reading_work import prepare_reading
from heart_reader.frontend.schemas import ReadOptions
from heart_reader.frontend.settings import Settings
from heart_reader.frontend.workers import NO_PROCESS, start_work
from heart_reader.signing import TrustedKeys

__all__ = ["ReadingService"]


class ReadingService:
    """One checkpoint behind a bounded queue.

    Parameters
    ----------
    checkpoint
        Directory of the checkpoint to read with; it is loaded wherever it reads, and has made a
        reading there when this is done.
    settings
        How many readings at a time, what each may take, and how many may wait.
    metrics
        Where readings are counted.

    Raises
    ------
    CheckpointError
        If the checkpoint cannot be served.
    ConfigError
        If the file of trusted keys is none.

    Attributes
    ----------
    n_in_flight
        Readings and explanations that run or wait.
    model
        What to know about the classifier.
    explanations
        Of its readings.
    """

    def __init__(self, checkpoint: Path, settings: Settings, metrics: Metrics) -> None:
        self.settings = settings
        self.metrics = metrics
        served = load_checkpoint(checkpoint)
        trusted = None if settings.trusted_keys is None else TrustedKeys.read(settings.trusted_keys)
        self._watch = CheckpointWatch(served, trusted)
        prepare = partial(prepare_reading, checkpoint, served.sha256, trusted, settings.max_values)
        self._readers = start_work(prepare, settings.max_concurrency, settings)
        try:
            self.model = model_facts(EcgClassifier.load(checkpoint, trusted=trusted))
            self._readers.wait()
        except BaseException:
            self._readers.close()
            raise
        self.explanations = ExplanationService(served, settings)
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
        """Read one recording from disk, see :func:`~heart_reader.frontend.reading_work.read_file`;
        blocking.

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
