"""The 71 SCP-ECG statements of PTB-XL, and the tree of diagnoses that they form.

``scp_statements.csv`` beside this file has the columns of PTB-XL's own table; those that only link
to other standards are empty.

References
----------
Wagner P. et al. PTB-XL, a large publicly available electrocardiography dataset. Scientific Data 7
(2020) 154. ISO 11073-91064. Standard communication protocol, computer-assisted electrocardiography
(SCP-ECG).
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from heart_reader.data.csv_file import CsvFile, plain_name, read_csv
from heart_reader.data.labels import SUPERCLASSES
from heart_reader.errors import DataError

__all__ = ["SCP_STATEMENTS", "STATEMENTS_CSV", "ScpStatement", "read_statements", "statement_tree"]

STATEMENTS_CSV = Path(__file__).with_name("scp_statements.csv")


class ScpStatement(NamedTuple):
    """One statement.

    Parameters
    ----------
    code
        Such as ``"IMI"``.
    kinds
        Letters: ``d`` diagnostic, ``f`` form, ``r`` rhythm.
    superclass, subclass
        Those of a diagnostic statement; empty for the others.
    description
        A few words.
    """

    code: str
    kinds: str
    superclass: str
    subclass: str
    description: str


def read_statements(table: CsvFile) -> tuple[ScpStatement, ...]:
    """Read a list of statements in PTB-XL's form; its first column, the code, has no name.

    Raises
    ------
    DataError
        If a column is missing, or a diagnostic statement lacks its classes.
    """
    flags = zip(*(table.column(name) for name in ("diagnostic", "form", "rhythm")), strict=True)
    kinds = ["".join(letter for letter, cell in zip("dfr", row, strict=True) if plain_name(cell) == "1") for row in flags]
    columns = [table.column(name) for name in ("diagnostic_class", "diagnostic_subclass", "description")]
    codes = [row[0] for row in table.rows]
    statements = tuple(ScpStatement(*values) for values in zip(codes, kinds, *columns, strict=True))
    for row, statement in enumerate(statements):
        if "d" in statement.kinds and (statement.superclass not in SUPERCLASSES or not statement.subclass):
            raise DataError(
                f"{table.where(row)}: diagnostic statement {statement.code} has class {statement.superclass!r} and subclass "
                f"{statement.subclass!r}; a class of {', '.join(SUPERCLASSES)} and a subclass are needed: use the official file"
            )
    return statements


# 44 diagnostic, 19 form and 12 rhythm statements; four are both diagnostic and form.
SCP_STATEMENTS = read_statements(read_csv(STATEMENTS_CSV, "install heart-reader again"))


def statement_tree() -> dict[str, dict[str, list[str]]]:
    """Return superclass to subclass to diagnostic statements, in plain values for the page.

    Superclasses stand in the order of :data:`~heart_reader.data.labels.SUPERCLASSES`, what lies
    below them in that of the statements.

    Examples
    --------
    >>> statement_tree()["MI"]["IMI"]
    ['IMI', 'ILMI', 'IPLMI', 'IPMI', 'INJIN', 'INJIL']
    """
    tree: dict[str, dict[str, list[str]]] = {name: {} for name in SUPERCLASSES}
    for statement in SCP_STATEMENTS:
        if "d" in statement.kinds:
            tree[statement.superclass].setdefault(statement.subclass, []).append(statement.code)
    tree["CD"]["_AVB"].sort()  # degrees of block in rising order
    return tree
