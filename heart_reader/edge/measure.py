"""Measure one checkpoint in a process of its own, where its memory is its own too.

Run by :mod:`heart_reader.edge.benchmark_run`, with the clock started before anything is imported.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["measure", "peak_memory_mb"]

REPETITIONS = 150
READINGS = 20
WARM_UP = 5
AT_LEAST = 20
BUDGET_S = 2.0
# Records whose windows make one call when throughput is measured.
RECORDS_AT_ONCE = 4


def measure(directory: Path, record: Path, threads: int, started: float) -> dict[str, Any]:
    """Load a checkpoint, read a ten-second ECG again and again, and return times and memory.

    Parameters
    ----------
    directory
        A checkpoint of either runtime.
    record
        The ECG.
    threads
        Of the network.
    started
        Clock before the first import.

    Returns
    -------
    dict
        ``import_s, load_s, network_ms`` (one per repetition: all windows of the record in one
        call), ``reading_ms`` (from file to JSON), ``records_per_s``, ``peak_memory_mb``.
    """
    from heart_reader.classifier import EcgClassifier
    from heart_reader.data.batch import Batch
    from heart_reader.data.formats import read_record

    imported = time.perf_counter()
    reader = EcgClassifier.load(directory, threads=threads)
    if reader.checkpoint.runtime == "torch":
        import torch

        torch.set_num_threads(threads)
    loaded = time.perf_counter()
    reading_ms = _times_ms(lambda: json.dumps(reader.predict(read_record(record), measure=False).to_json()), READINGS)
    peak_mb = peak_memory_mb()
    ecg = read_record(record)
    inputs = reader.inputs(ecg, reader.preprocessor.prepare(ecg))
    one, many = Batch.of([inputs]), Batch.of([inputs] * RECORDS_AT_ONCE)
    network_ms = _times_ms(lambda: reader.logits(one), REPETITIONS)
    together_ms = _times_ms(lambda: reader.logits(many), REPETITIONS // RECORDS_AT_ONCE)
    return {
        "import_s": imported - started,
        "load_s": loaded - imported,
        "network_ms": network_ms,
        "reading_ms": reading_ms,
        "records_per_s": RECORDS_AT_ONCE * 1e3 / sorted(together_ms)[len(together_ms) // 2],
        "peak_memory_mb": peak_mb,
        "n_windows": len(one),
    }


def peak_memory_mb() -> float:
    """Return the largest memory that this process has held, NaN on Windows.

    Linux counts the memory of the process that started this one as its own in ``ru_maxrss``, but
    not in ``VmHWM``.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    if sys.platform == "win32":
        return math.nan
    import resource

    # On macOS the unit is bytes.
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _times_ms(call: Callable[[], object], n: int) -> list[float]:
    """Time ``n`` calls, or as many as fit into a few seconds; what is slow is measured well by
    fewer.
    """
    for _ in range(WARM_UP):
        call()
    times: list[float] = []
    while len(times) < n and (len(times) < AT_LEAST or sum(times) < 1e3 * BUDGET_S):
        started = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - started))
    return times


def main(started: float) -> None:
    """Print the measurements of ``CHECKPOINT RECORD THREADS``; the clock of the import began at
    ``started``.
    """
    directory, record, threads = sys.argv[1:]
    print(json.dumps(measure(Path(directory), Path(record), int(threads), started)))
