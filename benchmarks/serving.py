"""Put load on a server of its own over the loopback: readings per second, latencies, memory.

Run: ``python benchmarks/serving.py [--checkpoint DIR] [--file HEADER_OR_FILE] [--clients 8]
[--requests 10000]``. The clients share the cores with the server, so on two cores they cost it a
part of its speed. Processor time per reading does not depend on what else the machine does: its
inverse, times the cores, is the most that an idle machine can serve.

1. From the start of the command to the address on the terminal, and to the first reading.
2. One client, one request at a time: what the interface alone takes for a recording.
3. ``--clients`` at once over connections that are kept: readings per second, the spread of their
   latencies, and whose processor time each takes: of the processes that read, of the web server,
   and of its client.
4. The memory of all processes, shared pages counted once, after every fifth of the requests; the
   exit status is 1 if it still grows by more than ``--growth`` MB after the first of them.
5. ``--crowd`` clients at once, more than the queue holds: how many requests are refused and how
   soon, and how long the others take.
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
PARTS = 5
CROWD_S = 10.0
# Name to value and unit.
Figures = dict[str, tuple[float, str]]


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


async def answer_of(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bytes, bytes]:
    """Send one request and return status, head and body of its answer."""
    writer.write(request)
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    body = await reader.readexactly(length)
    return int(head.split(b" ", 2)[1]), head, body


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    """Send one request and return the body of its answer; anything but 200 ends the benchmark."""
    status, _, body = await answer_of(reader, writer, request)
    if status != 200:
        raise SystemExit(f"error: the server answered {status}: {body[:300].decode()}")
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


async def crowding(port: int, request: bytes, seconds: float) -> tuple[list[float], list[float]]:
    """Ask again and again, whatever the answer; return the times of answers and refusals in ms."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    answered: list[float] = []
    refused: list[float] = []
    until = time.perf_counter() + seconds
    while (start := time.perf_counter()) < until:
        status, head, body = await answer_of(reader, writer, request)
        if status not in (200, 503) or (status == 503 and b"retry-after:" not in head.lower()):
            raise SystemExit(f"error: the server answered {status}: {body[:300].decode()}")
        (answered if status == 200 else refused).append((time.perf_counter() - start) * 1e3)
        if status == 503:
            await asyncio.sleep(0.1)  # sooner than it was asked to, as impatient clients do
    writer.close()
    return answered, refused


async def crowd(port: int, request: bytes, n_clients: int, seconds: float) -> tuple[list[float], list[float]]:
    """Run more clients than the server lets wait."""
    parts = await asyncio.gather(*(crowding(port, request, seconds) for _ in range(n_clients)))
    return [ms for answered, _ in parts for ms in answered], [ms for _, refused in parts for ms in refused]


def family(pid: int) -> list[int]:
    """Return a process, those that it has started, and those that they have."""
    started = [int(name) for task in Path(f"/proc/{pid}/task").glob("*/children") for name in task.read_text().split()]
    return [pid, *(one for child in started for one in family(child))]


def resident_mb(pid: int) -> float:
    """Return the memory of a process and all below it in MiB, shared pages counted once."""
    texts = [Path(f"/proc/{one}/smaps_rollup").read_text() for one in family(pid)]
    return sum(int(line.split()[1]) for text in texts for line in text.splitlines() if line.startswith("Pss:")) / 1024


def cpu_s(*pids: int) -> float:
    """Processor time that processes have used, in s."""
    fields = [Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split() for one in pids]
    return sum(int(of[11]) + int(of[12]) for of in fields) / os.sysconf("SC_CLK_TCK")


def describe(name: str, taken: list[float]) -> str:
    """Return the spread of latencies on one line."""
    cuts = statistics.quantiles(taken, n=100)
    return f"{name}: median {statistics.median(taken):.1f} ms, p95 {cuts[94]:.1f}, p99 {cuts[98]:.1f}, longest {max(taken):.1f}"


