"""Connections: how many there may be, how long each may wait, and how others are refused.

An application sees a request only when its head is complete. What comes before, and what stays when
it has answered, is watched here.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Callable
from ipaddress import ip_address

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from heart_reader.frontend.access import neighbourhood
from heart_reader.frontend.error_answers import error_answer
from heart_reader.frontend.metrics import Metrics
from heart_reader.frontend.middleware import SECURITY_LINES
from heart_reader.frontend.settings import Settings
from heart_reader.frontend.upload_room import Pace

__all__ = ["Connection", "ConnectionGuard"]

# The part of all connections that one address may have.
SHARE_OF_AN_ADDRESS = 8
# How long a connection stays half open after its refusal, so that the client can read it: closed at
# once, it would see a reset.
LINGER_S = 2.0


class Connection(H11Protocol):
    """One connection under the eyes of a guard.

    Attributes
    ----------
    guard
        Set by :meth:`ConnectionGuard.protocol`.
    waiting_since
        When it last began to wait for a request.
    refused
        Whether what it sends is no longer looked at.
    taking
        Pace at which the client takes an answer, and what of it was still here when that was last
        looked at.
    """

    guard: ConnectionGuard
    waiting_since = 0.0
    refused = False
    taking: tuple[Pace, int] | None = None

    @property
    def waits(self) -> bool:
        """Whether no whole request is there that has not been answered."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        super().connection_made(transport)
        self.guard.admit(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        if not self.refused:
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        super().connection_lost(exc)
        self.guard.forget(self)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self.waiting_since = self.guard.clock()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, in the shape of every other error."""
        self.answer(400, "not_http", f"{msg.rstrip('.')}: this port speaks HTTP/1.1; behind a proxy that speaks TLS, use its address.")
        self.transport.close()

    def answer(self, status: int, code: str, message: str) -> None:
        """Send an error where there is no request to answer, and nothing after it."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        request_id = uuid.uuid4().hex
        said = error_answer(status, code, message, request_id)
        headers = [*said.raw_headers, (b"x-request-id", request_id.encode()), (b"connection", b"close"), (b"cache-control", b"no-store")]
        headers += SECURITY_LINES
        for event in (h11.Response(status_code=status, headers=headers), h11.Data(data=bytes(said.body)), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")


class ConnectionGuard:
    """Watches the connections of one server."""

    def __init__(self, settings: Settings, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self.metrics = metrics
        self.clock = clock
        self.connections: set[Connection] = set()
        self._of_address: Counter[str] = Counter()

    def protocol(self) -> type[Connection]:
        """Return the class of this server's connections."""
        return type("GuardedConnection", (Connection,), {"guard": self})

    def admit(self, connection: Connection) -> None:
        """Take a new connection; with too many, refuse it or close the longest idle one."""
        connection.waiting_since = self.clock()
        self.connections.add(connection)
        address = neighbourhood(connection.client[0] if connection.client else None)
        self._of_address[address] += 1
        most = max(1, self.settings.max_connections // SHARE_OF_AN_ADDRESS)
        if self._of_address[address] > most and self._is_counted(address):
            self._refuse(connection, most)
        if len(self.connections) > self.settings.max_connections:
            longest = min((one for one in self.connections if one.waits), key=lambda one: one.waiting_since)
            self._close(longest, "too_many")

    def forget(self, connection: Connection) -> None:
        """Let go of a connection that is closed."""
        if connection not in self.connections:
            return
        self.connections.remove(connection)
        address = neighbourhood(connection.client[0] if connection.client else None)
        self._of_address[address] -= 1
        if not self._of_address[address]:
            del self._of_address[address]

    def sweep(self) -> None:
        """Close what was waited for long enough; to be called about every second."""
        now = self.clock()
        for connection in list(self.connections):
            # The answer is written into a buffer at once, however slowly the client takes it from
            # there.
            unsent = connection.transport.get_write_buffer_size()
            if unsent:
                connection.waiting_since = now
                if self._stalls(connection, unsent, now):
                    self._close(connection, "answer_not_taken")
                continue
            connection.taking = None
            if connection.waits and now - connection.waiting_since > (LINGER_S if connection.refused else self.settings.patience_s):
                self._let_go(connection)

    def _stalls(self, connection: Connection, unsent: int, now: float) -> bool:
        pace, before = connection.taking or (Pace(self.settings.min_bytes_per_s, self.settings.patience_s, now), unsent)
        pace.count(max(0, before - unsent), now)
        connection.taking = pace, unsent
        return now > pace.until

    def _let_go(self, connection: Connection) -> None:
        if connection.transport.is_closing():
            return  # nothing can be written on it any more
        half = connection.conn.their_state is h11.IDLE and bool(connection.conn.trailing_data[0])
        if half and not connection.refused:
            message = f"The head of the request did not come within {self.settings.patience_s:g} s: try again."
            connection.answer(408, "request_too_slow", message)
        if not connection.refused:
            self.metrics.count_closed("head_too_slow" if half else "idle")
        connection.transport.close()

    def _refuse(self, connection: Connection, most: int) -> None:
        message = f"Your address has {most} connections open, the most that one may have: close some, or use them for several requests."
        connection.answer(429, "too_many_connections", message)
        connection.refused = True
        self.metrics.count_closed("too_many_of_one_address")
        if connection.transport.can_write_eof():
            connection.transport.write_eof()

    def _is_counted(self, address: str) -> bool:
        """Whether an address stands for one client: that of a proxy does not."""
        if self.settings.only_this_machine or address == "unknown":
            return False
        return not any(ip_address(address) in network for network in self.settings.proxies)

    def _close(self, connection: Connection, reason: str) -> None:
        """Abort a connection and stop counting it, even if the loop closes it later."""
        self.metrics.count_closed(reason)
        connection.transport.abort()
        self.forget(connection)
