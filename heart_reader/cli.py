"""What all commands share: errors as one line, exit status 0 (done), 1 (failed), 2 (wrong usage)."""

from __future__ import annotations

import argparse
import io
import math
import sys
import traceback
from collections.abc import Callable, Sequence

from heart_reader.errors import ConfigError, HeartReaderError, UnexpectedError

__all__ = ["add_overrides", "positive_number", "run_command", "show_cause"]

DONE, FAILED, WRONG_USAGE = 0, 1, 2
# Packages that are imported by another name.
PACKAGES = {"yaml": "pyyaml", "sklearn": "scikit-learn"}


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """Add ``--set section.key=value`` to a parser."""
    parser.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="SECTION.KEY=VALUE", help="override one value; repeatable"
    )


def positive_number(text: str) -> float:
    """Read an argument that is a number above 0, such as a sampling rate.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is none.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}; a number above 0 is needed")
    return number


def run_command(
    parser: argparse.ArgumentParser, command: Callable[[argparse.Namespace], int | None], argv: Sequence[str] | None = None
) -> int:
    """Parse the command line and run a command.

    Parameters
    ----------
    parser
        Its arguments; ``--debug`` is added.
    command
        Gets the parsed arguments and returns an exit status, None meaning 0.
    argv
        Arguments, None for the process's own.

    Returns
    -------
    int
        0, 1 or 2. Errors are printed as one line on standard error, with a traceback only under
        ``--debug``.
    """
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    arguments = parser.parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        # A file's name may hold what no terminal can show; that must not end the readings of the
        # others.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return command(arguments) or DONE
    except HeartReaderError as error:
        if arguments.debug:
            raise
        print(f"error: {error.message}", file=sys.stderr)
        return WRONG_USAGE if isinstance(error, ConfigError) else FAILED
    except ModuleNotFoundError as error:
        if arguments.debug or error.name is None or error.name.startswith("heart_reader"):
            raise
        package = PACKAGES.get(error.name.split(".")[0], error.name.split(".")[0])
        print(
            f"error: this command needs {package}, which is not installed: python -m pip install {package}, or all that any command needs "
            "with python -m pip install -r requirements.txt",
            file=sys.stderr,
        )
        return FAILED
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe went away, which is no error of ours
        return FAILED
    except Exception as error:
        if arguments.debug:
            raise
        print(f"error: {type(error).__name__}: {' '.join(str(error).split())} (--debug shows where)", file=sys.stderr)
        return FAILED


def show_cause(error: HeartReaderError | None, *, debug: bool) -> None:
    """Print the traceback of what nobody foresaw, where ``--debug`` asks for it; a command that
    reads the other records goes on.
    """
    if debug and isinstance(error, UnexpectedError):
        traceback.print_exception(error, file=sys.stderr)
