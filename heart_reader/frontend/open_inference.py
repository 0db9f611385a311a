"""The networks behind the readings, by the Open Inference Protocol, version 2, over REST.

Clients of Triton and KServe get the logits of prepared windows, from the same processes and behind
the same queue, keys and limits as readings.
"""

from __future__ import annotations

from enum import Enum
from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from heart_reader import __version__
from heart_reader.frontend.error_answers import RequestRefused
from heart_reader.frontend.reading_work import TensorRequest
from heart_reader.frontend.routes import service_of
from heart_reader.frontend.served_readers import ServedReader
from heart_reader.frontend.settings import MEGABYTE
from heart_reader.frontend.uploads import received_body
from heart_reader.open_inference import VERSION, model_metadata

__all__ = ["MOST_BYTES", "probes", "protocol"]

# Such a body stays in memory. 333 windows of 12 leads at 100 Hz and 10 s; readings of hours have
# /api/v1.
MOST_BYTES = 16 * MEGABYTE
HEADER_LENGTH = "Inference-Header-Content-Length"
TAGS: list[str | Enum] = ["open inference protocol"]


class ProtocolError(BaseModel):
    """An error, in the shape of the protocol."""

    error: str = Field(description="One line: what was got, what is allowed, what to do")
    code: str = Field(description="Stable, machine-readable name")


class Live(BaseModel):
    """That the server lives."""

    live: bool


class Ready(BaseModel):
    """That logits could be answered now."""

    ready: bool


class ModelReady(Ready):
    """That one model could answer now."""

    name: str


class ServerMetadata(BaseModel):
    """What the server is."""

    name: str
    version: str
    extensions: list[str]


class TensorFacts(BaseModel):
    """A tensor that a network takes or answers."""

    name: str
    datatype: str
    shape: list[int] = Field(description="-1 is the number of windows")


class ModelMetadata(BaseModel):
    """What a network takes and answers."""

    model_config = ConfigDict(protected_namespaces=())

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorFacts]
    outputs: list[TensorFacts]


class IndexedModel(BaseModel):
    """A model of the server."""

    name: str
    version: str
    state: str
    reason: str


class GivenTensor(TensorFacts):
    """A tensor with its values."""

    parameters: dict[str, Any] | None = Field(default=None, description="binary_data_size: bytes of it behind the JSON, instead of data")
    data: list[Any] | None = Field(default=None, description="Its values, flat or nested; null where a feature is not known")


class AskedTensor(BaseModel):
    """An output that is asked for."""

    name: str
    parameters: dict[str, Any] | None = Field(default=None, description="binary_data: whether it comes behind the JSON")


class InferRequest(BaseModel):
    """Windows of one or several recordings."""

    id: str | None = None
    parameters: dict[str, Any] | None = None
    inputs: list[GivenTensor]
    outputs: list[AskedTensor] | None = None


class InferAnswer(BaseModel):
    """The logits of each window."""

    model_config = ConfigDict(protected_namespaces=())

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[GivenTensor]


_REFUSED: dict[int | str, dict[str, Any]] = {"default": {"model": ProtocolError, "description": "Any error"}}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_HEADER = {
    "name": HEADER_LENGTH,
    "in": "header",
    "required": False,
    "description": "Bytes of the JSON, where binary tensors follow it",
    "schema": {"type": "integer", "minimum": 1},
}
INFER: dict[str, Any] = {
    "response_model": InferAnswer,
    "responses": {200: {"content": {"application/octet-stream": _BINARY}, "description": "Logits"}},
    "openapi_extra": {
        "parameters": [_HEADER],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": InferRequest.model_json_schema()}, "application/octet-stream": _BINARY},
        },
    },
}

# What an orchestrator asks, without a key.
probes = APIRouter(prefix="/v2/health", tags=TAGS, responses=_REFUSED)
protocol = APIRouter(prefix="/v2", tags=TAGS, responses=_REFUSED)


def _named(request: Request, name: str) -> ServedReader:
    """Return the reader that is called so."""
    return service_of(request).readers.get(name)


