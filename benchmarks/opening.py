"""Time in Chromium from the moment a file is chosen to the moment its reading is drawn.

Run: ``python benchmarks/opening.py [--rounds 15] [--against FRONTEND] [--checkpoint DIR]``. A
server is started as a user starts it; the file is a simulated ten-second 12-lead ECG at 500 Hz as a
WFDB pair. The clock runs from the event of the file field until the frame with tracing and reading
has been painted, and is split at the answer of the server: ``server`` is what passes until its last
byte is here, ``page`` the rest. Beside it stands the processor time of the page, which does not
depend on what else the machine does. With ``--against`` another version's frontend folder is timed
in turn with this one, on the same server, and ratios are printed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from figures import add_json, keep
from playwright.sync_api import Browser, CDPSession, Page, Route, sync_playwright

from heart_reader.data.synthetic import EcgParameters, simulate
from heart_reader.data.synthetic.files import write_wfdb

ROOT = Path(__file__).resolve().parent.parent
FRONTEND = ROOT / "heart_reader" / "frontend"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
TARGET_MS = 150.0

WATCH = """() => {
  window.bench = { from: null, done: null };
  document.getElementById("file-input").addEventListener("change", () => { bench.from = performance.now(); bench.done = null; }, true);
  const painted = () => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      document.querySelector(".tracing-traces").getContext("2d").getImageData(0, 0, 1, 1);
      const [answer] = performance.getEntriesByType("resource").filter(({ name }) => name.includes("predict")).slice(-1);
      bench.done = { total: performance.now() - bench.from, server: answer.responseEnd - bench.from };
    };
    channel.port2.postMessage(null);
  });
  new MutationObserver(() => {
    if (!document.getElementById("reading").hidden && document.getElementById("status").textContent) painted();
  }).observe(document.getElementById("status"), { childList: true });
}"""


@contextmanager
def served(checkpoint: Path | None) -> Iterator[str]:
    """Start a server on a free port."""
    command = [sys.executable, "run_server.py", "--port", "0", *(["--checkpoint", str(checkpoint)] if checkpoint else [])]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().split(" on ")[1].split()[0]
        finally:
            server.terminate()


def opened(browser: Browser, address: str, static: Path) -> Page:
    """Return a page whose scripts and styles are those of ``static``."""
    page = browser.new_page(viewport={"width": 1366, "height": 900})

    def answer(route: Route) -> None:
        route.fulfill(path=static / route.request.url.split("/static/")[1].split("?")[0])

    page.route("**/static/**", answer)
    page.goto(address)
    page.wait_for_selector("[data-sample]")
    page.unroute("**/static/**")
    page.evaluate(WATCH)
    return page


def open_file(page: Page, files: list[Path]) -> dict[str, float]:
    """Choose the files; return milliseconds in all, until the answer, and of the page's CPU."""
    clock = page.context.new_cdp_session(page)
    clock.send("Performance.enable", {"timeDomain": "threadTicks"})
    start = thread_ms(clock)
    page.set_input_files("#file-input", files)
    page.wait_for_function("() => bench.done")
    done: dict[str, float] = page.evaluate("bench.done")
    return {**done, "page": done["total"] - done["server"], "processor": thread_ms(clock) - start}


def thread_ms(clock: CDPSession) -> float:
    """Return the processor time of the page's main thread."""
    metrics = clock.send("Performance.getMetrics")["metrics"]
    return 1000 * next(float(metric["value"]) for metric in metrics if metric["name"] == "ThreadTime")


def main() -> None:
    """Print medians of both versions' times and of the parts they have."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--against", type=Path, help="frontend folder of another version")
    parser.add_argument("--checkpoint", type=Path, help="directory of the checkpoint to serve (default: the shipped one)")
    add_json(parser)
    arguments = parser.parse_args()
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        raise SystemExit(f"no browser found among {', '.join(BROWSERS)}: install one of them")
    versions = {"here": FRONTEND} | ({"against": arguments.against} if arguments.against else {})
    times: dict[str, list[dict[str, float]]] = {name: [] for name in versions}
    with tempfile.TemporaryDirectory() as folder, served(arguments.checkpoint) as address, sync_playwright() as driver:
        record = simulate(EcgParameters(), rng=np.random.default_rng(0), fs=500.0, duration_s=10.0)
        write_wfdb(record, Path(folder))
        files = sorted(Path(folder).iterdir())
        browser = driver.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        for number in range(arguments.rounds):
            # Each version comes first as often as the other.
            for name, frontend in sorted(versions.items(), reverse=number % 2 == 1):
                page = opened(browser, address, frontend / "static")
                times[name].append(open_file(page, files))
                page.close()
        browser.close()
    medians = {name: report(name, rounds) for name, rounds in times.items()}
    keep(arguments, {part: (value, "ms") for part, value in medians["here"].items()})
    if arguments.against:
        ratios = {part: value / medians["against"][part] for part, value in medians["here"].items()}
        print("here / against: " + ", ".join(f"{part} {ratio:.2f}" for part, ratio in ratios.items()))
    print(f"load of the machine over the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def report(name: str, rounds: list[dict[str, float]]) -> dict[str, float]:
    """Print one version's times and return their medians."""
    medians = {part: statistics.median(one[part] for one in rounds) for part in rounds[0]}
    high = statistics.quantiles([one["total"] for one in rounds], n=20)[-1]
    mark = "" if medians["total"] <= TARGET_MS else f"  above {TARGET_MS:g}"
    parts = "  ".join(f"{part} {value:6.1f} ms" for part, value in medians.items())
    print(f"{name:<8} medians: {parts}  95% of total {high:6.1f} ms{mark}")
    # On a busy machine the quickest round says most about the page itself.
    least = "  ".join(f"{part} {min(one[part] for one in rounds):6.1f} ms" for part in medians)
    print(f"{'':<8} least:   {least}")
    return medians


if __name__ == "__main__":
    main()
