"""Serve a checkpoint and the page on a port: ``python run_server.py --port 8000``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pydantic import ValidationError

from heart_reader.errors import HeartReaderError
from heart_reader.frontend import Settings, serve
from heart_reader.frontend.keys import new_key
from heart_reader.frontend.settings import first_complaint


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and serve; return 0 if stopped, 1 if it failed, 2 for wrong usage."""
    parser = argparse.ArgumentParser(description="Serve the ECG reader. Research use only. Not a medical device.")
    parser.add_argument("--checkpoint", type=Path, metavar="DIR", help="checkpoint directory (default: the shipped one)")
    parser.add_argument("--trusted-keys", type=Path, metavar="FILE", help="public keys, one of which must have signed the checkpoint")
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1, this machine only)")
    parser.add_argument("--port", type=int, help="port to listen on (default: 8000)")
    parser.add_argument("--new-key", metavar="NAME", help="make a key for HEART_READER_API_KEYS_FILE, print it, and do not serve")
    parser.add_argument("--debug", action="store_true", default=None, help="show tracebacks and log more")
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    if name := given.pop("new_key", None):
        return print_new_key(name)
    try:
        settings = Settings(**given)
    except ValidationError as error:
        parser.error(first_complaint(error))
    try:
        serve(settings)
    except HeartReaderError as error:
        if settings.debug:
            raise
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def print_new_key(name: str) -> int:
    """Print a key, which nobody can print again, and its line for the file of keys."""
    try:
        key, line = new_key(name)
    except HeartReaderError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    print(f"The key of {name}, shown only now: {key}\nIts line for the file of keys: {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
