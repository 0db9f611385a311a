"""The addresses of the server; each asks another module and answers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import Annotated, Any, Generic

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response

from heart_reader.data.formats import FORMATS
from heart_reader.frontend.access import API_KEY, check_key
from heart_reader.frontend.audit import note_record
from heart_reader.frontend.error_answers import RequestRefused
from heart_reader.frontend.metrics import CONTENT_TYPE
from heart_reader.frontend.model_schemas import FormatFacts, ModelAnswer, ReaderFacts
from heart_reader.frontend.query import described, options_of
from heart_reader.frontend.reading_service import ReadingService
from heart_reader.frontend.schemas import (
    ErrorAnswer,
    ExplainOptions,
    ExplanationAnswer,
    FileFacts,
    Health,
    ReaderChoice,
    Reading,
    ReadOptions,
    SampleList,
    Stretch,
)
from heart_reader.frontend.served_readers import ServedReader
from heart_reader.frontend.uploads import Options, received, stored_record

__all__ = ["STATIC_DIR", "api", "operation", "pages", "reading"]

STATIC_DIR = Path(__file__).parent / "static"
# Work on a recording on disk, and what turns it into work on the files of an upload.
OnPath = Callable[[Path, Event], bytes]
Stored = Callable[[OnPath], Callable[[Event], bytes]]

pages = APIRouter()
# What needs the key where the server has one.
operation = APIRouter()
_API: dict[str, Any] = {"prefix": "/api/v1", "responses": {"default": {"model": ErrorAnswer, "description": "Any error"}}}
# Of these, what is asked most: addresses are compared with the routes one after the other.
reading = APIRouter(**_API)
api = APIRouter(**_API)

# FastAPI would parse the form before a cap could be set: described here, parsed in `uploads`.
_FILE = {
    "type": "array",
    "items": {"type": "string", "format": "binary"},
    "minItems": 1,
    "description": "The recording; repeat the field for a record of two files (.hea and .dat)",
}
_SAID = {name: entry for of in (FileFacts, ReaderChoice) for name, entry in of.model_json_schema()["properties"].items()}
_FIELDS = {"type": "object", "required": ["file"], "properties": {"file": _FILE, **_SAID}}
FORM = {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FIELDS}}}}
FHIR = "application/fhir+json"
AS_FHIR: dict[int | str, dict[str, Any]] = {200: {"content": {FHIR: {"schema": {"type": "object"}}}}}


def service_of(request: Request) -> ReadingService:
    """Return the loaded service, or refuse while there is none."""
    service: ReadingService | None = request.app.state.service
    if service is None:
        raise RequestRefused(503, "not_ready", "The model is still being loaded: try again in a moment.", headers={"Retry-After": "2"})
    return service


def _reader(request: Request, choice: ReaderChoice) -> ServedReader:
    """Return the reader that a request asks for, and note it for the audit line."""
    reader = service_of(request).readers.get(choice.reader)
    request.state.model_sha256 = reader.checkpoint.sha256
    return reader


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
    """Answer the description of the interface as a page, which asks for the key if there is one."""
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
    """Say whether a reading could be made now: model loaded, files sound, a process free."""
    await to_thread.run_sync(service_of(request).check_ready)
    return Health(status="ready")


@operation.get("/metrics", tags=["operation"], response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Answer the counters in the text format of Prometheus."""
    return Response(request.app.state.metrics.render(), media_type=CONTENT_TYPE)


@api.get("/readers", tags=["reading"])
def readers(request: Request) -> list[ReaderFacts]:
    """List the readers of the server, the default one first."""
    return [ReaderFacts(**reader.listed()) for reader in service_of(request).readers]


