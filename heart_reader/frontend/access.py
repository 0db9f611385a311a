"""Who may ask: the keys of a server that other machines can reach, and the names under which it may
be addressed.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from heart_reader.frontend.addresses import Delays, neighbourhood
from heart_reader.frontend.error_answers import RequestRefused, error_answer
from heart_reader.frontend.keys import KeyRing, key_hash

__all__ = ["API_KEY", "HostGuard", "check_key"]

API_KEY = "X-API-Key"
_key_header = APIKeyHeader(name=API_KEY, auto_error=False, description="One of the keys of the server")


async def check_key(request: Request, key: Annotated[str | None, Depends(_key_header)]) -> None:
    """Refuse a request without one of the server's keys, before its body is read; remember the name
    of the key.

    An address that sends different wrong keys guesses, and has to wait before any key of it is
    looked at again. One that sends the same wrong key again, such as a program that missed a
    rotation, has to wait with that key only: others behind the same address go on.

    Raises
    ------
    RequestRefused
        401, or 429 with ``Retry-After``.
    """
    refused = RequestRefused(401, "unauthorized", f"This server needs a key: send it in the header {API_KEY}; its operator knows it.")
    if not key:
        raise refused
    keys: KeyRing = request.app.state.keys
    wrong_keys: Delays = request.app.state.wrong_keys
    address, sent_hash = neighbourhood(request.client.host if request.client else None), key_hash(key)
    key_from_there = f"{address} {sent_hash}"
    if wait_s := wrong_keys.wait_s(address, key_from_there):
        message = f"Too many wrong keys came from your address: try again in {wait_s} s, with the right key."
        raise RequestRefused(429, "too_many_wrong_keys", message, headers={"Retry-After": str(wait_s)})
    name = keys.name_of(sent_hash)
    if name is None:
        if wrong_keys.count(key_from_there) == 1:
            wrong_keys.count(address)
        raise refused
    request.state.key_name = name


class HostGuard:
    """Answers only where the server is addressed by one of its names.

    A page from elsewhere whose name was pointed at this machine (DNS rebinding) would count as the
    same origin and could read answers.

    Parameters
    ----------
    app
        What it guards.
    names
        Allowed host names in lower case, without ports.
    """

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self.app = app
        self.names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or refuse it."""
        if scope["type"] == "http" and _name(Headers(scope=scope).get("host", "")) not in self.names:
            message = f"This server is not known by that name: address it as {', '.join(self.names)}."
            answer = error_answer(421, "unknown_host", message, scope["state"]["request_id"])
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _name(host: str) -> str:
    """Host name without its port; an IPv6 address keeps its brackets."""
    name, _, port = host.rpartition(":")
    return (name if name and port.isdecimal() else host).lower()
