"""Check the classes of beats against annotations, patients apart, and write the report."""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.commands.options import data_folder

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--mitbih", type=Path, default=data_folder("mitbih"), help="folder of the database (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder of beats.md and beats.json (default: %(default)s)")


def run(arguments: argparse.Namespace) -> None:
    """Cross-validate on DS1, and read what there is of DS2."""
    from heart_reader.studies.beats import write_study

    print(write_study(arguments.mitbih, arguments.out))
