"""PTB-XL in PhysioNet's own layout: two CSV tables beside ``records100/`` and ``records500/``.

References
----------
Wagner P. et al. PTB-XL, a large publicly available electrocardiography dataset. Scientific Data 7
(2020) 154. Strodthoff N. et al. Deep learning for ECG analysis: benchmarks and insights from
PTB-XL. IEEE JBHI 25 (2021) 1519-1528.
"""

from __future__ import annotations

import ast
import csv
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.folder_listing import FolderListing
from heart_reader.data.labels import ALL, SUPERCLASSES, SUPERDIAGNOSTIC, LabelRule, LabelSpace, Level
from heart_reader.data.record_table import RecordTable
from heart_reader.data.sources.csv_file import CsvFile, plain_name, read_csv
from heart_reader.data.tasks import FREQUENT, contrast_levels, frequent_level, missing_statements
from heart_reader.errors import ConfigError, DataError, MissingFiles

__all__ = ["read_ptbxl", "rows_of_folds", "split_of_fold"]

DATABASE = "ptbxl_database.csv"
STATEMENTS = "scp_statements.csv"
PATH_COLUMN = {100: "filename_lr", 500: "filename_hr"}
# Columns that say where and with what a record was made; a table without them is read all the same.
GROUP_COLUMNS = ("device", "site")
SEXES = {"0": "male", "1": "female", "": ""}
# Ages above 89 are published as 300, so that nobody can be recognised by age.
AGE_WITHHELD, AGE_STORED = 300, 90
MIN_LIKELIHOOD = 50


@dataclass(frozen=True)
class _Statement:
    """One row of ``scp_statements.csv``; the classes are empty where the statement is not
    diagnostic.
    """

    code: str
    diagnostic: bool
    form: bool
    rhythm: bool
    superclass: str
    subclass: str


def read_ptbxl(
    root: Path,
    *,
    fs: Literal[100, 500],
    label_rule: LabelRule,
    keep_unlabelled: bool,
    level: str,
    heads: tuple[str, ...],
    allow_missing: bool,
) -> RecordTable:
    """Read the records of a PTB-XL folder with their labels at all levels and the official folds.

    The levels are the benchmark's six, the frequent diagnoses and the binary ones
    (:mod:`heart_reader.data.tasks`); one without a statement in ``scp_statements.csv`` is not
    there. Folds 1 to 8 are train, 9 is val, 10 is test. Classes stand in the order of
    ``scp_statements.csv`` (subclasses: of their first statement there), the superclasses in that of
    :data:`~heart_reader.data.labels.SUPERCLASSES`.

    Parameters
    ----------
    root
        The folder of ``ptbxl_database.csv``.
    fs
        Which files: 100 Hz (``records100/``) or 500 Hz (``records500/``).
    label_rule
        ``"any_likelihood"``: a statement that is listed counts, also with likelihood 0, which means
        that no likelihood was given. ``"likelihood_50"``: a diagnostic statement counts from a
        likelihood of 50; form and rhythm statements carry likelihood 0 almost everywhere, and those
        that are not diagnostic as well still count by being listed.
    keep_unlabelled
        Whether records without any class at ``level`` stay, as all-zero; the benchmark leaves them
        out.
    level
        The level that decides which records are unlabelled.
    heads
        Levels that a network answers directly.
    allow_missing
        Whether rows whose files are absent are left out and counted; otherwise they are an error.

    Raises
    ------
    ConfigError
        If ``level`` or a head is none of the levels.
    DataError
        If a table cannot be understood.
    MissingFiles
        If a table, or a listed file and not ``allow_missing``, is absent.
    """
    root = Path(root).resolve()
    advice = f"get PTB-XL by `heart-reader data download ptbxl --to {root}` or set data.root to where it is"
    statements = _read_statements(read_csv(root / STATEMENTS, advice))
    levels = _levels(statements)
    _refuse_unknown(level, heads, levels, statements)
    space = LabelSpace(levels, heads)
    database = read_csv(root / DATABASE, advice)
    record_ids = np.array([plain_name(cell) for cell in database.column("ecg_id")])
    paths = np.array([f"{root}/{name}.hea" for name in database.column(PATH_COLUMN[fs])])
    table = RecordTable(
        record_ids=record_ids,
        paths=paths,
        patient_ids=np.array([plain_name(cell) for cell in database.column("patient_id")]),
        splits=_splits(database),
        labels=_labels(database, statements, space, label_rule),
        space=space,
        label_rule=label_rule,
        source="PTB-XL",
        ages=_ages(database),
        sexes=_sexes(database),
        groups={
            name: np.array([" ".join(plain_name(cell).split()) for cell in database.column(name)])
            for name in GROUP_COLUMNS
            if name in database.header
        },
    )
    gone = _absent(paths)
    if gone.any() and not allow_missing:
        raise MissingFiles(
            f"{root}: {gone.sum()} of {len(gone)} records listed in {DATABASE} have no files at {fs} Hz, the first is "
            f"{paths[gone.argmax()]}: {advice}; data.allow_missing=true leaves them out and counts them"
        )
    table = table.drop(f"PTB-XL: no files at {fs} Hz", gone)
    return table if keep_unlabelled else table.drop_unlabelled(level)


