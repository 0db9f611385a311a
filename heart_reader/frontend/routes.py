"""The addresses of the server; each asks another module and answers."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response
from starlette.datastructures import UploadFile

from heart_reader.frontend.error_answers import RequestRefused
from heart_reader.frontend.metrics import CONTENT_TYPE
from heart_reader.frontend.reading_service import ReadingService
from heart_reader.frontend.schemas import ErrorAnswer, Health, ModelAnswer, Reading, ReadOptions, SampleList
from heart_reader.frontend.uploads import capped_request, parse_form, record_file, store

__all__ = ["STATIC_DIR", "api", "pages"]

STATIC_DIR = Path(__file__).parent / "static"

pages = APIRouter()
api = APIRouter(prefix="/api/v1", responses={"default": {"model": ErrorAnswer, "description": "Any error"}})

# FastAPI would parse the form before a cap could be set, so the form is described here and parsed by `parse_form`.
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
                            "description": "The recording; repeat the field for a record of two files (.hea and .dat)",
                        },
                        "fs": {"type": "number", "description": "Sampling rate in Hz, where the file does not say it"},
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


@pages.get("/docs", include_in_schema=False)
async def docs() -> FileResponse:
    """Answer the description of the interface as a page."""
    return FileResponse(STATIC_DIR / "docs.html")


@pages.get("/health", tags=["operation"])
async def health() -> Health:
    """Say that the process lives."""
    return Health(status="ok")


@pages.get("/ready", tags=["operation"], responses={503: {"model": ErrorAnswer}})
async def ready(request: Request) -> Health:
    """Say whether the model is loaded and has made its first reading."""
    _service(request)
    return Health(status="ready")


@pages.get("/metrics", tags=["operation"], response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Answer the counters in the text format of Prometheus."""
    return Response(request.app.state.metrics.render(), media_type=CONTENT_TYPE)


@api.get("/model", tags=["reading"])
async def model(request: Request) -> ModelAnswer:
    """Answer the model card: what reads the ECG and what it was trained on."""
    settings = request.app.state.settings
    card = _service(request).classifier.card()
    return ModelAnswer(**card, max_upload_bytes=settings.max_upload_bytes, max_files=settings.max_files)


@api.get("/samples", tags=["reading"])
async def samples(request: Request) -> SampleList:
    """List the sample ECGs."""
    listed: SampleList = request.app.state.samples.list()
    return listed


@api.get("/samples/{sample_id}", tags=["reading"], response_model=Reading, response_model_exclude_unset=True)
async def sample(request: Request, sample_id: str) -> dict[str, Any]:
    """Read one of the sample ECGs; the answer holds its waveform."""
    service = _service(request)
    path = request.app.state.samples.path(sample_id)
    with service.place():
        return await service.run(partial(service.read, path, ReadOptions(waveform=True)))


@api.post("/predict", tags=["reading"], response_model=Reading, response_model_exclude_unset=True, openapi_extra=_FORM)
async def predict(request: Request, options: Annotated[ReadOptions, Query()]) -> dict[str, Any]:
    """Read one ECG. The recording is deleted as soon as it is read; nothing of it is stored or logged."""
    service, settings = _service(request), request.app.state.settings
    with service.place():
        form, files, options = await parse_form(capped_request(request, settings), options, settings)
        try:
            return await service.run(partial(_read_upload, service, files, options))
        finally:
            await form.close()


def _read_upload(service: ReadingService, files: Sequence[UploadFile], options: ReadOptions) -> dict[str, Any]:
    """Read uploaded files in a folder of their own: a header may name other files, and must find only its own."""
    with tempfile.TemporaryDirectory(prefix="heart-reader-") as folder:
        return service.read(record_file(store(files, Path(folder))), options)
