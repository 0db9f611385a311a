"""Tell the class of every beat of recordings: N, S, V, F or Q of AAMI EC57.

A line per beat: its sample, its time in seconds, its class and the probabilities of all classes.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from heart_reader.commands.options import add_facts

if TYPE_CHECKING:
    from heart_reader.beats import Beats

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE", help="a recording of a minute or more, of one lead or several")
    parser.add_argument("--at", metavar="ENDING", help="WFDB annotations beside each file say where its beats are, such as atr")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder of a CSV per recording (default: standard output, of one)")
    add_facts(parser)


def run(arguments: argparse.Namespace) -> int:
    """Read the recordings, on all cores if there are several, and write their beats."""
    from concurrent.futures import ProcessPoolExecutor
    from functools import partial

    from heart_reader.errors import ConfigError, HeartReaderError

    work = partial(_write, at=arguments.at, out=arguments.out, facts=(arguments.fs, arguments.unit, arguments.leads))
    if len(arguments.paths) == 1:
        line, _ = work(arguments.paths[0])
        print(line, file=sys.stderr)
        return 0
    if arguments.out is None:
        raise ConfigError("several recordings: name a folder for their beats by --out")
    started, total, failed = time.monotonic(), 0, 0
    with ProcessPoolExecutor() as pool:
        for path, future in [(path, pool.submit(work, path)) for path in arguments.paths]:
            try:
                line, n_beats = future.result()
            except HeartReaderError as error:
                line, n_beats, failed = f"error: {path}: {error}", 0, failed + 1
            print(line, file=sys.stderr)
            total += n_beats
    seconds = time.monotonic() - started
    print(
        f"{total} beats of {len(arguments.paths) - failed} recordings in {seconds:.1f} s, {total / seconds:.0f} a second", file=sys.stderr
    )
    return 1 if failed else 0


def _write(path: Path, at: str | None, out: Path | None, facts: tuple[float | None, str | None, tuple[str, ...] | None]) -> tuple[str, int]:
    """Write the beats of one recording; return a line about them and how many they are."""
    import numpy as np

    from heart_reader.beats import classify_beats
    from heart_reader.data.annotations import AAMI_CLASSES, BEAT_SYMBOLS, read_annotations
    from heart_reader.data.formats import read_record
    from heart_reader.folders import write_whole

    fs, unit, leads = facts
    record = read_record(path, fs=fs, unit=unit, leads=leads)
    samples = None
    if at is not None:
        times, symbols = read_annotations(path.with_suffix(f".{at.lstrip('.')}"))
        samples = np.unique(times[np.array([symbol in BEAT_SYMBOLS for symbol in symbols], dtype=bool)])
    beats = classify_beats(record, samples)
    target = None
    if out is None:
        _write_csv(None, beats, record.fs)
    else:
        out.mkdir(parents=True, exist_ok=True)
        target = out / f"{record.record_id}.csv"
        write_whole(target, lambda new: _write_csv(new, beats, record.fs))
    counts = ", ".join(f"{name} {int((beats.classes == name).sum())}" for name in AAMI_CLASSES)
    return f"{path.name}: {len(beats.samples)} beats, {counts}" + (f": {target}" if target else ""), len(beats.samples)


def _write_csv(path: Path | None, beats: Beats, fs: float) -> None:
    import csv

    from heart_reader.data.annotations import AAMI_CLASSES

    with nullcontext(sys.stdout) if path is None else path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("sample", "time_s", "class", *AAMI_CLASSES))
        for sample, name, row in zip(beats.samples.tolist(), beats.classes.tolist(), beats.probabilities.tolist(), strict=True):
            writer.writerow((sample, f"{sample / fs:.3f}", name, *(f"{value:.3f}" for value in row)))
