"""Search for better settings; the same call again adds trials."""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.commands.options import add_overrides

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", type=Path, help="YAML file; without it the defaults of heart_reader/config.py")
    parser.add_argument("--space", type=Path, required=True, help="YAML file of keys and ranges, such as configs/search/convnet1d.yaml")
    parser.add_argument("--study", type=Path, required=True, help="folder of the study, such as results/tuning/NAME")
    parser.add_argument("--trials", type=int, default=20, help="trials to add (default: %(default)s)")
    add_overrides(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the trials and say which settings are best."""
    from heart_reader.config import load_config
    from heart_reader.errors import ConfigError
    from heart_reader.training.search_space import load_search_space

    if arguments.trials < 1:
        raise ConfigError(f"--trials {arguments.trials}: at least 1 is needed")
    config, space = load_config(arguments.config, arguments.overrides), load_search_space(arguments.space)
    from heart_reader.training.study import tune  # only now, for this takes seconds

    outcome = tune(config, space, arguments.study, arguments.trials)
    if not outcome.complete:
        print(f"stopped; the same command goes on with {arguments.study}")
    if outcome.best is None:
        print(f"no trial has finished; {arguments.study / 'trials.csv'} says why")
        return 1
    print(f"best validation macro-AUROC {outcome.best_score:.4f}")
    print(f"next: heart-reader train --config {outcome.best}")
    return 0 if outcome.complete else 1
