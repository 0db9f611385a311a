"""PTB-XL in PhysioNet's own layout: two CSV tables beside ``records100/`` and ``records500/``.

References
----------
Wagner P. et al. PTB-XL, a large publicly available electrocardiography dataset. Scientific Data 7
(2020) 154. Strodthoff N. et al. Deep learning for ECG analysis: benchmarks and insights from
PTB-XL. IEEE JBHI 25 (2021) 1519-1528.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from heart_reader.config import DataConfig, TaskConfig, resolve_data_path
from heart_reader.data.csv_file import CsvFile, plain_name, read_csv
from heart_reader.data.folder_listing import FolderListing
from heart_reader.data.labels import ALL, LabelRule, LabelSpace, Level
from heart_reader.data.record_table import RecordTable
from heart_reader.data.scp_statements import ScpStatement, read_statements
from heart_reader.data.sources import DATASETS, Dataset, DataSource, register_source
from heart_reader.data.tasks import TASKS, build_levels, missing_statements
from heart_reader.errors import ConfigError, DataError, MissingFiles

__all__ = ["PtbxlSource", "rows_of_folds", "split_of_fold"]

DATABASE = "ptbxl_database.csv"
STATEMENTS = "scp_statements.csv"
# Sampling rate in Hz and column of paths.
FILES = {"records100": (100, "filename_lr"), "records500": (500, "filename_hr")}
# Columns that say where and with what a record was made; a table without them is read all the same.
GROUP_COLUMNS = ("device", "site")
SEXES = {"0": "male", "1": "female", "": ""}
# Ages above 89 are published as 300, so that nobody can be recognised by age.
AGE_WITHHELD, AGE_STORED = 300, 90
MIN_LIKELIHOOD = 50


@register_source
class PtbxlSource(DataSource):
    """PTB-XL in its official layout, below ``data.root``."""

    kind: Literal["ptbxl"] = "ptbxl"
    dataset = DATASETS.add(
        "ptbxl",
        Dataset(
            "https://physionet.org/files/ptb-xl/1.0.3/",
            title="PTB-XL 1.0.3, ECGs of ten seconds with cardiologists' statements",
            licence="CC BY 4.0",
            counts={"records100/*.hea": 21_799, "records500/*.hea": 21_799},
        ),
    )

    def read(self, data: DataConfig, task: TaskConfig, space: LabelSpace | None) -> RecordTable:
        """Read the records of ``data.root`` with their labels at all levels and the official folds.

        The levels are those of :mod:`heart_reader.data.tasks` whose statements stand in
        ``scp_statements.csv``. Folds 1 to 8 are train, 9 is val, 10 is test. Classes stand in the
        order of ``scp_statements.csv`` (subclasses: of their first statement there), the
        superclasses in that of :data:`~heart_reader.data.labels.SUPERCLASSES`.

        With the label rule ``"any_likelihood"`` a statement counts by being listed, also with
        likelihood 0, which means that none was given. With ``"likelihood_50"`` a diagnostic
        statement counts from 50; the others, whose likelihood is 0 almost everywhere, still count
        by being listed.

        Raises
        ------
        ConfigError
            If the task names a level that is not there.
        DataError
            If a table cannot be understood.
        MissingFiles
            If a table, or a listed file and not ``data.allow_missing``, is absent.
        """
        root = resolve_data_path(data.root).resolve()
        advice = f"get PTB-XL by `heart-reader data download ptbxl --to {root}` or set data.root to where it is"
        statements = read_statements(read_csv(root / STATEMENTS, advice))
        levels = build_levels(statements)
        _refuse_unknown((task.level, *task.heads), levels, statements)
        own_space = LabelSpace(levels, task.heads)
        database = read_csv(root / DATABASE, advice)
        fs, path_column = FILES[data.files]
        paths = np.array([f"{root}/{name}.hea" for name in database.column(path_column)])
        table = RecordTable(
            record_ids=np.array([plain_name(cell) for cell in database.column("ecg_id")]),
            paths=paths,
            patient_ids=np.array([plain_name(cell) for cell in database.column("patient_id")]),
            splits=np.array([split_of_fold(fold, database.where(row)) for row, fold in enumerate(database.column("strat_fold"))]),
            labels=_labels(database, statements, own_space, data.label_rule),
            space=own_space,
            label_rule=data.label_rule,
            source="PTB-XL",
            ages=_ages(database),
            sexes=_sexes(database),
            groups={
                name: np.array([" ".join(plain_name(cell).split()) for cell in database.column(name)])
                for name in GROUP_COLUMNS
                if name in database.header
            },
        )
        listing = FolderListing()
        gone = np.array([listing.file(path) is None or listing.file(path[: -len("hea")] + "dat") is None for path in paths.tolist()])
        if gone.any() and not data.allow_missing:
            raise MissingFiles(
                f"{root}: {gone.sum()} of {len(gone)} records listed in {DATABASE} have no files at {fs} Hz, the first is "
                f"{paths[gone.argmax()]}: {advice}; data.allow_missing=true leaves them out and counts them"
            )
        return table.drop(f"PTB-XL: no files at {fs} Hz", gone)


def rows_of_folds(folder: Path, folds: Collection[int]) -> list[dict[str, str]]:
    """Return the rows of PTB-XL's table that lie in some folds, column name to cell.

    Raises
    ------
    MissingFiles
        If the folder has no such table.
    """
    table = read_csv(folder / DATABASE, "download PTB-XL or point HEART_READER_DATA to its parent")
    rows = [dict(zip(table.header, row, strict=True)) for row in table.rows]
    return [row for row in rows if int(row["strat_fold"]) in folds]


def split_of_fold(fold: str, where: str) -> str:
    """Return the split of an official fold; ``where`` is its place, for the error message.

    Raises
    ------
    DataError
        If the fold is not a whole number from 1 to 10.
    """
    name = plain_name(fold)
    if not (name.isascii() and name.isdigit() and 1 <= int(name) <= 10):
        raise DataError(f"{where}: fold {fold!r}; a whole number from 1 to 10 is needed (1-8 train, 9 val, 10 test): correct the cell")
    return "train" if int(name) <= 8 else ("val" if int(name) == 9 else "test")


def _refuse_unknown(names: Sequence[str], levels: Mapping[str, Level], statements: Sequence[ScpStatement]) -> None:
    for name in names:
        absent = missing_statements(name, statements) if name in TASKS and name not in levels else ()
        if absent:
            raise ConfigError(f"level {name} needs the statements {', '.join(absent)}, which {STATEMENTS} lacks: use the official file")
        if name not in levels:
            raise ConfigError(f"level {name!r}: PTB-XL has {', '.join(levels)}: choose one of them")


def _labels(
    database: CsvFile, statements: tuple[ScpStatement, ...], space: LabelSpace, label_rule: LabelRule
) -> Mapping[str, NDArray[np.float32]]:
    position_of = {statement.code: position for position, statement in enumerate(statements)}
    minimum = [MIN_LIKELIHOOD if label_rule == "likelihood_50" and "d" in statement.kinds else -np.inf for statement in statements]
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


def _parse_codes(cell: str, where: str) -> Mapping[str, float]:
    codes = _literal(cell)
    if not isinstance(codes, dict) or not all(isinstance(likelihood, int | float) for likelihood in codes.values()):
        raise DataError(f"{where}: scp_codes {cell[:60]!r}; a mapping such as {{'NORM': 100.0}} is needed: download the file again")
    return codes


@lru_cache(maxsize=2**14)
def _literal(cell: str) -> object:
    """Return what a cell spells, None for what it cannot be; most cells are like an earlier one."""
    try:
        return ast.literal_eval(cell)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


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
