"""The audit line: who had which recording read, when, by which model, with which outcome.

Hashes show whether a recording or an answer that somebody holds is the one that was meant, and
nobody can infer its content from a hash. File names, sample names, probabilities and conclusions
stay out.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterable, Iterator
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import IO

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from heart_reader.errors import ConfigError
from heart_reader.frontend.middleware import CLIENT_CLOSED
from heart_reader.frontend.settings import MEGABYTE
from heart_reader.log_lines import JsonLines

__all__ = ["Audit", "audit_into", "note_files", "note_record"]

log = logging.getLogger("heart_reader.audit")

# What is larger is hashed in a thread: a mebibyte takes about a millisecond.
AT_ONCE = MEGABYTE
LOCAL = "local"


def audit_into(file: Path | None) -> None:
    """Write audit lines into a file of their own; None leaves them among the other lines.

    Raises
    ------
    ConfigError
        If the file cannot be written.
    """
    for handler in log.handlers[:]:
        log.removeHandler(handler)
        handler.close()
    log.propagate = file is None
    if file is None:
        return
    try:
        handler = WatchedFileHandler(file, encoding="utf-8")
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(f"audit lines cannot be written to {file} ({reason}): set another HEART_READER_AUDIT_LOG") from None
    handler.setFormatter(JsonLines())
    log.addHandler(handler)


async def note_files(request: Request, files: Iterable[IO[bytes]], n_bytes: int) -> None:
    """Note the SHA-256 of each file of a recording, and leave the files at their beginning."""
    if n_bytes <= AT_ONCE:
        # `file_digest` would clear a buffer of 256 kB for each.
        request.state.record_sha256 = [hashlib.sha256(file.read()).hexdigest() for file in _from_beginning(files)]
    else:
        request.state.record_sha256 = await to_thread.run_sync(_hashes, files)


async def note_record(request: Request, path: Path) -> None:
    """Note the SHA-256 of a recording on disk, of a WFDB record those of header and signal file."""
    request.state.record_sha256 = await to_thread.run_sync(_hashes_on_disk, path)


def _hashes(files: Iterable[IO[bytes]]) -> list[str]:
    return [hashlib.file_digest(file, "sha256").hexdigest() for file in _from_beginning(files)]  # type: ignore[arg-type]


def _from_beginning(files: Iterable[IO[bytes]]) -> Iterator[IO[bytes]]:
    """Yield each to be read from its beginning, and leave it there."""
    for file in files:
        file.seek(0)
        yield file
        file.seek(0)


def _hashes_on_disk(path: Path) -> list[str]:
    signal = path.with_suffix(".dat")
    hashes = []
    for part in [path, signal] if path.suffix == ".hea" and signal.is_file() else [path]:
        with part.open("rb") as file:
            hashes += _hashes([file])
    return hashes


class Audit:
    """Writes one line for each request for a reading or an explanation, answered or refused."""

    def __init__(self, app: ASGIApp, local: bool) -> None:
        self.app = app
        self.local = local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not _asks_for_a_reading(scope):
            await self.app(scope, receive, send)
            return
        answer = _Answer()
        started_at = time.perf_counter()

        async def send_noted(message: Message) -> None:
            await answer.note(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                # Before the answer is complete: nobody has one without its line.
                self._write(scope, answer, time.perf_counter() - started_at)
            await send(message)

        try:
            await self.app(scope, receive, send_noted)
        except ClientDisconnect:
            answer.failed("client_closed", CLIENT_CLOSED)
            raise
        except Exception:
            answer.failed("internal_error", 500)
            raise
        finally:
            self._write(scope, answer, time.perf_counter() - started_at)

    def _write(self, scope: Scope, answer: _Answer, duration_s: float) -> None:
        """Write the line, once."""
        if answer.is_written:
            return
        answer.is_written = True
        state = scope["state"]
        fields = {
            "request_id": state["request_id"],
            "key": LOCAL if self.local else state.get("key_name"),
            "client": (scope.get("client") or (None,))[0],
            # Never the path, which may hold anything.
            "route": getattr(scope.get("route"), "path", "unmatched"),
            "record_sha256": state.get("record_sha256"),
            "model_sha256": state.get("model_sha256"),
            "outcome": answer.outcome or answer.code(),
            "status": answer.status,
            "answer_sha256": answer.sha256.hexdigest() if answer.is_begun else None,
            "duration_ms": round(duration_s * 1000, 1),
        }
        log.info("audit", extra=fields)


class _Answer:
    """What is to be said of an answer: its status, its hash, and of an error its code."""

    def __init__(self) -> None:
        self.status = 0
        self.is_begun = False
        self.outcome: str | None = None
        self.is_written = False
        self.sha256 = hashlib.sha256()
        self._error = b""

    async def note(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.is_begun = message["status"], True
            return
        body = message.get("body", b"")
        if self.status >= 400:
            self._error += body
        if len(body) <= AT_ONCE:
            self.sha256.update(body)
        else:
            await to_thread.run_sync(self.sha256.update, body)

    def failed(self, outcome: str, status: int) -> None:
        """Note why there is no answer, or no whole one."""
        self.outcome, self.status = outcome, self.status or status

    def code(self) -> str:
        """``"answered"``, or the code of the error."""
        if self.status and self.status < 400:
            return "answered"
        try:
            return str(json.loads(self._error)["code"])
        except (ValueError, KeyError, TypeError):
            return "unknown"


def _asks_for_a_reading(scope: Scope) -> bool:
    """Whether a request is about recordings: whatever is posted to be read, and every sample."""
    path: str = scope["path"]
    posted: bool = scope["method"] == "POST"
    return path.startswith("/api/v1/samples/") or (posted and path.startswith(("/api/v1/", "/v2/models/")))
