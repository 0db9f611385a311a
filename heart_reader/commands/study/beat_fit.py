"""Grow the forest that tells the classes of beats."""

from __future__ import annotations

import argparse

from heart_reader.commands.options import add_fit

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_fit(parser, "mitbih", "the MIT-BIH Arrhythmia Database")


def run(arguments: argparse.Namespace) -> None:
    """Grow it from DS1, and write the file."""
    from heart_reader.beats.forest import FOREST
    from heart_reader.studies.beat_fit import fit

    out = arguments.out or FOREST
    forest = fit(arguments.mitbih, out)
    print(f"{len(forest.roots)} trees of {len(forest.names)} features, {out.stat().st_size / 1e6:.1f} MB: {out}")
