"""The command ``heart-reader``: one parser, one way to report errors, lazy imports.

Each command is a module of this package, named like it with ``_`` for ``-``: its docstring is its
help, ``add_arguments(parser)`` declares its options, and ``run(arguments)`` does the work and
returns an exit status, None meaning 0. Slow imports belong into ``run``. A package with a tuple
``COMMANDS`` has commands of its own.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterable, Sequence
from types import ModuleType

from heart_reader.commands.errors import WRONG_USAGE, run_command

__all__ = ["ALIASES", "GROUPS", "build_parser", "main"]

PROGRAM = "heart-reader"
# The commands as the help lists them.
GROUPS = {
    "read ECGs": ("read", "beats", "explain", "convert", "serve", "archive", "bulk", "bulk-report"),
    "train": ("train", "baseline", "ensemble", "tune", "cross-validate", "recalibrate"),
    "evaluate": ("evaluate", "compare", "leaderboard", "study"),
    "devices": ("export", "prune", "benchmark"),
    "data, weights and keys": ("data", "weights", "keygen", "sign", "verify"),
    "this command": ("completion",),
}
ALIASES = {"predict": "read"}
NAMES = tuple(name for names in GROUPS.values() for name in names)
DESCRIPTION = "Read 12-lead ECGs, and train, evaluate and export what reads them.\nResearch use only. Not a medical device."


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv
        Arguments, None for the process's own.

    Returns
    -------
    int
        0 done, 1 failed, 2 wrong usage; argparse's own complaints leave by :class:`SystemExit`.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words and not words[0].startswith("-") and words[0] not in (*NAMES, *ALIASES):
        print(f"error: no command {words[0]!r}; there are {', '.join(NAMES)}", file=sys.stderr)
        return WRONG_USAGE
    return run_command(lambda: build_parser(_chosen(words)).parse_args(words), debug="--debug" in words)


class _Program(argparse.ArgumentParser):
    """The parser of all commands, whose help lists these in groups."""

    def format_help(self) -> str:
        return (
            f"usage: {PROGRAM} COMMAND ...\n\n{self.description}\n\n"
            f"{PROGRAM} COMMAND --help says more about a command, {PROGRAM} --version which version this is.\n"
        )


def build_parser(names: Iterable[str] = NAMES) -> argparse.ArgumentParser:
    """Return the parser of some commands; what it does not know it need not import."""
    modules = {name: _module(__name__, name) for name in names}
    parser = _Program(prog=PROGRAM)
    parser.add_argument("--version", action="version", version=_version())
    parser.description = f"{DESCRIPTION}\n\n{_overview(modules)}"
    commands = parser.add_subparsers(prog=PROGRAM, metavar="COMMAND", required=True, parser_class=argparse.ArgumentParser)
    for name, module in modules.items():
        _add(commands, name, module, [alias for alias, of in ALIASES.items() if of == name])
    return parser


def _chosen(words: Sequence[str]) -> Iterable[str]:
    """Return the command that is called; all of them if none is."""
    first = words[0] if words else ""
    name = ALIASES.get(first, first)
    return (name,) if name in NAMES else NAMES


def _module(package: str, name: str) -> ModuleType:
    return importlib.import_module(f"{package}.{name.replace('-', '_')}")


def _add(commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, module: ModuleType, aliases: Sequence[str] = ()) -> None:
    """Add a command, or a group of them."""
    parser = commands.add_parser(
        name,
        aliases=aliases,
        help=_summary(module),
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if hasattr(module, "COMMANDS"):
        below = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")
        for one in module.COMMANDS:
            _add(below, one, _module(module.__name__, one))
        return
    module.add_arguments(parser)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.set_defaults(run=module.run)


def _summary(module: ModuleType) -> str:
    """Return the first line of the docstring as a line of the help."""
    return (module.__doc__ or "").split("\n", maxsplit=1)[0].rstrip(".")


def _overview(modules: dict[str, ModuleType]) -> str:
    lines = []
    for title, names in GROUPS.items():
        lines.append(f"{title}:")
        for name in (name for name in names if name in modules):
            also = "".join(f" (also {alias})" for alias, of in ALIASES.items() if of == name)
            lines.append(f"  {name:<15} {_summary(modules[name])}{also}")
        lines.append("")
    return "\n".join(lines).rstrip()


def _version() -> str:
    from heart_reader import __version__

    return f"{PROGRAM} {__version__}"
