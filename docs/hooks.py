"""Pages that follow from the code, so that they never say anything else: commands, formats, readers.

A line ``{{ name }}`` in a page is replaced by what the function of that name returns.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INCLUDED = re.compile(r'^--8<-- "(?P<path>[^"]+)"\s*$', re.MULTILINE)


def commands() -> str:
    """Return the help of every command."""
    from heart_reader.commands import build_parser

    parts = []
    for name, parser in sorted(build_parser().commands.items()):
        parts.append(f"## {name}\n\n```text\n{parser.format_help().rstrip()}\n```\n")
    return "\n".join(parts)


def formats() -> str:
    """Return a table of the formats that are read, and of what tells each."""
    from heart_reader.data.formats import FORMATS

    rows = [f"| {entry.title} | {' '.join(f'`{suffix}`' for suffix in entry.suffixes)} | {entry.states} |" for entry in FORMATS.values()]
    return "\n".join(["| format | files | what the file states |", "|---|---|---|", *rows])


def models() -> str:
    """Return a table of the networks that can be trained."""
    from heart_reader.models.registry import model_names

    return "\n".join(f"- `{name}`" for name in model_names())


PARTS: dict[str, Callable[[], str]] = {"commands": commands, "formats": formats, "models": models}


def on_page_markdown(markdown: str, **_: object) -> str:
    """Fill in what follows from the code, and include pages of the project."""
    markdown = INCLUDED.sub(lambda match: _included(match["path"]), markdown)
    return re.sub(r"\{\{ (\w+) \}\}", lambda match: PARTS[match[1]](), markdown)


def _included(name: str) -> str:
    """Return a page from elsewhere; its relative links become names, for the site does not hold their targets."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.sub(r"\[([^\]]+)\]\((?!https?:|#|mailto:)[^)\s]+\)", r"\1", text)
