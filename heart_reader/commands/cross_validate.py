"""Compare two recipes and their mixtures on training records that each fold holds out."""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.commands.options import add_overrides

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("configs", nargs="+", type=Path, metavar="CONFIG", help="two YAML files; the first recipe answers all heads")
    parser.add_argument("--out", type=Path, required=True, help="directory of the trained folds and of the table")
    parser.add_argument("--folds", type=int, default=5, help="default: %(default)s")
    add_overrides(parser)


def run(arguments: argparse.Namespace) -> None:
    """Cross-validate, write and print the table."""
    from heart_reader.config import load_config
    from heart_reader.folders import run_folder, write_text

    configs = [load_config(path, arguments.overrides) for path in arguments.configs]
    from heart_reader.training.cross_validation import cross_validate, describe  # only now, for this takes seconds

    with run_folder(arguments.out):
        page = describe(cross_validate(configs, arguments.out, n_folds=arguments.folds), configs, arguments.folds)
        write_text(arguments.out / "cross_validation.md", page)
    print(page)