def _of_version(request: Request, name: str, version: Annotated[str, Path(description=f"Always {VERSION}")]) -> ServedReader:
    """Return the reader that is called so, if that is its version."""
    reader = _named(request, name)
    if version != VERSION:
        raise RequestRefused(404, "unknown_version", f"There is no such version of {name}: ask for version {VERSION}, or leave it out.")
    return reader


Named = Annotated[ServedReader, Depends(_named)]
Versioned = Annotated[ServedReader, Depends(_of_version)]


@probes.get("/live")
async def live() -> Live:
    """Say that the server lives."""
    return Live(live=True)


@probes.get("/ready")
async def ready(request: Request) -> Ready:
    """Say whether every model could answer now."""
    await to_thread.run_sync(service_of(request).check_ready)
    return Ready(ready=True)


@protocol.get("")
async def server() -> ServerMetadata:
    """Say what the server is."""
    return ServerMetadata(name="heart_reader", version=__version__, extensions=["binary_tensor_data"])


@protocol.post("/repository/index")
async def index(request: Request) -> list[IndexedModel]:
    """List the models, each the network of a reader."""
    readers = service_of(request).readers
    return [IndexedModel(name=reader.name, version=VERSION, state="READY", reason="") for reader in readers]


@protocol.get("/models/{name}")
async def model(reader: Named) -> ModelMetadata:
    """Say what a network takes and answers."""
    return _metadata(reader)


@protocol.get("/models/{name}/versions/{version}")
async def model_version(reader: Versioned) -> ModelMetadata:
    """Say what a network takes and answers."""
    return _metadata(reader)


@protocol.get("/models/{name}/ready")
async def model_ready(request: Request, reader: Named) -> ModelReady:
    """Say whether a model could answer now."""
    return await _ready(request, reader)


@protocol.get("/models/{name}/versions/{version}/ready")
async def model_version_ready(request: Request, reader: Versioned) -> ModelReady:
    """Say whether a model could answer now."""
    return await _ready(request, reader)


@protocol.post("/models/{name}/infer", **INFER)
async def infer(request: Request, reader: Named) -> Response:
    """Answer the logits of prepared windows."""
    return await _infer(request, reader)


@protocol.post("/models/{name}/versions/{version}/infer", **INFER)
async def infer_version(request: Request, reader: Versioned) -> Response:
    """Answer the logits of prepared windows."""
    return await _infer(request, reader)


def _metadata(reader: ServedReader) -> ModelMetadata:
    return ModelMetadata(**model_metadata(reader.name, reader.checkpoint.manifest, reader.checkpoint.runtime))


async def _ready(request: Request, reader: ServedReader) -> ModelReady:
    await to_thread.run_sync(service_of(request).check_ready, reader)
    return ModelReady(name=reader.name, ready=True)


async def _infer(request: Request, reader: ServedReader) -> Response:
    """Receive tensors, then hold a place in the queue, like any recording."""
    service = service_of(request)
    request.state.model_sha256 = reader.checkpoint.sha256
    with service.place():
        pass  # where the queue is full, it is refused before it comes
    length = _header_length(request)
    asked = TensorRequest(reader.name, await received_body(request, MOST_BYTES), length)
    with service.place():
        answer = await service.run(request, partial(service.infer, asked), reader, len(asked.body), "inferred")
    n_header, content = int(answer[:8], 16), answer[8:]
    if not n_header:
        return Response(content, media_type="application/json")
    return Response(content, media_type="application/octet-stream", headers={HEADER_LENGTH: str(n_header)})


def _header_length(request: Request) -> int | None:
    """Return where the JSON ends; None means with the body."""
    said = request.headers.get(HEADER_LENGTH)
    if said is None:
        return None
    if not (said.isascii() and said.isdecimal() and 1 <= len(said) <= 9):
        raise RequestRefused(400, "bad_tensors", f"{HEADER_LENGTH} is no number of bytes: send the length of the JSON.")
    return int(said)
