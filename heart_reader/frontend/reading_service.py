"""Readings for many clients with one classifier: a few at a time, a few waiting, the rest told to come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
from anyio import to_thread

from heart_reader.classifier import EcgClassifier
from heart_reader.errors import RecordError
from heart_reader.frontend.error_answers import RequestRefused, without_folder
from heart_reader.frontend.explanation_service import ExplanationService
from heart_reader.frontend.metrics import Metrics
from heart_reader.frontend.model_facts import model_facts
from heart_reader.frontend.reading_processes import ReadingProcesses, load_warm, read_file
from heart_reader.frontend.schemas import ReadOptions
from heart_reader.frontend.settings import Settings
from heart_reader.signing import TrustedKeys

__all__ = ["ReadingService"]


class ReadingService:
    """One classifier behind a bounded queue.

    Parameters
    ----------
    classifier
        Loaded and warm.
    settings
        How many readings at a time, and how many may wait.
    metrics
        Where readings are counted.
    processes
        What reads; None means the classifier, in threads.

    Attributes
    ----------
    n_in_flight
        Readings and explanations that run or wait.
    model
        What to know about the classifier.
    explanations
        Of the classifier's readings.
    """

    def __init__(self, classifier: EcgClassifier, settings: Settings, metrics: Metrics, processes: ReadingProcesses | None = None) -> None:
        self._processes = processes
        self.classifier = classifier
        self.settings = settings
        self.metrics = metrics
        self.model = model_facts(classifier)
        self.explanations = ExplanationService(classifier, settings.explain_checkpoint)
        self._threads = anyio.CapacityLimiter(settings.max_concurrency)
        self.n_in_flight = 0
        metrics.watch_in_flight(lambda: self.n_in_flight)

    @classmethod
    def load(cls, checkpoint: Path, settings: Settings, metrics: Metrics) -> ReadingService:
        """Load a checkpoint wherever it is to be read with, and make a reading there.

        Raises
        ------
        CheckpointError
            If the checkpoint cannot be served.
        ConfigError
            If the file of trusted keys is none.
        """
        trusted = None if settings.trusted_keys is None else TrustedKeys.read(settings.trusted_keys)
        processes = ReadingProcesses(checkpoint, settings.max_concurrency, trusted) if settings.processes else None
        try:
            service = cls(load_warm(checkpoint, trusted), settings, metrics, processes)
            if processes is not None:
                processes.wait()
        except BaseException:
            if processes is not None:
                processes.close()
            raise
        return service

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

    async def run(self, work: Callable[[], bytes]) -> bytes:
        """Run blocking work that makes a reading in one of the few threads.

        Raises
        ------
        RecordError
            If the recording cannot be read.
        """
        try:
            reading = await to_thread.run_sync(work, limiter=self._threads)
        except RecordError as error:
            self.metrics.count_reading(error.code)
            raise
        self.metrics.count_reading("read")
        return reading

    def read(self, path: Path, options: ReadOptions) -> bytes:
        """Read one recording from disk, see :func:`read_file`; blocking.

        Raises
        ------
        RecordError
            If the recording cannot be read. Its message names the file without its folder, which is the server's own affair.
        """
        try:
            return read_file(self.classifier, path, options) if self._processes is None else self._processes.read(path, options)
        except RecordError as error:
            raise without_folder(error, path.parent) from None

    def close(self) -> None:
        """End the processes that read."""
        if self._processes is not None:
            self._processes.close()
