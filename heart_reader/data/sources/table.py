"""A CSV of paths, labels and split: how a hospital's own recordings come in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from tqdm import tqdm

from heart_reader.config import DataConfig, TaskConfig, resolve_data_path
from heart_reader.data.csv_file import CsvFile, plain_name, read_csv
from heart_reader.data.folder_listing import FolderListing
from heart_reader.data.labels import SUPERCLASSES, SUPERDIAGNOSTIC, LabelRule, LabelSpace, Level
from heart_reader.data.record_table import SPLITS, RecordTable
from heart_reader.data.sources import Dataset, DataSource, register_source
from heart_reader.data.sources.ptbxl import split_of_fold
from heart_reader.data.tasks import contrast_levels
from heart_reader.errors import ConfigError, DataError, MissingFiles

__all__ = ["TableSource"]

ID_COLUMNS = ("ecg_id", "record_id", "id")
PATH_COLUMN, SPLIT_COLUMN, FOLD_COLUMN, PATIENT_COLUMN = "path", "split", "strat_fold", "patient_id"
LABEL_CELLS = {"0": 0.0, "0.0": 0.0, "1": 1.0, "1.0": 1.0, "": np.nan}


@register_source
class TableSource(DataSource):
    """A CSV (comma, semicolon or tab; UTF-8) with one row per record.

    Its columns are ``path``, from the folder of the CSV (a WFDB record also without its ``.hea``);
    ``split``, or else ``strat_fold`` of 1 to 10 (1-8 train, 9 val, 10 test); one of 0, 1 or nothing
    (not known) per class; and, where they are there, record ids and patient ids. Without ids, file
    names are taken or, where two files are called alike, their paths; without patient ids a patient
    in two splits cannot be noticed.

    Parameters
    ----------
    path
        The CSV, from ``data.root``.
    required
        Whether it is an error that there is no such file.
    level, label_columns
        The level and the columns of its classes; None means the five superclasses.
    titles
        Column to what its class is called in plain words, on the page and in diagnoses.
    id_column, patient_column
        None means the first of ``ecg_id``, ``record_id`` and ``id`` that is there, and
        ``patient_id``.
    label_rule
        How the labels were made; it is recorded, not applied.
    """

    kind: Literal["table"] = "table"
    path: Path
    required: bool = True
    level: str = SUPERDIAGNOSTIC
    label_columns: tuple[str, ...] | None = None
    titles: dict[str, str] = Field(default_factory=dict)
    id_column: str | None = None
    patient_column: str | None = None
    label_rule: LabelRule = "any_likelihood"
    dataset = Dataset("", title="your own records, listed in a CSV", licence="yours")

    def read(self, data: DataConfig, task: TaskConfig, space: LabelSpace | None) -> RecordTable | None:
        """Read the table.

        Without a ``space`` the level with its columns is the whole task, and, if these are
        superclasses, the binary levels made of them. Classes of the space that the table has no
        column for are not known (NaN).

        Raises
        ------
        ConfigError
            If the task has no such level or no such class.
        DataError
            If a column is missing or a cell cannot be understood.
        LeakageError
            If a patient or a file is in two splits.
        MissingFiles
            If the CSV, or a listed file and not ``data.allow_missing``, is absent.
        """
        path = resolve_data_path(data.root) / self.path
        if not self.required and not path.exists():
            tqdm.write(f"{path} is not there: trained without it")
            return None
        table = read_csv(path, "name a CSV with the columns path, split and one column per class")
        columns = _label_columns(table, self.label_columns)
        space = _space(path, Level(self.level, columns, titles=self.titles), space)
        root = path.parent.resolve()
        paths, gone = _find_files(table, root)
        records = RecordTable(
            record_ids=_record_ids(table, paths, root, self.id_column),
            paths=paths,
            patient_ids=_patient_ids(table, self.patient_column),
            splits=_splits(table),
            labels={self.level: _labels(table, columns, space.levels[self.level])},
            space=space,
            label_rule=self.label_rule,
            source=path.name,
        )
        if gone.any() and not data.allow_missing:
            raise MissingFiles(
                f"{path}: {gone.sum()} of {len(gone)} listed files do not exist, the first is {paths[gone.argmax()]}: put them there, "
                "or let data.allow_missing=true leave them out and count them"
            )
        return records.drop(f"{path.name}: no file", gone)


def _label_columns(table: CsvFile, asked: tuple[str, ...] | None) -> tuple[str, ...]:
    columns = asked if asked is not None else SUPERCLASSES
    absent = [name for name in columns if name not in table.header]
    if absent:
        raise DataError(
            f"{table.path}: no label column {', '.join(absent)}; it has {', '.join(table.header)}: "
            "name the label columns by label_columns=[...]"
        )
    return columns


def _space(path: Path, of: Level, space: LabelSpace | None) -> LabelSpace:
    level, columns = of.name, of.class_names
    untitled = sorted(of.titles.keys() - set(columns))
    if untitled:
        raise ConfigError(f"{path}: titles of {', '.join(untitled)}, which is no label column; those are {', '.join(columns)}")
    if space is None:
        binary = contrast_levels(columns) if level == SUPERDIAGNOSTIC else {}
        return LabelSpace({level: of, **binary}, (level,))
    if level not in space.levels:
        raise ConfigError(f"{path}: level {level!r} is not in the task, which has {', '.join(space.levels)}")
    unknown = [name for name in columns if name not in space.levels[level].class_names]
    if unknown:
        raise ConfigError(
            f"{path}: label {', '.join(unknown)} is not in the task; level {level} has {', '.join(space.levels[level].class_names)}: "
            "rename the column or leave it out of label_columns"
        )
    return space


def _find_files(table: CsvFile, root: Path) -> tuple[NDArray[np.str_], NDArray[np.bool_]]:
    """Return the absolute path of every row, and which of them are not there."""
    listing = FolderListing()
    paths, gone = [], []
    for row, cell in enumerate(table.column(PATH_COLUMN)):
        if not cell:
            raise DataError(f"{table.where(row)}: no path: fill the column {PATH_COLUMN} or remove the row")
        full = os.path.normpath(os.path.join(root, cell))
        if listing.file(full) is None and listing.file(f"{full}.hea") is not None:
            full = f"{full}.hea"
        paths.append(full)
        gone.append(listing.file(full) is None)
    return np.array(paths), np.array(gone)


def _record_ids(table: CsvFile, paths: NDArray[np.str_], root: Path, id_column: str | None) -> NDArray[np.str_]:
    column = id_column or next((name for name in ID_COLUMNS if name in table.header), None)
    if column is None:
        return _names(paths.tolist(), root)
    ids = [plain_name(cell) for cell in table.column(column)]
    if "" in ids:
        raise DataError(f"{table.where(ids.index(''))}: no record id: fill the column {column}")
    return np.array(ids)


def _names(paths: list[str], root: Path) -> NDArray[np.str_]:
    """Name records by their files, as shortly as keeps all names of a table different."""
    different = len(set(paths))
    relative = [Path(os.path.relpath(path, root)) for path in paths]
    names = [[path.stem for path in relative], [path.with_suffix("").as_posix() for path in relative]]
    return np.array(next((some for some in names if len(set(some)) == different), [path.as_posix() for path in relative]))


def _patient_ids(table: CsvFile, patient_column: str | None) -> NDArray[np.str_]:
    if patient_column is None and PATIENT_COLUMN not in table.header:
        return np.full(len(table), "")
    return np.array([plain_name(cell) for cell in table.column(patient_column or PATIENT_COLUMN)])


def _splits(table: CsvFile) -> NDArray[np.str_]:
    if SPLIT_COLUMN not in table.header and FOLD_COLUMN in table.header:
        return np.array([split_of_fold(cell, table.where(row)) for row, cell in enumerate(table.column(FOLD_COLUMN))])
    splits = table.column(SPLIT_COLUMN)
    for row, split in enumerate(splits):
        if split not in SPLITS:
            raise DataError(
                f"{table.where(row)}: split {split!r} in column {SPLIT_COLUMN}; {', '.join(SPLITS)} are allowed: correct the cell"
            )
    return np.array(splits)


def _labels(table: CsvFile, columns: tuple[str, ...], level: Level) -> NDArray[np.float32]:
    labels = np.full((len(table), len(level.class_names)), np.nan, dtype=np.float32)
    for name in columns:
        cells = table.column(name)
        for row, cell in enumerate(cells):
            if cell not in LABEL_CELLS:
                raise DataError(f"{table.where(row)}: {cell!r} in column {name}; 0, 1 or nothing (not known) is needed: correct the cell")
        labels[:, level.class_names.index(name)] = [LABEL_CELLS[cell] for cell in cells]
    return labels
