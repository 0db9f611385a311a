"""Compare two recipes over their seeds by a paired bootstrap."""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.commands.options import add_overrides

SPLITS = ("val", "test")

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--first", nargs="+", required=True, metavar="NAME_OR_DIR", help="checkpoints of one recipe, one per seed")
    parser.add_argument("--second", nargs="+", required=True, metavar="NAME_OR_DIR", help="checkpoints of the other recipe")
    parser.add_argument("--splits", nargs="+", choices=SPLITS, default=list(SPLITS), help="default: val test")
    parser.add_argument("--out", type=Path, required=True, help="Markdown file")
    add_overrides(parser)


def run(arguments: argparse.Namespace) -> None:
    """Compare on every split that is asked for and write the page."""
    from heart_reader.checkpoint import load_checkpoint
    from heart_reader.folders import write_text
    from heart_reader.weights import find_reader

    recipes = [[load_checkpoint(find_reader(name)).directory for name in names] for names in (arguments.first, arguments.second)]
    from heart_reader.studies.compare import compare_recipes, describe_comparisons, signed  # only now, for this takes seconds

    comparisons = [compare_recipes(*recipes, split=split, overrides=arguments.overrides) for split in arguments.splits]
    text = describe_comparisons(comparisons)
    write_text(arguments.out, text)
    print(f"{arguments.out}: " + "; ".join(f"{one.split} macro-AUROC {signed(one.differences['macro_auroc'])}" for one in comparisons))
