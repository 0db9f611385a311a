"""Parse CSV text: separator, comments, columns and numbers, with line numbers in all errors."""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.leads import canonical_lead
from heart_reader.errors import UnreadableRecord
from heart_reader.messages import message

__all__ = ["CsvTable", "parse_table"]

# Characters of a block of lines. A table is kept as text in blocks and split one block at a time,
# for a Python string of each of ten million lines takes twenty times the file's size.
BLOCK_LENGTH = 1 << 18
_END = re.compile("\n|\r(?!\n)")
_QUOTED = re.compile(r'"[^"]*"')
# A spreadsheet's errors, and what it prints where a column is too narrow, begin like a comment and
# are a row.
_ERROR_CELL = re.compile(r"#(?:NAME\?|N/A|NV|REF!|VALUE!|DIV/0!|NUM!|NULL!|#+[,;\t])")
# How lines begin that are comments or blank, and some others.
_ODD_STARTS = {"#", *filter(str.isspace, map(chr, range(0x3001)))}
# Separates what was within quotes: no text has it.
_UNIT_SEPARATOR = "\x1f"
# float32 ends at 3e38; no export of a converter's values comes near this.
_LARGEST = 1e30
# 1,234 or 12.345.678: a number whose marks may group thousands. Below 1000 a mark never does.
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(?:[.,]\d{3})+")
# What groups thousands and is no number: 1 234 and 1'234.5.
_GROUPED = re.compile(r"[-+]?\d{1,3}(?:[ '\u2019\u00a0\u202f.,_]\d{3})+(?:[.,]\d+)?")
_INTEGER = re.compile(r"[-+]?\d{1,9}")


