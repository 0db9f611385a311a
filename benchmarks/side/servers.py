"""Two servers in turn, each put under load by one and by eight clients."""

from __future__ import annotations

import asyncio
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving import ROOT, build_request, cpu_s, family, first_answer, started, started_server, together

from heart_reader.weights import find_reader

__all__ = ["server_rows"]

CLIENTS = 8
UPLOAD = ROOT / "test_files" / "noisy.hea"
PLAIN = [sys.executable, str(Path(__file__).with_name("plain_server.py"))]


@dataclass(frozen=True)
class Pair:
    """Our server and a plain one that answer the same question."""

    what: str
    reader: str | None
    title: str
    plain: Sequence[str]
    unlike: str


PAIRS = (
    Pair(
        "probabilities", "ptbxl-nano-int8", "the smallest reader", (*PLAIN, "ptbxl-nano"),
        "The plain server answers five probabilities and measures nothing, of one format, and trusts each upload; "
        "ours answers a whole reading of any format, within limits.",
    ),
    Pair(
        "whole reading", None, "the default reader", (*PLAIN, "ptbxl-ensemble", "--whole"),
        "Reading and measuring are the same code; the plain server has the torch parent of the reader, one process and no limits.",
    ),
)  # fmt: skip


def server_rows(rounds: int, requests: int) -> Iterator[dict[str, Any]]:
    """Yield a row for one and for eight clients, of the same network alone and of a whole reading.

    Parameters
    ----------
    rounds
        Of each server; one more warms up.
    requests
        Of all clients together in a round; one client alone sends a quarter.
    """
    for pair in PAIRS:
        with ExitStack() as stack:
            servers = [stack.enter_context(one) for one in (started_server(find_reader(pair.reader)), started(pair.plain))]
            given = [(port, pid, build_request(UPLOAD, port, "")) for port, pid in servers]
            own, other = (asyncio.run(first_answer(port, request)) for port, _, request in given)
            for n_clients in (1, CLIENTS):
                count = max(n_clients, requests // (1 if n_clients > 1 else 4))
                times: list[list[dict[str, Any]]] = [[], []]
                for number in range(rounds + 1):
                    # Each comes first as often as the other.
                    for place in (0, 1) if number % 2 else (1, 0):
                        times[place].append(_load(*given[place], n_clients, count))
                sides = [_side(title, kept[1:]) for title, kept in zip((f"serve, {pair.title}", "FastAPI and torch"), times, strict=True)]
                yield _row(pair, n_clients, sides, _difference(own, other))


def _load(port: int, pid: int, request: bytes, n_clients: int, count: int) -> dict[str, Any]:
    """Send requests; return milliseconds of each answer by the clock and of the server's cores."""
    pids = family(pid)
    before = cpu_s(*pids)
    latencies, wall_s = asyncio.run(together(port, request, n_clients, count))
    return {"wall": 1e3 * wall_s / len(latencies), "processor": 1e3 * (cpu_s(*pids) - before) / len(latencies), "latencies": latencies}


def _side(title: str, rounds: list[dict[str, Any]]) -> dict[str, Any]:
    latencies = [value for one in rounds for value in one["latencies"]]
    clocks = {clock: [one[clock] for one in rounds] for clock in ("wall", "processor")}
    latency = {"median": statistics.median(latencies), "p99": statistics.quantiles(latencies, n=100, method="inclusive")[98]}
    return {"title": title, **clocks, "latency": latency}


def _row(pair: Pair, n_clients: int, sides: list[dict[str, Any]], difference: float) -> dict[str, Any]:
    clients = f"{n_clients} client{'s' if n_clients > 1 else ''}"
    medians, highs = (" against ".join(f"{side['latency'][of]:.0f}" for side in sides) for of in ("median", "p99"))
    per_s = " against ".join(f"{1e3 / statistics.median(side['wall']):.0f}" for side in sides)
    return {
        "name": f"server, {pair.what}, {clients}", "group": "serving", "work": f"upload to answer, {clients}", "unit": "answer",
        "own": sides[0], "other": sides[1], "unlike": pair.unlike,
        "agreement": f"largest difference of a probability {difference:.2g}; {per_s} answers a second, "
        f"median latency {medians} ms, p99 {highs} ms",
    }  # fmt: skip


def _difference(own: dict[str, Any], other: dict[str, Any]) -> float:
    """Return the largest difference of a probability that both state."""
    stated = ((level, name, one) for level, of in other["levels"].items() for name, one in of.items())
    return max(abs(one["probability"] - own["levels"][level][name]["probability"]) for level, name, one in stated)
