"""Read ECGs: ``python predict.py FILE_OR_DIR ... [--checkpoint DIR] [--json] [--report DIR]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from heart_reader.cli import run_command


def show_progress(path: Path, share: float) -> None:
    """Say on one line of the terminal, wiped in the end, how much of a long recording is read."""
    print("\r\033[K" if share == 1 else f"\r{path.name}: {share:.0%} read", end="", file=sys.stderr, flush=True)


def main(arguments: argparse.Namespace) -> int:
    """Read every record; one that fails is reported and the others are still read."""
    from heart_reader.checkpoint import served_checkpoint
    from heart_reader.classifier import EcgClassifier
    from heart_reader.reading import explain_words, read_all
    from heart_reader.reading_report import ReportFolder

    pages = ReportFolder(arguments.report) if arguments.report else None
    classifier = EcgClassifier.load(arguments.checkpoint or served_checkpoint())
    leads = tuple(arguments.leads.split(",")) if arguments.leads else None
    n_failed, last = 0, None
    progress = show_progress if sys.stderr.isatty() else None
    for reading in read_all(classifier, arguments.paths, fs=arguments.fs, unit=arguments.unit, leads=leads, progress=progress):
        n_failed, last = n_failed + (reading.error is not None), reading.diagnosis or last
        print(reading.to_json_line() if arguments.json else reading.to_text(), flush=True)
        page = pages.write(reading) if pages else None
        if page is not None:
            print(f"page {page}", file=sys.stderr, flush=True)
    if last is not None and not arguments.json:
        print(explain_words(last))
    return 1 if n_failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Read ECGs. Research use only. Not a medical device.")
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE_OR_DIR", help="a record, or a folder of records")
    parser.add_argument("--checkpoint", type=Path, help="checkpoint directory (default: the shipped reader)")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    parser.add_argument("--report", type=Path, metavar="DIR", help="write one page of PDF per record into this folder")
    parser.add_argument("--fs", type=float, help="sampling rate in Hz, for files that do not state it")
    parser.add_argument("--unit", help="mV, uV, nV or V, for files that do not state it")
    parser.add_argument("--leads", help="lead names in the order of the columns, separated by commas")
    raise SystemExit(run_command(parser, main))