@dataclass(frozen=True, eq=False)
class CsvTable:
    """A table that is split but not yet converted.

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
    blocks
        Data lines, joined by line feeds; at least one block, none of them empty.
    line_numbers
        The line of the file, from 1, of each data line.
    """

    where: str
    comments: tuple[str, ...]
    names: tuple[str, ...]
    n_columns: int
    separator: str
    blocks: Sequence[str]
    line_numbers: Sequence[int]

    @property
    def n_rows(self) -> int:
        """Number of data lines."""
        return len(self.line_numbers)

    def first_row(self) -> list[str]:
        """Return the cells of the first data line, without blanks and quotes around."""
        return [cell.strip() for cell in self._unquoted(self.blocks[0].partition("\n")[0], 0)]

    def numbers(self, wanted: Sequence[int], *, first: Sequence[int] = ()) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the chosen columns as numbers, an empty cell as NaN.

        The whole table decides whether a comma is a decimal mark, so ask for all columns at once.

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
            If a row has another number of cells than the first, or a chosen cell is not a number or
            may be another number; the message names the line.
        """
        table = self._without_quotes()
        table._refuse_ragged()
        mark = table._decimal_mark(wanted)
        values = np.empty((len(wanted), self.n_rows))
        for start, rows in table._rows():
            part = table._converted(rows, start, wanted, mark)
            values[:, start : start + len(rows)] = part
            huge = np.abs(part) > _LARGEST
            if huge.any() and (huge & np.isfinite(part)).any():
                row = start + int(np.argmax((huge & np.isfinite(part)).any(axis=0)))
                raise UnreadableRecord(message("value_too_large", where=self.where, line=self.line_numbers[row], largest=f"{_LARGEST:g}"))
        row_of_first = [table.blocks[0].partition("\n")[0]]
        return values, table._converted(row_of_first, 0, first, mark)[:, 0] if first else np.empty(0)

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the number of the first data line of each block, and the block's lines."""
        start = 0
        for block in self.blocks:
            rows = block.split("\n")
            yield start, rows
            start += len(rows)

    def _without_quotes(self) -> CsvTable:
        """The same table, its cells separated by what no cell has, if it has quotes."""
        if not any('"' in block for block in self.blocks):
            return self
        blocks = []
        for start, rows in self._rows():
            blocks.append("\n".join(_UNIT_SEPARATOR.join(self._unquoted(line, row)) for row, line in enumerate(rows, start)))
        return replace(self, blocks=blocks, separator=_UNIT_SEPARATOR)

    def _unquoted(self, line: str, row: int) -> list[str]:
        if '"' not in line:
            return line.split(self.separator)
        try:
            return next(csv.reader([line], delimiter=self.separator))
        except csv.Error as error:
            raise UnreadableRecord(message("table_line", where=self.where, line=self.line_numbers[row], problem=str(error))) from None

    def _refuse_ragged(self) -> None:
        start = 0
        for block in self.blocks:
            # Counted in bytes: splitting and counting line by line takes three times as long.
            content = np.frombuffer(block.encode("utf-8", "surrogatepass"), np.uint8)
            ends = np.append(np.flatnonzero(content == ord("\n")), len(content))
            counts = np.diff(np.searchsorted(np.flatnonzero(content == ord(self.separator)), ends), prepend=0) + 1
            wrong = np.flatnonzero(counts != self.n_columns)
            if wrong.size:
                line, cells = self.line_numbers[start + int(wrong[0])], int(counts[wrong[0]])
                raise UnreadableRecord(message("ragged_line", where=self.where, line=line, cells=cells, needed=self.n_columns))
            start += len(ends)

    def _decimal_mark(self, columns: Sequence[int]) -> str:
        """The decimal mark of the columns; refuse marks that group thousands or may do so."""
        marks = [mark for mark in (".," if self.separator != "," else ".") if any(mark in block for block in self.blocks)]
        mark = marks[0] if len(marks) == 1 else self._only_mark(columns) if marks else "."
        first: tuple[int, str] | None = None
        several = False
        for row, cell in self._cells(columns, mark):
            # Nearly every table ends this in its first row.
            if not _THOUSANDS.fullmatch(cell):
                return mark
            first = first or (row, cell)
            several = several or cell.count(mark) > 1
        if first and (mark == "," or several or self._has_small_integers(columns)):
            raise UnreadableRecord(message("thousands", where=self.where, line=self.line_numbers[first[0]], text=first[1]))
        return mark

    def _only_mark(self, columns: Sequence[int]) -> str:
        """The one mark that the numbers have, where other columns may have both."""
        only = ""
        for row, cell in self._cells(columns, ""):
            found = {mark for mark in ".," if mark in cell}
            if len(found | set(only)) > 1:
                raise UnreadableRecord(message("decimal_marks", where=self.where, line=self.line_numbers[row]))
            only = only or "".join(found)
        return only or "."

    def _has_small_integers(self, columns: Sequence[int]) -> bool:
        """Whether no integer exceeds 999 but one exceeds 9: marks then group thousands."""
        integers = (abs(int(cell)) for _, cell in self._cells(columns, "") if _INTEGER.fullmatch(cell))
        return 10 <= max(integers, default=0) < 1000

    def _cells(self, columns: Sequence[int], mark: str) -> Iterator[tuple[int, str]]:
        """Yield the cells of the columns that contain the mark, each with its row."""
        lines = (line for block in self.blocks for line in io.StringIO(block, newline="\n"))
        for row, line in enumerate(lines):
            if mark in line:
                cells = line.split(self.separator)
                yield from ((row, cells[column].strip()) for column in columns if mark in cells[column])

    def _converted(self, rows: list[str], start: int, wanted: Sequence[int], mark: str) -> NDArray[np.float64]:
        if mark == ",":
            rows = "\n".join(rows).replace(",", ".").split("\n")
        try:
            # The C parser is twice as fast as float(), but knows no empty cells.
            return np.loadtxt(rows, delimiter=self.separator, usecols=wanted, comments=None, ndmin=2).T
        except ValueError:
            cells = (line.split(self.separator, max(wanted) + 1) for line in rows)
        return np.array([[self._number(texts[column], row, column) for column in wanted] for row, texts in enumerate(cells, start)]).T

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
            if _GROUPED.fullmatch(text):
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
    blocks: list[str] = []
    line_numbers = array("I")
    late: list[tuple[int, str]] = []
    above, number = "", 1
    for lines in _line_blocks(text):
        kept: list[str] = []
        start = 0
        for row in (row for row, line in enumerate(lines) if not line or line[0] in _ODD_STARTS):
            line = lines[row]
            is_comment = line[:1] == "#" and not _ERROR_CELL.match(line)
            if not is_comment and line and not line.isspace():
                continue
            kept += lines[start:row]
            line_numbers.extend(range(number + start, number + row))
            start = row + 1
            if is_comment:
                comments.append(line[1:].strip())
                if line_numbers:
                    late.append((number + row, comments[-1]))
                else:
                    above = comments[-1]
        kept += lines[start:]
        line_numbers.extend(range(number + start, number + len(lines)))
        number += len(lines)
        if kept:
            blocks.append("\n".join(kept))
    if not blocks:
        raise UnreadableRecord(message("no_row", where=where))
    separator = _separator(blocks[0].partition("\n")[0])
    first_line = line_numbers[0]
    _drop_empty_end(blocks, line_numbers, separator)
    top = "\n".join(blocks[:2]) if blocks and "\n" not in blocks[0] else "".join(blocks[:1])
    lines = top.split("\n", 2)[: min(2, len(line_numbers))]
    try:
        first = next(csv.reader(lines[:1], delimiter=separator))
    except (csv.Error, StopIteration):
        raise UnreadableRecord(message("no_row_of_names", where=where, line=first_line)) from None
    has_header = not all(_is_numeric(cell) for cell in first) or _numbers_columns(first, lines[1:])
    if has_header and len(line_numbers) == 1:
        raise UnreadableRecord(message("no_names_below", where=where))
    _refuse_rows_in_comments(where, late, separator, len(first))
    if has_header:
        # In place: a copy of a table of millions of rows takes as much memory as its text.
        blocks[0] = blocks[0].partition("\n")[2]
        del line_numbers[0], blocks[: int(not blocks[0])]
    return CsvTable(
        where=where,
        comments=tuple(comments),
        names=tuple(cell.strip() for cell in first) if has_header else _names_in_comment(above, separator, len(first)),
        n_columns=len(first),
        separator=separator,
        blocks=blocks,
        line_numbers=line_numbers,
    )


