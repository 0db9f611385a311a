"""Time the first drawing of twelve leads of 5000 samples in Chromium, and one step of a pan.

Run: ``python benchmarks/drawing.py [--rounds 9] [--layout 3x4-rhythm] [--against FRONTEND]``. A
first draw begins with what the server answers, in a page that has just been loaded, and ends with
pixels that can be read back; each round is a new page. A step of a pan through a minute is
everything the view does for it: canvas, texts and accessible names. Beside the time on the clock
stands the processor time of the page, which does not depend on what else the machine does. With
``--against`` another version's frontend folder is timed in turn with this one, and ratios are
printed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, BrowserContext, CDPSession, sync_playwright

from heart_reader.data.synthetic import EcgParameters, simulate

FRONTEND = Path(__file__).resolve().parent.parent / "heart_reader" / "frontend"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
LAYOUTS = ("3x4-rhythm", "3x4", "6x2", "12x1", "single", "overlay")
STEPS = 120
TARGET_MS = {"first": 50.0, "step": 4.0}

PREPARE = """async () => {
  for (const name of ["style.css", "tracing/tracing.css"]) {
    const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: `static/${name}` });
    await new Promise((resolve) => { link.onload = resolve; document.head.append(link); });
  }
  const { setLanguage } = await import("/static/i18n.js");
  const { createTracingView } = await import("/static/tracing.js");
  const { Waveform } = await import("/static/waveform.js");
  await setLanguage("en");
  const section = Object.assign(document.createElement("section"), { className: "card", hidden: true });
  section.style.width = "1040px";
  document.body.replaceChildren(section);
  const view = createTracingView(section);
  const canvases = [...section.querySelectorAll(".tracing-sheet canvas")];
  const time = (act) => {
    const start = performance.now();
    act();
    // Reading a pixel back waits for the drawing, reading a width for the layout.
    for (const canvas of canvases) canvas.getContext("2d").getImageData(0, 0, 1, 1);
    return performance.now() - start + 0 * section.offsetWidth;
  };
  const show = ({ waveform, reading }, layout) => {
    view.setOptions({ layout });
    return time(() => view.show(new Waveform(waveform), reading));
  };
  const pan = (steps) => Array.from({ length: steps }, (_, step) => time(() => view.setOptions({ startS: 0.04 * (step + 1) })));
  window.bench = { show, pan };
}"""


class Quiet(SimpleHTTPRequestHandler):
    """Files of the frontend, without a line for each."""

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


def simulated(duration_s: float) -> dict[str, Any]:
    """Return what the server answers for a simulated record at 500 Hz."""
    record = simulate(EcgParameters(), rng=np.random.default_rng(0), fs=500.0, duration_s=duration_s)
    model = {"name": "none", "checkpoint_sha256": "0" * 64}
    reading = {"record_id": "simulated", "levels": {}, "timeline": [], "model": model}
    return {"waveform": record.waveform(), "reading": reading}


@contextmanager
def served(frontend: Path) -> Iterator[str]:
    """Serve a frontend's files on a free port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(frontend)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()


class Times:
    """Times of one version of the page: on the clock, and of the processor, in milliseconds."""

    def __init__(self) -> None:
        self.clock: dict[str, list[float]] = {name: [] for name in TARGET_MS}
        self.processor: dict[str, list[float]] = {name: [] for name in TARGET_MS}

    def medians(self, name: str) -> tuple[float, float]:
        """Return the median time on the clock and of the processor."""
        return statistics.median(self.clock[name]), statistics.median(self.processor[name])

    def describe(self, name: str) -> str:
        """Return both medians and the slow end in words."""
        median, processor = self.medians(name)
        high = statistics.quantiles(self.clock[name], n=20)[-1]
        mark = "" if median <= TARGET_MS[name] else f"  above {TARGET_MS[name]:g}"
        return f"median {median:6.2f} ms  95% {high:6.2f} ms  processor {processor:6.2f} ms{mark}"


def measure(browser: Browser, addresses: Sequence[str], layout: str, ratio: int, rounds: int) -> list[Times]:
    """Time first draws and steps of the page at each address, in turn."""
    records = {"short": simulated(10), "long": simulated(60)}
    versions = [Times() for _ in addresses]
    for _ in range(rounds):
        for address, times in zip(addresses, versions, strict=True):
            context = browser.new_context(viewport={"width": 1366, "height": 900}, device_scale_factor=ratio)
            measure_once(context, address, layout, records, times)
            context.close()
    return versions


def measure_once(context: BrowserContext, address: str, layout: str, records: dict[str, Any], times: Times) -> None:
    """Add one first draw and the steps of one pan, in a new page."""
    page = context.new_page()
    page.goto(address)
    page.evaluate(PREPARE)
    page.evaluate("(records) => Object.assign(window, records)", records)
    clock = context.new_cdp_session(page)
    clock.send("Performance.enable", {"timeDomain": "threadTicks"})
    start = thread_ms(clock)
    times.clock["first"].append(page.evaluate("(layout) => bench.show(short, layout)", layout))
    times.processor["first"].append(thread_ms(clock) - start)
    page.evaluate("(layout) => bench.show(long, layout)", layout)
    start = thread_ms(clock)
    times.clock["step"] += page.evaluate("(steps) => bench.pan(steps)", STEPS)
    times.processor["step"].append((thread_ms(clock) - start) / STEPS)


def thread_ms(clock: CDPSession) -> float:
    """Return the processor time of the page's main thread."""
    metrics = clock.send("Performance.getMetrics")["metrics"]
    return 1000 * next(metric["value"] for metric in metrics if metric["name"] == "ThreadTime")


def main() -> None:
    """Print the times of each layout, and which of them miss their target."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--ratio", type=int, action="append", help="device pixels per CSS pixel, repeatable (default: 1 and 2)")
    parser.add_argument("--layout", action="append", choices=LAYOUTS, help="repeatable (default: all)")
    parser.add_argument("--against", type=Path, help="frontend folder of another version")
    arguments = parser.parse_args()
    frontends = [FRONTEND, *([arguments.against] if arguments.against else [])]
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        raise SystemExit(f"no browser found among {', '.join(BROWSERS)}: install one of them")
    with sync_playwright() as driver, ExitStack() as servers:
        addresses = [servers.enter_context(served(frontend)) for frontend in frontends]
        browser = driver.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        for ratio in arguments.ratio or [1, 2]:
            for layout in arguments.layout or LAYOUTS:
                report(f"{ratio}x {layout}", measure(browser, addresses, layout, ratio, arguments.rounds))
        browser.close()
    print(f"load of the machine over the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def report(what: str, versions: list[Times]) -> None:
    """Print the times of this version, and how they compare with the other's."""
    for name in TARGET_MS:
        print(f"{what:<14} {name:<5} {versions[0].describe(name)}")
        if len(versions) > 1:
            ratios = [one / other for one, other in zip(versions[0].medians(name), versions[1].medians(name), strict=True)]
            print(f"{'  against':<20} {versions[1].describe(name)}  ratio {ratios[0]:.2f}, processor {ratios[1]:.2f}")


if __name__ == "__main__":
    main()
