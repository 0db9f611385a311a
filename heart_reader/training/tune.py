"""Search for better settings: ``python -m heart_reader.training.tune --config X --space Y --study
results/tuning/NAME --trials N``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from heart_reader.cli import add_overrides, run_command
from heart_reader.config import load_config
from heart_reader.errors import ConfigError
from heart_reader.training.search_space import load_search_space

__all__ = ["main"]


def _command(arguments: argparse.Namespace) -> int:
    try:
        from heart_reader.training.study import tune
    except ModuleNotFoundError as error:
        if error.name != "optuna":
            raise
        raise ConfigError("a search needs Optuna, which is not installed: run python -m pip install --editable '.[tune]'") from None

    if arguments.trials < 1:
        raise ConfigError(f"--trials {arguments.trials}: at least 1 is needed")
    config = load_config(arguments.config, arguments.overrides)
    outcome = tune(config, load_search_space(arguments.space), arguments.study, arguments.trials)
    if not outcome.complete:
        print(f"stopped; the same command goes on with {arguments.study}")
    if outcome.best is None:
        print(f"no trial has finished; {arguments.study / 'trials.csv'} says why")
        return 1
    print(f"best validation macro-AUROC {outcome.best_score:.4f}")
    print(f"next: python train.py --config {outcome.best}")
    return 0 if outcome.complete else 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0 if all trials were run, 1 after a failure or a stop, 2 after a
    wrong call.
    """
    parser = argparse.ArgumentParser(
        prog="python -m heart_reader.training.tune",
        description="Search for better settings of a configuration. The same call again adds trials to the study.",
    )
    parser.add_argument("--config", type=Path, help="YAML file; without it the defaults of heart_reader/config.py")
    parser.add_argument("--space", type=Path, required=True, help="YAML file of keys and ranges, such as configs/search/convnet1d.yaml")
    parser.add_argument("--study", type=Path, required=True, help="folder of the study, such as results/tuning/NAME")
    parser.add_argument("--trials", type=int, default=20, help="trials to add (default: 20)")
    add_overrides(parser)
    return run_command(parser, _command, argv)


if __name__ == "__main__":
    raise SystemExit(main())
