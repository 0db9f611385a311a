"""Train a recipe with every fold of its source as the test fold in turn."""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.commands.options import add_overrides

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("config", type=Path, help="YAML file, such as configs/cpsc2018_resnet34.yaml")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs and of folds.md")
    add_overrides(parser)


def run(arguments: argparse.Namespace) -> None:
    """Train what is not trained yet, write and print the page."""
    from heart_reader.config import load_config
    from heart_reader.folders import run_folder, write_text

    config = load_config(arguments.config, arguments.overrides)
    from heart_reader.studies.folds import folds_page, study_folds  # only now, for this takes seconds

    with run_folder(arguments.out):
        page = folds_page(study_folds(config, arguments.out), config)
        write_text(arguments.out / "folds.md", page)
    print(page)