def rows_of_folds(folder: Path, folds: Collection[int]) -> list[dict[str, str]]:
    """Return the rows of PTB-XL's own table that lie in some folds, as they stand there, for what
    needs files and patients only.

    Raises
    ------
    MissingFiles
        If the folder has no such table.
    """
    table = folder / DATABASE
    if not table.is_file():
        raise MissingFiles(f"{table} is missing: download PTB-XL or point HEART_READER_DATA to its parent")
    with table.open(newline="", encoding="utf-8") as stream:
        return [row for row in csv.DictReader(stream) if int(row["strat_fold"]) in folds]


def split_of_fold(fold: str, where: str) -> str:
    """Return the split of an official fold.

    Parameters
    ----------
    where
        Place of the fold, for the error message.

    Raises
    ------
    DataError
        If the fold is not a whole number from 1 to 10.

    Examples
    --------
    >>> [split_of_fold(fold, "row") for fold in ("1", "8.0", "9", "10")]
    ['train', 'train', 'val', 'test']
    """
    name = plain_name(fold)
    if not (name.isascii() and name.isdigit() and 1 <= int(name) <= 10):
        raise DataError(f"{where}: fold {fold!r}; a whole number from 1 to 10 is needed (1-8 train, 9 val, 10 test): mend the cell")
    return "train" if int(name) <= 8 else ("val" if int(name) == 9 else "test")


def _read_statements(table: CsvFile) -> tuple[_Statement, ...]:
    """Read the official list of statements; its first column, the code, has no name."""
    kinds = [[plain_name(cell) == "1" for cell in table.column(kind)] for kind in ("diagnostic", "form", "rhythm")]
    classes = [table.column("diagnostic_class"), table.column("diagnostic_subclass")]
    codes = [row[0] for row in table.rows]
    statements = tuple(_Statement(*values) for values in zip(codes, *kinds, *classes, strict=True))
    for row, statement in enumerate(statements):
        if statement.diagnostic and (statement.superclass not in SUPERCLASSES or not statement.subclass):
            raise DataError(
                f"{table.where(row)}: diagnostic statement {statement.code} has class {statement.superclass!r} and subclass "
                f"{statement.subclass!r}; a class of {', '.join(SUPERCLASSES)} and a subclass are needed: use the official file"
            )
    return statements


