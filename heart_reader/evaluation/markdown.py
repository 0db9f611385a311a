"""Pieces of a Markdown page that no value can break."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

__all__ = ["cell", "interval", "lines", "markdown_table", "number", "replace_section", "with_interval"]


def markdown_table(header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    """Return a Markdown table; no cell can break it."""
    every = [header, ("---",) * len(header), *rows]
    return "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in every)


def lines(sentences: Iterable[str]) -> str:
    """Return a list of sentences."""
    return "\n".join(f"- {sentence}" for sentence in sentences)


def cell(text: object) -> str:
    """Return text that cannot break a table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def number(value: object, digits: int = 4, sign: str = "") -> str:
    """Return a number to some decimals, a dash for what is none; ``"+"`` always shows the sign."""
    # Rounded first, so that nothing is called -0.0000.
    return f"{round(value, digits) + 0.0:{sign}.{digits}f}" if isinstance(value, float) else "–"


def interval(estimate: object, digits: int = 4, sign: str = "") -> str:
    """Return the interval of an estimate or a difference in brackets, nothing where it has none."""
    low, high = getattr(estimate, "low", None), getattr(estimate, "high", None)
    return "" if low is None or high is None else f"[{number(low, digits, sign)}, {number(high, digits, sign)}]"


def with_interval(estimate: object, digits: int = 4) -> str:
    """Return the point of an estimate and its interval, a dash where it has none."""
    return f"{number(getattr(estimate, 'point', None), digits)} {interval(estimate, digits)}".strip()


def replace_section(page: Path, title: str, heading: str, body: str) -> None:
    """Write a page's section of second level in place of the former one, or at its end.

    Parameters
    ----------
    page
        Made with ``title`` where there is none.
    heading
        Without its ``##``.
    body
        Markdown without headings of the first or second level.
    """
    text = page.read_text(encoding="utf-8") if page.is_file() else f"# {title}\n"
    section = f"## {heading}\n\n{body.strip()}\n"
    found = re.search(rf"^## {re.escape(heading)}\n.*?(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    before, after = (text.rstrip() + "\n\n", "") if found is None else (text[: found.start()], text[found.end() :])
    text = f"{before}{section}\n{after}".rstrip() + "\n"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text, encoding="utf-8")
