"""The passphrase of a private key, from the environment or typed in."""

from __future__ import annotations

import getpass
import os
import sys

from heart_reader.errors import ConfigError

__all__ = ["PASSPHRASE", "ask_passphrase"]

PASSPHRASE = "HEART_READER_SIGNING_PASSPHRASE"  # noqa: S105


def ask_passphrase(*, twice: bool = False) -> str:
    """Return the passphrase of the environment, or the one typed in.

    Parameters
    ----------
    twice
        Have it typed twice, for a new key.

    Raises
    ------
    ConfigError
        If there is neither one nor anybody to ask, it is empty, or the two differ.
    """
    if PASSPHRASE not in os.environ and not sys.stdin.isatty():
        raise ConfigError(f"the key has a passphrase and nobody is there to type it: set {PASSPHRASE}")
    passphrase = os.environ.get(PASSPHRASE) or getpass.getpass("Passphrase of the key: ")
    if not passphrase:
        raise ConfigError("an empty passphrase locks nothing: leave --passphrase out, or type one")
    if twice and PASSPHRASE not in os.environ and getpass.getpass("The same again: ") != passphrase:
        raise ConfigError("the two passphrases differ: run the command again")
    return passphrase
