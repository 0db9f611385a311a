"""Print a script that completes the commands of a shell.

For bash, for example::

    heart-reader completion bash > ~/.local/share/bash-completion/completions/heart-reader
"""

from __future__ import annotations

import argparse

SHELLS = ("bash", "zsh", "tcsh")

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("shell", choices=SHELLS, help="bash, zsh or tcsh")


def run(arguments: argparse.Namespace) -> None:
    """Print the script."""
    from heart_reader.errors import HeartReaderError

    try:
        import shtab
    except ModuleNotFoundError:
        raise HeartReaderError("shtab is not installed: pip install 'heart-reader[completion]'") from None
    from heart_reader.commands import build_parser

    print(shtab.complete(build_parser(), shell=arguments.shell))