def measure(port: int, pid: int, arguments: argparse.Namespace) -> Figures:
    """Print and return the figures of a started server."""
    request = build_request(arguments.file, port, arguments.query)
    answer = asyncio.run(first_answer(port, request))
    print(f"{arguments.file.name}: {answer['duration_s']:g} s at {answer['fs']:g} Hz, {len(request) / 1e3:.0f} kB up")
    asyncio.run(client(port, request, WARM_UP))
    alone = asyncio.run(client(port, request, arguments.alone))
    print(describe("one client", alone))
    asyncio.run(together(port, request, arguments.clients, WARM_UP * arguments.clients))
    held_mb: list[float] = []
    taken: list[float] = []
    wall_s = 0.0
    of_web, of_all, of_clients = cpu_s(pid), cpu_s(*family(pid)), time.process_time()
    for _ in range(PARTS):
        part, part_s = asyncio.run(together(port, request, arguments.clients, arguments.requests // PARTS))
        taken, wall_s = taken + part, wall_s + part_s
        held_mb.append(resident_mb(pid))
    each_ms = 1e3 / len(taken)
    of_web, of_all, of_clients = (
        (after - before) * each_ms
        for after, before in ((cpu_s(pid), of_web), (cpu_s(*family(pid)), of_all), (time.process_time(), of_clients))
    )
    print(describe(f"{arguments.clients} clients", taken))
    print(
        f"{len(taken) / wall_s:.0f} readings per second; processor time of each {of_all:.1f} ms, {of_web:.1f} of them the web server's; "
        f"of its client {of_clients:.1f} ms"
    )
    print(f"memory after every fifth of {len(taken)} requests: {', '.join(f'{mb:.0f}' for mb in held_mb)} MB")
    print(f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, of which this benchmark is a part")
    return {
        "one client, median": (statistics.median(alone), "ms"),
        "readings": (len(taken) / wall_s, "1/s"),
        "all clients, p99": (statistics.quantiles(taken, n=100)[98], "ms"),
        "processor time of a reading": (of_all, "ms"),
        "of it the web server's": (of_web, "ms"),
        "memory": (held_mb[-1], "MB"),
        "growth": (held_mb[-1] - held_mb[0], "MB"),
    }


def press(port: int, arguments: argparse.Namespace) -> Figures:
    """Print and return what becomes of more clients than the server lets wait."""
    request = build_request(arguments.file, port, arguments.query)
    answered, refused = asyncio.run(crowd(port, request, arguments.crowd, CROWD_S))
    print(describe(f"{arguments.crowd} clients for {CROWD_S:g} s, {len(answered)} answered", answered))
    print(describe(f"{len(refused)} refused with Retry-After", refused) if len(refused) > 1 else "none refused")
    return {"crowd, p99 of answers": (statistics.quantiles(answered, n=100)[98], "ms")}


def start(arguments: argparse.Namespace) -> Figures:
    """Print and return how long a server takes until it is ready, and to its first reading."""
    ready, first = [], []
    for _ in range(arguments.starts):
        begun = time.perf_counter()
        with started_server(arguments.checkpoint) as (port, _):
            ready.append(time.perf_counter() - begun)
            asyncio.run(first_answer(port, build_request(arguments.file, port, arguments.query)))
            first.append(time.perf_counter() - begun)
    print(f"ready after {statistics.median(ready):.2f} s, first reading after {statistics.median(first):.2f} s (medians of {len(first)})")
    return {"start to ready": (statistics.median(ready), "s"), "start to first reading": (statistics.median(first), "s")}


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
    parser.add_argument("--requests", type=int, default=10_000, help="of all clients together")
    parser.add_argument("--alone", type=int, default=300, help="of the one client")
    parser.add_argument("--starts", type=int, default=3, help="how often a server is started")
    parser.add_argument("--crowd", type=int, default=40, help="clients at once, more than the queue holds; 0 for none")
    parser.add_argument("--growth", type=float, default=8.0, help="MB by which memory may grow (default: %(default)s)")
    add_json(parser)
    arguments = parser.parse_args()
    figures = start(arguments) if arguments.starts else {}
    with started_server(arguments.checkpoint) as (port, pid):
        figures |= measure(port, pid, arguments)
        figures |= press(port, arguments) if arguments.crowd else {}
    keep(arguments, figures)
    if figures["growth"][0] > arguments.growth:
        raise SystemExit(f"error: memory grew by {figures['growth'][0]:.1f} MB, more than {arguments.growth:g}")


if __name__ == "__main__":
    main()
