"""Parts of the signal of a long recording, for whoever looks at it there.

A server keeps no recording: as for an explanation, the files of an upload are sent again.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from heart_reader.frontend.audit import note_record
from heart_reader.frontend.routes import FORM, service_of
from heart_reader.frontend.schemas import ErrorAnswer, Waveform
from heart_reader.frontend.signal_cuts import PartOptions
from heart_reader.frontend.uploads import received, stored_record
from heart_reader.frontend.workers import run_for

__all__ = ["signal_parts"]

signal_parts = APIRouter(prefix="/api/v1", tags=["reading"], responses={"default": {"model": ErrorAnswer, "description": "Any error"}})


@signal_parts.get("/samples/{sample_id}/signal", response_model=Waveform)
async def sample_signal(request: Request, sample_id: str, options: Annotated[PartOptions, Query()]) -> Response:
    """Answer a part of the signal of one of the sample ECGs."""
    service = service_of(request)
    path = request.app.state.samples.path(sample_id)
    with service.place():
        await note_record(request, path)
        return await _answer(request, lambda given_up: service.read(path, options, given_up))


@signal_parts.post("/signal", response_model=Waveform, openapi_extra=FORM)
async def signal(request: Request, options: Annotated[PartOptions, Query()]) -> Response:
    """Answer a part of the signal of one ECG, which is deleted afterwards; its hash is logged."""
    service = service_of(request)
    with service.place():
        pass  # where the queue is full, it is refused before it comes
    async with received(request, options) as (files, merged):

        def cut(given_up: Event) -> bytes:
            with stored_record(files, request.app.state.folders) as path:
                return service.read(path, merged, given_up, sum(part.size or 0 for part in files))

        with service.place():
            return await _answer(request, cut)


async def _answer(request: Request, work: Callable[[Event], bytes]) -> Response:
    """Cut one part at a time: readings come first, and a part is no reading for the counters."""
    return Response(await run_for(request, work, request.app.state.cutting), media_type="application/json")
