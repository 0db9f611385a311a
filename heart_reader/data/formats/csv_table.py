"""The text of a CSV file: separator, comment lines, column names and numbers, with line numbers in
every complaint.
"""

from __future__ import annotations

import csv
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.formats.csv_lines import Lines, line_blocks
from heart_reader.data.formats.csv_marks import decimal_mark, groups_thousands, marks_among
from heart_reader.data.leads import canonical_lead
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import message

__all__ = ["CsvTable", "parse_table"]

_QUOTED = re.compile(r'"[^"]*"')
# A spreadsheet's errors, and what it prints where a column is too narrow, begin like a comment and
# are a row.
_ERROR_CELL = re.compile(r"#(?:NAME\?|N/A|NV|REF!|VALUE!|DIV/0!|NUM!|NULL!|#+[,;\t])")
# Separates what was within quotes: no text has it.
_UNIT_SEPARATOR = "\x1f"
# Rows parsed at a time: half an hour of twelve leads must not become millions of Python strings at
# once.
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

    def cells(self, row: int) -> list[str]:
        """Return the cells of one data row, without blanks and quotes around."""
        return [cell.strip() for cell in self._unquote(self.rows[row], row)]

    def numbers(self, wanted: Sequence[int], *, first: Sequence[int] = ()) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the chosen columns as numbers, an empty cell as NaN.

        The whole table decides whether a comma is a decimal mark, so columns of one table are to be
        asked for together.

        Parameters
        ----------
        wanted
            Columns to convert.
        first
            Columns of which only the first row is to be converted.

        Returns
        -------
        tuple
            (len(wanted), n_rows) and (len(first),).

        Raises
        ------
        UnreadableRecord
            If a row has another number of cells than the first, or a chosen cell is not a number,
            or may be another; the line is named.
        """
        table = self._without_quotes()
        table._refuse_ragged()
        mark = decimal_mark(table.where, table.rows, table.separator, wanted, table.line_numbers)
        values = np.empty((len(wanted), len(table.rows)))
        for start in range(0, len(table.rows), _CHUNK_ROWS):
            chunk = table.rows[start : start + _CHUNK_ROWS]
            part = values[:, start : start + len(chunk)]
            part[:] = table._chunk(chunk, start, wanted, mark)
            huge = np.abs(part) > _LARGEST
            if huge.any() and (huge & np.isfinite(part)).any():
                row = start + int(np.argmax((huge & np.isfinite(part)).any(axis=0)))
                raise UnreadableRecord(message("value_too_large", where=self.where, line=self.line_numbers[row], largest=f"{_LARGEST:g}"))
        return values, table._chunk(table.rows[:1], 0, first, mark)[:, 0] if first else np.empty(0)

    def _without_quotes(self) -> CsvTable:
        """The same table with cells separated by a character that no cell has, if there are quotes
        in it.
        """
        if not marks_among(self.rows, '"'):
            return self
        rows = Lines()
        for start in range(0, len(self.rows), _CHUNK_ROWS):
            chunk = self.rows[start : start + _CHUNK_ROWS]
            rows.extend([_UNIT_SEPARATOR.join(self._unquote(line, start + row)) for row, line in enumerate(chunk)])
        return replace(self, rows=rows, separator=_UNIT_SEPARATOR)

    def _chunk(self, chunk: Sequence[str], start: int, wanted: Sequence[int], mark: str) -> NDArray[np.float64]:
        if mark == ",":
            chunk = "\n".join(chunk).replace(",", ".").split("\n")
        try:
            # The C parser is twice as fast as float(), but knows no empty cells.
            return np.loadtxt(chunk, delimiter=self.separator, usecols=wanted, comments=None, ndmin=2).T
        except ValueError:
            cells = [line.split(self.separator, max(wanted) + 1) for line in chunk]
        values = np.empty((len(wanted), len(chunk)))
        for row, texts in enumerate(cells):
            for position, column in enumerate(wanted):
                values[position, row] = self._number(texts[column], start + row, column)
        return values

    def _refuse_ragged(self) -> None:
        for start in range(0, len(self.rows), _CHUNK_ROWS):
            counts = [line.count(self.separator) + 1 for line in self.rows[start : start + _CHUNK_ROWS]]
            if counts.count(self.n_columns) < len(counts):
                row = next(row for row, count in enumerate(counts) if count != self.n_columns)
                line = self.line_numbers[start + row]
                raise UnreadableRecord(message("ragged_line", where=self.where, line=line, cells=counts[row], needed=self.n_columns))

    def _unquote(self, line: str, row: int) -> list[str]:
        if '"' not in line:
            return line.split(self.separator)
        try:
            return next(csv.reader([line], delimiter=self.separator))
        except csv.Error as error:
            raise UnreadableRecord(message("table_line", where=self.where, line=self.line_numbers[row], problem=str(error))) from None

    def _number(self, cell: str, row: int, column: int) -> float:
        text = cell.strip()
        if not text:
            return np.nan
        # Python also reads 1_000; in a file that is a slip.
        try:
            if "_" in text:
                raise ValueError
            return float(text)
        except ValueError:
            line = self.line_numbers[row]
            if groups_thousands(text):
                raise UnreadableRecord(message("thousands", where=self.where, line=line, text=text[:40])) from None
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
        If there is no row of data, or one is within a comment.

    Examples
    --------
    >>> table = parse_table("# fs=500\nI;II\n0,1;0,2\n0,3;\n", "a.csv")
    >>> table.names, table.numbers([0, 1])[0].tolist()
    (('I', 'II'), [[0.1, 0.3], [0.2, nan]])
    """
    comments: list[str] = []
    lines, line_numbers, number = Lines(), array("I"), 0
    late: list[tuple[int, str]] = []
    above = ""
    for block in line_blocks(text):
        kept: list[str] = []
        for number, line in enumerate(block, start=number + 1):  # noqa: B020  (goes on where the block before ended)
            if not line or line.isspace():
                continue
            if line[0] == "#" and not _ERROR_CELL.match(line):
                comments.append(line[1:].strip())
                if lines or kept:
                    late.append((number, comments[-1]))
                else:
                    above = comments[-1]
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
    has_header = not all(_is_numeric(cell) for cell in first) or _numbers_columns(first, lines[:2])
    if has_header and n_rows == 1:
        raise UnreadableRecord(message("no_names_below", where=where))
    _refuse_rows_in_comments(where, late, separator, len(first))
    # In place: of a table of millions of rows a copy takes as much memory as its text.
    del line_numbers[: int(has_header)]
    return CsvTable(
        where=where,
        comments=tuple(comments),
        names=tuple(cell.strip() for cell in first) if has_header else _names_in_comment(above, separator, len(first)),
        n_columns=len(first),
        separator=separator,
        rows=lines.cut(int(has_header), n_rows),
        line_numbers=line_numbers,
    )


