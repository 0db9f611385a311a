"""Describe what a bulk run read: who, what was found, how good, and whether it drifts.

Writes report.md, report.json and report.png into the folder of the run, or into another one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("folder", type=Path, metavar="DIR", help="the --out of heart-reader bulk")
    parser.add_argument("--against", type=Path, metavar="DIR", help="another run, to compare this one with")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the report goes (default: into the folder of the run)")


def run(arguments: argparse.Namespace) -> None:
    """Write the report."""
    from heart_reader.bulk.report import write_report

    written = write_report(arguments.folder, arguments.out or arguments.folder, other=arguments.against)
    print("\n".join(map(str, written)))
    if len(written) == 2:
        print("no figure: pip install 'heart-reader[plot]'")
