"""Over real sockets: clients that are slow, leave or send nonsense, and a stop amid reading."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
BOUNDARY = "b"


def body(ecg_csv: bytes) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    return head.encode() + ecg_csv + f"\r\n--{BOUNDARY}--\r\n".encode()


def head(port: int, length: int, address: str = "/api/v1/predict") -> bytes:
    return (
        f"POST {address} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"Content-Length: {length}\r\nConnection: close\r\n\r\n"
    ).encode()


def answer(connection: socket.socket) -> tuple[int, dict[str, object]]:
    """Status and JSON of everything that comes."""
    content = b""
    while part := connection.recv(1 << 16):
        content += part
    start, _, rest = content.partition(b"\r\n\r\n")
    return int(start.split()[1]), json.loads(rest)


def start(checkpoint: Path, **environment: str) -> tuple[subprocess.Popen[str], int]:
    command = [sys.executable, "run_server.py", "--checkpoint", str(checkpoint), "--port", "0"]
    surroundings = {**os.environ, **environment}
    server = subprocess.Popen(command, cwd=ROOT, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return server, int(server.stdout.readline().split(" on ")[1].split()[0].rpartition(":")[2])


def stop(server: subprocess.Popen[str]) -> tuple[int, str]:
    server.send_signal(signal.SIGTERM)
    _, errors = server.communicate(timeout=30)
    return server.returncode, errors


@pytest.fixture(scope="module")
def port(tiny_checkpoint: Path) -> Iterator[int]:
    server, number = start(tiny_checkpoint, HEART_READER_UPLOAD_TIMEOUT_S="1.5", HEART_READER_MAX_UPLOAD_MB="2")
    yield number
    assert stop(server)[0] == 0


def in_flight(port: int) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        lines = page.read().decode().splitlines()
    return float(next(line for line in lines if line.startswith("heart_reader_readings_in_flight ")).split()[1])


def wait_until_idle(port: int) -> None:
    deadline = time.monotonic() + 10
    while in_flight(port) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert in_flight(port) == 0


def test_a_client_that_sends_a_byte_at_a_time_is_let_go(port: int, ecg_csv: bytes) -> None:
    content = body(ecg_csv)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head(port, len(content)))
        begun = time.monotonic()
        try:
            for byte in content:
                connection.sendall(bytes([byte]))
                time.sleep(0.1)
        except OSError:
            pass  # the server has answered and closed
        assert time.monotonic() - begun < 10
        status, message = answer(connection)
    assert (status, message["code"]) == (408, "upload_too_slow")
    wait_until_idle(port)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_client_that_leaves_in_the_middle_harms_nobody(port: int, ecg_csv: bytes, share: float) -> None:
    content = body(ecg_csv)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(head(port, len(content)) + content[: round(share * len(content))])
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))  # leave with a reset
    wait_until_idle(port)


def test_a_client_that_leaves_before_its_answer_harms_nobody(port: int, ecg_csv: bytes) -> None:
    content = body(ecg_csv)
    for address in ("/api/v1/predict", "/api/v1/explain?finding=MI"):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(head(port, len(content), address) + content)
    wait_until_idle(port)


@pytest.mark.parametrize(
    "nonsense",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 5, b"GET\r\n\r\n", b"A" * 200_000, b"GET / HTTP/1.1\r\nA: " + b"b" * 200_000],
)
def test_what_is_no_request_is_refused(port: int, nonsense: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        try:
            connection.sendall(nonsense + b"\r\n\r\n")
            received = connection.recv(1 << 16)
        except ConnectionError:
            received = b""
    assert received == b"" or b" 400 " in received.split(b"\r\n")[0]
    wait_until_idle(port)


def test_a_name_that_was_pointed_here_is_refused(port: int) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/samples", headers={"Host": "rebound.example"})
    with pytest.raises(urllib.error.HTTPError) as refused, urllib.request.urlopen(request, timeout=10):
        pass
    with refused.value as error:
        assert error.code == 421


def test_a_server_that_stops_answers_what_it_has_begun(tiny_checkpoint: Path, ecg_csv: bytes) -> None:
    server, number = start(tiny_checkpoint)
    content = body(ecg_csv)
    with socket.create_connection(("127.0.0.1", number), timeout=30) as connection:
        connection.sendall(head(number, len(content)) + content[:-1000])
        time.sleep(0.3)
        stopped: list[tuple[int, str]] = []
        stopper = threading.Thread(target=lambda: stopped.append(stop(server)))
        stopper.start()
        time.sleep(0.3)
        connection.sendall(content[-1000:])
        status, reading = answer(connection)
    stopper.join()
    assert (status, reading["record_id"]) == (200, "a")
    assert stopped[0][0] == 0
    assert "Traceback" not in stopped[0][1]
