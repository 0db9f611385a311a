"""Explanations on demand: the weights behind the served checkpoint are loaded when the first one is asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import anyio
from anyio import to_thread

from heart_reader.classifier import EcgClassifier
from heart_reader.data.readers import read_record
from heart_reader.errors import CheckpointError, NotServable, RecordError
from heart_reader.frontend.error_answers import RequestRefused, without_folder
from heart_reader.frontend.schemas import FileFacts, Stretch

if TYPE_CHECKING:
    from heart_reader.explain import Explainer

__all__ = ["ExplanationService"]


log = logging.getLogger("heart_reader.frontend")

NOT_EXPLAINABLE = (
    "This server cannot explain its readings: the weights that its exported model came from were not found. "
    "Its operator names them with HEART_READER_EXPLAIN_CHECKPOINT."
)


class ExplanationService:
    """Explains the readings of the served checkpoint, one at a time: an explanation takes as long as fifty readings.

    Parameters
    ----------
    served
        Makes the readings.
    named
        Torch checkpoint that it was exported from; None means to look for it.
    """

    def __init__(self, served: EcgClassifier, named: Path | None) -> None:
        self._served = served
        self._named = named
        self._explainer: Explainer | None = None
        self._loading = Lock()
        self._threads = anyio.CapacityLimiter(1)

    async def run(self, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Run blocking work in the one thread that explains."""
        return await to_thread.run_sync(work, limiter=self._threads)

    def explain(self, path: Path, facts: FileFacts, stretch: Stretch) -> dict[str, Any]:
        """Explain a recording on disk; blocking.

        Raises
        ------
        RecordError
            If the recording cannot be read; its message names the file without its folder.
        RequestRefused
            409 if there are no gradients to explain with, 422 if the model has no such finding.
        """
        explainer = self._load()
        try:
            level = explainer.find_level(stretch.finding, stretch.level)
        except NotServable as error:
            raise RequestRefused(422, "unknown_finding", error.message) from None
        try:
            record = read_record(path, fs=facts.fs, unit=facts.unit, leads=facts.lead_names)
            explanation = explainer.explain(record, stretch.finding, level, start_s=stretch.start_s, duration_s=stretch.duration_s)
        except RecordError as error:
            raise without_folder(error, path.parent) from None
        return explanation.to_json()

    def _load(self) -> Explainer:
        with self._loading:
            if self._explainer is None:
                from heart_reader.explain import Explainer, find_origin

                try:
                    origin = find_origin(self._served.checkpoint, self._named)
                    same = origin.sha256 == self._served.checkpoint.sha256
                    self._explainer = Explainer(self._served) if same else Explainer.load(origin.directory)
                except CheckpointError as error:
                    # The folders of the server are its operator's affair.
                    log.warning("not explainable", extra={"reason": error.message})
                    raise RequestRefused(409, "not_explainable", NOT_EXPLAINABLE) from None
            return self._explainer
