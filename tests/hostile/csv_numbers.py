"""Numbers in tables: decimal marks, thousands, and cells that are no numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from heart_reader.data.leads import STANDARD_LEADS
from tests.hostile.case import Case
from tests.hostile.csv_tables import RATE, case, decimals, microvolts, table

__all__ = ["number_cases"]


def grouped(mark: str) -> Callable[[float], str]:
    return lambda value: f"{round(1000 * value):,}".replace(",", mark)


def number_cases() -> Iterable[Case]:
    uv = (RATE, "# unit=uV")

    def loud() -> dict[str, float]:
        return dict.fromkeys(STANDARD_LEADS, 3.0)

    for sep, name in ((",", "comma"), (";", "semicolon"), ("\t", "tab")):
        yield case(f"{name}: decimal points", lambda sep=sep: table(sep=sep))
        yield case(f"{name}: whole microvolts", lambda sep=sep: table(head=uv, sep=sep, cell=microvolts))
        yield case(f"{name}: exponents", lambda sep=sep: table(sep=sep, cell=lambda value: f"{value:.4e}"))
        yield case(f"{name}: blanks around numbers", lambda sep=sep: table(sep=sep, cell=lambda value: f"  {value:.3f} "))
        yield case(f"{name}: plus signs", lambda sep=sep: table(sep=sep, cell=lambda value: f"{value:+.3f}"))
        yield case(f"{name}: zeros trimmed", lambda sep=sep: table(sep=sep, cell=lambda value: f"{value:g}"))
        yield case(
            f"{name}: points of thousands", lambda sep=sep: table(head=uv, sep=sep, cell=grouped("."), changed=loud()), refused="thousands"
        )
        for mark, words in (
            (" ", "blanks"),
            ("'", "apostrophes"),
            ("\u202f", "narrow blanks"),
            ("\u00a0", "fixed blanks"),
            ("\u2019", "quotes"),
        ):
            yield case(
                f"{name}: {words} of thousands",
                lambda sep=sep, mark=mark: table(head=uv, sep=sep, cell=grouped(mark), changed=loud()),
                refused="thousands",
            )
        yield case(
            f"{name}: quoted decimal commas", lambda sep=sep: table(sep=sep, cell=lambda value: f'"{decimals(value)}"'.replace(".", ","))
        )
        yield case(
            f"{name}: quoted commas of thousands",
            lambda sep=sep: table(head=uv, sep=sep, cell=lambda value: f'"{grouped(",")(value)}"', changed=loud()),
            refused="thousands",
        )
        yield case(
            f"{name}: quoted numbers with both marks",
            lambda sep=sep: table(head=uv, sep=sep, cell=lambda value: f'"{1000 * value:,.1f}"', changed=loud()),
            refused="decimal_marks",
        )
    for sep, name in ((";", "semicolon"), ("\t", "tab")):
        yield case(f"{name}: decimal commas", lambda sep=sep: table(sep=sep, cell=lambda value: decimals(value).replace(".", ",")))
        yield case(
            f"{name}: commas of thousands", lambda sep=sep: table(head=uv, sep=sep, cell=grouped(","), changed=loud()), refused="thousands"
        )
        yield case(f"{name}: the mark changes midway", lambda sep=sep: _mark_changes(sep), refused="decimal_marks")
        yield case(f"{name}: a column of dates beside decimal commas", lambda sep=sep: _with_dates(sep), warned=("columns_not_read",))
    odd = {
        "a date of a spreadsheet": ("1-Feb", "not_a_number"), "a name error": ("#NAME?", "not_a_number"),
        "a division error": ("#DIV/0!", "not_a_number"),
        "a hexadecimal number": ("0x1F", "not_a_number"), "a number in words": ("one", "not_a_number"), "a dash": ("-", "not_a_number"),
        "n/a": ("n/a", "not_a_number"), "a unit in the cell": ("0.1 mV", "not_a_number"), "a true minus": ("\u22120.1", "not_a_number"),
        "brackets for a minus": ("(0.1)", "not_a_number"), "a minus behind": ("0.1-", "not_a_number"), "an underscore": ("1_0",
        "not_a_number"),
        "a truth": ("TRUE", "not_a_number"), "a percentage": ("12%", "not_a_number"), "Fortran's exponent": ("1d-3", "not_a_number"),
        "two points": ("1.2.3", "not_a_number"), "a value beyond all": ("1e35", "value_too_large"), "a NUL": ("0.1\0", "not_an_ecg_file"),
    }  # fmt: skip
    for words, (text, code) in odd.items():
        for column in (0, 6):
            yield case(f"{words} in column {column}", lambda text=text, column=column: _with_cell(text, column), refused=code)
    for text in ("", "nan", "NaN", "NAN", "inf", "-inf"):
        yield case(f"{text or 'nothing'} in a cell", lambda text=text: _with_cell(text, 2), exact=False, warned=("missing_values_bridged",))
    for code in ("-32768", "32767", "9999", "-9999", "99999", "65535"):
        yield case(
            f"{code} for what is missing",
            lambda code=code: _with_cell(code, 3, table(head=uv, cell=microvolts), rows=range(300, 320)),
            exact=False,
            warned=("gap_codes", "missing_values_bridged"),
        )


def _mark_changes(sep: str) -> list[str]:
    lines = table(sep=sep)
    return [line.replace(".", ",") if n > 600 else line for n, line in enumerate(lines)]


def _with_dates(sep: str) -> list[str]:
    lines = table(sep=sep)
    rows = [line.replace(".", ",") + f"{sep}01.02.2020" for line in lines[3:]]
    return [*lines[:2], lines[2] + f"{sep}date", *rows]


def _with_cell(text: str, column: int, lines: list[str] | None = None, rows: Iterable[int] = (500,)) -> list[str]:
    lines = table() if lines is None else lines
    for row in rows:
        cells = lines[row].split(",")
        cells[column] = text
        lines[row] = ",".join(cells)
    return lines
