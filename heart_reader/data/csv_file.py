"""A CSV table as text, with the line of every row, so that an error can say where."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from heart_reader.errors import DataError, MissingFiles

__all__ = ["CsvFile", "plain_name", "read_csv"]

DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True)
class CsvFile:
    """The cells of a CSV file.

    Parameters
    ----------
    path
        Where it was read.
    header
        n_columns names.
    rows
        n_rows lists of n_columns cells, without surrounding blanks.
    lines
        The line of the file on which each row ends; the header is line 1.
    """

    path: Path
    header: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> list[str]:
        """Return the cells of one column.

        Raises
        ------
        DataError
            If there is no such column; the message lists those there are.
        """
        if name not in self.header:
            raise DataError(f"{self.path}: no column {name!r}; it has {', '.join(self.header)}: add the column or name another one")
        position = self.header.index(name)
        return [row[position] for row in self.rows]

    def where(self, row: int) -> str:
        """Return the place of a row for an error message."""
        return f"{self.path} line {self.lines[row]}"


def read_csv(path: Path, advice: str) -> CsvFile:
    """Read a comma-, semicolon- or tab-separated UTF-8 file with a header line.

    Parameters
    ----------
    advice
        What to do where the file is absent.

    Raises
    ------
    DataError
        If it is not such a file, has no rows, or a row has another number of cells than the header.
    MissingFiles
        If it does not exist.
    """
    try:
        header, rows, lines = _read_rows(path)
    except (FileNotFoundError, NotADirectoryError):
        raise MissingFiles(f"{path} does not exist: {advice}") from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; a readable CSV file is needed") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8 text (byte {_first_strange_byte(path)}): save it as CSV in UTF-8") from None
    table = CsvFile(path, header, rows, lines)
    if not rows:
        raise DataError(f"{path}: no rows; a header line and one row per record are needed")
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise DataError(f"{path}: column {repeated[0]!r} appears twice: rename or remove one")
    for position, cells in enumerate(rows):
        if len(cells) != len(header):
            raise DataError(f"{table.where(position)}: {len(cells)} cells where the header has {len(header)}: correct the row")
    return table


def _read_rows(path: Path) -> tuple[tuple[str, ...], list[list[str]], list[int]]:
    """Read line by line: the text of a table of millions of rows is never held as a whole."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        first_line = file.readline()
    rows, lines = [], []
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=max(DELIMITERS, key=first_line.count), strict=True)
        try:
            header = tuple(cell.strip() for cell in next(reader, []))
            for row in reader:
                cells = [cell.strip() for cell in row]
                if any(cells):
                    rows.append(cells)
                    lines.append(reader.line_num)
        except csv.Error as error:
            raise DataError(f"{path} line {reader.line_num}: {error}: save the table as plain CSV") from None
    return header, rows, lines


def _first_strange_byte(path: Path) -> int:
    try:
        path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return 0


def plain_name(cell: str) -> str:
    """Return an id without the ``.0`` that a spreadsheet or pandas adds to whole numbers."""
    whole, dot, zero = cell.partition(".")
    return whole if dot and zero == "0" and whole.isdigit() else cell
