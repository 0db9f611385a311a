"""Compare the episodes of long recordings with annotations and write the report."""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.commands.options import data_folder

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--out", type=Path, default=Path("results/long_recordings.md"), help="report to write (default: %(default)s)")
    parser.add_argument("--data", type=Path, default=data_folder(), help="parent folder of mitbih (default: %(default)s)")


def run(arguments: argparse.Namespace) -> None:
    """Read all records and write the report."""
    from heart_reader.studies.long_recordings import write_report

    write_report(arguments.out, arguments.data)
    print(f"wrote {arguments.out}")
