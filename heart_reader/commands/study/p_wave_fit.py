"""Fit the weights that decide whether there are P waves."""

from __future__ import annotations

import argparse

from heart_reader.commands.options import add_fit

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_fit(parser, "ptbxl", "PTB-XL")


def run(arguments: argparse.Namespace) -> None:
    """Fit, and write the file."""
    from heart_reader.studies.p_wave_fit import TARGET, write_weights

    write_weights(arguments.ptbxl, arguments.out or TARGET)
