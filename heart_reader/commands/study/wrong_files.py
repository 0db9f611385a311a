"""Count how often files are noticed that say something wrong about themselves."""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.commands.options import add_checkpoint, data_folder

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_checkpoint(parser, positional="name or directory of the checkpoint")
    parser.add_argument("--records", type=Path, default=data_folder(), help="folder of ptbxl/, ludb/ ... (default: %(default)s)")
    parser.add_argument("--split", choices=("train", "val", "test"), default="val", help="of PTB-XL (default: %(default)s)")
    parser.add_argument("--at-most", type=int, help="records of each set")
    parser.add_argument("--out", type=Path, default=Path("results/robustness.md"), help="page to write (default: %(default)s)")


def run(arguments: argparse.Namespace) -> None:
    """Read, and write the section."""
    from heart_reader.classifier import EcgClassifier
    from heart_reader.evaluation.markdown import replace_section
    from heart_reader.studies.wrong_files import HEADING, TITLE, record_sets, wrong_files_table
    from heart_reader.weights import find_reader

    classifier = EcgClassifier.load(find_reader(arguments.checkpoint))
    sets = dict(record_sets(arguments.records, arguments.split))
    if arguments.at_most:
        sets = {name: paths[: arguments.at_most] for name, paths in sets.items()}
    table = wrong_files_table(classifier, sets)
    made = f"`heart-reader study wrong-files {arguments.checkpoint} --split {arguments.split}`"
    replace_section(arguments.out, TITLE, HEADING, f"Made by {made}.\n\n{table}")
    print(table)
