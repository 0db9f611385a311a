"""List the data sets that can be downloaded."""

from __future__ import annotations

import argparse

from heart_reader.commands.options import data_folder

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare no options."""


def run(arguments: argparse.Namespace) -> None:
    """Print name, folder and address."""
    from heart_reader.data.download import DATASETS

    for name, dataset in DATASETS.items():
        print(f"{name:<12} {data_folder(name)!s:<24} {dataset.base_url}")
