"""Gather from all reports how often readings contradict themselves."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("root", nargs="?", type=Path, default=Path("results"), help="folder of the runs (default: %(default)s)")


def run(arguments: argparse.Namespace) -> None:
    """Write the page."""
    from heart_reader.folders import write_text
    from heart_reader.studies.consistency_page import PAGE, consistency_page

    page = consistency_page(arguments.root)
    write_text(arguments.root / PAGE, page)
    print(f"written to {arguments.root / PAGE}")
