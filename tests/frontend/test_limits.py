"""Limits of a server: long records, clients that leave, damaged checkpoints, full disks, kills."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import anyio
import pytest
from fastapi.testclient import TestClient
from starlette.datastructures import UploadFile

from heart_reader.frontend import Settings, create_app
from heart_reader.frontend.reading_service import ReadingService
from heart_reader.frontend.upload_folders import PREFIX, UploadFolders
from heart_reader.signing import sign_checkpoint
from heart_reader.signing.keys import create_key, read_private_key

ROOT = Path(__file__).resolve().parents[2]
PREDICT = "/api/v1/predict"
EXPLAIN = "/api/v1/explain?finding=MI"
N_VALUES = 12 * 5000
PATIENCE_S = 60


@pytest.fixture(scope="module")
def narrow(settings: Settings) -> Iterator[TestClient]:
    """A server that makes one reading at a time, of ten seconds at most."""
    with TestClient(
        create_app(settings.model_copy(update={"max_concurrency": 1, "max_values": N_VALUES})), raise_server_exceptions=False
    ) as started:
        yield started


def code_of(answer: Any) -> tuple[int, str]:
    """Status and code of an error of the one shape."""
    assert set(answer.json()) == {"code", "message", "detail", "request_id"}
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("address", [PREDICT, EXPLAIN])
def test_a_record_that_is_too_long_is_refused(narrow: TestClient, ecg_csv: bytes, address: str) -> None:
    assert narrow.post(address, files={"file": ("a.csv", ecg_csv)}).status_code == 200
    longer = ecg_csv + ecg_csv.splitlines()[-1] + b"\n"
    answer = narrow.post(address, files={"file": ("a.csv", longer)})
    assert code_of(answer) == (422, "unreadable_record")
    (said,) = answer.json()["detail"]["messages"].values()
    assert (said["code"], said["values"]["allowed"]) == ("record_too_long", N_VALUES)


@pytest.mark.parametrize(("error", "expected"), [(MemoryError, (413, "too_much_memory")), (RecursionError, (422, "too_nested"))])
def test_what_python_cannot_bear_is_the_recordings_fault(
    narrow: TestClient, ecg_csv: bytes, monkeypatch: pytest.MonkeyPatch, error: type[Exception], expected: tuple[int, str]
) -> None:
    def read_record(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("heart_reader.frontend.reading_work.read_record", read_record)
    assert code_of(narrow.post(PREDICT, files={"file": ("a.csv", ecg_csv)})) == expected


class Leaver:
    """A client that sends a recording and leaves when asked to, at the latest after the test."""

    def __init__(self, client: TestClient, ecg_csv: bytes) -> None:
        self.client, self.leaves = client, Event()
        head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        self.messages = [{"type": "http.request", "body": head + ecg_csv + b"\r\n--x--\r\n", "more_body": False}]
        self.sent: list[Any] = []
        self.thread = Thread(target=client.portal.call, args=(client.app, self.scope(), self.receive, self.send), daemon=True)
        self.thread.start()

    def __enter__(self) -> Leaver:
        return self

    def __exit__(self, *_: object) -> None:
        self.leaves.set()
        self.thread.join(timeout=PATIENCE_S)

    def scope(self) -> dict[str, Any]:
        headers = [(b"host", b"test"), (b"content-type", b"multipart/form-data; boundary=x")]
        return {"type": "http", "method": "POST", "path": PREDICT, "query_string": b"", "headers": headers, "http_version": "1.1"}

    async def receive(self) -> dict[str, Any]:
        if self.messages:
            return self.messages.pop()
        while not self.leaves.is_set():
            await anyio.sleep(0.01)
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Make readings that end only when they are given up; answers how many there are."""
    reading: list[Event] = []

    def read(service: ReadingService, path: Path, options: Any, given_up: Event, n_bytes: int = 0) -> bytes:
        reading.append(given_up)
        assert given_up.wait(timeout=PATIENCE_S)
        reading.remove(given_up)
        return b"{}"

    monkeypatch.setattr(ReadingService, "read", read)
    return lambda: len(reading)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_large_recordings_leave_a_process_to_the_others(
    settings: Settings, ecg_csv: bytes, endless: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("heart_reader.frontend.reading_service.LARGE", len(ecg_csv))
    with TestClient(create_app(settings.model_copy(update={"max_concurrency": 2})), raise_server_exceptions=False) as client:
        service = client.app.state.service
        with Leaver(client, ecg_csv + b"\n"), Leaver(client, ecg_csv + b"\n\n") as second:
            wait_for(lambda: endless() == 1 and service.n_in_flight == 2)
            with Leaver(client, ecg_csv):
                wait_for(lambda: endless() == 2 and service.n_in_flight == 3)
            wait_for(lambda: endless() == 1)
            # Who waits for the lane leaves it at once.
            second.leaves.set()
            wait_for(lambda: service.n_in_flight == 1)
        wait_for(lambda: service.n_in_flight == 0)


def test_a_reading_whose_client_left_is_given_up(narrow: TestClient, ecg_csv: bytes, endless: Callable[[], int]) -> None:
    service = narrow.app.state.service
    with Leaver(narrow, ecg_csv) as first:
        wait_for(lambda: endless() == 1)
        with Leaver(narrow, ecg_csv) as second:
            wait_for(lambda: service.n_in_flight == 2)
        # Who waits for a turn leaves the queue at once, and the reading that runs goes on.
        wait_for(lambda: service.n_in_flight == 1)
        assert endless() == 1
    wait_for(lambda: service.n_in_flight == 0)
    assert endless() == 0
    assert first.sent == second.sent == []
    assert narrow.app.state.folders.left() == []
    assert 'heart_reader_readings_total{outcome="given_up",reader="tiny"} 2.0' in narrow.get("/metrics").text


def test_ready_tells_a_damaged_checkpoint_and_one_that_is_back(settings: Settings, tmp_path: Path) -> None:
    copy = shutil.copytree(settings.checkpoint, tmp_path / "served")  # type: ignore[type-var]
    weights = copy / "weights.safetensors"
    with TestClient(create_app(settings.model_copy(update={"checkpoint": copy}))) as client:
        assert client.get("/ready").json() == {"status": "ready"}
        os.utime(weights)
        assert client.get("/ready").status_code == 200
        sound = weights.read_bytes()
        weights.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
        answer = client.get("/ready")
        assert code_of(answer) == (503, "checkpoint_changed")
        assert str(tmp_path) not in answer.text
        assert client.get("/health").status_code == 200
        weights.unlink()
        assert code_of(client.get("/ready")) == (503, "checkpoint_changed")
        weights.write_bytes(sound)
        assert client.get("/ready").status_code == 200


def test_ready_tells_that_a_signature_which_is_asked_for_is_gone(settings: Settings, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(settings.checkpoint, tmp_path / "served"))  # type: ignore[type-var]
    public = create_key(tmp_path / "key", "Ward 7", None)
    sign_checkpoint(copy, read_private_key(tmp_path / "key", lambda: ""))
    signature = copy / "manifest.sig"
    for trusted, then in ((public, (503, "checkpoint_changed")), (None, (200, None))):
        with TestClient(create_app(settings.model_copy(update={"checkpoint": copy, "trusted_keys": trusted}))) as client:
            assert client.get("/ready").status_code == 200
            aside = signature.rename(tmp_path / "aside")
            answer = client.get("/ready")
            assert (answer.status_code, answer.json().get("code")) == then
            aside.rename(signature)
            assert client.get("/ready").status_code == 200


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("place", ["spooled", "stored"])
@pytest.mark.parametrize("address", [PREDICT, EXPLAIN])
def test_a_full_disk_is_reported(
    narrow: TestClient, ecg_csv: bytes, monkeypatch: pytest.MonkeyPatch, number: int, place: str, address: str
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    async def fail_later(*_: Any) -> None:
        fail()

    if place == "spooled":
        monkeypatch.setattr(UploadFile, "write", fail_later)
    else:
        monkeypatch.setattr(shutil, "copyfileobj", fail)
    assert code_of(narrow.post(address, files={"file": ("a.csv", ecg_csv)})) == (507, "disk_full")
    monkeypatch.undo()
    assert narrow.app.state.folders.left() == []
    assert narrow.post(address, files={"file": ("a.csv", ecg_csv)}).status_code == 200


def test_another_trouble_of_the_disk_is_the_servers_own(narrow: TestClient, ecg_csv: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError(errno.EIO, "Jane Doe")

    monkeypatch.setattr(shutil, "copyfileobj", fail)
    answer = narrow.post(PREDICT, files={"file": ("a.csv", ecg_csv)})
    assert code_of(answer) == (500, "internal_error")
    assert "Jane" not in answer.text


KEEPS_AN_UPLOAD = """
import sys, time
from pathlib import Path
from heart_reader.frontend.upload_folders import UploadFolders
folders = UploadFolders((Path(sys.argv[1]), Path(sys.argv[2])))
with folders.private(in_memory=True) as folder:
    (folder / "a.csv").write_text("I,II")
    print("stored", flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
def test_what_a_killed_server_left_is_removed_by_the_next_and_what_a_living_one_stores_is_not(tmp_path: Path) -> None:
    places = tmp_path / "memory", tmp_path / "disk"
    for place in places:
        place.mkdir()
    other = tmp_path / "disk" / "heart-reader-of-somebody"
    other.mkdir()
    pointed_at = tmp_path / "elsewhere"
    pointed_at.mkdir()
    (places[1] / f"{PREFIX}link").symlink_to(pointed_at)
    command = [sys.executable, "-c", KEEPS_AN_UPLOAD, *map(str, places)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout.readline() == "stored\n"
        (upload,) = places[0].rglob("a.csv")
        UploadFolders(places).close()
        assert upload.exists()
        server.send_signal(signal.SIGKILL)
    assert upload.exists()
    folders = UploadFolders(places)
    assert not upload.exists()
    assert len(list(places[0].iterdir())) == 1
    folders.close()
    assert {path.name for place in places for path in place.iterdir()} == {other.name, f"{PREFIX}link"}
    assert pointed_at.exists()


def test_folders_that_somebody_tidied_away_are_made_again(tmp_path: Path) -> None:
    folders = UploadFolders((tmp_path, tmp_path))
    for folder in tmp_path.iterdir():
        folder.rmdir()
    with folders.private(in_memory=False) as private:
        assert private.stat().st_mode & 0o777 == 0o700
        assert private.parent.stat().st_mode & 0o777 == 0o700
        assert folders.left() == [private]
    folders.close()
    assert list(tmp_path.iterdir()) == []
