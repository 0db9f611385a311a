"""Each client's share: requests, upload room, slowest pace; and who counts as one client."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import pytest
from anyio.abc import TaskGroup
from fastapi.testclient import TestClient
from pydantic import ValidationError

from heart_reader.frontend import Settings, create_app
from heart_reader.frontend.error_answers import RequestRefused
from heart_reader.frontend.upload_room import UploadRoom

KEY = "a key of enough letters"
PREDICT = "/api/v1/predict"


@pytest.fixture
def shared(settings: Settings) -> Settings:
    """Of a server for others, where one address may have two requests at a time."""
    return settings.model_copy(update={"max_per_address": 2})


def held(client: TestClient, address: str, release: threading.Event) -> tuple[threading.Thread, list[int]]:
    """Send an upload that ends when it is asked to."""
    statuses: list[int] = []
    parts = [b"\r\n--b--\r\n", b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n']

    async def receive() -> dict[str, Any]:
        if not parts:
            await anyio.sleep_forever()  # the client stays and has nothing more to say
        while len(parts) == 1 and not release.is_set():
            await anyio.sleep(0.01)
        return {"type": "http.request", "body": parts.pop(), "more_body": bool(parts)}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http", "path": PREDICT,
        "raw_path": PREDICT.encode(), "query_string": b"", "headers": [(b"content-type", b"multipart/form-data; boundary=b")],
        "client": (address, 1), "server": ("test", 80),
    }  # fmt: skip
    thread = threading.Thread(target=lambda: client.portal.call(client.app, scope, receive, send))
    thread.start()
    return thread, statuses


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_one_address_has_a_share_and_others_have_theirs(shared: Settings, ecg_csv: bytes) -> None:
    release = threading.Event()
    with TestClient(create_app(shared), client=("192.0.2.1", 1)) as client:
        uploads = [held(client, "192.0.2.1", release) for _ in range(2)]
        wait_for(lambda: len(client.app.state.uploads) == 2)
        answer = client.post(PREDICT, files={"file": ("a.csv", ecg_csv)})
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
        assert answer.headers["Retry-After"]
        assert client.get("/health").status_code == client.get("/").status_code == 200
        others = TestClient(client.app, client=("192.0.2.2", 1))
        assert others.post(PREDICT, files={"file": ("a.csv", ecg_csv)}).status_code == 200
        release.set()
        for thread, statuses in uploads:
            thread.join()
            assert statuses == [422]
        assert client.post(PREDICT, files={"file": ("a.csv", ecg_csv)}).status_code == 200
        assert len(client.app.state.uploads) == client.app.state.service.n_in_flight == 0


def test_an_upload_under_way_holds_no_place(settings: Settings, ecg_csv: bytes) -> None:
    release = threading.Event()
    narrow = settings.model_copy(update={"max_concurrency": 1, "queue_limit": 0})
    with TestClient(create_app(narrow)) as client:
        uploads = [held(client, "192.0.2.1", release) for _ in range(5)]
        wait_for(lambda: len(client.app.state.uploads) == 5)
        assert b"heart_reader_uploads_in_flight 5.0" in client.get("/metrics").content
        assert client.post(PREDICT, files={"file": ("a.csv", ecg_csv)}).status_code == 200
        release.set()
        for thread, _ in uploads:
            thread.join()


def test_the_slowest_upload_gives_way_to_the_one_too_many(settings: Settings, ecg_csv: bytes) -> None:
    release = threading.Event()
    with TestClient(create_app(settings.model_copy(update={"max_uploads": 2}))) as client:
        first, second = (held(client, f"192.0.2.{number}", release) for number in range(2))
        wait_for(lambda: len(client.app.state.uploads) == 2)
        assert client.post(PREDICT, files={"file": ("a.csv", ecg_csv)}).status_code == 200
        release.set()
        for thread, _ in (first, second):
            thread.join()
        assert sorted(first[1] + second[1]) == [422, 503]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Uploads:
    """Uploads under way, by name, and how those ended that had to give way."""

    def __init__(self, tasks: TaskGroup, **changes: Any) -> None:
        self.clock = Clock()
        self.room = UploadRoom(Settings(**changes), self.clock)
        self.tasks, self.under_way, self.refused = tasks, {}, {}

    async def begin(self, name: str, n_bytes: int = 0) -> None:
        self.tasks.start_soon(self._upload, name, n_bytes)
        await anyio.sleep(0.02)

    async def bring(self, name: str, n_bytes: int) -> None:
        self.under_way[name].count(n_bytes)
        await anyio.sleep(0.02)

    async def _upload(self, name: str, n_bytes: int) -> None:
        try:
            with self.room.upload() as upload:
                self.under_way[name] = upload
                upload.count(n_bytes)
                await anyio.sleep_forever()
        except RequestRefused as refused:
            self.refused[name] = (refused.status_code, refused.code)


def with_uploads(test: Callable[[Uploads], Awaitable[None]], **changes: Any) -> Uploads:
    """Run a test and end all that is under way."""
    made = []

    async def run() -> None:
        async with anyio.create_task_group() as tasks:
            made.append(Uploads(tasks, **changes))
            await test(made[0])
            tasks.cancel_scope.cancel()

    # In a thread of its own: the browser that other tests drive keeps a loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(anyio.run, run).result()
    assert (len(made[0].room), made[0].room.n_bytes) == (0, 0)
    return made[0]


def test_what_came_lately_counts() -> None:
    async def test(uploads: Uploads) -> None:
        await uploads.begin("hurried once", 40_000_000)
        uploads.clock.now = 20.0
        await uploads.begin("steady", 50_000)
        await uploads.begin("new")
        assert uploads.refused == {}
        await uploads.begin("one more")
        assert uploads.refused == {"hurried once": (503, "upload_displaced")}

    with_uploads(test, max_uploads=3)


def test_where_all_are_fast_the_new_one_is_refused() -> None:
    async def test(uploads: Uploads) -> None:
        await uploads.begin("first", 10)
        await uploads.begin("second", 10)
        await uploads.begin("third")
        assert uploads.refused == {"third": (503, "upload_displaced")}

    with_uploads(test, max_uploads=2)


def test_bytes_under_way_are_bounded() -> None:
    async def test(uploads: Uploads) -> None:
        await uploads.begin("lying", 1 << 20)
        uploads.clock.now = 30.0
        await uploads.begin("one", 5 << 20)
        await uploads.begin("another", 4 << 20)
        assert uploads.refused == {}
        await uploads.bring("another", 1)
        assert uploads.refused == {"lying": (503, "upload_displaced")}

    with_uploads(test, max_upload_mb=1)


def test_a_stalled_upload_is_let_go_though_it_hurried_before(settings: Settings) -> None:
    release = threading.Event()
    hasty = settings.model_copy(update={"patience_s": 0.3, "min_bytes_per_s": 100})
    with TestClient(create_app(hasty)) as client:
        begun = time.monotonic()
        thread, statuses = held(client, "192.0.2.1", release)
        wait_for(lambda: bool(statuses))
        assert 0.25 < time.monotonic() - begun < 8
        release.set()
        thread.join()
    assert statuses == [408]


def test_what_a_share_is() -> None:
    assert Settings().share_of_an_address is None
    assert Settings(max_per_address=3).share_of_an_address == 3
    assert Settings(host="0.0.0.0", api_key=KEY, max_concurrency=4, queue_limit=6).share_of_an_address == 5
    assert Settings(host="0.0.0.0", api_key=KEY, max_concurrency=1, queue_limit=0).share_of_an_address == 1


@pytest.mark.parametrize("proxies", ["*", "", "proxy.example", "10.0.0.1/8", "10.0.0.1,", "10.0.0.0/33"])
def test_a_proxy_is_an_address_or_a_network(proxies: str) -> None:
    with pytest.raises(ValidationError, match="no address and no network"):
        Settings(trusted_proxies=proxies, api_key=KEY)


def test_a_server_behind_a_proxy_needs_a_key() -> None:
    with pytest.raises(ValidationError, match="behind a proxy"):
        Settings(trusted_proxies="127.0.0.1")
    assert len(Settings(trusted_proxies="127.0.0.1, 10.0.0.0/24, ::1", api_key=KEY).proxies) == 3
    assert not Settings(trusted_proxies="127.0.0.1", api_key=KEY).only_this_machine
