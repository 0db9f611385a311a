"""Errors that cross from the processes that read to the server; light, since both load them."""

from __future__ import annotations

from starlette.exceptions import HTTPException

__all__ = ["RequestRefused", "UnforeseenElsewhere"]


class RequestRefused(HTTPException):
    """A request that is refused for a reason the client can act on."""

    def __init__(self, status_code: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status_code, detail=message, headers=headers)
        self.code = code


class UnforeseenElsewhere(Exception):
    """An error that nobody foresaw, in a process from which it cannot be sent as it is."""

    def __init__(self, kind: str, words: str, frames: list[str]) -> None:
        super().__init__(kind, words, frames)
        self.kind, self.words, self.frames = kind, words, frames
