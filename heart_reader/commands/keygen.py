"""Make a private and a public key to sign checkpoints with."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="the private key; the public one is FILE.pub")
    parser.add_argument("--name", help="by which others know the key (default: the name of its file)")
    parser.add_argument("--passphrase", action="store_true", help="lock the key with one, typed or from HEART_READER_SIGNING_PASSPHRASE")


def run(arguments: argparse.Namespace) -> None:
    """Write both keys."""
    from heart_reader.signing.keys import ask_passphrase, create_key

    public = create_key(arguments.key, arguments.name or arguments.key.name, ask_passphrase(twice=True) if arguments.passphrase else None)
    print(f"private key {arguments.key}: keep it to yourself\npublic key {public}: for those who are to trust it")
