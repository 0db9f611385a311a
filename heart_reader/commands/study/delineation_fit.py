"""Fit the weights of the delineation to boundaries marked by cardiologists."""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.commands.options import data_folder

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--ludb", type=Path, default=data_folder("ludb"), help="folder of LUDB's records (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="file to write (default: the package's own)")


def run(arguments: argparse.Namespace) -> None:
    """Fit, and write the file."""
    from heart_reader.studies.delineation_fit import TARGET, write_weights

    write_weights(arguments.ludb, arguments.out or TARGET)
