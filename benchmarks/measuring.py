"""Time the measurement of ten-second 12-lead records at 500 Hz on one core, and each of its stretches.

Run: ``python benchmarks/measuring.py [--records 60] [--rounds 5]``. Processor time, so that a busy machine does not blur the figure.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from heart_reader.data.synthetic import EcgParameters, simulate
from heart_reader.features import assess_signal, measure
from heart_reader.features.beats import beat_classes, median_beat
from heart_reader.features.conditioning import level_baseline
from heart_reader.features.delineation import delineate
from heart_reader.features.qrs_detection import detect_qrs


def milliseconds(call: Callable[[], object]) -> float:
    """Return how much processor time a call takes."""
    start = time.process_time()
    call()
    return (time.process_time() - start) * 1e3


def main() -> None:
    """Print records per second and the median of each stretch."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    records = [simulate(EcgParameters(), rng=np.random.default_rng(n), fs=500.0, duration_s=10.0) for n in range(arguments.records)]
    rounds = [sum(milliseconds(lambda record=record: measure(record)) for record in records) for _ in range(arguments.rounds)]
    best, worst = (1000 * len(records) / of for of in (min(rounds), max(rounds)))
    print(f"{best:.0f} records/s in the best of {arguments.rounds} rounds, {worst:.0f} in the worst")
    record = records[0]
    beats = detect_qrs(record.signal, record.fs)
    levelled = level_baseline(record.signal, beats)
    at = beat_classes(levelled, beats)[0].at
    median, measured = median_beat(levelled, at), measure(record)
    stretches: dict[str, Callable[[], object]] = {
        "QRS detection": lambda: detect_qrs(record.signal, record.fs),
        "baseline": lambda: level_baseline(record.signal, beats),
        "kinds of beats": lambda: beat_classes(levelled, beats),
        "median beat": lambda: median_beat(levelled, at),
        "delineation": lambda: delineate(median, record.lead_names, 430.0),
        "quality gate (beside measuring)": lambda: assess_signal(record, measured),
    }
    for name, call in stretches.items():
        print(f"{name:<32} {statistics.median(milliseconds(call) for _ in range(40)):6.2f} ms")


if __name__ == "__main__":
    main()
