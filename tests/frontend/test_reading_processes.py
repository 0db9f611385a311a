"""Processes give the same readings and refusals, and outlive one that dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from heart_reader.frontend import Settings, create_app

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def other(settings: Settings) -> Iterator[TestClient]:
    """The server under test, reading in one process."""
    changed = settings.model_copy(update={"processes": True, "max_concurrency": 1})
    with TestClient(create_app(changed), raise_server_exceptions=False) as started:
        yield started
    assert multiprocessing.active_children() == []


def test_a_reading_is_the_same(client: TestClient, other: TestClient, ecg_csv: bytes) -> None:
    upload = [("file", ("ecg.csv", ecg_csv))]
    first, second = (server.post("/api/v1/predict?waveform=1", files=upload).raise_for_status().json() for server in (client, other))
    probabilities = [[reading["probability"] for reading in one["levels"]["superdiagnostic"].values()] for one in (first, second)]
    # torch adds up in another order where it has another number of threads.
    assert probabilities[1] == pytest.approx(probabilities[0], abs=1e-6)
    assert {name: first[name] for name in ("measurements", "waveform", "quality", "messages")} == {
        name: second[name] for name in ("measurements", "waveform", "quality", "messages")
    }


def test_a_refusal_is_the_same(client: TestClient, other: TestClient) -> None:
    answers = [server.post("/api/v1/predict", files=[("file", ("ecg.csv", b"I,II\n1,nan\n"))]) for server in (client, other)]
    assert [answer.status_code for answer in answers] == [422, 422]
    first, second = ({key: value for key, value in answer.json().items() if key != "request_id"} for answer in answers)
    assert first == second
    assert first["detail"]["messages"]


def test_a_process_that_dies_costs_no_answer(other: TestClient, ecg_csv: bytes) -> None:
    assert other.get("/ready").status_code == 200
    (process,) = multiprocessing.active_children()
    os.kill(process.pid, signal.SIGKILL)  # type: ignore[arg-type]
    process.join()
    answer = other.get("/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "no_process")
    assert other.get("/health").status_code == 200
    assert other.post("/api/v1/predict", files=[("file", ("ecg.csv", ecg_csv))]).status_code == 200
    assert other.get("/ready").status_code == 200


def test_an_explanation_is_the_same(client: TestClient, other: TestClient, ecg_csv: bytes) -> None:
    upload = [("file", ("ecg.csv", ecg_csv))]
    first, second = (server.post("/api/v1/explain?finding=MI", files=upload).raise_for_status().json() for server in (client, other))
    assert second["probability"] == pytest.approx(first["probability"], abs=1e-6)
    assert second["lead_shares"] == pytest.approx(first["lead_shares"], abs=1e-4)
    assert other.post("/api/v1/explain?finding=XYZ", files=upload).json()["code"] == "unknown_finding"


def test_processes_end_with_a_server_that_is_killed(tiny_checkpoint: Path) -> None:
    command = [sys.executable, "run_server.py", "--checkpoint", str(tiny_checkpoint), "--port", "0"]
    environment = {**os.environ, "HEART_READER_PROCESSES": "true", "HEART_READER_MAX_CONCURRENCY": "1"}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment) as server:
        assert server.stdout is not None
        assert " is ready on " in server.stdout.readline()
        tasks = Path(f"/proc/{server.pid}/task").glob("*/children")
        children = [int(name) for task in tasks for name in task.read_text().split()]
        server.kill()
    deadline = time.monotonic() + 20
    while (left := [child for child in children if _lives(child)]) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert children
    assert left == []


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
