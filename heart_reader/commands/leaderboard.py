"""Make the leaderboard from the reports of all runs in a folder."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("root", type=Path, help="folder of runs, such as results")
    parser.add_argument("--out", type=Path, help="the page (default: leaderboard.md in the folder of runs)")


def run(arguments: argparse.Namespace) -> None:
    """Write the page and its table."""
    from heart_reader.errors import ConfigError
    from heart_reader.studies.leaderboard import write_leaderboard

    out = arguments.out or arguments.root / "leaderboard.md"
    if out.suffix != ".md":
        raise ConfigError(f"--out {out}: the name of a .md file is needed; the .csv is written beside it")
    runs = write_leaderboard(arguments.root, out)
    n_evaluated = sum(run.evaluated for run in runs)
    print(f"{n_evaluated} runs evaluated, {len(runs) - n_evaluated} not; written to {out} and {out.with_suffix('.csv')}")
