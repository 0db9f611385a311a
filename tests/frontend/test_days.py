"""A day of two leads is uploaded to a server that nobody set up for it, and read."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from fastapi.testclient import TestClient

from heart_reader.frontend.app import create_app
from heart_reader.frontend.settings import MEGABYTE, Settings
from heart_reader.frontend.workers import USUAL_BYTES, Workers
from tests.data.formats.long_files import WRITERS, tiled

FS, DAY_S = 360.0, 86_400.0


@pytest.fixture(scope="module")
def client(tiny_checkpoint: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(checkpoint=tiny_checkpoint, max_concurrency=1))) as client:
        yield client


def files_of(header: Path) -> list[tuple[str, tuple[str, bytes]]]:
    return [("file", (path.name, path.read_bytes())) for path in sorted(header.parent.glob(f"{header.stem}.*"))]


@pytest.mark.slow
@pytest.mark.parametrize("damaged", [False, True])
def test_a_day_of_two_leads_is_read(client: TestClient, damaged: bool, tmp_path: Path) -> None:
    microvolts = tiled(2, FS, DAY_S)
    if damaged:  # then it is held in memory and repaired
        microvolts[0, 1_000_000] = -32768
    path = WRITERS["wfdb"](tmp_path / "day", microvolts, FS, ("II", "V5"))
    answer = client.post("/api/v1/predict?waveform=1", files=files_of(path))
    assert answer.status_code == 200, answer.text[:500]
    reading = answer.json()
    assert reading["duration_s"] == DAY_S
    assert len(reading["long"]["hours"]) == 24
    assert reading["long"]["heart_rate"]["mean"] == pytest.approx(75.0, abs=2.0)
    held = np.frombuffer(base64.b64decode(reading["waveform"]["data"]), "<i2")
    assert held.size <= 2_000_000
    part = client.post("/api/v1/signal?start_s=43200&duration_s=10", files=files_of(path)).json()
    assert part["start"] == round(43_200 * FS)


def test_two_days_are_refused_for_their_length_before_they_are_read(client: TestClient, tmp_path: Path) -> None:
    header = tmp_path / "days.hea"
    n_times = round(2 * DAY_S * 10)
    header.write_text(f"days 1 10 {n_times}\ndays.dat 16 1000(0)/mV 16 0 0 0 0 II\n")
    header.with_suffix(".dat").write_bytes(bytes(2 * n_times))
    answer = client.post("/api/v1/predict", files=files_of(header))
    assert (answer.status_code, answer.json()["code"]) == (422, "unreadable_record")
    assert "104000000" in answer.json()["message"].replace(",", "")


def test_what_is_larger_has_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []

    class Idle:
        is_ready = True

        def wait(self, given_up: Event) -> None: ...

        def do(self, arguments: tuple[object, ...], timeout_s: float, given_up: Event) -> bytes:
            given.append(timeout_s)
            return b""

    workers = Workers.__new__(Workers)
    workers._timeout_s = 20.0

    monkeypatch.setattr(Workers, "_process", lambda self: nullcontext(Idle()))
    for n_bytes in (0, USUAL_BYTES, USUAL_BYTES + 1, 120 * MEGABYTE):
        workers.do(Event(), n_bytes=n_bytes)
    assert given == [20.0, 20.0, 40.0, 100.0]
