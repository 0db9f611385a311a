"""Train a model on the data that a configuration names."""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.commands.options import add_overrides

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", type=Path, help="YAML file; without it the defaults of heart_reader/config.py")
    parser.add_argument("--out", type=Path, help="directory of the run (default: results/NAME of the configuration)")
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run, exactly where it stopped")
    add_overrides(parser)


def run(arguments: argparse.Namespace) -> int:
    """Load the configuration and train."""
    from heart_reader.config import load_config
    from heart_reader.data.build import build_table
    from heart_reader.folders import run_folder
    from heart_reader.training.run_state import check_start

    config = load_config(arguments.config, arguments.overrides)
    out = arguments.out or Path("results") / config.name
    with run_folder(out):
        check_start(config, out, resume=arguments.resume)
        table = build_table(config)
        from heart_reader.training.joined import train_joined  # only now, for this takes seconds
        from heart_reader.training.run import train

        outcome = (train_joined if config.ensemble.members else train)(config, out, resume=arguments.resume, table=table)
    if not outcome.complete:
        print(f"stopped; {outcome.checkpoint.directory} is usable, and --resume goes on from here")
        return 1
    scores = outcome.checkpoint.manifest["metrics"][config.task.level]
    print(f"{outcome.checkpoint.directory}: validation macro-AUROC {scores['macro_auroc']:.4f} on {scores['n_records']} records")
    print(f"next: heart-reader evaluate {outcome.checkpoint.directory}")
    return 0