def _separator(line: str) -> str:
    """Tab before semicolon before comma: a comma may be a decimal mark, the others are never part
    of a number.
    """
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


def _numbers_columns(first: Sequence[str], rows: Sequence[str]) -> bool:
    """Tell a row that numbers the columns, from 0 or 1 on, from one of data, which looks like the
    row below.
    """
    cells = [cell.strip() for cell in first]
    numbers = cells[not cells[0] :]
    if len(numbers) < 2 or not any(numbers == [str(start + column) for column in range(len(numbers))] for start in (0, 1)):
        return False
    return len(numbers) > 2 or any(mark in row for mark in ".eE" for row in rows[1:2])


def _names_in_comment(comment: str, separator: str, n_columns: int) -> tuple[str, ...]:
    """Names in the comment right above the numbers, where NumPy writes them: a lead each, but for
    one column in front.
    """
    names = tuple(cell.strip() for cell in comment.split(separator))
    leads = [canonical_lead(name) for name in names]
    return names if len(names) == n_columns and leads[-1] and all(leads[1:]) else ()


def _refuse_rows_in_comments(where: str, late: Sequence[tuple[int, str]], separator: str, n_columns: int) -> None:
    """Refuse a table one of whose rows was made a comment: without it, what follows comes a sample
    early.
    """
    for number, comment in late:
        cells = comment.split(separator)
        if len(cells) == n_columns > 1 and all(_is_numeric(cell) for cell in cells) and any(cell.strip() for cell in cells):
            raise UnreadableRecord(message("row_in_comment", where=where, line=number))
