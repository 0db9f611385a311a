"""A running server and a browser to look at it with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Nothing that would make the browser talk to anyone but the server under test.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def write_recordings(folder: Path) -> None:
    """Write what the page is asked to draw; every lead is a 1 mV pulse of 200 ms once a second."""
    for name, fs, duration_s, leads in [
        ("ten_seconds", 500, 10, "I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6"),
        ("half_minute", 100, 30, "I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6"),
        ("three_seconds", 250, 3, "I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6"),
        ("no_v3", 500, 10, "I,II,III,aVR,aVL,aVF,V1,V2,V4,V5,V6"),
    ]:
        pulse = [1.0 if 0.4 <= (time / fs) % 1 < 0.6 else 0.0 for time in range(fs * duration_s)]
        rows = "\n".join(",".join([f"{value}"] * len(leads.split(","))) for value in pulse)
        (folder / f"{name}.csv").write_text(f"# fs={fs}\n# unit=mV\n{leads}\n{rows}\n", encoding="utf-8")
    (folder / "labels.csv").write_text("id,labels\nten_seconds,MI\n", encoding="utf-8")


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the samples of the server."""
    folder = tmp_path_factory.mktemp("recordings")
    write_recordings(folder)
    return folder


@contextmanager
def serving(readers: Sequence[str], recordings: Path) -> Iterator[str]:
    """Start a server as a user starts it; yield its address."""
    command = [sys.executable, "run_server.py", *readers, "--port", "0"]
    environment = {**os.environ, "HEART_READER_SAMPLES_DIR": str(recordings)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            yield server.stdout.readline().split(" on ")[1].split()[0]
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def address(tiny_checkpoint: Path, recordings: Path) -> Iterator[str]:
    """Address of a server of one reader."""
    with serving(["--checkpoint", str(tiny_checkpoint)], recordings) as started:
        yield started


@pytest.fixture(scope="session")
def address_of_several(tiny_checkpoint: Path, own_checkpoints: dict[str, Path], screen_checkpoint: Path, recordings: Path) -> Iterator[str]:
    """Address of a server of several readers."""
    named = {"usual": tiny_checkpoint, **own_checkpoints, "screen": screen_checkpoint}
    with serving([f"{name}={path}" for name, path in named.items()], recordings) as started:
        yield started


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """A Chromium, or a skip."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: no browser tests")
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.skip(f"no browser found among {', '.join(BROWSERS)}: no browser tests")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=executable, args=list(QUIET))
        yield started
        started.close()


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Callable[..., Any]]:
    """Open the page with some language, theme and screen; fail on any error behind it.

    ``visit(place="", **context)`` takes what comes after the address, and options of the browser's
    context.
    """
    contexts: list[Any] = []
    requests: list[str] = []
    complaints: list[str] = []

    def note(line: Any) -> None:
        # The browser itself reports every answer above 399; those are what some of these tests are
        # about.
        if line.type in {"error", "warning"} and "Failed to load" not in line.text:
            complaints.append(line.text)

    def open_page(place: str = "", **options: Any) -> Any:
        contexts.append(browser.new_context(**{"viewport": {"width": 1366, "height": 900}, "locale": "en-US", **options}))
        page = contexts[-1].new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", note)
        page.goto(f"{address}/{place}")
        page.wait_for_selector("[data-sample]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith((address, f"blob:{address}"))] == []
