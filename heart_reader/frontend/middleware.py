"""What surrounds every request: id, security headers, log line, metrics, unforeseen errors.

No line of the log holds a file name, an address, a query value or a word of a recording: routes are
named instead. Only the audit line says from where in the network a recording came.
"""

from __future__ import annotations

import logging
import time
import uuid

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from heart_reader.frontend.error_answers import AS_PROTOCOL, hidden_error
from heart_reader.frontend.metrics import Metrics
from heart_reader.stages import noting

__all__ = ["SECURITY_HEADERS", "SECURITY_LINES", "RequestContext"]

log = logging.getLogger("heart_reader.frontend")

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; font-src 'self'; "
        "worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
# The same as they are sent.
SECURITY_LINES = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
CACHE_CONTROL = b"cache-control"
STATIC = "/static/"
# A client that hung up; the number is nginx's, there is no standard one. It is logged, never sent.
CLIENT_CLOSED = 499


class RequestContext:
    """Outermost ASGI layer of the server."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        AS_PROTOCOL.set(scope["path"] == "/v2" or scope["path"].startswith("/v2/"))
        started_at = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # No route sets any of these.
                headers = [*message.get("headers", ()), *SECURITY_LINES, (b"x-request-id", request_id.encode())]
                if all(name != CACHE_CONTROL for name, _ in headers):
                    # Readings stay in the tab; the page itself is revalidated, so that an update is
                    # seen at once.
                    headers.append((CACHE_CONTROL, b"no-cache" if scope["path"].startswith(STATIC) else b"no-store"))
                message["headers"] = headers
            await send(message)

        try:
            with noting() as stages:
                await self.app(scope, receive, send_with_headers)
        except ClientDisconnect:
            status = CLIENT_CLOSED
        except Exception as error:
            answer = hidden_error(request_id, error)
            if status:
                raise
            await answer(scope, receive, send_with_headers)
        finally:
            self.metrics.count_stages(stages)
            self._account(scope, request_id, status, time.perf_counter() - started_at)

    def _account(self, scope: Scope, request_id: str, status: int, duration_s: float) -> None:
        route = getattr(scope.get("route"), "path", STATIC if scope["path"].startswith(STATIC) else "unmatched")
        # Methods are the client's words: an unknown one must not become a metric of its own.
        method = scope["method"] if scope["method"] in {"GET", "HEAD", "POST", "OPTIONS"} else "other"
        self.metrics.count_request(method, route, status, duration_s)
        fields = {"request_id": request_id, "method": method, "route": route, "status": status, "duration_ms": round(duration_s * 1000, 1)}
        log.info("request", extra=fields)
