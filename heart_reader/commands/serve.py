"""Serve the page and the API on a port."""

from __future__ import annotations

import argparse
from pathlib import Path

from heart_reader.commands.options import add_checkpoint

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "readers", nargs="*", metavar="NAME_OR_DIR", help="readers to serve, each a name, a directory or NAME=DIR; the first is the default"
    )
    add_checkpoint(parser)
    parser.add_argument("--trusted-keys", type=Path, metavar="FILE", help="public keys, one of which must have signed the checkpoint")
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1, this machine only)")
    parser.add_argument("--port", type=int, help="port to listen on (default: 8000)")
    parser.add_argument("--new-key", metavar="NAME", help="make a key for HEART_READER_API_KEYS_FILE, print it, and do not serve")


def run(arguments: argparse.Namespace) -> None:
    """Serve until stopped, or print a new key."""
    if arguments.new_key:
        from heart_reader.frontend.keys import new_key

        key, line = new_key(arguments.new_key)
        print(f"The key of {arguments.new_key}, shown only now: {key}\nIts line for the file of keys: {line}")
        return
    names = ("trusted_keys", "host", "port")
    given = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    if arguments.checkpoint is not None or arguments.readers:
        # The default first, as --checkpoint names it. What the environment asks for gives way.
        given |= {"readers": (*filter(None, [arguments.checkpoint]), *arguments.readers), "checkpoint": None}
    if arguments.debug:
        given["debug"] = True
    from pydantic import ValidationError

    from heart_reader.errors import ConfigError
    from heart_reader.frontend.settings import Settings, first_complaint

    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise ConfigError(first_complaint(error)) from None
    if settings.processes and settings.max_concurrency > 1:
        from heart_reader.frontend.nursery import start_early

        start_early()  # beside what follows, which takes as long
    from heart_reader.frontend.server import serve

    try:
        serve(settings)
    except KeyboardInterrupt:
        return
