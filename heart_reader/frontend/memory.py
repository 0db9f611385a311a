"""How much memory the processes of a server hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

__all__ = ["ProcessMemory"]

PROC = Path("/proc")


class ProcessMemory(Collector):
    """Counts processes and their memory whenever the metrics are rendered, on Linux.

    Pages that processes share, such as those of libraries, count in each of them.
    """

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield number and resident memory of the server itself and of what it started."""
        number = GaugeMetricFamily("heart_reader_processes", "Processes of the server", labels=["process"])
        memory = GaugeMetricFamily("heart_reader_resident_bytes", "Resident memory of the processes of the server", labels=["process"])
        own = os.getpid()
        for kind, pids in (("server", [own]), ("worker", list(_descendants(own)))):
            number.add_metric([kind], len(pids))
            held = [n_bytes for pid in pids if (n_bytes := _resident_bytes(pid)) is not None]
            if held or not pids:
                memory.add_metric([kind], sum(held))
        yield number
        yield memory


def _descendants(pid: int) -> Iterator[int]:
    """Yield the processes that a process started, and those that these started."""
    for listed in (PROC / str(pid) / "task").glob("*/children"):
        try:
            children = [int(child) for child in listed.read_text(encoding="ascii").split()]
        except OSError:  # a thread that is gone
            continue
        for child in children:
            yield child
            yield from _descendants(child)


def _resident_bytes(pid: int) -> int | None:
    """Return the resident memory of a process; None if it is gone, or the system does not say."""
    try:
        status = (PROC / str(pid) / "status").read_text(encoding="ascii")
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:")), None)
