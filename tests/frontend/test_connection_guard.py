"""Over real sockets: idle connections, half-sent heads, untaken answers, too many clients."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from heart_reader.frontend import Settings
from heart_reader.frontend.connections import ConnectionGuard
from heart_reader.frontend.metrics import Metrics
from heart_reader.frontend.middleware import SECURITY_HEADERS
from heart_reader.frontend.server import _Server

pytestmark = pytest.mark.slow

KEY = "a key of enough letters"
LARGE = bytes(40_000_000)
ASK = b"GET /small HTTP/1.1\r\nHost: a\r\n\r\n"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers at once, much or little, without looking at what is sent."""
    body = LARGE if scope["path"] == "/large" else b"small"
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Served:
    def __init__(self, port: int, guard: ConnectionGuard, metrics: Metrics) -> None:
        self.port, self.guard, self._metrics = port, guard, metrics

    def connect(self, address: str = "127.0.0.1", **options: int) -> socket.socket:
        connection = socket.socket()
        connection.settimeout(15)
        connection.bind((address, 0))
        for name, value in options.items():
            connection.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
        connection.connect(("127.0.0.1", self.port))
        return connection

    def closed(self, reason: str) -> int:
        value = self._metrics.registry.get_sample_value("heart_reader_connections_closed_total", {"reason": reason})
        return int(value or 0)

    def wait(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            time.sleep(0.02)
        assert condition()


@contextmanager
def serving(**changes: Any) -> Iterator[Served]:
    settings, metrics = Settings(**{"patience_s": 1.0, **changes}), Metrics()
    guard = ConnectionGuard(settings, metrics)
    listener = socket.create_server(("127.0.0.1", 0))
    server = _Server(uvicorn.Config(app, http=guard.protocol(), ws="none", lifespan="off", log_config=None, timeout_keep_alive=60), guard)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield Served(listener.getsockname()[1], guard, metrics)
    finally:
        server.should_exit = True
        thread.join()


def everything(connection: socket.socket) -> bytes:
    """Return what comes until the connection is closed, or reset."""
    content = b""
    try:
        while part := connection.recv(1 << 20):
            content += part
    except ConnectionResetError:
        pass
    return content


def error(content: bytes) -> tuple[int, dict[str, Any], str]:
    """Status, body and head of an answer of the server's own."""
    head, _, body = content.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body), head.decode()


def test_an_idle_connection_is_closed() -> None:
    with serving() as served, served.connect() as connection:
        begun = time.monotonic()
        assert everything(connection) == b""
        assert 0.9 < time.monotonic() - begun < 6
        served.wait(lambda: not served.guard.connections)
        assert served.closed("idle") == 1


def test_a_connection_that_is_used_stays_and_is_closed_when_it_is_not() -> None:
    with serving() as served, served.connect() as connection:
        for _ in range(6):
            connection.sendall(ASK)
            assert b"small" in connection.recv(1 << 16)
            time.sleep(0.5)
        assert everything(connection) == b""


def test_a_head_that_comes_slowly_is_refused() -> None:
    with serving() as served, served.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
        begun = time.monotonic()
        connection.settimeout(0.1)
        content = b""
        while time.monotonic() - begun < 8:
            try:
                connection.sendall(b"X-A: b\r\n")
                part = connection.recv(1 << 16)
            except TimeoutError:
                continue
            except OSError:
                break
            if not part:
                break
            content += part
        assert time.monotonic() - begun < 6
        status, body, head = error(content)
        assert (status, body["code"]) == (408, "request_too_slow")
        assert body.keys() == {"code", "message", "detail", "request_id"}
        assert all(f"{name.lower()}: {value}" in head for name, value in SECURITY_HEADERS.items())
        assert served.closed("head_too_slow") == 1


def test_a_body_that_nobody_wants_is_not_taken_for_ever() -> None:
    with serving() as served, served.connect() as connection:
        connection.sendall(b"POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n")
        assert b"small" in connection.recv(1 << 16)
        begun = time.monotonic()
        try:
            while time.monotonic() - begun < 8:
                connection.sendall(b"b" * 100)
                time.sleep(0.05)
        except OSError:
            pass  # the server has closed
        assert time.monotonic() - begun < 6