@api.get("/model", tags=["reading"])
async def model(request: Request, choice: Annotated[ReaderChoice, Query()]) -> ModelAnswer:
    """Answer the model card: what reads the ECG and what it was trained on."""
    settings, service = request.app.state.settings, service_of(request)
    reader = service.readers.get(choice.reader)
    return ModelAnswer(
        **reader.facts,
        reader=reader.name,
        readers=[one.name for one in service.readers],
        max_upload_bytes=settings.max_upload_bytes,
        max_files=settings.max_files,
        formats=[FormatFacts(**entry.facts()) for entry in FORMATS.values()],
    )


@api.get("/samples", tags=["reading"])
async def samples(request: Request) -> SampleList:
    """List the sample ECGs."""
    listed: SampleList = request.app.state.samples.list()
    return listed


@api.get("/samples/{sample_id}", tags=["reading"], response_model=Reading)
async def sample(request: Request, sample_id: str, choice: Annotated[ReaderChoice, Query()]) -> Response:
    """Read one of the sample ECGs; the answer holds its waveform."""
    service, reader = service_of(request), _reader(request, choice)
    path = request.app.state.samples.path(sample_id)
    with service.place():
        await note_record(request, path)
        options = ReadOptions(waveform=True, reader=reader.name)
        return _json(await service.run(request, partial(service.read, path, options), reader, path.stat().st_size))


@reading.post(
    "/predict", tags=["reading"], response_model=Reading, responses=AS_FHIR, openapi_extra={"parameters": described(ReadOptions), **FORM}
)
async def predict(request: Request) -> Response:
    """Read one ECG. The recording is deleted as soon as it is read; only its hash is logged."""
    options, service = options_of(request, ReadOptions), service_of(request)
    async with _placed_upload(request, service, options) as upload:
        work = upload.stored(lambda path, given_up: service.read(path, upload.options, given_up, upload.n_bytes))
        content = await service.run(request, work, upload.reader, upload.n_bytes)
        return Response(content, media_type=FHIR) if upload.options.form == "fhir" else _json(content)


@api.get("/samples/{sample_id}/explanation", tags=["explanation"], response_model=ExplanationAnswer)
async def sample_explanation(request: Request, sample_id: str, stretch: Annotated[Stretch, Query()]) -> Response:
    """Explain one finding in a sample ECG: which leads and moments moved its probability."""
    service = service_of(request)
    _reader(request, stretch)
    path = request.app.state.samples.path(sample_id)
    with service.place():
        await note_record(request, path)
        return _json(await service.explanations.run(request, partial(service.explanations.explain, path, FileFacts(), stretch)))


@api.post("/explain", tags=["explanation"], response_model=ExplanationAnswer, openapi_extra=FORM)
async def explain(request: Request, options: Annotated[ExplainOptions, Query()]) -> Response:
    """Explain one finding in one ECG. The recording is deleted afterwards; its hash is logged."""
    service = service_of(request)
    async with _placed_upload(request, service, options) as upload:
        work = upload.stored(
            lambda path, given_up: service.explanations.explain(path, upload.options, upload.options, given_up, upload.n_bytes)
        )
        return _json(await service.explanations.run(request, work))


@dataclass(frozen=True)
class _Upload(Generic[Options]):
    """A recording that arrived, what was said about it, and who is to read it."""

    options: Options
    reader: ServedReader
    n_bytes: int
    stored: Stored


@asynccontextmanager
async def _placed_upload(request: Request, service: ReadingService, options: Options) -> AsyncIterator[_Upload[Options]]:
    """Receive an upload, then hold a place in the queue: slow clients hold up nobody."""
    # Where there is no such reader or the queue is full, it is refused before it comes.
    _reader(request, options)
    with service.place():
        pass
    async with received(request, options) as (files, merged):

        def stored(work: OnPath) -> Callable[[Event], bytes]:
            def on_files(given_up: Event) -> bytes:
                with stored_record(files, request.app.state.folders) as path:
                    return work(path, given_up)

            return on_files

        # The form may name another one than the address.
        reader = _reader(request, merged)
        with service.place():
            yield _Upload(merged, reader, sum(part.size or 0 for part in files), stored)


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")
