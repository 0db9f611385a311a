"""Remove channels from a trained network and train what is left."""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.commands.options import add_checkpoint, add_overrides

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_checkpoint(parser, positional="name or directory of the torch checkpoint of a single network")
    parser.add_argument("--out", type=Path, required=True, help="directory of the runs and of the table")
    parser.add_argument(
        "--ratio", type=float, nargs="+", default=[0.3, 0.5, 0.7], help="shares of the channels that go (default: 0.3 0.5 0.7)"
    )
    parser.add_argument("--criterion", choices=("l1", "taylor"), help="what makes a channel expendable (default: the configuration's)")
    parser.add_argument("--teacher", metavar="NAME_OR_DIR", help="checkpoint to learn from (default: the unpruned network)")
    add_overrides(parser)


def run(arguments: argparse.Namespace) -> None:
    """Prune by every ratio and print the table."""
    from heart_reader.checkpoint import load_checkpoint
    from heart_reader.weights import find_reader

    directory = load_checkpoint(find_reader(arguments.checkpoint)).directory
    teacher = None if arguments.teacher is None else load_checkpoint(find_reader(arguments.teacher)).directory
    from heart_reader.edge.prune import prune, write_table  # only now, for this takes seconds

    own = [] if arguments.criterion is None else [f"export.pruning.criterion={arguments.criterion}"]
    pruned = [
        prune(
            directory,
            arguments.out / f"prune-{round(100 * ratio)}",
            overrides=[*arguments.overrides, *own, f"export.pruning.ratio={ratio}"],
            teacher=teacher,
        )
        for ratio in arguments.ratio
    ]
    print(write_table(pruned, arguments.out))
