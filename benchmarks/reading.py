"""Time one ECG from file to ``Diagnosis`` on one thread, and its network alone, by runtime.

Run: ``python benchmarks/reading.py [FILE] [--checkpoint DIR ...]``. Checkpoints take turns; the
median of each is printed, and each part of the road as its share.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from figures import add_json, keep

from heart_reader.classifier import EcgClassifier
from heart_reader.data.batch import Batch
from heart_reader.data.formats import read_record
from heart_reader.weights import find_reader

ROOT = Path(__file__).resolve().parent.parent


def milliseconds(call: Callable[[], object]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1e3


def main() -> None:
    """Print the median of each part and the ratio of the runtimes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, default=ROOT / "test_files" / "norm.hea")
    parser.add_argument("--checkpoint", type=Path, action="append", help="repeatable (default: shipped torch and ONNX)")
    parser.add_argument("--rounds", type=int, default=50)
    add_json(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    checkpoints = arguments.checkpoint or [find_reader("ptbxl-ensemble"), find_reader()]
    readers = [EcgClassifier.load(path) for path in checkpoints]
    record = read_record(arguments.file)
    batches = [Batch.of([reader.inputs(record, reader.preprocessor.prepare(record))]) for reader in readers]
    print(f"{arguments.file.name}: {record.duration_s:g} s at {record.fs:g} Hz, {len(batches[0])} windows")
    file_ms = statistics.median(milliseconds(lambda: read_record(arguments.file)) for _ in range(arguments.rounds))
    print(f"read the file {file_ms:.2f} ms")
    times: list[list[float]] = [[] for _ in readers]
    alone: list[list[float]] = [[] for _ in readers]
    for _ in range(arguments.rounds + 3):
        for row, reader in enumerate(readers):
            times[row].append(milliseconds(lambda reader=reader: reader.predict(read_record(arguments.file))))
            alone[row].append(milliseconds(lambda reader=reader, batch=batches[row]: reader.logits(batch)))
    medians = [statistics.median(values[3:]) for values in times]
    keep(
        arguments,
        {"file": (file_ms, "ms")} | {f"reading {path.name}": (value, "ms") for path, value in zip(checkpoints, medians, strict=True)},
    )
    for reader, whole, network in zip(readers, medians, alone, strict=True):
        runtime, share = reader.checkpoint.runtime, statistics.median(network[3:]) / whole
        print(f"{runtime:<6} file to Diagnosis {whole:6.2f} ms, the network {share:.0%} of it, ratio to the first {medians[0] / whole:.2f}")


if __name__ == "__main__":
    main()
