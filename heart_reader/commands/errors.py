"""How every command ends: errors as one line, exit status 0 (done), 1 (failed), 2 (wrong usage)."""

from __future__ import annotations

import argparse
import io
import sys
import traceback
from collections.abc import Callable

from heart_reader.errors import ConfigError, HeartReaderError, UnexpectedError
from heart_reader.extras import missing

__all__ = ["DONE", "FAILED", "WRONG_USAGE", "run_command", "show_cause"]

DONE, FAILED, WRONG_USAGE = 0, 1, 2


def run_command(parse: Callable[[], argparse.Namespace], *, debug: bool = False) -> int:
    """Parse the command line and run the command it names.

    Parameters
    ----------
    parse
        Returns the arguments; their ``run`` is called with them and returns an exit status, None
        meaning 0.
    debug
        Raise errors instead of printing them.

    Returns
    -------
    int
        0, 1 or 2. Errors are printed as one line on standard error.
    """
    for stream in (sys.stdout, sys.stderr):
        # A file's name may hold what no terminal can show; that must not end the readings of the
        # others.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        arguments = parse()
        status: int | None = arguments.run(arguments)
        return status or DONE
    except HeartReaderError as error:
        if debug:
            raise
        return _say(error.message, WRONG_USAGE if isinstance(error, ConfigError) else FAILED)
    except ModuleNotFoundError as error:
        if debug or error.name is None or error.name.startswith("heart_reader"):
            raise
        return _say(missing(error.name).message)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        sys.stderr.close()  # whoever read from the pipe went away, which is no error of ours
        return FAILED
    except Exception as error:
        if debug:
            raise
        return _say(f"{type(error).__name__}: {' '.join(str(error).split())} (--debug shows where)")


def show_cause(error: HeartReaderError | None, *, debug: bool) -> None:
    """Print the traceback of an unforeseen error under ``--debug``, for a command that goes on."""
    if debug and isinstance(error, UnexpectedError):
        traceback.print_exception(error, file=sys.stderr)


def _say(message: str, status: int = FAILED) -> int:
    print(f"error: {message}", file=sys.stderr)
    return status
