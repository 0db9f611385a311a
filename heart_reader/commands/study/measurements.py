"""Check the measurements against references and write the report."""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.commands.options import data_folder

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--out", type=Path, default=Path("results/measurements.md"), help="report to write (default: %(default)s)")
    parser.add_argument("--data", type=Path, default=data_folder(), help="parent folder of mitbih, ludb ... (default: %(default)s)")


def run(arguments: argparse.Namespace) -> None:
    """Measure everything and write the report."""
    from heart_reader.studies.measurements import FIGURE, write_report

    write_report(arguments.out, arguments.data)
    print(f"wrote {arguments.out} and {arguments.out.with_name(FIGURE)}")
