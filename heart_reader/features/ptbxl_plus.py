"""The published features of PTB-XL+: 12SL's and ECGDeli's tables, joined.

They come from programs that few users have. Records without them are read without them.

References
----------
Strodthoff N. et al. PTB-XL+, a comprehensive electrocardiographic feature dataset. Scientific Data
10 (2023) 279.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.csv_file import plain_name
from heart_reader.data.record import N_PUBLISHED_FEATURES, EcgRecord
from heart_reader.errors import DataError, MissingFiles

__all__ = ["NAMES", "has_tables", "published_features", "read_tables"]

# By place: a file of one record names them so, and the tables' own names are checked by their
# number only.
NAMES = tuple(f"feat_{place}" for place in range(N_PUBLISHED_FEATURES))
TABLES = {"12sl_features.csv": 782, "ecgdeli_features.csv": 531}
ID_COLUMN = "ecg_id"
ADVICE = "get PTB-XL+ by `heart-reader data download ptbxl-plus` or set features.ptbxl_plus to where it is"


def published_features(record: EcgRecord) -> NDArray[np.float32]:
    """Return the (1313,) features that came with a record, NaN where none did."""
    if record.published_features is None:
        return np.full(N_PUBLISHED_FEATURES, np.nan, dtype=np.float32)
    return record.published_features


def read_tables(folder: Path, record_ids: NDArray[np.str_]) -> NDArray[np.float32]:
    """Read both tables and join them by record, 12SL's columns first.

    Parameters
    ----------
    folder
        Holds ``12sl_features.csv`` and ``ecgdeli_features.csv``, or a folder ``features`` with
        them, as published.
    record_ids
        (n_records,) in PTB-XL's numbering.

    Returns
    -------
    ndarray
        (n_records, 1313), NaN for a record or a value that a table does not have.

    Raises
    ------
    DataError
        If a table has another number of columns, a cell that is no number, or none of the records.
    MissingFiles
        If a table is absent.
    """
    parts = [_read_table(_home(folder) / name, n_columns, record_ids) for name, n_columns in TABLES.items()]
    return np.concatenate(parts, axis=1)


def has_tables(folder: Path) -> bool:
    """Return whether a folder holds both tables."""
    return all((_home(folder) / name).is_file() for name in TABLES)


def _home(folder: Path) -> Path:
    return folder / "features" if (folder / "features").is_dir() else folder


def _read_table(path: Path, n_columns: int, record_ids: NDArray[np.str_]) -> NDArray[np.float32]:
    import pandas as pd

    if not path.is_file():
        raise MissingFiles(f"{path} does not exist: {ADVICE}")
    try:
        # Numbers from the start: as text, the tables of all of PTB-XL would fill the memory.
        table = pd.read_csv(path, index_col=ID_COLUMN, dtype=np.float32, na_values=["inf", "-inf"])
    except (ValueError, KeyError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: {reason}: numbers and a column {ID_COLUMN} are needed: get the file again") from None
    if table.shape[1] != n_columns:
        raise DataError(
            f"{path}: {table.shape[1]} columns beside {ID_COLUMN}, {n_columns} are needed: use the file of PTB-XL+ 1.0.1 as published"
        )
    table.index = [plain_name(str(name)) for name in table.index]
    if not table.index.isin(record_ids.tolist()).any():
        raise DataError(f"{path}: none of the {len(record_ids)} records is in it: features and records must be of one data set")
    if table.index.has_duplicates:
        repeated = table.index[table.index.duplicated()][0]
        raise DataError(f"{path}: {ID_COLUMN} {repeated} stands twice: keep one row per record")
    values: NDArray[np.float32] = table.reindex(record_ids.tolist()).to_numpy(dtype=np.float32)
    return np.where(np.isfinite(values), values, np.float32(np.nan))
