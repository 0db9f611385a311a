"""Pieces of a Markdown page that no value can break."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["cell", "interval", "lines", "markdown_table", "number", "with_interval"]


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


def number(value: object) -> str:
    """Return a number to four decimals, a dash for what is none."""
    return f"{value:.4f}" if isinstance(value, float) else "–"


def interval(estimate: object, sign: str = "") -> str:
    """Return the interval of an estimate or a difference in brackets, nothing where it has none."""
    low, high = getattr(estimate, "low", None), getattr(estimate, "high", None)
    return "" if low is None or high is None else f"[{low:{sign}.4f}, {high:{sign}.4f}]"


def with_interval(estimate: object) -> str:
    """Return the point of an estimate and its interval, a dash where it has none."""
    return f"{number(getattr(estimate, 'point', None))} {interval(estimate)}".strip()
