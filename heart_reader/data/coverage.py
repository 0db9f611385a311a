"""Whether the records of a split can teach or measure a level, and which classes not."""

from __future__ import annotations

import numpy as np

from heart_reader.data.record_table import RecordTable
from heart_reader.errors import DataError

__all__ = ["describe_gaps"]


def describe_gaps(table: RecordTable, level: str, split: str, *, complete: bool) -> str:
    """Name the classes that no record of a split carries, or that none is without.

    Parameters
    ----------
    table
        Records of all splits.
    level
        One of its levels.
    split
        The split to look at.
    complete
        Count only records whose truth is known for every class, as metrics and thresholds do.

    Returns
    -------
    str
        Such as ``"no record with TRIGU, PSVT"``.

    Raises
    ------
    ConfigError
        If the table does not know the level.
    DataError
        If the split is empty, or no class has records with it and records without it.
    """
    labels = table.split(split).y_true(level)
    if complete:
        labels = labels[~np.isnan(labels).any(axis=1)]
    with_it, without_it = (labels == 1).any(axis=0), (labels == 0).any(axis=0)
    if not (with_it & without_it).any():
        raise DataError(
            f"{table.source}: no class of level {level} has both records with it and records without it in split {split}, "
            f"where {len(labels)} records are labelled: choose another level, or data that carry its classes"
        )
    names = table.space.levels[level].class_names
    gaps = []
    for word, there in (("with", with_it), ("without", without_it)):
        absent = [name for name, found in zip(names, there, strict=True) if not found]
        if absent:
            gaps.append(f"no record {word} {', '.join(absent)}")
    return "; ".join(gaps)
