"""One shape for every error that leaves the server: ``{code, message, detail, request_id}``.

An error that the client can act on is answered in full; any other is logged, and its answer holds
only a request id. Addresses of the Open Inference Protocol have the shape that it prescribes.
"""

from __future__ import annotations

import logging
import traceback
from contextvars import ContextVar
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from heart_reader.errors import HeartReaderError, RecordError
from heart_reader.frontend.refusals import RequestRefused, UnforeseenElsewhere
from heart_reader.frontend.schemas import ErrorAnswer
from heart_reader.messages import Message, coded

__all__ = ["AS_PROTOCOL", "RequestRefused", "UnforeseenElsewhere", "add_error_handlers", "error_answer", "hidden_error", "without_folder"]

log = logging.getLogger("heart_reader.frontend")

# Whether the request that is being answered is one of the Open Inference Protocol.
AS_PROTOCOL = ContextVar("AS_PROTOCOL", default=False)


def add_error_handlers(app: FastAPI) -> None:
    """Answer every error of ``app`` in the one shape."""
    app.add_exception_handler(HeartReaderError, _answer_heart_reader_error)
    app.add_exception_handler(RequestValidationError, _answer_validation_error)
    app.add_exception_handler(HTTPException, _answer_http_error)


def hidden_error(request_id: str, error: Exception) -> JSONResponse:
    """Log an error that is not the client's and answer 500 without its words.

    The frames are logged but not the message: messages quote file names and values of the record.
    """
    if not isinstance(error, UnforeseenElsewhere):
        error = UnforeseenElsewhere(type(error).__name__, str(error), traceback.format_tb(error.__traceback__))
    log.error("unexpected error", extra={"request_id": request_id, "error": error.kind, "frames": error.frames})
    log.debug("message of the unexpected error", extra={"request_id": request_id, "words": error.words})
    message = f"The server failed to answer; the recording may be fine. Try again, and report request {request_id} if it happens again."
    return error_answer(500, "internal_error", message, request_id)


def error_answer(
    status_code: int, code: str, message: str, request_id: str, *, detail: Any = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    """Return an error in its one shape."""
    if AS_PROTOCOL.get():
        return JSONResponse({"error": message, "code": code}, status_code=status_code, headers=headers)
    content = ErrorAnswer(code=code, message=message, detail=detail, request_id=request_id)
    return JSONResponse(content.model_dump(mode="json"), status_code=status_code, headers=headers)


def without_folder(error: RecordError, folder: Path) -> RecordError:
    """Return the same error without the server's folder in the names of files."""
    if error.args and isinstance(error.args[0], Message):
        return type(error)(error.args[0].replaced(f"{folder}/", ""))
    return type(error)(error.message.replace(f"{folder}/", ""))


def _answer_heart_reader_error(request: Request, error: Exception) -> JSONResponse:
    request_id = request.state.request_id
    if isinstance(error, RecordError):
        messages = coded(error.args)
        return error_answer(422, error.code, error.message, request_id, detail={"messages": messages} if messages else None)
    return hidden_error(request_id, error)


def _answer_validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    # The values themselves are left out: they may be anything, and the client knows them.
    problems = [{"field": ".".join(map(str, item["loc"])), "message": item["msg"]} for item in error.errors()]
    message = "; ".join(f"{item['field']}: {item['message']}" for item in problems)
    return error_answer(422, "invalid_request", message, request.state.request_id, detail=problems)


def _answer_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    if isinstance(error, RequestRefused):
        request.app.state.metrics.count_refused(error.code)
    code = error.code if isinstance(error, RequestRefused) else phrase.lower().replace(" ", "_")
    message = error.detail if error.detail != phrase else f"{phrase}: the addresses of this server are listed on /docs"
    return error_answer(error.status_code, code, message, request.state.request_id, headers=dict(error.headers or {}))
