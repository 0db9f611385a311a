"""Make keys, sign checkpoints and verify them: ``python -m heart_reader.signing
keygen|sign|verify``.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path

from heart_reader.checkpoint import load_checkpoint
from heart_reader.cli import run_command
from heart_reader.errors import ConfigError
from heart_reader.signing.keys import TrustedKeys, create_key, key_id, public_bytes, read_private_key
from heart_reader.signing.signature import check_signature, sign_checkpoint

PASSPHRASE = "HEART_READER_SIGNING_PASSPHRASE"  # noqa: S105


def keygen(arguments: argparse.Namespace) -> None:
    """Make a private and a public key."""
    passphrase = ask_passphrase() if arguments.passphrase else None
    if passphrase is not None and PASSPHRASE not in os.environ and getpass.getpass("The same again: ") != passphrase:
        raise ConfigError("the two passphrases differ: run the command again")
    public = create_key(arguments.key, arguments.name or arguments.key.name, passphrase)
    print(f"private key {arguments.key}: keep it to yourself\npublic key {public}: for those who are to trust it")


def sign(arguments: argparse.Namespace) -> None:
    """Sign checkpoints."""
    key = read_private_key(arguments.key, ask_passphrase)
    for directory in arguments.directories:
        checkpoint = sign_checkpoint(directory, key)
        print(f"{directory}: checkpoint {checkpoint.sha256} signed with key {key_id(public_bytes(key))}")


def verify(arguments: argparse.Namespace) -> None:
    """Verify checkpoints; the first one that is not signed as it should be is an error."""
    trusted = TrustedKeys.read(arguments.public)
    for directory in arguments.directories:
        checkpoint = load_checkpoint(directory)
        print(f"{directory}: checkpoint {checkpoint.sha256} signed by {check_signature(checkpoint, trusted)}")


def ask_passphrase() -> str:
    """Return the passphrase of the environment, or the one typed in.

    Raises
    ------
    ConfigError
        If there is neither one nor anybody to ask, or it is empty.
    """
    if PASSPHRASE not in os.environ and not sys.stdin.isatty():
        raise ConfigError(f"the key has a passphrase and nobody is there to type it: set {PASSPHRASE}")
    passphrase = os.environ.get(PASSPHRASE) or getpass.getpass("Passphrase of the key: ")
    if not passphrase:
        raise ConfigError("an empty passphrase locks nothing: leave --passphrase out, or type one")
    return passphrase


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the three commands."""
    parser = argparse.ArgumentParser(description="Sign checkpoints and verify who signed them.")
    commands = parser.add_subparsers(required=True)
    for command in (keygen, sign, verify):
        one = commands.add_parser(command.__name__, help=command.__doc__)
        one.set_defaults(command=command)
        if command is verify:
            one.add_argument("--public", type=Path, required=True, metavar="FILE", help="public keys that are trusted")
        else:
            one.add_argument("--key", type=Path, required=True, metavar="FILE", help="the private key; the public one is FILE.pub")
        if command is keygen:
            one.add_argument("--name", help="by which others know the key (default: the name of its file)")
            one.add_argument("--passphrase", action="store_true", help=f"lock the key with one, typed in or from {PASSPHRASE}")
        else:
            one.add_argument("directories", nargs="+", type=Path, metavar="DIR", help="checkpoint directory")
    return parser


if __name__ == "__main__":
    raise SystemExit(run_command(build_parser(), lambda arguments: arguments.command(arguments)))
