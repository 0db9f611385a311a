"""Readings and explanations for many clients: a few at a time, a few waiting."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from threading import Event, Lock

import anyio
from fastapi import Request
from starlette.requests import ClientDisconnect

from heart_reader.checkpoint import Checkpoint
from heart_reader.data.formats import FORMATS
from heart_reader.errors import CheckpointError, RecordError
from heart_reader.frontend.error_answers import RequestRefused, without_folder
from heart_reader.frontend.metrics import Metrics
from heart_reader.frontend.reading_work import NOT_EXPLAINABLE, TensorRequest, prepare_explaining, prepare_reading
from heart_reader.frontend.schemas import FileFacts, ReadOptions, Stretch
from heart_reader.frontend.served_readers import ServedReader, ServedReaders
from heart_reader.frontend.settings import MEGABYTE, Settings
from heart_reader.frontend.watched import heard, watched
from heart_reader.frontend.workers import NO_PROCESS, InThreads, Workers, run_for, start_work
from heart_reader.signing import TrustedKeys
from heart_reader.stages import stage

__all__ = ["ReadingService"]

log = logging.getLogger("heart_reader.frontend")

# Recordings above this may take seconds each: one process is always left to the others.
LARGE = 2 * MEGABYTE


class ReadingService:
    """Some readers behind one bounded queue.

    Parameters
    ----------
    directories
        Name to checkpoint directory; the first reader is the default.

    Raises
    ------
    CheckpointError
        If a checkpoint cannot be served.
    ConfigError
        If the file of trusted keys cannot be read.
    """

    def __init__(self, directories: Mapping[str, Path], settings: Settings, metrics: Metrics) -> None:
        self.settings = settings
        self.metrics = metrics
        trusted = None if settings.trusted_keys is None else TrustedKeys.read(settings.trusted_keys)
        self.readers = ServedReaders(directories, trusted)
        checkpoints = {reader.name: (reader.checkpoint.directory, reader.checkpoint.sha256) for reader in self.readers}
        self._work = start_work(
            partial(watched, partial(prepare_reading, checkpoints, trusted, settings.max_values)), settings.max_concurrency, settings
        )
        len(FORMATS)  # imported meanwhile: the first upload asks for them
        try:
            self._work.wait()
        except BaseException:
            self._work.close()
            raise
        self.explanations = _ExplanationService(self.readers, settings)
        self._threads = anyio.CapacityLimiter(settings.max_concurrency)
        self._large = anyio.CapacityLimiter(max(1, settings.max_concurrency - 1))
        self.n_in_flight = 0
        metrics.watch_in_flight(lambda: self.n_in_flight)
        metrics.watch_waiting(lambda: self.n_in_flight - self._threads.borrowed_tokens, settings.queue_limit)
        metrics.name_readers({reader.name: reader.checkpoint.sha256 for reader in self.readers})

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

    async def run(
        self, request: Request, work: Callable[[Event], bytes], reader: ServedReader, n_bytes: int, outcome: str = "read"
    ) -> bytes:
        """Run blocking work that makes a reading in one of the few threads, see :func:`run_for`.

        Parameters
        ----------
        reader
            Who reads, for the counters.
        n_bytes
            Size of the recording: large ones are not read in all processes at a time.
        outcome
            What is counted when it is done.

        Raises
        ------
        ClientDisconnect
            If the client left.
        RecordError
            If the recording cannot be read.
        RequestRefused
            If reading it takes more than is allowed.
        """
        waiting = ExitStack()
        waiting.enter_context(stage("wait"))

        def begin(given_up: Event) -> bytes:
            waiting.close()
            return work(given_up)

        try:
            reading = await run_for(request, begin, self._threads, self._large if n_bytes > LARGE else None)
        except (RecordError, RequestRefused) as error:
            self.metrics.count_reading(error.code, reader.name)
            raise
        except ClientDisconnect:
            self.metrics.count_reading("given_up", reader.name)
            raise
        self.metrics.count_reading(outcome, reader.name)
        return reading

    def read(self, path: Path, options: ReadOptions, given_up: Event, n_bytes: int = 0) -> bytes:
        """Read one recording from disk; blocking.

        Parameters
        ----------
        n_bytes
            Size of its files.

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
            asked = options.model_copy(update={"reader": self.readers.get(options.reader).name})
            return heard(self._work.do, given_up, path, asked, n_bytes=n_bytes)
        except RecordError as error:
            raise without_folder(error, path.parent) from None

    def infer(self, request: TensorRequest, given_up: Event) -> bytes:
        """Answer with the logits of a network, see :func:`answer_tensors`; blocking.

        Raises
        ------
        RequestRefused
            400 if the request does not fit the network, or as for :meth:`read`.
        """
        return heard(self._work.do, given_up, request, ReadOptions(), n_bytes=len(request.body))

    def check_ready(self, only: ServedReader | None = None) -> None:
        """Return if a reading could be made now; blocking.

        Parameters
        ----------
        only
            The reader that is asked about; None means all.

        Raises
        ------
        RequestRefused
            503 if a checkpoint on disk is not the one that was loaded, or no process is ready.
        """
        if not all(reader.watch.is_intact() for reader in (self.readers if only is None else [only])):
            words = "A checkpoint on disk is damaged, unsigned or another one by now: put the served one back, or start the server again."
            raise RequestRefused(503, "checkpoint_changed", words)
        if not self._work.is_ready():
            raise RequestRefused(503, "no_process", NO_PROCESS)

    def close(self) -> None:
        """End the processes."""
        self._work.close()
        self.explanations.close()


