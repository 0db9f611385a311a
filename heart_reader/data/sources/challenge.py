"""Records of the PhysioNet Challenges 2020 and 2021, labelled by SNOMED CT codes.

References
----------
Perez Alday E. A. et al. Classification of 12-lead ECGs: the PhysioNet/Computing in Cardiology
Challenge 2020. Physiol. Meas. 41 (2021) 124003.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from tqdm import tqdm

from heart_reader.config import DataConfig, TaskConfig, resolve_data_path
from heart_reader.data.challenge import ChallengeRecord, read_challenge_folder
from heart_reader.data.folds import deal
from heart_reader.data.labels import LabelSpace
from heart_reader.data.record_table import RecordTable
from heart_reader.data.snomed import CODES, CPSC2018, LEVELS, labels_of
from heart_reader.data.sources import Dataset, DataSource, register_source
from heart_reader.data.sources.synthetic import SIMULATED
from heart_reader.errors import DataError, MissingFiles

__all__ = ["ChallengeSource", "SnomedFolder", "fold_of_records", "splits_of_folds"]

N_FOLDS, FOLD_SEED = 10, 42


class SnomedFolder(DataSource):
    """A folder of ``.hea`` and ``.mat`` whose headers list SNOMED CT codes after ``#Dx:``.

    Original files of CPSC2018 with their ``REFERENCE.csv`` are read too. The levels are
    ``cpsc2018``, nine classes, and ``challenge``, the 26 that the Challenge of 2021 scored.

    Parameters
    ----------
    folder
        Where the records are; None means ``data.root``.
    n_folds, fold_seed
        All labelled records, those included whose files are not there, are dealt into folds 1 to
        ``n_folds`` which have the classes alike.
    test_fold
        The fold that tests. The one before it validates (before the first: the last).
    """

    name: ClassVar[str]
    folder: Path | None = None
    n_folds: Annotated[int, Field(ge=3)] = N_FOLDS
    fold_seed: Annotated[int, Field(ge=0)] = FOLD_SEED
    test_fold: Annotated[int, Field(ge=1)] = N_FOLDS

    @model_validator(mode="after")
    def _fold_is_there(self) -> SnomedFolder:
        if self.test_fold > self.n_folds:
            raise ValueError(f"test_fold {self.test_fold}: the folds are 1 to {self.n_folds}")
        return self

    def read(self, data: DataConfig, task: TaskConfig, space: LabelSpace | None) -> RecordTable:
        """Read headers and ``REFERENCE.csv``; print what is remarkable about diagnoses.

        Records without a diagnosis, or with none that is known, are left out and counted: nothing
        is known of them.

        Raises
        ------
        DataError
            If diagnoses contradict each other, or there are fewer labelled records than folds.
        MissingFiles
            If the folder or, without ``data.allow_missing``, a listed file is absent.
        """
        root = resolve_data_path(data.root if self.folder is None else self.folder).resolve()
        found = read_challenge_folder(root)
        name = f"{self.name}, {SIMULATED}" if any(record.simulated for record in found.records) else self.name
        if found.notes:
            tqdm.write(f"{name}: {found.summary()}")
        gone = np.array([record.path is None for record in found.records])
        if gone.any() and not data.allow_missing:
            first = found.records[int(gone.argmax())].record_id
            raise MissingFiles(
                f"{root}: {gone.sum()} of {len(gone)} records have no signal file, the first is {first}: put the files there, or let "
                "data.allow_missing=true leave them out and count them"
            )
        silent = np.array([not record.codes for record in found.records])
        unknown = np.array([not any(code in CODES for code in record.codes) for record in found.records]) & ~silent
        table = self._table(found.records, data, name)
        rows = np.arange(len(table))
        for reason, dropped in (("no diagnosis", silent), ("no diagnosis that is known", unknown), ("no file", gone)):
            table, rows = table.drop(f"{name}: {reason}", dropped[rows]), rows[~dropped[rows]]
        return table

    def _table(self, records: Sequence[ChallengeRecord], data: DataConfig, name: str) -> RecordTable:
        labels = [labels_of(record.codes) for record in records]
        return RecordTable(
            record_ids=np.array([record.record_id for record in records]),
            paths=np.array([record.path or record.record_id for record in records]),
            patient_ids=np.full(len(records), ""),
            splits=splits_of_folds(fold_of_records(records, self.n_folds, self.fold_seed), self.n_folds, self.test_fold),
            labels={level: np.stack([of[level] for of in labels]) for level in LEVELS},
            space=LabelSpace(LEVELS, (CPSC2018,)),
            label_rule=data.label_rule,
            source=name,
            ages=np.array([np.nan if record.age is None else record.age for record in records], dtype=np.float32),
            sexes=np.array([record.sex or "" for record in records]),
        )


def fold_of_records(records: Sequence[ChallengeRecord], n_folds: int, seed: int) -> NDArray[np.int64]:
    """Return the fold of each record, 1 to ``n_folds``; 0 for one that carries none of the nine.

    Raises
    ------
    DataError
        If fewer records than folds carry one.
    """
    labels = np.stack([labels_of(record.codes)[CPSC2018] for record in records])
    labelled = np.flatnonzero(labels.any(axis=1))
    if len(labelled) < n_folds:
        raise DataError(
            f"{len(labelled)} records carry one of the nine classes, fewer than {n_folds} folds: set the folder of the source "
            "to where the records are, or its n_folds lower"
        )
    folds = np.zeros(len(records), dtype=np.int64)
    folds[labelled] = deal(labels[labelled], np.arange(len(labelled)), n_folds, seed) + 1
    return folds


def splits_of_folds(folds: NDArray[np.int64], n_folds: int, test_fold: int) -> NDArray[np.str_]:
    """Return the split of each record: a fold tests, the one before it validates.

    Examples
    --------
    >>> splits_of_folds(np.array([1, 2, 3, 4]), 4, 1).tolist()
    ['test', 'train', 'train', 'val']
    """
    val_fold = test_fold - 1 or n_folds
    return np.select([folds == test_fold, folds == val_fold], ["test", "val"], "train")


@register_source
class ChallengeSource(SnomedFolder):
    """Records of a Challenge, such as Georgia's, Chapman's or PTB's.

    There SNR means that sinus rhythm is listed, beside whatever else: only CPSC2018 means a normal
    ECG by it.
    """

    kind: Literal["challenge"] = "challenge"
    name = "PhysioNet Challenge"
    dataset = Dataset("", title="records of a PhysioNet Challenge in a folder, labelled by SNOMED CT codes", licence="that of the records")
