"""Processes give the same readings and refusals, and outlive one that dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
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


@contextmanager
def started_server(checkpoint: Path, processes: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server as a user starts it, and its address."""
    command = [sys.executable, "run_server.py", "--checkpoint", str(checkpoint), "--port", "0"]
    environment = {**os.environ, "HEART_READER_PROCESSES": "true", "HEART_READER_MAX_CONCURRENCY": str(processes)}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        assert " is ready on " in line
        try:
            yield server, line.split(" on ")[1].split()[0]
        finally:
            server.terminate()


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_processes_end_with_their_server(tiny_checkpoint: Path, processes: int, ending: signal.Signals) -> None:
    with started_server(tiny_checkpoint, processes) as (server, _):
        below = _below(server.pid)
        assert len(below) >= processes
        server.send_signal(ending)
    deadline = time.monotonic() + 20
    while (left := [pid for pid in below if _lives(pid)]) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left == []


def test_a_crowd_is_answered_or_told_when_to_come_again(tiny_checkpoint: Path, ecg_csv: bytes) -> None:
    """Nobody waits for ever: whoever finds the queue full learns it at once."""
    with started_server(tiny_checkpoint, 2) as (_, address):
        upload = {"file": ("ecg.csv", ecg_csv)}

        def ask(_: int) -> tuple[int, str | None, float]:
            begun = time.monotonic()
            answer = httpx2.post(f"{address}/api/v1/predict", files=upload, timeout=60)
            return answer.status_code, answer.headers.get("retry-after"), time.monotonic() - begun

        with ThreadPoolExecutor(60) as crowd:
            answers = list(crowd.map(ask, range(180)))
    assert {status for status, _, _ in answers} == {200, 503}
    assert all(wait == ("2" if status == 503 else None) for status, wait, _ in answers)
    answered = [taken for status, _, taken in answers if status == 200]
    assert len(answered) >= 18
    assert max(answered) < 30


def test_memory_does_not_grow_with_requests(tiny_checkpoint: Path, ecg_csv: bytes) -> None:
    with started_server(tiny_checkpoint, 2) as (server, address), httpx2.Client(base_url=address, timeout=60) as client:
        held = []
        for _ in range(3):
            for _ in range(100):
                client.post("/api/v1/predict?waveform=1", files={"file": ("ecg.csv", ecg_csv)}).raise_for_status()
            held.append(sum(map(_held_mb, [server.pid, *_below(server.pid)])))
    # A hundred uploads and answers that were kept would be 60 MB.
    assert held[2] - held[1] < 6, held


def _below(pid: int) -> list[int]:
    """Return the processes that a process has started, and those that they have."""
    started = [int(name) for task in Path(f"/proc/{pid}/task").glob("*/children") for name in task.read_text().split()]
    return [one for child in started for one in (child, *_below(child))]


def _held_mb(pid: int) -> float:
    """Return the memory of a process in MiB, of shared pages its share."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
