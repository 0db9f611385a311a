"""Time the measurement of ten-second 12-lead records on one core, and each of its parts.

Run: ``python benchmarks/measuring.py [--records 60] [--rounds 5] [--fs 500]``. Processor time, so
that a busy machine does not blur the figure.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from figures import add_json, keep

from heart_reader.data.record import EcgRecord
from heart_reader.data.synthetic import EcgParameters, simulate
from heart_reader.features import assess_signal, measure
from heart_reader.features.amplitudes import lead_values
from heart_reader.features.beat_analysis import judged_beats
from heart_reader.features.beats import beat_classes, median_beat
from heart_reader.features.conditioning import condition, level_baseline
from heart_reader.features.delineation import delineate
from heart_reader.features.noise import lead_noise_mv
from heart_reader.features.p_wave import find_p_waves
from heart_reader.features.pacing import find_spikes
from heart_reader.features.qrs_detection import detect_qrs


def milliseconds(call: Callable[[], object]) -> float:
    """Return how much processor time a call takes."""
    start = time.process_time()
    call()
    return (time.process_time() - start) * 1e3


def parts(record: EcgRecord) -> dict[str, Callable[[], object]]:
    """Return the parts of measuring one record, each ready to be called by itself."""
    beats = detect_qrs(record.signal, record.fs)
    cut = condition(record.signal, record.fs, beats, 0, record.n_times)
    levelled = level_baseline(cut.signal, cut.beats)
    kinds = beat_classes(levelled, cut.beats)
    at = kinds[0].at
    median, measured = median_beat(levelled, at), measure(record)
    delineation = delineate(median, record.lead_names, 430.0)
    judged = judged_beats(levelled, record.lead_names, np.ones(len(levelled)), kinds, len(beats))
    return {
        "pacemaker spikes": lambda: find_spikes(record.signal, record.fs),
        "QRS detection": lambda: detect_qrs(record.signal, record.fs),
        "to 500 Hz": lambda: condition(record.signal, record.fs, beats, 0, record.n_times),
        "baseline": lambda: level_baseline(cut.signal, cut.beats),
        "noise": lambda: lead_noise_mv(levelled),
        "kinds of beats": lambda: beat_classes(levelled, cut.beats),
        "median beat": lambda: median_beat(levelled, at),
        "delineation": lambda: delineate(median, record.lead_names, 430.0),
        "P wave": lambda: find_p_waves(judged, delineation),
        "amplitudes": lambda: lead_values(median, delineation.overall),
        "whole measurement": lambda: measure(record),
        "quality gate (beside measuring)": lambda: assess_signal(record, measured),
    }


def main() -> None:
    """Print records per second and the median of each part."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--fs", type=float, default=500.0, help="sampling rate of the records, Hz (default: %(default)s)")
    add_json(parser)
    arguments = parser.parse_args()
    records = [simulate(EcgParameters(), rng=np.random.default_rng(n), fs=arguments.fs, duration_s=10.0) for n in range(arguments.records)]
    rounds = [sum(milliseconds(lambda record=record: measure(record)) for record in records) for _ in range(arguments.rounds)]
    best, worst = (1000 * len(records) / of for of in (min(rounds), max(rounds)))
    print(f"{best:.0f} records/s in the best of {arguments.rounds} rounds, {worst:.0f} in the worst")
    # Another record each time: a processor memorises the comparisons of one record, and is
    # then faster than with any patient.
    timed = [parts(record) for record in records]
    each = {name: statistics.median(milliseconds(of[name]) for of in timed * arguments.rounds) for name in timed[0]}
    for name, taken in each.items():
        print(f"{name:<32} {taken:6.2f} ms")
    keep(arguments, {"all": (best, "1/s")} | {name: (taken, "ms") for name, taken in each.items()})


if __name__ == "__main__":
    main()
