"""From a request to files in a private folder: counted on arrival, renamed, deleted afterwards."""

from __future__ import annotations

import errno
import io
import re
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

import anyio
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.types import Message

from heart_reader.data.formats import FORMATS
from heart_reader.errors import UnreadableRecord
from heart_reader.frontend.audit import note_files
from heart_reader.frontend.error_answers import RequestRefused
from heart_reader.frontend.schemas import ExplainOptions, ReadOptions
from heart_reader.frontend.settings import MEGABYTE, Settings
from heart_reader.frontend.upload_folders import UploadFolders
from heart_reader.frontend.upload_room import Upload, UploadRoom
from heart_reader.messages import message
from heart_reader.stages import stage

__all__ = ["Options", "received", "received_body", "safe_name", "stored_record"]

MAX_NAME = 100
FILE_FIELD = "file"
MAX_BYTES_IN_MEMORY = MEGABYTE
Options = TypeVar("Options", ReadOptions, ExplainOptions)


def safe_name(name: str) -> str:
    """Return a file name of letters, digits, ``.``, ``_`` and ``-`` only, without folders.

    A harmless name stays as it is, and the same stem always becomes the same stem: a header finds
    its signal file again.

    Examples
    --------
    >>> [safe_name(name) for name in ("100.hea", "../../etc/passwd", "<b>a b</b>.dat", "...")]
    ['100.hea', 'passwd', 'b_.dat', 'record']
    """
    base = re.split(r"[/\\]", name)[-1]
    base = re.sub(r"[^A-Za-z0-9._-]+", "_", base).lstrip(".-")
    stem, dot, suffix = base.rpartition(".")
    if len(base) > MAX_NAME:
        base = f"{stem[: MAX_NAME - 10]}{dot}{suffix[:9]}" if dot else base[:MAX_NAME]
    return base or "record"


@asynccontextmanager
async def received(request: Request, options: Options) -> AsyncIterator[tuple[list[UploadFile], Options]]:
    """Receive the files of one record with what the client said about them; close them afterwards.

    Raises
    ------
    RequestRefused
        As :func:`_capped_request` and :func:`_parse_form` do; 503 if the upload had to give way to
        faster ones.
    RequestValidationError
        If a field is unknown or has no lawful value.
    """
    settings, room = request.app.state.settings, request.app.state.uploads
    assert isinstance(room, UploadRoom)
    with stage("receive"), room.upload() as upload:
        capped = _capped_request(request, settings, upload, settings.max_upload_bytes)
        form, files, options = await _parse_form(capped, options, settings)
    try:
        await note_files(request, [part.file for part in files], sum(part.size or 0 for part in files))
        yield files, options
    finally:
        await form.close()


async def received_body(request: Request, most_bytes: int) -> bytes:
    """Receive a body that is no form, as it is.

    Raises
    ------
    RequestRefused
        As for :func:`received`; 413 also beyond ``most_bytes``, 415 if it is compressed.
    """
    settings, room = request.app.state.settings, request.app.state.uploads
    assert isinstance(room, UploadRoom)
    if request.headers.get("content-encoding", "identity") != "identity":
        raise RequestRefused(415, "compressed", "The body is compressed: send it as it is.")
    try:
        with stage("receive"), room.upload() as upload, anyio.fail_after(settings.upload_timeout_s):
            body = await _capped_request(request, settings, upload, min(most_bytes, settings.max_upload_bytes)).body()
    except TimeoutError:
        raise RequestRefused(408, "upload_too_slow", f"The upload took longer than {settings.upload_timeout_s:g} s: try again.") from None
    await note_files(request, [io.BytesIO(body)], len(body))
    return body


