"""Train a recipe on all leads and on each alone, and rank the leads."""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.commands.options import add_overrides

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("config", type=Path, help="YAML file, such as configs/cpsc2018_resnet34.yaml")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs, leads.md, leads.json and leads.png")
    add_overrides(parser)


def run(arguments: argparse.Namespace) -> None:
    """Train what is not trained yet, write and print the page."""
    from heart_reader.config import load_config
    from heart_reader.folders import run_folder

    config = load_config(arguments.config, arguments.overrides)
    from heart_reader.studies.leads import study_leads, write_lead_study  # only now, for this takes seconds

    with run_folder(arguments.out):
        print(write_lead_study(study_leads(config, arguments.out), config, arguments.out))
