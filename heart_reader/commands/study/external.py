"""Compare a reader of PTB-XL's statements with records that carry the nine classes of CPSC2018."""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.commands.options import add_checkpoint, data_folder

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_checkpoint(parser, positional="name or directory of the checkpoint")
    parser.add_argument("--records", type=Path, default=data_folder("cpsc2018"), help="folder of the records (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("results/cpsc2018.md"), help="page to write (default: %(default)s)")


def run(arguments: argparse.Namespace) -> None:
    """Read all records that are there, and write the section."""
    from heart_reader.classifier import EcgClassifier
    from heart_reader.data.challenge import read_challenge_folder
    from heart_reader.evaluation.markdown import replace_section
    from heart_reader.studies.external import external_page, read_records
    from heart_reader.weights import find_reader

    classifier = EcgClassifier.load(find_reader(arguments.checkpoint))
    page = external_page(read_records(classifier, read_challenge_folder(arguments.records).records), arguments.checkpoint)
    heading = f"{arguments.checkpoint} on records of CPSC2018"
    replace_section(arguments.out, "CPSC2018", heading, f"Made by `heart-reader study external {arguments.checkpoint}`.\n\n{page}")
    print(page)