def _levels(statements: tuple[_Statement, ...]) -> dict[str, Level]:
    """Build the levels that have statements; ``all`` itself has no members, it is what the others
    are made of.
    """

    def singles(kind: str) -> Level:
        chosen = [position for position, statement in enumerate(statements) if getattr(statement, kind)]
        return Level(kind, tuple(statements[position].code for position in chosen), tuple((position,) for position in chosen))

    def groups(name: str, kind: str, class_names: tuple[str, ...]) -> Level:
        members = (
            tuple(
                position for position, statement in enumerate(statements) if statement.diagnostic and getattr(statement, kind) == class_name
            )
            for class_name in class_names
        )
        return Level(name, class_names, tuple(members))

    subclasses = tuple(dict.fromkeys(statement.subclass for statement in statements if statement.diagnostic))
    levels = (
        Level(ALL, tuple(statement.code for statement in statements)),
        singles("diagnostic"),
        groups("subdiagnostic", "subclass", subclasses),
        groups(SUPERDIAGNOSTIC, "superclass", SUPERCLASSES),
        singles("form"),
        singles("rhythm"),
    )
    derived = {**frequent_level([statement.code for statement in statements]), **contrast_levels(SUPERCLASSES)}
    return {level.name: level for level in levels if level.class_names} | derived


def _refuse_unknown(level: str, heads: tuple[str, ...], levels: Mapping[str, Level], statements: tuple[_Statement, ...]) -> None:
    unknown = [name for name in (level, *heads) if name not in levels]
    if FREQUENT in unknown:
        absent = ", ".join(missing_statements([statement.code for statement in statements]))
        raise ConfigError(f"level {FREQUENT} needs the statements {absent}, which {STATEMENTS} does not list: use the official file")
    if unknown:
        raise ConfigError(f"level {unknown[0]!r}: PTB-XL has {', '.join(levels)}: choose one of them")


def _labels(
    database: CsvFile, statements: tuple[_Statement, ...], space: LabelSpace, label_rule: LabelRule
) -> Mapping[str, NDArray[np.float32]]:
    position_of = {statement.code: position for position, statement in enumerate(statements)}
    minimum = [MIN_LIKELIHOOD if label_rule == "likelihood_50" and statement.diagnostic else -np.inf for statement in statements]
    stated = np.zeros((len(database), len(statements)), dtype=bool)
    for row, cell in enumerate(database.column("scp_codes")):
        for code, likelihood in _parse_codes(cell, database.where(row)).items():
            if code not in position_of:
                raise DataError(f"{database.where(row)}: statement {code!r} is not in {STATEMENTS}: use the two files of one release")
            stated[row, position_of[code]] = likelihood >= minimum[position_of[code]]
    labels = {ALL: stated}
    for name, level in space.levels.items():
        if level.members is not None:
            labels[name] = np.stack([stated[:, list(group)].any(axis=1) for group in level.members], axis=1)
    known = {name: values.astype(np.float32) for name, values in labels.items()}
    return known | {
        name: level.contrast.truth(known[level.contrast.of]) for name, level in space.levels.items() if level.contrast is not None
    }


def _parse_codes(cell: str, where: str) -> dict[str, float]:
    try:
        codes = ast.literal_eval(cell)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        codes = None
    if not isinstance(codes, dict) or not all(isinstance(likelihood, int | float) for likelihood in codes.values()):
        raise DataError(f"{where}: scp_codes {cell[:60]!r}; a mapping such as {{'NORM': 100.0}} is needed: download the file again")
    return codes


def _splits(database: CsvFile) -> NDArray[np.str_]:
    return np.array([split_of_fold(fold, database.where(row)) for row, fold in enumerate(database.column("strat_fold"))])


def _ages(database: CsvFile) -> NDArray[np.float32]:
    cells = database.column("age")
    try:
        ages = np.array([float(cell) if cell else np.nan for cell in cells], dtype=np.float32)
    except ValueError as error:
        raise DataError(f"{database.path}: column age: {error}: download the file again") from None
    return np.where(ages == AGE_WITHHELD, np.float32(AGE_STORED), ages)


def _sexes(database: CsvFile) -> NDArray[np.str_]:
    cells = [plain_name(cell) for cell in database.column("sex")]
    for row, cell in enumerate(cells):
        if cell not in SEXES:
            raise DataError(f"{database.where(row)}: sex {cell!r}; 0 (male), 1 (female) or nothing is needed: download the file again")
    return np.array([SEXES[cell] for cell in cells])


def _absent(paths: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Find the records whose header or signal file is not there."""
    listing = FolderListing()
    return np.array([listing.file(path) is None or listing.file(path[: -len("hea")] + "dat") is None for path in paths.tolist()])
