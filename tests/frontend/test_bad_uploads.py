"""Bad requests get one readable error of one shape and leave nothing on disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from fastapi.testclient import TestClient

from heart_reader.frontend import Settings, create_app
from heart_reader.frontend.uploads import safe_name
from heart_reader.messages import message

PREDICT = "/api/v1/predict"
MEGABYTE = 1024 * 1024


def left_behind(client: TestClient) -> list[Path]:
    """What lies in the folders of the server, in memory and on disk."""
    return list(client.app.state.folders.left())


def check_error(answer: Any, status: int, code: str | None = None) -> dict[str, Any]:
    """Check the shape of an error and return it."""
    body = answer.json()
    assert answer.status_code == status, body
    assert set(body) == {"code", "message", "detail", "request_id"}
    assert body["request_id"] == answer.headers["X-Request-ID"]
    assert body["message"]
    assert "\n" not in body["message"]
    assert code is None or body["code"] == code
    return body


BAD_FILES: list[tuple[str, list[tuple[str, bytes]]]] = [
    ("empty", [("a.csv", b"")]),
    ("picture", [("a.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)))]),
    ("prose", [("a.csv", b"Dear colleague, please find the ECG attached.")]),
    ("pdf", [("a.pdf", b"%PDF-1.7\n")]),
    ("header without signal", [("100.hea", b"100 1 360 10\n100.dat 16 200 16 0 0 0 0 I\n")]),
    ("signal without header", [("100.dat", bytes(40))]),
    ("header with another signal", [("100.hea", b"100 1 360 10\n100.dat 16 200 16 0 0 0 0 I\n"), ("101.dat", bytes(20))]),
    ("header that lies about its length", [("a.hea", b"a 1 360 9000000000\na.dat 16 200 16 0 0 0 0 I\n"), ("a.dat", bytes(20))]),
    ("header that reaches outside", [("a.hea", b"a 1 360 10\n../../../etc/passwd 16 200 16 0 0 0 0 I\n"), ("a.dat", bytes(20))]),
    ("header that names a remote file", [("a.hea", b"a 1 360 10\ns3://bucket/a.dat 16 200 16 0 0 0 0 I\n"), ("a.dat", bytes(20))]),
    ("two unrelated files", [("a.csv", b"I,II\n0,0\n"), ("b.csv", b"I,II\n0,0\n")]),
    ("one file twice", [("a.csv", b"I,II\n0,0\n"), ("a.csv", b"I,II\n0,0\n")]),
    ("only unknown leads", [("a.csv", b"# fs=100\nred,green\n" + b"0,1\n1,0\n" * 500)]),
    ("nothing but NaN", [("a.csv", b"# fs=100\nI,II\n" + b"nan,nan\n" * 1000)]),
    ("too short", [("a.csv", b"# fs=100\nI,II\n" + b"0,1\n1,0\n" * 10)]),
]


@pytest.mark.parametrize(("parts"), [pytest.param(parts, id=name) for name, parts in BAD_FILES])
def test_a_recording_that_cannot_be_read_is_a_422_that_says_why(client: TestClient, parts: list[tuple[str, bytes]]) -> None:
    body = check_error(client.post(PREDICT, files=[("file", part) for part in parts]), 422)
    assert "heart-reader" not in json.dumps(body)
    # What is wrong and what to do can be said in another language.
    said = body["detail"]["messages"][body["message"]]
    assert message(said["code"], **said["values"]) == body["message"]
    assert left_behind(client) == []


def test_the_folder_of_a_good_recording_is_gone_too(client: TestClient, ecg_csv: bytes) -> None:
    assert client.post(PREDICT, files={"file": ("a.csv", ecg_csv)}).status_code == 200
    assert left_behind(client) == []


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("100.hea", "100.hea"),
        ("../../etc/passwd", "passwd"),
        (r"C:\records\a-1.csv", "a-1.csv"),
        ("<img src=x onerror=alert(1)>.csv", "img_src_x_onerror_alert_1_.csv"),
        (".bashrc", "bashrc"),
        ("...", "record"),
        ("s3://bucket/a.hea", "a.hea"),
        ("Müller 1.hea", "M_ller_1.hea"),
        ("x" * 300 + ".hea", "x" * 90 + ".hea"),
    ],
)
def test_file_names_become_harmless(client: TestClient, ecg_csv: bytes, name: str, safe: str) -> None:
    assert safe_name(name).lstrip("_") == safe
    answer = client.post(PREDICT, files={"file": (name, ecg_csv)})
    assert answer.status_code == 200
    assert "<" not in answer.json()["record_id"]
    assert "/" not in answer.json()["record_id"]


def test_a_pair_with_an_unsafe_name_still_finds_itself() -> None:
    assert Path(safe_name("Jane Döe (2).hea")).stem == Path(safe_name("Jane Döe (2).dat")).stem


@pytest.mark.parametrize(
    ("request_parts", "status", "code"),
    [
        ({"files": {"other": ("a.csv", b"I\n")}}, 422, "no_file"),
        ({"files": {"file": (None, "text instead of a file")}}, 422, "no_file"),
        ({"content": b"I,II\n", "headers": {"content-type": "text/csv"}}, 415, "not_multipart"),
        ({"json": {"file": "a"}}, 415, "not_multipart"),
        ({"content": b"nonsense", "headers": {"content-type": "multipart/form-data; boundary=x"}}, 400, "bad_request"),
        ({"content": b"", "headers": {"content-type": "multipart/form-data"}}, 400, "bad_request"),
        ({"files": [("file", (f"{i}.csv", b"I\n")) for i in range(5)]}, 400, "bad_request"),
        ({"files": {"file": ("a.csv", b"I\n")}, "data": {"fs": "fast"}}, 422, "invalid_request"),
        ({"files": {"file": ("a.csv", b"I\n")}, "data": {"fs": "nan"}}, 422, "invalid_request"),
        ({"files": {"file": ("a.csv", b"I\n")}, "data": {"rate": "500"}}, 422, "invalid_request"),
        ({"files": {"file": ("a.csv", b"I\n")}, "params": {"fs": "-1"}}, 422, "invalid_request"),
        ({"files": {"file": ("a.csv", b"I\n")}, "params": {"rate": "500"}}, 422, "invalid_request"),
        ({"files": {"file": ("a.csv", b"# fs=100\nI,II\n0,1\n")}, "data": {"unit": "furlong"}}, 422, "unit_error"),
    ],
)
def test_a_request_that_is_wrong_is_refused(client: TestClient, request_parts: dict[str, Any], status: int, code: str) -> None:
    check_error(client.post(PREDICT, **request_parts), status, code)


def test_unknown_addresses_and_methods_have_the_same_shape(client: TestClient) -> None:
    check_error(client.get("/nothing"), 404, "not_found")
    check_error(client.get("/static/../settings.py"), 404, "not_found")
    check_error(client.get(PREDICT), 405, "method_not_allowed")


def post_stream(client: TestClient, receive: Callable[[], Any], headers: list[tuple[bytes, bytes]]) -> tuple[int, bytes]:
    """Post a body that is made while it is read; the usual client would hold it in memory first."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": PREDICT,
        "raw_path": PREDICT.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"content-type", b"multipart/form-data; boundary=x"), *headers],
        "client": ("test", 1),
        "server": ("test", 80),
    }
    client.portal.call(client.app, scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


class EndlessUpload:
    """A client that sends one file without an end, a mebibyte at a time."""

    def __init__(self) -> None:
        self.n_sent = 0
        self.chunk = bytes(MEGABYTE)

    async def __call__(self) -> dict[str, Any]:
        head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' if self.n_sent == 0 else b""
        self.n_sent += 1
        return {"type": "http.request", "body": head + self.chunk, "more_body": True}


def test_two_gigabytes_announced_are_refused_unread(client: TestClient) -> None:
    upload = EndlessUpload()
    status, body = post_stream(client, upload, [(b"content-length", str(2 * 1024**3).encode())])
    assert status == 413
    assert b"upload_too_large" in body
    assert upload.n_sent == 0
    assert left_behind(client) == []


def test_two_gigabytes_unannounced_are_refused_at_the_limit(client: TestClient) -> None:
    upload = EndlessUpload()
    status, body = post_stream(client, upload, [])
    assert status == 413
    assert b"2 MB" in body
    assert upload.n_sent == 2  # with its head the second mebibyte passes the limit; a third was never asked for
    assert left_behind(client) == []


def test_a_client_that_hangs_up_leaves_nothing(client: TestClient) -> None:
    async def hang_up() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    with pytest.raises(IndexError):  # no answer was sent: there is nobody to read it
        post_stream(client, hang_up, [])
    assert client.app.state.service.n_in_flight == 0
    assert left_behind(client) == []


def test_a_client_that_stalls_is_let_go(settings: Settings) -> None:
    async def stall() -> dict[str, Any]:
        await anyio.sleep_forever()
        raise AssertionError

    impatient = settings.model_copy(update={"upload_timeout_s": 0.1})
    with TestClient(create_app(impatient)) as client:
        status, body = post_stream(client, stall, [])
    assert status == 408
    assert b"upload_too_slow" in body


def test_a_full_queue_answers_503_and_when_to_come_back(settings: Settings, ecg_csv: bytes) -> None:
    narrow = settings.model_copy(update={"max_concurrency": 1, "queue_limit": 1, "retry_after_s": 7})
    with TestClient(create_app(narrow)) as client:
        service = client.app.state.service
        with service.place(), service.place():
            answer = client.post(PREDICT, files={"file": ("a.csv", ecg_csv)})
            check_error(answer, 503, "busy")
            assert answer.headers["Retry-After"] == "7"
            check_error(client.get("/api/v1/samples/pair"), 503, "busy")
            assert client.get("/health").status_code == 200
        assert client.post(PREDICT, files={"file": ("a.csv", ecg_csv)}).status_code == 200