def _line_blocks(text: str) -> Iterator[list[str]]:
    """Split like ``text.splitlines()``, a block of lines at a time."""
    start = 0
    while start < len(text):
        end = _END.search(text, start + BLOCK_LENGTH) if len(text) - start > BLOCK_LENGTH else None
        stop = end.end() if end else len(text)
        yield text[start:stop].splitlines()
        start = stop


def _separator(line: str) -> str:
    """Tab before semicolon before comma: only a comma may be part of a number."""
    bare = _QUOTED.sub("", line)
    return next((mark for mark in "\t;" if mark in bare), ",")


def _drop_empty_end(blocks: list[str], line_numbers: array[int], separator: str) -> None:
    """Drop, in place, the rows of nothing but separators that spreadsheets leave at the end."""
    while blocks:
        block = blocks.pop()
        body = block.rstrip(separator + " \t\n")
        rest, *dropped = block[len(body) :].split("\n")
        n_dropped = len(dropped) + (not body)
        del line_numbers[len(line_numbers) - n_dropped :]
        if body:
            blocks.append(body + rest)
            return


def _is_numeric(cell: str) -> bool:
    text = cell.strip().replace(",", ".")
    if not text:
        return True
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers_columns(first: Sequence[str], below: Sequence[str]) -> bool:
    """Whether a row numbers the columns from 0 or 1; data looks like the row below it."""
    cells = [cell.strip() for cell in first]
    numbers = cells[not cells[0] :]
    if len(numbers) < 2 or not any(numbers == [str(start + column) for column in range(len(numbers))] for start in (0, 1)):
        return False
    return len(numbers) > 2 or any(mark in row for mark in ".eE" for row in below)


def _names_in_comment(comment: str, separator: str, n_columns: int) -> tuple[str, ...]:
    """Names in the comment above the numbers, as NumPy writes it; leads but for the first."""
    names = tuple(cell.strip() for cell in comment.split(separator))
    leads = [canonical_lead(name) for name in names]
    return names if len(names) == n_columns and leads[-1] and all(leads[1:]) else ()


def _refuse_rows_in_comments(where: str, late: Sequence[tuple[int, str]], separator: str, n_columns: int) -> None:
    """Refuse a row that was made a comment: without it, what follows comes a sample early."""
    for number, comment in late:
        cells = comment.split(separator)
        if len(cells) == n_columns > 1 and all(_is_numeric(cell) for cell in cells) and any(cell.strip() for cell in cells):
            raise UnreadableRecord(message("row_in_comment", where=where, line=number))
