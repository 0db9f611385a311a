"""Convert recordings, whole folders of them, to another format.

Each file is written anew with its signal to the resolution of the recorder, its leads, rate, age
and sex, and whatever else the new format has a place for; what it has none for is said. A report
beside the files, convert.json, has all of it. What was interrupted goes on when it is started
again.

With --deidentify the new files name nobody: no name, number or date of birth, no time of recording,
no free text of the device, no age over 90, and numbers for file names. The report, which knows
which file became which, then lies beside the folder, as DIR.key.json: keep it to yourself.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from heart_reader.commands.options import add_facts

__all__ = ["add_arguments", "run"]

# The line of progress is drawn anew after so many seconds.
_REDRAW_S = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("sources", nargs="+", type=Path, metavar="FILE_OR_DIR", help="recordings, or folders of recordings")
    parser.add_argument("--to", required=True, metavar="FORMAT", help="wfdb, edf, csv, dicom or another one that is written")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the new files")
    parser.add_argument("--deidentify", action="store_true", help="leave out who was recorded and when")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes (default: one per core)")
    add_facts(parser)


def run(arguments: argparse.Namespace) -> int:
    """Convert, draw the progress, and tell what was refused and lost."""
    from heart_reader.data.conversion import Plan, convert
    from heart_reader.errors import ConfigError

    if arguments.jobs is not None and arguments.jobs < 1:
        raise ConfigError(f"--jobs {arguments.jobs}; a number of processes, 1 or more, is needed")
    plan = Plan(arguments.to, arguments.out, arguments.deidentify, arguments.fs, arguments.unit, arguments.leads)
    started = time.monotonic()
    report = convert(arguments.sources, plan, jobs=arguments.jobs, tell=_progress(started) if sys.stderr.isatty() else None)
    seconds = time.monotonic() - started
    for line in report.to_lines():
        print(line)
    n_now = len(report.entries) - report.n_done_before
    print(f"{n_now} files in {seconds:.1f} s, {n_now / max(seconds, 1e-3):.0f} a second; the report: {plan.report}", file=sys.stderr)
    return 1 if report.refused else 0


def _progress(started: float) -> Callable[[int, int], None]:
    """Return what draws a bar on standard error."""
    drawn = started

    def draw(n_done: int, n_all: int) -> None:
        nonlocal drawn
        now = time.monotonic()
        if now - drawn < _REDRAW_S and n_done < n_all:
            return
        drawn = now
        filled = 30 * n_done // n_all
        end = "\n" if n_done == n_all else ""
        bar = "#" * filled + "." * (30 - filled)
        print(f"\r[{bar}] {n_done} of {n_all} files, {n_done / (now - started):.0f} a second", end=end, file=sys.stderr, flush=True)

    return draw
