"""Fit the weights that doubt a file's sampling rate and leads."""

from __future__ import annotations

import argparse

from heart_reader.commands.options import add_fit

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_fit(parser, "ptbxl", "PTB-XL")


def run(arguments: argparse.Namespace) -> None:
    """Fit, and write the file."""
    from heart_reader.studies.plausibility_fit import TARGET, write_weights

    write_weights(arguments.ptbxl, arguments.out or TARGET)
