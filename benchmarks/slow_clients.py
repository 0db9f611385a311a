"""Measure latencies of readings alone, and beside clients that send and take next to nothing.

Run: ``python benchmarks/slow_clients.py [--slow 200] [--addresses 200] [--readers 2] [--seconds 30]
[--rounds 3]``. A server of its own is started with its usual limits, on this machine, with a key.
Slow clients have addresses of their own (127.0.1.x), reconnect as soon as they are let go, and take
turns in five kinds:

- half a head: a request line and a header now and then, never an end,
- a slow body: a recording, a few bytes at a time, with the right key,
- a stalled body: half of a recording with the right key, then nothing,
- idle: a connection without a word,
- an answer that is not taken: a reading asked for, and its answer left lying.

Readings without and with them take turns, so that other load on the machine falls on both. Readers
send one recording after the other. ``--out results/robustness.md`` makes a section of that page of
the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from serving import ROOT, build_request, cpu_s, family, started_server

sys.path.insert(0, str(ROOT))

from heart_reader.evaluation.markdown import markdown_table, replace_section

KEY = "key of the benchmark"
PAUSE_S = 0.5
# What the kernel may keep of an answer for a client that does not take it.
RECEIVE_BUFFER = 4096
LEFT_LYING_S = 15.0
# Readings that a comparison needs on either side.
LEAST = 20


def with_key(request: bytes) -> bytes:
    """Return a request with the header of the key."""
    return request.replace(b"\r\nHost:", b"\r\nX-API-Key: " + KEY.encode() + b"\r\nHost:", 1)


class SlowClients:
    """Clients that keep a server's connections busy.

    Attributes
    ----------
    let_go
        How often the server has let each kind go.
    """

    def __init__(self, port: int, request: bytes, n: int, n_addresses: int) -> None:
        self.port, self.request = port, with_key(request)
        self.n, self.n_addresses = n, n_addresses
        self.let_go: Counter[str] = Counter()
        self.kinds: list[Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]] = [
            self.half_head, self.slow_body, self.stalled_body, self.idle, self.answer_not_taken
        ]  # fmt: skip

    async def run(self) -> None:
        """Be slow until cancelled."""
        await asyncio.gather(*(self.again_and_again(number) for number in range(self.n)))

    async def again_and_again(self, number: int) -> None:
        """Connect, be slow, and come back when the server has had enough."""
        kind = self.kinds[number % len(self.kinds)]
        at = number % self.n_addresses
        await asyncio.sleep(random.random() * PAUSE_S)
        while True:
            connection = socket.socket()
            connection.setblocking(False)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            connection.bind((f"127.0.{1 + at // 250}.{1 + at % 250}", 0))
            try:
                await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", self.port))
                reader, writer = await asyncio.open_connection(sock=connection, limit=1024)
                try:
                    await kind(reader, writer)
                finally:
                    writer.transport.abort()
            except OSError:
                pass
            finally:
                connection.close()
            self.let_go[kind.__name__] += 1
            await asyncio.sleep(PAUSE_S)

    async def gone(self, reader: asyncio.StreamReader) -> None:
        """Wait until the server closes the connection, whatever it says."""
        while await reader.read(1024):
            pass

    async def trickle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, part: bytes) -> None:
        """Send a few bytes now and then until the server answers or closes."""
        gone = asyncio.ensure_future(self.gone(reader))
        try:
            while not gone.done():
                writer.write(part)
                await writer.drain()
                await asyncio.wait([gone], timeout=PAUSE_S)
        finally:
            gone.cancel()

    async def half_head(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send header after header."""
        writer.write(b"POST /api/v1/predict HTTP/1.1\r\n")
        await self.trickle(reader, writer, b"X-A: b\r\n")

    async def slow_body(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send a recording line by line."""
        head = self.request.index(b"\r\n\r\n") + 500
        writer.write(self.request[:head])
        await self.trickle(reader, writer, b"0,0,0,0\n")

    async def stalled_body(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send half of a recording."""
        writer.write(self.request[: len(self.request) // 2])
        await self.gone(reader)

    async def idle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send nothing."""
        await self.gone(reader)

    async def answer_not_taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Ask for something large and leave it lying."""
        writer.transport.pause_reading()
        writer.write(with_key(f"GET /api/v1/model HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n".encode()))
        await asyncio.sleep(LEFT_LYING_S)


async def read_on(port: int, request: bytes, seconds: float) -> tuple[list[float], int]:
    """Read one recording after the other; return times in ms and the number of refusals."""
    taken, refused, end = [], 0, time.perf_counter() + seconds
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    while time.perf_counter() < end:
        start = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        await reader.readexactly(length)
        if b" 200 " in head.split(b"\r\n", 1)[0]:
            taken.append((time.perf_counter() - start) * 1e3)
        else:
            refused += 1
    writer.close()
    return taken, refused


async def readers(port: int, request: bytes, n: int, seconds: float) -> tuple[list[float], int]:
    """Let several read at a time."""
    parts = await asyncio.gather(*(read_on(port, with_key(request), seconds) for _ in range(n)))
    return [value for taken, _ in parts for value in taken], sum(refused for _, refused in parts)


def p(share: int, taken: list[float]) -> float:
    """Return a percentile."""
    return statistics.quantiles(taken, n=100)[share - 1]


def be_slow(port: int, request: bytes, arguments: argparse.Namespace) -> None:
    """Be all slow clients until the standard input ends, then print how often each was let go."""

    async def until_enter() -> None:
        slow = SlowClients(port, request, arguments.slow, arguments.addresses)
        running = asyncio.ensure_future(slow.run())
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        running.cancel()
        print(", ".join(f"{name} {count}" for name, count in sorted(slow.let_go.items())) or "none")

    asyncio.run(until_enter())


def timed(port: int, pid: int, request: bytes, arguments: argparse.Namespace) -> tuple[list[float], int, float]:
    """Let clients read for a while; return latencies in ms, refusals and CPU seconds."""
    before = cpu_s(*family(pid))
    taken, refused = asyncio.run(readers(port, request, arguments.readers, arguments.seconds))
    return taken, refused, cpu_s(*family(pid)) - before


def measure(port: int, pid: int, request: bytes, arguments: argparse.Namespace) -> tuple[int, float]:
    """Print latencies without and with slow clients; return refusals and the ratio of p99."""
    asyncio.run(readers(port, request, arguments.readers, 3.0))
    without: list[float] = []
    beside: list[float] = []
    n_refused, cpu_without, cpu_beside = 0, 0.0, 0.0
    for _ in range(arguments.rounds):
        taken, refused, cpu = timed(port, pid, request, arguments)
        without, n_refused, cpu_without = without + taken, n_refused + refused, cpu_without + cpu
        # They have a process of their own: what being slow costs them is not to be measured as the
        # server's.
        command = [sys.executable, __file__, *sys.argv[1:], "--be-slow-on", str(port)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as slow:
            time.sleep(2.0)
            taken, refused, cpu = timed(port, pid, request, arguments)
            said, _ = slow.communicate("")
        beside, n_refused, cpu_beside = beside + taken, n_refused + refused, cpu_beside + cpu
        print(f"let go by the server: {said.strip()}")
    print(f"{arguments.readers} readers, {arguments.slow} slow clients at {arguments.addresses} addresses, {os.cpu_count()} cores")
    if min(len(without), len(beside)) < LEAST:
        raise SystemExit(f"error: {n_refused} readings were refused, {len(beside)} made beside slow clients: too few to compare")
    print("           without      beside      ratio")
    for name, share in (("p50", 50), ("p95", 95), ("p99", 99)):
        print(f"{name}     {p(share, without):8.1f} ms {p(share, beside):8.1f} ms {p(share, beside) / p(share, without):9.2f}")
    print(f"readings   {len(without):8d}    {len(beside):8d}; refused in all: {n_refused}")
    if arguments.out:
        rows = [
            (f"p{share}", *(f"{p(share, of):.0f} ms" for of in (without, beside)), f"{p(share, beside) / p(share, without):.2f}")
            for share in (50, 95, 99)
        ]
        words = (
            f"Made by `python benchmarks/slow_clients.py` on {os.cpu_count()} cores: {arguments.slow} clients at {arguments.addresses} "
            f"addresses that send or take next to nothing, straight at the server, and {arguments.readers} that read without and beside "
            f"them, by turns. {len(without)} readings without, {len(beside)} beside them, {n_refused} refused."
        )
        table = markdown_table(("latency of a reading", "without", "beside", "ratio"), rows)
        replace_section(arguments.out, "Robustness", "Slow clients", f"{words}\n\n{table}")
    each = 1e3 * cpu_without / len(without)
    # What a reading itself takes of the processor does not depend on others: the rest went into
    # slow clients.
    share = (cpu_beside - cpu_without / len(without) * len(beside)) / (arguments.rounds * arguments.seconds)
    print(f"processor time of a reading {each:.1f} ms; of the server for slow clients {share:.1%} of a core")
    print(f"load of the machine {os.getloadavg()[0]:.1f}, of which this benchmark is a part")
    return n_refused, p(99, beside) / p(99, without)


def main() -> None:
    """Start a server, be slow to it, and measure what others notice."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, help="default: the shipped one")
    parser.add_argument("--file", type=Path, default=ROOT / "test_files" / "noisy.hea", help="default: ten seconds at 500 Hz")
    parser.add_argument("--slow", type=int, default=200, help="slow clients (default: %(default)s)")
    parser.add_argument("--addresses", type=int, default=200, help="that they have together (default: %(default)s)")
    parser.add_argument("--readers", type=int, default=2, help="clients that read (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each run without or beside them (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of both (default: %(default)s)")
    parser.add_argument("--most", type=float, default=2.0, help="that p99 may be times the usual (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="page that gets the figures as a section")
    parser.add_argument("--be-slow-on", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.be_slow_on:
        be_slow(arguments.be_slow_on, build_request(arguments.file, arguments.be_slow_on, "?waveform=1"), arguments)
        return
    # Host 127.0.0.1 counts all of this machine as one client, who may do anything: a server for
    # others does not.
    settings = {"HEART_READER_API_KEY": KEY, "HEART_READER_TRUSTED_PROXIES": "127.0.0.254"}
    with started_server(arguments.checkpoint, settings) as (port, pid):
        n_refused, ratio = measure(port, pid, build_request(arguments.file, port, "?waveform=1"), arguments)
    if n_refused or ratio > arguments.most:
        raise SystemExit(f"error: {n_refused} refused and p99 {ratio:.2f} times the usual; 0 and {arguments.most:g} are allowed")


if __name__ == "__main__":
    main()
