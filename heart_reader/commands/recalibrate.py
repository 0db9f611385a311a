"""Choose calibration, thresholds and zones of uncertainty anew, weights unchanged.

Models lose calibration when they move to another hospital; some hundred labelled records of it, in
a table whose split is ``val``, bring it back. The same command applies another rule, such as
``--set evaluation.thresholds=youden``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.commands.options import add_checkpoint, add_overrides

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_checkpoint(parser, positional="name or directory of a torch checkpoint")
    parser.add_argument("--out", type=Path, required=True, help="directory of the result, such as results/NAME")
    add_overrides(parser)


def run(arguments: argparse.Namespace) -> None:
    """Recalibrate and print the outcome."""
    from heart_reader.checkpoint import load_checkpoint
    from heart_reader.weights import find_reader

    directory = load_checkpoint(find_reader(arguments.checkpoint)).directory
    from heart_reader.training.recalibrate import recalibrate  # only now, for this takes seconds

    checkpoint = recalibrate(directory, arguments.out, overrides=arguments.overrides)
    level = checkpoint.manifest["config"]["task"]["level"]
    scores = checkpoint.manifest["metrics"][level]
    print(f"{checkpoint.directory}: decisions from {scores['n_records']} records, validation macro-AUROC {scores['macro_auroc']:.4f}")
