"""Measure checkpoints side by side: size, work, speed, memory and accuracy.

Writes ``edge_stats.json``, ``edge_stats.md`` and ``edge_stats.png``. On a device ``heart-reader
read FILE --time`` says how fast it is.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.commands.options import add_overrides

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("checkpoints", nargs="+", metavar="NAME_OR_DIR", help="checkpoints; the first is the yardstick")
    parser.add_argument("--out", type=Path, default=Path("results/edge"), help="directory of the table (default: %(default)s)")
    add_overrides(parser)


def run(arguments: argparse.Namespace) -> None:
    """Measure, write and print the table."""
    from heart_reader.checkpoint import load_checkpoint
    from heart_reader.weights import find_reader

    directories = [load_checkpoint(find_reader(name)).directory for name in arguments.checkpoints]
    from heart_reader.edge.benchmark import benchmark  # only now, for this takes seconds

    print(benchmark(directories, arguments.out, overrides=arguments.overrides))
