"""Fit the weights of the delineation to boundaries marked by cardiologists."""

from __future__ import annotations

import argparse

from heart_reader.commands.options import add_fit

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_fit(parser, "ludb", "LUDB's records")


def run(arguments: argparse.Namespace) -> None:
    """Fit, and write the file."""
    from heart_reader.studies.delineation_fit import TARGET, write_weights

    write_weights(arguments.ludb, arguments.out or TARGET)
