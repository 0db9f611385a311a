"""Explanations on demand: the weights behind the served checkpoint are loaded when the first one is
asked for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING

import anyio
from fastapi import Request
from pydantic_core import to_json

from heart_reader.checkpoint import Checkpoint
from heart_reader.data.formats import read_record
from heart_reader.errors import CheckpointError, NotServable, RecordError
from heart_reader.frontend.disconnects import run_for
from heart_reader.frontend.error_answers import RequestRefused, without_folder
from heart_reader.frontend.reading_work import check_same
from heart_reader.frontend.schemas import FileFacts, Stretch
from heart_reader.frontend.settings import Settings
from heart_reader.frontend.workers import InThreads, Workers, start_work

if TYPE_CHECKING:
    from heart_reader.explain import Explainer

__all__ = ["ExplanationService"]


log = logging.getLogger("heart_reader.frontend")

NOT_EXPLAINABLE = (
    "This server cannot explain its readings: the weights that its exported model came from were not found. "
    "Its operator names them with HEART_READER_EXPLAIN_CHECKPOINT."
)


class ExplanationService:
    """Explains the readings of the served checkpoint, one at a time: an explanation takes as long
    as fifty readings.

    Parameters
    ----------
    served
        Makes the readings.
    settings
        Where the torch checkpoint is that it was exported from, and what one explanation may take:
        as much as a reading.
    """

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


def prepare_explaining(checkpoint: Path, sha256: str, max_values: int) -> Callable[[Path, FileFacts, Stretch], bytes]:
    """Return a function that explains readings of files, see :func:`explain_file`.

    Raises
    ------
    Integrity
        If the checkpoint was damaged, or is another one than that of the hash.
    RequestRefused
        409 if there is no torch to explain with.
    """
    from heart_reader.explain import Explainer

    try:
        explainer = Explainer.load(checkpoint)
    except NotServable:
        raise RequestRefused(409, "not_explainable", NOT_EXPLAINABLE) from None
    check_same(explainer.classifier.checkpoint, sha256)
    return partial(explain_file, explainer, max_values)


def explain_file(explainer: Explainer, max_values: int, path: Path, facts: FileFacts, stretch: Stretch) -> bytes:
    """Explain one finding in one recording on disk.

    Returns
    -------
    bytes
        The explanation in JSON.

    Raises
    ------
    RecordError
        If the recording cannot be read, or has more than ``max_values`` values.
    RequestRefused
        422 if the model has no such finding.
    """
    try:
        level = explainer.find_level(stretch.finding, stretch.level)
    except NotServable as error:
        raise RequestRefused(422, "unknown_finding", error.message) from None
    record = read_record(path, fs=facts.fs, unit=facts.unit, leads=facts.lead_names, max_values=max_values)
    explanation = explainer.explain(record, stretch.finding, level, start_s=stretch.start_s, duration_s=stretch.duration_s)
    return to_json(explanation.to_json(), inf_nan_mode="null")
