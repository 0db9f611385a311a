"""The device a reader runs on: how fast it reads there, and what its processor can do.

:mod:`heart_reader.edge.benchmark` runs :func:`main` once per checkpoint in a process of its own,
with the clock started before anything is imported.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["dot_product", "integer_advice", "measure", "peak_memory_mb"]

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
        File of the ECG.
    threads
        Number of threads of the network.
    started
        Clock before the first import, in seconds.

    Returns
    -------
    dict
        ``import_s, load_s, network_ms`` (one per repetition: all windows of the record in one
        call), ``reading_ms`` (from file to JSON), ``records_per_s``, ``peak_memory_mb``,
        ``n_windows``.
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
    """Return the largest memory this process has held, NaN on Windows.

    On Linux ``ru_maxrss`` includes the memory of the parent process; ``VmHWM`` does not.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    if sys.platform == "win32":
        return math.nan
    import resource

    unit = 1024 * 1024 if sys.platform == "darwin" else 1024  # macOS counts bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _times_ms(call: Callable[[], object], n: int) -> list[float]:
    """Time ``n`` calls, or as many as fit into two seconds: few suffice where each is slow."""
    for _ in range(WARM_UP):
        call()
    times: list[float] = []
    while len(times) < n and (len(times) < AT_LEAST or sum(times) < 1e3 * BUDGET_S):
        started = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - started))
    return times


def main(started: float) -> None:
    """Print the measurements of ``CHECKPOINT RECORD THREADS``."""
    directory, record, threads = sys.argv[1:]
    print(json.dumps(measure(Path(directory), Path(record), int(threads), started)))


# As Linux names them: x86 (AVX-512 VNNI, AVX VNNI) and ARM (SDOT, int8 matrix product).
INSTRUCTIONS = ("avx512_vnni", "avx_vnni", "asimddp", "i8mm")
CPUINFO = Path("/proc/cpuinfo")


def dot_product(cpuinfo: str | None = None) -> str | None:
    """Return the processor's instruction for products of 8-bit integers.

    It is an empty string where there is none, and None where that is not known.

    Examples
    --------
    >>> dot_product("flags : fma avx2 avx512_vnni"), dot_product("flags : fma avx2")
    ('avx512_vnni', '')
    """
    if cpuinfo is None:
        cpuinfo = CPUINFO.read_text(encoding="utf-8") if CPUINFO.exists() else ""
    lines = [line.partition(":")[2].split() for line in cpuinfo.splitlines() if line.lower().startswith(("flags", "features"))]
    if not lines:
        return None
    return next((name for name in INSTRUCTIONS if name in lines[0]), "")


def integer_advice(activations: str | None, instruction: str | None) -> str | None:
    """Return what to know before running an 8-bit checkpoint on this processor, if anything.

    Parameters
    ----------
    activations
        ``uint8`` or ``int8``, None for a checkpoint in float.
    instruction
        As :func:`dot_product` returns it.
    """
    # Without such an instruction 8-bit sums are made another way, and come out the same.
    if instruction in ("asimddp", "i8mm") and activations == "uint8":
        return "exported for x86; on ARM signed activations are faster: export with --set export.quantization.activations=int8"
    return None
