"""Time one ECG from file to ``Diagnosis`` on one thread, and its network alone, by runtime.

Run: ``python benchmarks/reading.py [FILE] [--checkpoint DIR ...]``. Checkpoints take turns; the
median of each is printed, and each step as its share.
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
    """Print the median of each step and the ratio of the runtimes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path, default=ROOT / "test_files" / "norm.hea")
    parser.add_argument("--checkpoint", type=Path, action="append", help="repeatable (default: shipped torch and ONNX)")
    parser.add_argument("--rounds", type=int, default=50)
    add_json(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    checkpoints = arguments.checkpoint or [find_reader("ptbxl-ensemble"), find_reader()]
    classifiers = [EcgClassifier.load(path) for path in checkpoints]
    record = read_record(arguments.file)
    batches = [Batch.of([classifier.inputs(record, classifier.preprocessor.prepare(record))]) for classifier in classifiers]
    print(f"{arguments.file.name}: {record.duration_s:g} s at {record.fs:g} Hz, {len(batches[0])} windows")
    file_ms = statistics.median(milliseconds(lambda: read_record(arguments.file)) for _ in range(arguments.rounds))
    print(f"read the file {file_ms:.2f} ms")
    times: list[list[float]] = [[] for _ in classifiers]
    alone: list[list[float]] = [[] for _ in classifiers]
    for _ in range(arguments.rounds + 3):
        for row, classifier in enumerate(classifiers):
            times[row].append(milliseconds(lambda classifier=classifier: classifier.predict(read_record(arguments.file))))
            alone[row].append(milliseconds(lambda classifier=classifier, batch=batches[row]: classifier.logits(batch)))
    medians = [statistics.median(values[3:]) for values in times]
    keep(
        arguments,
        {"file": (file_ms, "ms")} | {f"reading {path.name}": (value, "ms") for path, value in zip(checkpoints, medians, strict=True)},
    )
    for classifier, whole, network in zip(classifiers, medians, alone, strict=True):
        runtime, share = classifier.checkpoint.runtime, statistics.median(network[3:]) / whole
        print(f"{runtime:<6} file to Diagnosis {whole:6.2f} ms, the network {share:.0%} of it, ratio to the first {medians[0] / whole:.2f}")


if __name__ == "__main__":
    main()
