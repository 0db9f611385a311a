"""Starting, stopping, logging, and what the server says when it is at fault itself."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from heart_reader.commands import main
from heart_reader.errors import ExportParityError
from heart_reader.frontend import Settings, create_app
from heart_reader.log_lines import JsonLines

ROOT = Path(__file__).resolve().parents[2]


def run_server(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command until it ends."""
    command = [sys.executable, "run_server.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.slow
def test_a_server_says_where_it_is_answers_and_stops_on_request(tiny_checkpoint: Path) -> None:
    command = [sys.executable, "run_server.py", "--checkpoint", str(tiny_checkpoint), "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            line = server.stdout.readline()
            address = line.split(" on ")[1].split()[0]
            with urllib.request.urlopen(f"{address}/ready", timeout=10) as answer:
                assert json.load(answer) == {"status": "ready"}
        finally:
            server.send_signal(signal.SIGTERM)
        rest, errors = server.communicate(timeout=20)
    assert server.returncode == 0
    assert line.startswith("heart_reader is ready on http://127.0.0.1:")
    assert rest == ""
    assert "Traceback" not in errors
    lines = [line for line in map(json.loads, errors.splitlines()) if line["event"] == "request"]  # it may also have swept
    assert [(line["event"], line["method"], line["route"], line["status"]) for line in lines] == [("request", "GET", "/ready", 200)]
    assert re.fullmatch(r"[0-9a-f]{32}", lines[0]["request_id"])


def test_a_missing_checkpoint_is_one_line_and_status_1(tmp_path: Path) -> None:
    done = run_server("--checkpoint", str(tmp_path / "absent"), "--port", "0")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_a_port_in_use_is_one_line_and_status_1(tiny_checkpoint: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_server("--checkpoint", str(tiny_checkpoint), "--port", str(port))
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("--port", "99999"), ("--port", "http"), ("--colour", "red")])
def test_wrong_usage_is_status_2(arguments: tuple[str, ...]) -> None:
    done = run_server(*arguments)
    assert done.returncode == 2
    assert "error: " in done.stderr.splitlines()[-1]


def test_a_wrong_setting_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("HEART_READER_API_KEY", "hush-hush")
    assert main(["serve"]) == 2
    monkeypatch.delenv("HEART_READER_API_KEY")
    assert main(["serve", "--host", "0.0.0.0"]) == 2
    short, open_to_all = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
    assert short == "error: api_key (HEART_READER_API_KEY): a key has at least 16 characters"
    assert "error: host 0.0.0.0 can be reached from other machines and no API key is set" in open_to_all


def test_settings_come_from_the_environment_and_give_way_to_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEART_READER_PORT", "8123")
    monkeypatch.setenv("HEART_READER_HOST", "0.0.0.0")
    monkeypatch.setenv("HEART_READER_API_KEY", "0123456789abcdef")
    assert (Settings().port, Settings(port=9000).port, Settings().host) == (8123, 9000, "0.0.0.0")
    assert Settings().max_concurrency == len(os.sched_getaffinity(0)) + 1


def test_an_error_of_the_server_is_hidden_behind_its_request_id(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(settings)
    words = "Jane Doe, born 1950"

    @app.get("/unforeseen")
    async def unforeseen() -> None:
        raise RuntimeError(words)

    @app.get("/foreseen")
    async def foreseen() -> None:
        raise ExportParityError(words)

    client = TestClient(app, raise_server_exceptions=False)
    for address in ("/unforeseen", "/foreseen"):
        caplog.clear()
        with caplog.at_level(logging.INFO):
            answer = client.get(address)
        assert answer.status_code == 500
        assert answer.json()["code"] == "internal_error"
        assert answer.json()["request_id"] in answer.json()["message"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        logged = "\n".join(JsonLines().format(record) for record in caplog.records)
        assert "Jane" not in answer.text + logged
        assert answer.json()["request_id"] in logged
        assert "frames" in logged


def test_the_log_names_no_file_and_no_record(client: TestClient, caplog: pytest.LogCaptureFixture, ecg_csv: bytes) -> None:
    with caplog.at_level(logging.DEBUG):
        client.post("/api/v1/predict", files={"file": ("Jane_Doe.csv", ecg_csv)})
        client.post("/api/v1/predict", files={"file": ("Jane_Doe.csv", b"")})
        client.get("/api/v1/samples/Jane_Doe.csv")
        client.get("/Jane_Doe")
        client.get("/api/v1/samples/pair/explanation", params={"finding": "Jane_Doe"})
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records if record.name.startswith("heart_reader")]
    assert [(line["route"], line["status"]) for line in lines if line["event"] == "request"] == [
        ("/api/v1/predict", 200),
        ("/api/v1/predict", 422),
        ("/api/v1/samples/{sample_id}", 404),
        ("unmatched", 404),
        ("/api/v1/samples/{sample_id}/explanation", 422),
    ]
    assert not any("Jane" in json.dumps(line) for line in lines)
