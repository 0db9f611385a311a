"""Who may ask: keys, host names, and settings that would leave the door open."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from heart_reader.frontend import Settings, create_app
from heart_reader.frontend.middleware import SECURITY_HEADERS

ROOT = Path(__file__).resolve().parents[2]
KEY = "a key of enough letters"
GUARDED = ["/api/v1/model", "/api/v1/samples", "/api/v1/samples/pair", "/api/v1/samples/pair/explanation?finding=MI", "/metrics"]
DESCRIPTION = ["/docs", "/openapi.json"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_a_server_that_others_can_reach_needs_a_key(host: str) -> None:
    with pytest.raises(ValidationError, match="HEART_READER_API_KEY"):
        Settings(host=host)
    assert KEY not in repr(Settings(host=host, api_key=KEY))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machine_alone_needs_none(host: str) -> None:
    assert Settings(host=host).only_this_machine


def test_a_key_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least 16"):
        Settings(api_key="secret")


@pytest.mark.slow
def test_the_command_says_why_it_does_not_start() -> None:
    command = [sys.executable, "run_server.py", "--host", "0.0.0.0", "--port", "0"]
    environment = {name: value for name, value in os.environ.items() if name != "HEART_READER_API_KEY"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "set HEART_READER_API_KEY" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_answer_about_an_ecg_needs_the_key(settings: Settings, ecg_csv: bytes) -> None:
    with TestClient(create_app(settings.model_copy(update={"api_key": Settings(api_key=KEY).api_key}))) as client:
        for address in GUARDED:
            for headers in ({}, {"X-API-Key": KEY + "x"}, {"X-API-Key": ""}):
                answer = client.get(address, headers=headers)
                assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), address
            assert client.get(address, headers={"X-API-Key": KEY}).status_code == 200, address
        for address in ("/api/v1/predict", "/api/v1/explain?finding=MI"):
            assert client.post(address, files={"file": ("a.csv", ecg_csv)}).status_code == 401
            assert client.post(address, files={"file": ("a.csv", ecg_csv)}, headers={"X-API-Key": KEY}).status_code == 200
        for address in ("/", "/languages", "/health", "/ready", "/static/style.css"):
            assert client.get(address).status_code == 200


def test_the_description_of_the_interface_needs_the_key(settings: Settings) -> None:
    with TestClient(create_app(settings.model_copy(update={"api_key": Settings(api_key=KEY).api_key}))) as client:
        for address in DESCRIPTION:
            for headers in ({}, {"X-API-Key": KEY + "x"}):
                answer = client.get(address, headers=headers)
                assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), address
            assert client.get(address, headers={"X-API-Key": KEY}).status_code == 200, address
        # A browser gets the page that asks for the key, and nothing with it.
        page = client.get("/docs", headers={"Accept": "text/html,*/*;q=0.8"})
        assert (page.status_code, page.headers["content-type"].split(";")[0]) == (401, "text/html")
        assert "/api/v1" not in page.text


def test_a_key_outside_ascii_is_no_error_of_the_server(settings: Settings) -> None:
    with TestClient(create_app(settings.model_copy(update={"api_key": Settings(api_key=KEY).api_key}))) as client:
        assert client.get("/api/v1/model", headers={b"X-API-Key": b"\xff\xfe"}).status_code == 401


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:8000", 200),
        ("LOCALHOST:1", 200),
        ("[::1]:8000", 200),
        ("evil.example", 421),
        ("evil.example:8000", 421),
        ("127.0.0.1.evil.example", 421),
        ("", 421),
    ],
)
def test_a_name_that_was_pointed_at_this_machine_is_refused(settings: Settings, host: str, status: int) -> None:
    client = TestClient(create_app(settings, host_names=settings.host_names))
    answer = client.get("/health", headers={"Host": host})
    assert answer.status_code == status
    if status == 421:
        assert answer.json()["code"] == "unknown_host"
        assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
        assert {name: answer.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_names_of_a_server_that_others_can_reach() -> None:
    assert Settings(host="0.0.0.0", api_key=KEY).host_names is None
    assert Settings(host="0.0.0.0", api_key=KEY, allowed_hosts="ecg.example, 10.0.0.1").host_names == ("ecg.example", "10.0.0.1")
    assert "::1" not in (Settings(host="::1").host_names or ())


def test_no_other_origin_is_let_in(client: TestClient) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for answer in (client.options("/api/v1/predict", headers=headers), client.get("/api/v1/model", headers=headers)):
        assert not [name for name in answer.headers if name.startswith("access-control")]
