"""Read ECGs: ``python predict.py FILE_OR_DIR ... [--checkpoint DIR] [--json] [--report DIR]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from heart_reader.cli import positive_number, run_command, show_cause


def show_progress(path: Path, share: float) -> None:
    """Say on one line of the terminal, wiped in the end, how much of a long recording is read."""
    print("\r\033[K" if share == 1 else f"\r{path.name}: {share:.0%} read", end="", file=sys.stderr, flush=True)


def main(arguments: argparse.Namespace) -> int:
    """Read every record; one that fails is reported and the others are still read."""
    from heart_reader.classifier import EcgClassifier
    from heart_reader.data.record import UNIT_TO_MV
    from heart_reader.errors import ConfigError
    from heart_reader.reading import explain_words, read_all
    from heart_reader.reading_report import ReportFolder
    from heart_reader.signing import named_keys
    from heart_reader.weights import find_reader

    if not any(path.exists() or Path(f"{path}.hea").exists() for path in arguments.paths):  # a WFDB record goes without extension
        raise ConfigError(f"{', '.join(map(str, arguments.paths))}: no such file or folder: check the name")
    if arguments.unit is not None and arguments.unit.strip().lower() not in UNIT_TO_MV:
        raise ConfigError(f"--unit {arguments.unit}: mV, uV, nV or V is needed")
    pages = ReportFolder(arguments.report) if arguments.report else None
    trusted = named_keys(arguments.trusted_keys)
    classifier = EcgClassifier.load(find_reader(arguments.checkpoint), trusted=trusted)
    leads = tuple(arguments.leads.split(",")) if arguments.leads else None
    n_failed, last = 0, None
    progress = show_progress if sys.stderr.isatty() else None
    for reading in read_all(classifier, arguments.paths, fs=arguments.fs, unit=arguments.unit, leads=leads, progress=progress):
        text, error = reading.told(as_json=arguments.json)
        print(text, flush=True)
        if pages and error is None:
            error = pages.tell(reading)
        n_failed, last = n_failed + (error is not None), reading.diagnosis or last
        show_cause(error, debug=arguments.debug)
    if last is not None and not arguments.json:
        print(explain_words(last))
    return 1 if n_failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Read ECGs. Research use only. Not a medical device.")
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE_OR_DIR", help="a record, or a folder of records")
    parser.add_argument("--checkpoint", type=Path, help="checkpoint directory (default: the shipped reader)")
    parser.add_argument("--trusted-keys", type=Path, metavar="FILE", help="who must have signed it (default: HEART_READER_TRUSTED_KEYS)")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    parser.add_argument("--report", type=Path, metavar="DIR", help="write one page of PDF per record into this folder")
    parser.add_argument("--fs", type=positive_number, help="sampling rate in Hz, for files that do not state it")
    parser.add_argument("--unit", help="mV, uV, nV or V, for files that do not state it")
    parser.add_argument("--leads", help="lead names in the order of the columns, separated by commas")
    raise SystemExit(run_command(parser, main))
