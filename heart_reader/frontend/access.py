"""Who may ask: the key of a server that other machines can reach, and the names under which it may be addressed."""

from __future__ import annotations

import hmac
from collections.abc import Collection
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader
from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from heart_reader.frontend.error_answers import RequestRefused, error_answer

__all__ = ["API_KEY", "HostGuard", "check_key"]

API_KEY = "X-API-Key"
_key_header = APIKeyHeader(name=API_KEY, auto_error=False, description="The key that the server was started with")


def check_key(request: Request, key: Annotated[str | None, Depends(_key_header)]) -> None:
    """Refuse a request without the server's key, before its body is read.

    Raises
    ------
    RequestRefused
        401.
    """
    expected: SecretStr = request.app.state.settings.api_key
    # The time of the comparison must not tell how much of a guess was right.
    if key is None or not hmac.compare_digest(key.encode(), expected.get_secret_value().encode()):
        raise RequestRefused(401, "unauthorized", f"This server needs a key: send it in the header {API_KEY}; its operator knows it.")


class HostGuard:
    """Answers only where the server is addressed by one of its names.

    A page from elsewhere whose name was pointed at this machine (DNS rebinding) would count as the same origin and could read answers.

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