class _ExplanationService:
    """Explains readings one at a time: an explanation takes as long as fifty readings."""

    def __init__(self, readers: ServedReaders, settings: Settings) -> None:
        self._readers, self._settings = readers, settings
        # One process explains for every reader that was asked for so far.
        self._origins: dict[str, Checkpoint] = {}
        self._explainer: InThreads | Workers | None = None
        self._loading = Lock()
        self._threads = anyio.CapacityLimiter(1)

    async def run(self, request: Request, work: Callable[[Event], bytes]) -> bytes:
        """Run blocking work in the one thread that explains, see :func:`run_for`."""
        return await run_for(request, work, self._threads)

    def explain(self, path: Path, facts: FileFacts, stretch: Stretch, given_up: Event, n_bytes: int = 0) -> bytes:
        """Explain a recording on disk, see :func:`explain_file`; blocking.

        Parameters
        ----------
        n_bytes
            Size of its files.

        Raises
        ------
        RecordError
            If the recording cannot be read; its message names the file without its folder.
        RequestRefused
            409 if there are no gradients to explain with, 422 if the model has no such finding, or
            if it takes more than is allowed, see :class:`~heart_reader.frontend.workers.Workers`.
        """
        reader = self._readers.get(stretch.reader)
        try:
            return self._load(reader).do(given_up, path, facts, stretch.model_copy(update={"reader": reader.name}), n_bytes=n_bytes)
        except RecordError as error:
            raise without_folder(error, path.parent) from None

    def close(self) -> None:
        """End the process that explains."""
        if self._explainer is not None:
            self._explainer.close()

    def _load(self, reader: ServedReader) -> InThreads | Workers:
        with self._loading:
            if self._explainer is None or reader.name not in self._origins:
                from heart_reader.explain import find_origin

                try:
                    named = self._settings.explain_checkpoint if reader is self._readers.default else None
                    origins = {**self._origins, reader.name: find_origin(reader.checkpoint, named)}
                    places = {name: (origin.directory, origin.sha256) for name, origin in origins.items()}
                    explainer = start_work(partial(prepare_explaining, places, self._settings.max_values), 1, self._settings)
                except CheckpointError as error:
                    # The folders of the server are its operator's affair.
                    log.warning("not explainable", extra={"reason": error.message})
                    raise RequestRefused(409, "not_explainable", NOT_EXPLAINABLE) from None
                self.close()
                self._explainer, self._origins = explainer, origins
            return self._explainer
