"""The text of a CSV file: separator, comment lines, column names and numbers, with line numbers in every complaint."""

from __future__ import annotations

import csv
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.readers.csv_lines import Lines, line_blocks
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import message

__all__ = ["CsvTable", "parse_table"]

_QUOTED = re.compile(r'"[^"]*"')
# Rows parsed at a time: half an hour of twelve leads must not become millions of Python strings at once.
_CHUNK_ROWS = 4096
# float32 ends at 3e38; no export of a converter's values comes near this.
_LARGEST = 1e30


@dataclass(frozen=True, eq=False)
class CsvTable:
    """A split but not yet converted table.

    Parameters
    ----------
    where
        File name, for messages.
    comments
        Comment lines without their ``#``.
    names
        Column names of the header row; empty if there is none.
    n_columns
        Columns of the header row or of the first data row.
    separator
        One of comma, semicolon and tab.
    rows
        Data lines.
    line_numbers
        Where each data line stands in the file, from 1.
    """

    where: str
    comments: tuple[str, ...]
    names: tuple[str, ...]
    n_columns: int
    separator: str
    rows: Sequence[str]
    line_numbers: Sequence[int]

    def numbers(self, wanted: Sequence[int]) -> NDArray[np.float64]:
        """Return (len(wanted), n_rows): the chosen columns as numbers, an empty cell as NaN.

        Raises
        ------
        UnreadableRecord
            If a row has another number of cells than the first, or a chosen cell is not a number; the line is named.
        """
        values = np.empty((len(wanted), len(self.rows)))
        for start in range(0, len(self.rows), _CHUNK_ROWS):
            chunk = self.rows[start : start + _CHUNK_ROWS]
            part = values[:, start : start + len(chunk)]
            part[:] = self._chunk(chunk, start, wanted)
            huge = np.abs(part) > _LARGEST
            if huge.any() and (huge & np.isfinite(part)).any():
                row = start + int(np.argmax((huge & np.isfinite(part)).any(axis=0)))
                raise UnreadableRecord(message("value_too_large", where=self.where, line=self.line_numbers[row], largest=f"{_LARGEST:g}"))
        return values

    def _chunk(self, chunk: Sequence[str], start: int, wanted: Sequence[int]) -> NDArray[np.float64]:
        quoted = any('"' in line for line in chunk)
        if not quoted:
            self._refuse_ragged([line.count(self.separator) + 1 for line in chunk], start)
            if self.separator != ",":
                chunk = self._decimal_points(chunk, start)
            try:
                # The C parser is twice as fast as float(), but knows no empty cells.
                return np.loadtxt(chunk, delimiter=self.separator, usecols=wanted, comments=None, ndmin=2).T
            except ValueError:
                cells = [line.split(self.separator, max(wanted) + 1) for line in chunk]
        else:
            cells = [self._unquote(line, start + row) for row, line in enumerate(chunk)]
            self._refuse_ragged([len(row) for row in cells], start)
        values = np.empty((len(wanted), len(chunk)))
        for row, texts in enumerate(cells):
            for position, column in enumerate(wanted):
                values[position, row] = self._number(texts[column], start + row, column)
        return values

    def _refuse_ragged(self, counts: list[int], start: int) -> None:
        if counts.count(self.n_columns) == len(counts):
            return
        row = next(row for row, count in enumerate(counts) if count != self.n_columns)
        line = self.line_numbers[start + row]
        raise UnreadableRecord(message("ragged_line", where=self.where, line=line, cells=counts[row], needed=self.n_columns))

    def _decimal_points(self, chunk: Sequence[str], start: int) -> list[str]:
        """Read decimal commas; a file that also has points may mean thousands by one of them."""
        text = "\n".join(chunk)
        if "," in text and "." in text:
            line = self.line_numbers[start + next(row for row, line in enumerate(chunk) if "," in line)]
            raise UnreadableRecord(message("decimal_marks", where=self.where, line=line))
        return text.replace(",", ".").split("\n")

    def _unquote(self, line: str, row: int) -> list[str]:
        try:
            return next(csv.reader([line], delimiter=self.separator))
        except csv.Error as error:
            raise UnreadableRecord(message("table_line", where=self.where, line=self.line_numbers[row], problem=str(error))) from None

    def _number(self, cell: str, row: int, column: int) -> float:
        text = cell.strip()
        if not text:
            return np.nan
        # Python also reads 1_000; in a file that is a slip. Within quotes a decimal comma is possible under any separator.
        try:
            if "_" in text:
                raise ValueError
            return float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
        except ValueError:
            line = self.line_numbers[row]
            raise UnreadableRecord(message("not_a_number", where=self.where, line=line, column=column + 1, text=text[:40])) from None


def parse_table(text: str, where: str) -> CsvTable:
    r"""Split the text of a CSV file into comments, column names and data lines.

    Parameters
    ----------
    text
        The whole file.
    where
        The file's name, for messages.

    Raises
    ------
    UnreadableRecord
        If there is no row of data.

    Examples
    --------
    >>> table = parse_table("# fs=500\nI;II\n0,1;0,2\n0,3;\n", "a.csv")
    >>> table.names, table.numbers([0, 1]).tolist()
    (('I', 'II'), [[0.1, 0.3], [0.2, nan]])
    """
    comments: list[str] = []
    lines, line_numbers, number = Lines(), array("Q"), 0
    for block in line_blocks(text):
        kept = []
        for number, line in enumerate(block, start=number + 1):  # noqa: B020  (goes on where the block before ended)
            if not line or line.isspace():
                continue
            if line.startswith("#"):
                comments.append(line[1:].strip())
            else:
                kept.append(line)
                line_numbers.append(number)
        lines.extend(kept)
    if not lines:
        raise UnreadableRecord(message("no_row", where=where))
    separator = _separator(lines[0])
    # Spreadsheets leave rows of nothing but separators at the end.
    n_rows = len(lines)
    while n_rows and not lines[n_rows - 1].strip(separator + " \t"):
        n_rows -= 1
    try:
        first = next(csv.reader(lines[: min(n_rows, 1)], delimiter=separator))
    except (csv.Error, StopIteration):
        raise UnreadableRecord(message("no_row_of_names", where=where, line=line_numbers[0])) from None
    has_header = not all(_is_numeric(cell) for cell in first)
    if has_header and n_rows == 1:
        raise UnreadableRecord(message("no_names_below", where=where))
    return CsvTable(
        where=where,
        comments=tuple(comments),
        names=tuple(cell.strip() for cell in first) if has_header else (),
        n_columns=len(first),
        separator=separator,
        rows=lines.cut(int(has_header), n_rows),
        line_numbers=line_numbers[has_header:],
    )


def _separator(line: str) -> str:
    """Tab before semicolon before comma: a comma may be a decimal mark, the others are never part of a number."""
    bare = _QUOTED.sub("", line)
    return next((mark for mark in "\t;" if mark in bare), ",")


def _is_numeric(cell: str) -> bool:
    text = cell.strip().replace(",", ".")
    if not text:
        return True
    try:
        float(text)
    except ValueError:
        return False
    return True
