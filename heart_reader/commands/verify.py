"""Verify who signed checkpoints."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--public", type=Path, required=True, metavar="FILE", help="public keys that are trusted")
    parser.add_argument("checkpoints", nargs="+", metavar="NAME_OR_DIR", help="names or directories of checkpoints")


def run(arguments: argparse.Namespace) -> None:
    """Verify each; the first that is not signed as it should be is an error."""
    from heart_reader.checkpoint import load_checkpoint
    from heart_reader.signing.keys import TrustedKeys
    from heart_reader.signing.signature import check_signature
    from heart_reader.weights import find_reader

    trusted = TrustedKeys.read(arguments.public)
    for name in arguments.checkpoints:
        checkpoint = load_checkpoint(find_reader(name))
        print(f"{name}: checkpoint {checkpoint.sha256} signed by {check_signature(checkpoint, trusted)}")