def _capped_request(request: Request, settings: Settings, upload: Upload, limit: int) -> Request:
    """Return the same request with a body that may neither exceed the limit nor stall."""
    too_large = RequestRefused(
        413, "upload_too_large", f"The upload is larger than {limit // MEGABYTE} MB: send one recording at a time, or a shorter part of it."
    )
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise too_large
    least = settings.min_bytes_per_s
    too_slow = RequestRefused(408, "upload_too_slow", f"The upload was slower than {least} bytes per second: try a better connection.")

    async def receive_counted() -> Message:
        try:
            with anyio.fail_after(upload.patience_s()):
                part = await request.receive()
        except TimeoutError:
            raise too_slow from None
        upload.count(len(part.get("body", b"")))
        # Whatever length was announced.
        if upload.n_bytes > limit:
            raise too_large
        return part

    return Request(request.scope, receive_counted)


async def _parse_form(request: Request, options: Options, settings: Settings) -> tuple[FormData, list[UploadFile], Options]:
    """Read a multipart form; its plain fields override the options of the address."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise RequestRefused(415, "not_multipart", "Send the recording as multipart/form-data, in the field 'file'.")
    try:
        with anyio.fail_after(settings.upload_timeout_s), _full_disk_reported():
            form = await request.form(max_files=settings.max_files, max_fields=len(type(options).model_fields), max_part_size=4096)
    except TimeoutError:
        raise RequestRefused(408, "upload_too_slow", f"The upload took longer than {settings.upload_timeout_s:g} s: try again.") from None
    files = [part for part in form.getlist(FILE_FIELD) if isinstance(part, UploadFile) and part.filename]
    if not files:
        await form.close()
        raise RequestRefused(422, "no_file", "No file arrived: send the recording in the field 'file', repeated for a record of two files.")
    fields = {name: value for name, value in form.multi_items() if name != FILE_FIELD and value != ""}
    try:
        merged = type(options).model_validate({**options.model_dump(exclude_unset=True), **fields})
    except ValidationError as error:
        await form.close()
        raise RequestValidationError(error.errors(include_input=False, include_url=False)) from None
    return form, files, merged


@contextmanager
def stored_record(files: Sequence[UploadFile], folders: UploadFolders) -> Iterator[Path]:
    """Write uploads into a private folder, removed afterwards; yield the record's main file.

    A folder of their own: a header may name other files, and must find only those that were sent
    with it.

    Raises
    ------
    RequestRefused
        507 if the disk is full.
    UnreadableRecord
        If they are not one record.
    """
    small = sum(part.size or 0 for part in files) <= MAX_BYTES_IN_MEMORY
    with ExitStack() as stack:
        with _full_disk_reported():
            paths = _store(files, stack.enter_context(folders.private(in_memory=small)))
        yield _record_file(paths)


@contextmanager
def _full_disk_reported() -> Iterator[None]:
    """Answer 507 where there is no room for an upload: the recording may be sent again."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        words = "The server has no room to store the recording: try again later, and inform the operator of this server."
        raise RequestRefused(507, "disk_full", words) from None


def _store(files: Sequence[UploadFile], folder: Path) -> list[Path]:
    """Write files under harmless names; two of the same name are refused."""
    names = [safe_name(part.filename or "") for part in files]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise UnreadableRecord(message("sent_twice", file=repeated[0]))
    paths = [folder / name for name in names]
    for part, path in zip(files, paths, strict=True):
        with path.open("xb") as target:
            shutil.copyfileobj(part.file, target, MAX_BYTES_IN_MEMORY)
    return paths


@cache
def _with_companions() -> frozenset[str]:
    """Return how files end that name others of their record."""
    return frozenset(suffix for entry in FORMATS.values() if entry.companions for suffix in entry.suffixes)


def _record_file(paths: Sequence[Path]) -> Path:
    """Return the only file, or the one WFDB header among several."""
    if len(paths) == 1:
        return paths[0]
    headers = [path for path in paths if path.suffix.lower() in _with_companions()]
    if len(headers) != 1:
        raise UnreadableRecord(message("not_one_record", files=[path.name for path in paths]))
    return headers[0]
