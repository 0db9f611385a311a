"""The addresses of the server; each asks another module and answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from threading import Event
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.datastructures import UploadFile

from heart_reader.frontend.access import API_KEY, check_key
from heart_reader.frontend.audit import note_record
from heart_reader.frontend.error_answers import RequestRefused
from heart_reader.frontend.metrics import CONTENT_TYPE
from heart_reader.frontend.reading_service import ReadingService
from heart_reader.frontend.schemas import (
    ErrorAnswer,
    ExplainOptions,
    ExplanationAnswer,
    FileFacts,
    Health,
    ModelAnswer,
    Reading,
    ReadOptions,
    SampleList,
    Stretch,
)
from heart_reader.frontend.upload_folders import UploadFolders
from heart_reader.frontend.uploads import Options, received, stored_record

__all__ = ["STATIC_DIR", "api", "operation", "pages"]

STATIC_DIR = Path(__file__).parent / "static"

pages = APIRouter()
# What needs the key where the server has one.
operation = APIRouter()
api = APIRouter(prefix="/api/v1", responses={"default": {"model": ErrorAnswer, "description": "Any error"}})

# FastAPI would parse the form before a cap could be set, so the form is described here and parsed
# by `parse_form`.
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "minItems": 1,
                            "description": "The recording; repeat the field for a record of two files (.hea and .dat)",
                        },
                        "fs": {
                            "type": "number",
                            "exclusiveMinimum": 0,
                            "maximum": 100_000,
                            "description": "Sampling rate in Hz, where the file does not say it",
                        },
                        "unit": {"type": "string", "description": "mV, uV, nV or V, where the file does not say it"},
                        "leads": {"type": "string", "description": "Lead names in the order of the columns, separated by commas"},
                    },
                }
            }
        },
    }
}


def _service(request: Request) -> ReadingService:
    """Return the loaded service, or refuse while there is none."""
    service: ReadingService | None = request.app.state.service
    if service is None:
        raise RequestRefused(503, "not_ready", "The model is still being loaded: try again in a moment.", headers={"Retry-After": "2"})
    return service


@pages.get("/", include_in_schema=False)
async def page() -> FileResponse:
    """Answer the page."""
    return FileResponse(STATIC_DIR / "index.html")


@pages.get("/languages", include_in_schema=False)
def languages() -> list[dict[str, str]]:
    """List the languages of the page, English first: every file of the folder is one."""
    files = [(path.stem, json.loads(path.read_text(encoding="utf-8"))) for path in (STATIC_DIR / "languages").glob("*.json")]
    listed = [{"code": code, "name": words["name"]} for code, words in files]
    return sorted(listed, key=lambda one: (one["code"] != "en", one["name"]))


@pages.get("/docs", include_in_schema=False)
async def docs(request: Request) -> FileResponse:
    """Answer the description of the interface as a page, which asks for the key where the server
    has one.
    """
    status = 200
    if request.app.state.keys:
        try:
            await check_key(request, request.headers.get(API_KEY))
        except RequestRefused:
            # A browser cannot send a key with an address that a person types: the page is without
            # content until it has the key.
            if "text/html" not in request.headers.get("accept", ""):
                raise
            status = 401
    return FileResponse(STATIC_DIR / "docs.html", status_code=status)


@operation.get("/openapi.json", include_in_schema=False)
async def description(request: Request) -> JSONResponse:
    """Answer the description of the interface for tools."""
    return JSONResponse(request.app.openapi())


@pages.get("/health", tags=["operation"])
async def health() -> Health:
    """Say that the process lives."""
    return Health(status="ok")


@pages.get("/ready", tags=["operation"], responses={503: {"model": ErrorAnswer}})
async def ready(request: Request) -> Health:
    """Say whether a reading could be made now: the model is loaded, its files are sound, and a
    process is there to read.
    """
    await to_thread.run_sync(_service(request).check_ready)
    return Health(status="ready")


@operation.get("/metrics", tags=["operation"], response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Answer the counters in the text format of Prometheus."""
    return Response(request.app.state.metrics.render(), media_type=CONTENT_TYPE)


@api.get("/model", tags=["reading"])
async def model(request: Request) -> ModelAnswer:
    """Answer the model card: what reads the ECG and what it was trained on."""
    settings = request.app.state.settings
    return ModelAnswer(**_service(request).model, max_upload_bytes=settings.max_upload_bytes, max_files=settings.max_files)


@api.get("/samples", tags=["reading"])
async def samples(request: Request) -> SampleList:
    """List the sample ECGs."""
    listed: SampleList = request.app.state.samples.list()
    return listed


@api.get("/samples/{sample_id}", tags=["reading"], response_model=Reading)
async def sample(request: Request, sample_id: str) -> Response:
    """Read one of the sample ECGs; the answer holds its waveform."""
    service = _service(request)
    path = request.app.state.samples.path(sample_id)
    with service.place():
        await note_record(request, path)
        return _json(await service.run(request, partial(service.read, path, ReadOptions(waveform=True))))


@api.post("/predict", tags=["reading"], response_model=Reading, openapi_extra=_FORM)
async def predict(request: Request, options: Annotated[ReadOptions, Query()]) -> Response:
    """Read one ECG. The recording is deleted as soon as it is read; only its hash is logged."""
    service = _service(request)
    async with _placed_upload(request, service, options) as (files, told):
        return _json(await service.run(request, partial(_read_upload, service, request.app.state.folders, files, told)))


@api.get("/samples/{sample_id}/explanation", tags=["explanation"], response_model=ExplanationAnswer)
async def sample_explanation(request: Request, sample_id: str, stretch: Annotated[Stretch, Query()]) -> Response:
    """Explain one finding in one of the sample ECGs: which leads and which moments moved its
    probability.
    """
    service = _service(request)
    path = request.app.state.samples.path(sample_id)
    with service.place():
        await note_record(request, path)
        return _json(await service.explanations.run(request, partial(service.explanations.explain, path, FileFacts(), stretch)))


@api.post("/explain", tags=["explanation"], response_model=ExplanationAnswer, openapi_extra=_FORM)
async def explain(request: Request, options: Annotated[ExplainOptions, Query()]) -> Response:
    """Explain one finding in one ECG. The recording is deleted as soon as it is explained; only its
    hash is logged.
    """
    service = _service(request)
    async with _placed_upload(request, service, options) as (files, told):
        work = partial(_explain_upload, service, request.app.state.folders, files, told)
        return _json(await service.explanations.run(request, work))


@asynccontextmanager
async def _placed_upload(request: Request, service: ReadingService, options: Options) -> AsyncIterator[tuple[list[UploadFile], Options]]:
    """Receive an upload, then hold a place in the queue for it: while it comes it holds none, so
    that slow clients hold up nobody.
    """
    with service.place():
        pass  # where the queue is full, it is refused before it comes
    async with received(request, options) as (files, merged):
        with service.place():
            yield files, merged


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")


def _read_upload(
    service: ReadingService, folders: UploadFolders, files: Sequence[UploadFile], options: ReadOptions, given_up: Event
) -> bytes:
    with stored_record(files, folders) as path:
        return service.read(path, options, given_up)


def _explain_upload(
    service: ReadingService, folders: UploadFolders, files: Sequence[UploadFile], options: ExplainOptions, given_up: Event
) -> bytes:
    with stored_record(files, folders) as path:
        return service.explanations.explain(path, options, options, given_up)
