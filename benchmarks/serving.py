"""Put load on a server of its own over the loopback: readings per second, latencies, memory.

Run: ``python benchmarks/serving.py [--checkpoint DIR] [--file HEADER_OR_FILE] [--clients 8]
[--requests 5000]``. The clients share the cores with the server, so on two cores they cost it a
part of its speed. Processor time per reading does not depend on what else the machine does: its
inverse, times the cores, is the most that an idle machine can serve.

1. One client, one request at a time: what the interface alone takes for a recording.
2. ``--clients`` at once over connections that are kept: readings per second and the spread of
   their latencies.
3. The resident memory of the server before and after all of them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from figures import add_json, keep

ROOT = Path(__file__).resolve().parent.parent
BOUNDARY = "benchmark-of-heart-reader"
WARM_UP = 50


def build_request(path: Path, port: int, query: str) -> bytes:
    """Return an HTTP request that uploads a recording; of a WFDB record, all its files."""
    files = [path, path.with_suffix(".dat")] if path.suffix == ".hea" else [path]
    body = b""
    for file in files:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{file.name}"\r\n\r\n'
        body += head.encode() + file.read_bytes() + b"\r\n"
    body += f"--{BOUNDARY}--\r\n".encode()
    head = (
        f"POST /api/v1/predict{query} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    """Send one request and return the body of its answer; anything but 200 ends the benchmark."""
    writer.write(request)
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    body = await reader.readexactly(length)
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        raise SystemExit(f"error: the server answered {head.splitlines()[0].decode()}: {body[:300].decode()}")
    return body


async def client(port: int, request: bytes, count: int) -> list[float]:
    """Send ``count`` requests over one connection; return how long each took in ms."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    taken = []
    for _ in range(count):
        start = time.perf_counter()
        await exchange(reader, writer, request)
        taken.append((time.perf_counter() - start) * 1e3)
    writer.close()
    return taken


async def together(port: int, request: bytes, n_clients: int, count: int) -> tuple[list[float], float]:
    """Run clients at once; return all latencies in ms and the wall time in s."""
    start = time.perf_counter()
    parts = await asyncio.gather(*(client(port, request, count // n_clients) for _ in range(n_clients)))
    return [value for part in parts for value in part], time.perf_counter() - start


def family(pid: int) -> list[int]:
    """Return a process and those that it has started."""
    started = [int(name) for task in Path(f"/proc/{pid}/task").glob("*/children") for name in task.read_text().split()]
    return [pid, *started]


def resident_mb(pid: int) -> float:
    """Return the memory of a process and its children in MiB, shared pages counted once."""
    texts = [Path(f"/proc/{one}/status").read_text() for one in family(pid)]
    return sum(int(line.split()[1]) for text in texts for line in text.splitlines() if line.startswith("VmRSS")) / 1024


def cpu_s(pid: int) -> float:
    """Processor time that a process and those that it has started have used, in s."""
    fields = [Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split() for one in family(pid)]
    return sum(int(of[11]) + int(of[12]) for of in fields) / os.sysconf("SC_CLK_TCK")


def describe(name: str, taken: list[float]) -> str:
    """Return the spread of latencies on one line."""
    cuts = statistics.quantiles(taken, n=100)
    return f"{name}: median {statistics.median(taken):.1f} ms, p95 {cuts[94]:.1f}, p99 {cuts[98]:.1f}, longest {max(taken):.1f}"


def measure(port: int, pid: int, arguments: argparse.Namespace) -> None:
    """Print all figures of a started server."""
    request = build_request(arguments.file, port, arguments.query)
    answer = asyncio.run(first_answer(port, request))
    print(f"{arguments.file.name}: {answer['duration_s']:g} s at {answer['fs']:g} Hz, {len(request) / 1e3:.0f} kB up")
    asyncio.run(client(port, request, WARM_UP))
    alone = asyncio.run(client(port, request, arguments.alone))
    print(describe("one client", alone))
    asyncio.run(together(port, request, arguments.clients, WARM_UP * arguments.clients))
    before_mb, cpu_before, own_before = resident_mb(pid), cpu_s(pid), time.process_time()
    taken, wall_s = asyncio.run(together(port, request, arguments.clients, arguments.requests))
    per_reading_ms = 1e3 * (cpu_s(pid) - cpu_before) / len(taken)
    own_ms = 1e3 * (time.process_time() - own_before) / len(taken)
    print(describe(f"{arguments.clients} clients", taken))
    print(f"{len(taken) / wall_s:.0f} readings per second; processor time of each {per_reading_ms:.1f} ms, of its client {own_ms:.1f} ms")
    after_mb = resident_mb(pid)
    print(f"resident memory {before_mb:.0f} MB before, {after_mb:.0f} MB after {len(taken)} requests")
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, of which this benchmark is a part")
    figures = {"one client, median": (statistics.median(alone), "ms"), "readings": (len(taken) / wall_s, "1/s")}
    figures |= {"all clients, p99": (statistics.quantiles(taken, n=100)[98], "ms"), "processor time of a reading": (per_reading_ms, "ms")}
    keep(arguments, {**figures, "resident memory": (after_mb, "MB")})


async def first_answer(port: int, request: bytes) -> dict[str, object]:
    """Return the first reading."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    body = await exchange(reader, writer, request)
    writer.close()
    answer: dict[str, object] = json.loads(body)
    return answer


@contextmanager
def started_server(checkpoint: Path | None, settings: Mapping[str, str] | None = None) -> Iterator[tuple[int, int]]:
    """Start a server with the environment's settings; yield port and process; stop it."""
    command = [sys.executable, str(ROOT / "run_server.py"), "--port", "0"]
    with started([*command, "--checkpoint", str(checkpoint)] if checkpoint else command, settings) as server:
        yield server


@contextmanager
def started(command: Sequence[str], settings: Mapping[str, str] | None = None) -> Iterator[tuple[int, int]]:
    """Start what prints its address once it serves; yield port and process; stop it."""
    surroundings = {**os.environ, **(settings or {})}
    with subprocess.Popen(command, cwd=ROOT, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        try:
            line = server.stdout.readline()
            if not line:
                raise SystemExit("error: the server did not start; run it alone to see why")
            yield int(line.split(" on ")[1].split()[0].rpartition(":")[2]), server.pid
        finally:
            server.terminate()


def main() -> None:
    """Start a server, put load on it, stop it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, help="default: the shipped one")
    parser.add_argument("--file", type=Path, default=ROOT / "test_files" / "noisy.hea", help="default: ten seconds at 500 Hz")
    parser.add_argument("--query", default="?waveform=1", help="default: %(default)s, what the page asks for")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--requests", type=int, default=5000, help="of all clients together")
    parser.add_argument("--alone", type=int, default=300, help="of the one client")
    add_json(parser)
    arguments = parser.parse_args()
    with started_server(arguments.checkpoint) as (port, pid):
        measure(port, pid, arguments)


if __name__ == "__main__":
    main()
