"""Options that several commands share."""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path

__all__ = ["add_checkpoint", "add_facts", "add_fit", "add_overrides", "data_folder", "lead_names", "positive_number"]


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """Add ``--set section.key=value`` to a parser."""
    parser.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="SECTION.KEY=VALUE", help="override one value; repeatable"
    )


def add_checkpoint(parser: argparse.ArgumentParser, *, positional: str | None = None) -> None:
    """Add the choice of a reader, an option or, with its help, an argument."""
    if positional is None:
        parser.add_argument("--checkpoint", metavar="NAME_OR_DIR", help="name or directory of a reader (default: the shipped one)")
    else:
        parser.add_argument("checkpoint", metavar="NAME_OR_DIR", help=positional)


def add_facts(parser: argparse.ArgumentParser) -> None:
    """Add what a file of signals may not say itself: rate, unit and leads."""
    parser.add_argument("--fs", type=positive_number, metavar="HZ", help="sampling rate, for files that do not state it")
    parser.add_argument("--unit", help="mV, uV, nV or V, for files that do not state it")
    parser.add_argument("--leads", type=lead_names, help="names of the columns in their order, separated by commas")


def add_fit(parser: argparse.ArgumentParser, data_set: str, title: str) -> None:
    """Add what a fit of the package's weights takes: a folder of records and the file to write."""
    parser.add_argument(f"--{data_set}", type=Path, default=data_folder(data_set), help=f"folder of {title} (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="file to write (default: the package's own)")


def lead_names(text: str) -> tuple[str, ...]:
    """Split names of leads at commas."""
    return tuple(text.split(","))


def positive_number(text: str) -> float:
    """Read an argument that is a number above 0, such as a sampling rate.

    Raises
    ------
    argparse.ArgumentTypeError
        If the value is not of this kind.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}; a number above 0 is needed")
    return number


def data_folder(name: str = "") -> Path:
    """Return where a data set lies: below ``data/``, or below what HEART_READER_DATA names."""
    return Path(os.environ.get("HEART_READER_DATA") or "data") / name
