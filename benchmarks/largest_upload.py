"""Measure memory and time that the largest uploads cost a server, or that it refuses them.

Run: ``python benchmarks/largest_upload.py``. A server of its own is started with its usual limits
and gets simulated records, one after the other: as large as it allows in every format, and larger
in each way that a setting bounds. The figures become a section of ``results/robustness.md``.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from serving import ROOT, build_request, resident_mb, started_server

sys.path.insert(0, str(ROOT))

from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.evaluation.markdown import markdown_table, replace_section
from tests.data.formats.long_files import WRITERS, tiled

# Format, leads, rate in Hz, seconds.
UPLOADS = {
    "CSV, 12 leads at 500 Hz, 29 min 59 s": ("csv", 12, 500.0, 1799.0),
    "WFDB, 12 leads at 500 Hz, 29 min 59 s": ("wfdb", 12, 500.0, 1799.0),
    "EDF, 12 leads at 500 Hz, 29 min 59 s": ("edf", 12, 500.0, 1799.0),
    "DICOM, 12 leads at 500 Hz, 29 min 59 s": ("dicom", 12, 500.0, 1799.0),
    "WFDB, 2 leads at 250 Hz, 2 h 29 min": ("wfdb", 2, 250.0, 8940.0),
    "CSV, 1 lead at 1000 Hz, 2 h 29 min": ("csv", 1, 1000.0, 8940.0),
    "CSV, 12 leads at 500 Hz, 31 min": ("csv", 12, 500.0, 1860.0),
    "CSV, 1 lead at 500 Hz, 6 h": ("csv", 1, 500.0, 21600.0),
    "WFDB, 12 leads at 500 Hz, 1 h 10 min": ("wfdb", 12, 500.0, 4200.0),
}
NAMES = ("II", *(name for name in STANDARD_LEADS if name != "II"))
EVERY_S = 0.02


def watched(pid: int, work: Callable[[], str]) -> tuple[str, float, float]:
    """Do work; return its answer, seconds, and the peak memory of all processes in MiB."""
    most, done = resident_mb(pid), threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(EVERY_S):
            try:
                most = max(most, resident_mb(pid))
            except OSError:
                continue  # a process ended while it was looked at

    watching = threading.Thread(target=watch)
    watching.start()
    start = time.perf_counter()
    try:
        answer = work()
    finally:
        taken = time.perf_counter() - start
        done.set()
        watching.join()
    return answer, taken, most


def send(port: int, path: Path) -> str:
    """Upload a recording; return the status of the answer and the code of a refusal."""
    head, _, body = build_request(path, port, "?waveform=1").partition(b"\r\n\r\n")
    headers = dict(line.decode().split(": ", 1) for line in head.split(b"\r\n")[1:])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request("POST", "/api/v1/predict?waveform=1", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        return str(answer.status) if answer.status == 200 else f"{answer.status} {json.loads(content)['code']}"
    finally:
        connection.close()


def main() -> None:
    """Start a server, send it the largest records, and write what they cost."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "robustness.md", help="page to write (default: %(default)s)")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder, started_server(None) as (port, pid):
        idle = resident_mb(pid)
        for title, (fmt, n_leads, fs, duration_s) in UPLOADS.items():
            path = WRITERS[fmt](Path(folder) / "record", tiled(n_leads, fs, duration_s), fs, NAMES[:n_leads])
            size = sum(file.stat().st_size for file in Path(folder).glob("record.*")) / 1e6
            status, taken, most = watched(pid, partial(send, port, path))
            rows.append((title, f"{size:.1f} MB", status, f"{taken:.1f} s", f"{most:.0f} MB"))
            print(*rows[-1], sep="  ", flush=True)
            for file in Path(folder).glob("record.*"):
                file.unlink()
    table = markdown_table(("upload", "size", "answer", "time", "most memory of all processes"), rows)
    words = (
        f"Made by `python benchmarks/largest_upload.py` on {os.cpu_count()} cores: the default reader with its usual limits; idle, all its "
        f"processes together take {idle:.0f} MB (what they share counted once each). Upload and answer with its waveform are in the time."
    )
    replace_section(arguments.out, "Robustness", "The largest uploads", f"{words}\n\n{table}")


if __name__ == "__main__":
    main()