def test_an_answer_that_is_not_taken_is_dropped() -> None:
    with serving() as served, served.connect(SO_RCVBUF=4096) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        served.wait(lambda: served.closed("answer_not_taken") == 1)
        served.wait(lambda: not served.guard.connections)
        assert len(everything(connection)) < len(LARGE)


def test_an_answer_that_is_taken_slowly_is_sent_whole() -> None:
    with serving(min_bytes_per_s=100_000) as served, served.connect() as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        n_bytes, begun = 0, time.monotonic()
        while part := connection.recv(250_000):
            n_bytes += len(part)
            time.sleep(0.02)
        assert n_bytes > len(LARGE)
        assert time.monotonic() - begun > 2
        assert served.closed("answer_not_taken") == 0


def test_where_there_is_no_room_the_one_that_waits_longest_goes() -> None:
    with serving(patience_s=60.0, max_connections=4) as served:
        waiting = []
        for number in range(4):
            waiting.append(served.connect())
            served.wait(lambda n=number: len(served.guard.connections) == n + 1)
        waiting[0].sendall(ASK)  # the first has been of use since
        assert b"small" in waiting[0].recv(1 << 16)
        with served.connect() as connection:
            connection.sendall(ASK)
            assert b"small" in connection.recv(1 << 16)
        assert everything(waiting[1]) == b""
        for kept in (waiting[0], waiting[2], waiting[3]):
            kept.sendall(ASK)
            assert b"small" in kept.recv(1 << 16)
        for connection in waiting:
            connection.close()


def test_one_address_has_a_part_of_the_connections() -> None:
    # 127.0.0.9 stands for a proxy, which speaks for many.
    with serving(patience_s=60.0, max_connections=32, trusted_proxies="127.0.0.9", api_key=KEY) as served:
        own = [served.connect("127.0.0.5") for _ in range(4)]
        served.wait(lambda: len(served.guard.connections) == 4)
        with served.connect("127.0.0.5") as refused:
            refused.sendall(ASK)
            status, body, _ = error(everything(refused))
            assert (status, body["code"]) == (429, "too_many_connections")
            assert "4 connections" in body["message"]
        of_the_proxy = [served.connect("127.0.0.9") for _ in range(8)]
        for connection in [*own, *of_the_proxy]:
            connection.sendall(ASK)
            assert b"small" in connection.recv(1 << 16)
            connection.close()
        served.wait(lambda: not served.guard.connections)
        with served.connect("127.0.0.5") as again:
            again.sendall(ASK)
            assert b"small" in again.recv(1 << 16)


def test_on_this_machine_alone_nobody_is_counted() -> None:
    with serving(max_connections=16) as served:
        connections = [served.connect() for _ in range(10)]
        for connection in connections:
            connection.sendall(ASK)
            assert b"small" in connection.recv(1 << 16)
            connection.close()


def test_a_refusal_that_is_not_read_is_closed_all_the_same() -> None:
    with serving(max_connections=8, trusted_proxies="127.0.0.9", api_key=KEY) as served:
        connections = [served.connect("127.0.0.5") for _ in range(5)]
        served.wait(lambda: served.closed("too_many_of_one_address") == 4)
        served.wait(lambda: not served.guard.connections)
        for connection in connections:
            connection.close()


@pytest.mark.parametrize("nonsense", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"GET\r\n\r\n", b"A" * 20_000])
def test_what_is_no_request_is_refused_in_the_one_shape(nonsense: bytes) -> None:
    with serving() as served, served.connect() as connection:
        connection.sendall(nonsense)
        status, body, _ = error(everything(connection))
        assert (status, body["code"]) == (400, "not_http")


def test_no_connection_leaves_the_guard_by_an_upgrade() -> None:
    with serving() as served, served.connect() as connection:
        connection.sendall(b"GET /small HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert b"small" in connection.recv(1 << 16)
        assert everything(connection) == b""
