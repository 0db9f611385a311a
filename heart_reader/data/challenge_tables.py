"""The two tables of a Challenge folder that other programs read: diagnoses; labels and folds."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heart_reader.data.challenge import ChallengeRecord
from heart_reader.data.snomed import CPSC2018, NINE, labels_of
from heart_reader.errors import DataError
from heart_reader.folders import write_text

__all__ = ["LABELS_CSV", "REFERENCE_CSV", "write_label_tables"]

REFERENCE_CSV, LABELS_CSV = "reference.csv", "labels.csv"


def write_label_tables(folder: Path, records: Sequence[ChallengeRecord], folds: NDArray[np.int64]) -> None:
    """Write ``reference.csv`` and ``labels.csv``.

    ``reference.csv`` has a row for every record: its name, sampling rate in Hz, samples, age, sex
    and SNOMED CT codes, a cell empty where that is not known. ``labels.csv`` has one for each that
    carries one of the nine classes: its name, 0 or 1 per class, and its fold.

    Parameters
    ----------
    folder
        Made if needed.
    folds
        (n_records,) from 1; 0 for a record without any of the nine classes.

    Raises
    ------
    DataError
        If the files cannot be written.
    """
    references = [
        (
            one.record_id,
            *("" if value is None else f"{value:g}" for value in (one.fs, one.n_times, one.age)),
            one.sex or "",
            ",".join(one.codes),
        )
        for one in records
    ]
    labels = [
        (one.record_id, *labels_of(one.codes)[CPSC2018].astype(int).tolist(), fold)
        for one, fold in zip(records, folds.tolist(), strict=True)
        if fold
    ]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / REFERENCE_CSV, ("record_id", "fs", "n_times", "age", "sex", "dx"), references)
        _write(folder / LABELS_CSV, ("record_id", *(one.name for one in NINE), "fold"), labels)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written ({error.strerror or error}): choose another folder") from None


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, stream.getvalue())
