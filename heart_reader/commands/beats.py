"""Tell the class of every beat of a recording: N, S, V, F or Q of AAMI EC57.

A line per beat: its sample, its time in seconds, its class and the probabilities of all classes.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext
from pathlib import Path

from heart_reader.commands.options import add_facts

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("path", type=Path, metavar="FILE", help="a recording of a minute or more, of one lead or several")
    parser.add_argument("--at", type=Path, metavar="ATR", help="WFDB annotations that say where the beats are (default: they are detected)")
    parser.add_argument("--out", type=Path, help="CSV to write (default: standard output)")
    add_facts(parser)


def run(arguments: argparse.Namespace) -> None:
    """Read the recording and write its beats."""
    import csv

    import numpy as np

    from heart_reader.beats import BEAT_CLASSES, classify_beats
    from heart_reader.data.annotations import BEAT_SYMBOLS, read_annotations
    from heart_reader.data.formats import read_record
    from heart_reader.folders import write_whole

    record = read_record(arguments.path, fs=arguments.fs, unit=arguments.unit, leads=arguments.leads)
    samples = None
    if arguments.at is not None:
        times, symbols = read_annotations(arguments.at)
        samples = np.unique(times[np.array([symbol in BEAT_SYMBOLS for symbol in symbols], dtype=bool)])
    beats = classify_beats(record, samples)

    def write(path: Path | None) -> None:
        with nullcontext(sys.stdout) if path is None else path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("sample", "time_s", "class", *BEAT_CLASSES))
            for sample, name, row in zip(beats.samples.tolist(), beats.classes.tolist(), beats.probabilities.tolist(), strict=True):
                writer.writerow((sample, f"{sample / record.fs:.3f}", name, *(f"{value:.3f}" for value in row)))

    if arguments.out is None:
        write(None)
        return
    write_whole(arguments.out, write)
    counts = ", ".join(f"{name} {int((beats.classes == name).sum())}" for name in BEAT_CLASSES)
    print(f"{len(beats.samples)} beats ({counts}): {arguments.out}")
