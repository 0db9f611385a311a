"""Train and evaluate classical classifiers on expert features, on any data and level."""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.commands.options import add_overrides

__all__ = ["add_arguments", "run"]

ALL = "all"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", type=Path, help="YAML file of data and task; without it the defaults of heart_reader/config.py")
    parser.add_argument(
        "--classifier",
        choices=("LR", "RF", "LGB", "MLP", ALL),
        default=ALL,
        help="logistic regression, random forest, LightGBM, multilayer perceptron (default: %(default)s)",
    )
    parser.add_argument("--level", help="level of diagnosis (default: task.level of the configuration)")
    parser.add_argument("--out", type=Path, help="folder of the runs and of their leaderboard (default: results/baselines/NAME-LEVEL)")
    parser.add_argument("--folds", type=int, metavar="N", help="only cross-validate on the training records, patients apart, and print")
    add_overrides(parser)


def run(arguments: argparse.Namespace) -> None:
    """Train and evaluate each classifier and write their leaderboard, or cross-validate them."""
    from importlib.util import find_spec

    from heart_reader.config import load_config
    from heart_reader.data.build import build_table
    from heart_reader.extras import missing
    from heart_reader.folders import run_folder

    if arguments.classifier in ("LGB", ALL) and find_spec("lightgbm") is None:
        raise missing("lightgbm")  # before the others are fitted
    level = [] if arguments.level is None else [f"task.level={arguments.level}"]
    config = load_config(arguments.config, [*arguments.overrides, *level])
    from heart_reader.training.baselines import (  # only now, for this takes seconds
        CLASSIFIERS,
        baseline_config,
        describe_out_of_fold,
        train_and_evaluate,
    )

    names = list(CLASSIFIERS) if arguments.classifier == ALL else [arguments.classifier]
    configs = {name: baseline_config(config, name) for name in names}
    table = build_table(configs[names[0]])
    if arguments.folds is not None:
        print(describe_out_of_fold(configs, table, arguments.folds))
        return
    out = arguments.out or Path("results/baselines") / f"{config.name}-{config.task.level}"
    for name, own in configs.items():
        train_and_evaluate(own, out / name.lower(), table)
    from heart_reader.studies.leaderboard import write_leaderboard

    with run_folder(out):
        write_leaderboard(out, out / "leaderboard.md")
    print((out / "leaderboard.md").read_text(encoding="utf-8"))
