"""Measure checkpoints side by side: size, work, speed, memory, accuracy.

Run: ``python -m heart_reader.edge.benchmark CHECKPOINT ... [--out results]``, which writes
``edge_stats.json``, ``edge_stats.md`` and ``edge_stats.png``. It needs the extra `export`; on
a device ``python -m heart_reader.edge.read FILE --time`` says how fast it is.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.cli import add_overrides, run_command

__all__ = ["main"]


def main(arguments: argparse.Namespace) -> None:
    """Measure, write and print the table."""
    from heart_reader.edge.benchmark_run import benchmark

    print(benchmark(arguments.checkpoints, arguments.out, overrides=arguments.overrides))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Size, work, speed, memory and accuracy of checkpoints, side by side.")
    parser.add_argument(
        "checkpoints", nargs="+", type=Path, metavar="CHECKPOINT", help="checkpoint directories; the first is the yardstick"
    )
    parser.add_argument("--out", type=Path, default=Path("results"), help="directory of the table (default: results)")
    add_overrides(parser)
    raise SystemExit(run_command(parser, main))
