"""Commas and points within numbers: decimal marks or marks of thousands, as a whole table tells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from heart_reader.errors import UnreadableRecord
from heart_reader.messages import message

__all__ = ["decimal_mark", "groups_thousands", "marks_among"]

# 1,234 or 12.345.678: a number whose marks may group thousands. Below 1000 a mark never does.
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(?:[.,]\d{3})+")
_GROUPED = re.compile(r"[-+]?\d{1,3}(?:[ '\u2019\u00a0\u202f.,_]\d{3})+(?:[.,]\d+)?")
# Rows joined at a time: searching one long text is ten times faster than searching many short ones.
_JOINED_ROWS = 4096
_INTEGER = re.compile(r"[-+]?\d{1,9}")


def groups_thousands(text: str) -> bool:
    """Tell whether a text that is no number groups thousands, as ``1 234`` and ``1'234.5`` do."""
    return bool(_GROUPED.fullmatch(text))


def marks_among(rows: Sequence[str], marks: str) -> set[str]:
    """Return which of the characters occur in the rows.

    Examples
    --------
    >>> marks_among(["0.5;1", "2;3"], '".,')
    {'.'}
    """
    found: set[str] = set()
    for start in range(0, len(rows), _JOINED_ROWS):
        text = "\n".join(rows[start : start + _JOINED_ROWS])
        found |= {mark for mark in marks if mark in text}
    return found


def decimal_mark(where: str, rows: Sequence[str], separator: str, columns: Sequence[int], line_numbers: Sequence[int]) -> str:
    """Return the decimal mark of a table, a comma or a point.

    Parameters
    ----------
    rows, line_numbers
        Data lines without quotes, and where they stand in the file.
    columns
        The columns whose numbers count.

    Raises
    ------
    UnreadableRecord
        If they have both marks, or the marks group thousands or may do so.

    Examples
    --------
    >>> decimal_mark("a.csv", ["0,5;1,125", "12;3"], ";", [0, 1], [1, 2])
    ','
    """
    found = marks_among(rows, ".," if separator != "," else ".")
    if not found:
        return "."
    mark = found.pop() if len(found) == 1 else _only_mark(where, rows, separator, columns, line_numbers)
    first: tuple[int, str] | None = None
    several = False
    for line, cell in _cells(rows, separator, columns, line_numbers, mark):
        # Nearly every table ends this in its first row.
        if not _THOUSANDS.fullmatch(cell):
            return mark
        first = first or (line, cell)
        several = several or cell.count(mark) > 1
    if first and (mark == "," or several or _beside_small_integers(rows, separator, columns, line_numbers)):
        raise UnreadableRecord(message("thousands", where=where, line=first[0], text=first[1]))
    return mark


def _only_mark(where: str, rows: Sequence[str], separator: str, columns: Sequence[int], line_numbers: Sequence[int]) -> str:
    """The one mark that the numbers have, where other columns may have both."""
    first = ""
    for line, cell in _cells(rows, separator, columns, line_numbers, ""):
        found = {mark for mark in ".," if mark in cell}
        if len(found | {first}) > 1 + (not first):
            raise UnreadableRecord(message("decimal_marks", where=where, line=line))
        first = first or "".join(found)
    return first or "."


def _beside_small_integers(rows: Sequence[str], separator: str, columns: Sequence[int], line_numbers: Sequence[int]) -> bool:
    """Integers from ten to a thousand without a mark, none above without one: what is marked beside
    them is no fraction.
    """
    largest = max((abs(int(cell)) for _, cell in _cells(rows, separator, columns, line_numbers, "") if _INTEGER.fullmatch(cell)), default=0)
    return 10 <= largest < 1000


def _cells(
    rows: Sequence[str], separator: str, columns: Sequence[int], line_numbers: Sequence[int], mark: str
) -> Iterator[tuple[int, str]]:
    """Cells of the columns that have the mark, or all where there is none, with their lines."""
    for row, line in enumerate(rows):
        if mark in line:
            cells = line.split(separator)
            for column in columns:
                if column < len(cells) and mark in cells[column]:
                    yield line_numbers[row], cells[column].strip()
