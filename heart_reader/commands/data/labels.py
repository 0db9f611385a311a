"""Write the labels and folds of CPSC2018, or of another Challenge folder, as two tables."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("folder", type=Path, help="folder of .hea and .mat, or of REFERENCE.csv")
    parser.add_argument("--out", type=Path, required=True, help="folder of reference.csv and labels.csv")
    parser.add_argument("--folds", type=int, default=10, help="stratified by the nine classes (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=42, help="of the folds (default: %(default)s)")


def run(arguments: argparse.Namespace) -> None:
    """Read the diagnoses, write the tables and print a summary."""
    import numpy as np

    from heart_reader.data.challenge import read_challenge_folder
    from heart_reader.data.challenge_tables import write_label_tables
    from heart_reader.data.snomed import CPSC2018, NINE, labels_of
    from heart_reader.data.sources.challenge import fold_of_records

    found = read_challenge_folder(arguments.folder)
    folds = fold_of_records(found.records, arguments.folds, arguments.seed)
    write_label_tables(arguments.out, found.records, folds)
    counts = np.stack([labels_of(record.codes)[CPSC2018] for record in found.records]).sum(axis=0)
    print(", ".join(f"{one.name} {count:.0f}" for one, count in zip(NINE, counts.tolist(), strict=True)))
    if found.notes:
        print(found.summary())
    print(
        f"{len(found.records)} records, {int((folds > 0).sum())} with one of the nine classes, in {arguments.folds} folds: {arguments.out}"
    )
