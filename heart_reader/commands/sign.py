"""Sign checkpoints."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="the private key")
    parser.add_argument("checkpoints", nargs="+", metavar="NAME_OR_DIR", help="names or directories of checkpoints")


def run(arguments: argparse.Namespace) -> None:
    """Sign each of them."""
    from heart_reader.signing.keys import ask_passphrase, key_id, public_bytes, read_private_key
    from heart_reader.signing.signature import sign_checkpoint
    from heart_reader.weights import find_reader

    key = read_private_key(arguments.key, ask_passphrase)
    for name in arguments.checkpoints:
        checkpoint = sign_checkpoint(find_reader(name), key)
        print(f"{name}: checkpoint {checkpoint.sha256} signed with key {key_id(public_bytes(key))}")
