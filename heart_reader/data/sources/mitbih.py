"""The MIT-BIH Arrhythmia Database: windows with a rhythm and a dominant beat, or single beats.

References
----------
Moody G. B., Mark R. G. The impact of the MIT-BIH Arrhythmia Database. IEEE Engineering in Medicine
and Biology 20 (2001) 45-50. de Chazal P., O'Dwyer M., Reilly R. B. Automatic classification of
heartbeats using ECG morphology and heartbeat interval features. IEEE Transactions on Biomedical
Engineering 51 (2004) 1196-1206. ANSI/AAMI EC57: Testing and reporting performance results of
cardiac rhythm and ST segment measurement algorithms.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from heart_reader.config import DataConfig, TaskConfig, resolve_data_path
from heart_reader.data.annotations import AAMI_CLASSES, AAMI_OF, read_annotations, read_rhythms
from heart_reader.data.folder_listing import FolderListing
from heart_reader.data.folds import deal, splits_of_fold
from heart_reader.data.formats.wfdb_header import parse_header
from heart_reader.data.labels import LabelSpace, Level
from heart_reader.data.record_table import RecordTable
from heart_reader.data.sources import DATASETS, Dataset, DataSource, register_source
from heart_reader.errors import ConfigError, DataError, MissingFiles
from heart_reader.section import Positive

__all__ = ["AAMI", "AFTER_S", "BEFORE_S", "DOMINANT_BEAT", "DS1", "DS2", "PACED", "RHYTHM", "MitbihSource"]

# The division of patients by de Chazal et al., who left out the paced records as EC57 does.
DS1 = (
    "101", "106", "108", "109", "112", "114", "115", "116", "118", "119", "122", "124",
    "201", "203", "205", "207", "208", "209", "215", "220", "223", "230",
)  # fmt: skip
DS2 = (
    "100", "103", "105", "111", "113", "117", "121", "123", "200", "202", "210", "212",
    "213", "214", "219", "221", "222", "228", "231", "232", "233", "234",
)  # fmt: skip
PACED = ("102", "104", "107", "217")
# The one person of whom there are two records.
_PERSON_OF = {"202": "201"}
AAMI, RHYTHM, DOMINANT_BEAT = "aami", "rhythm", "dominant_beat"
# The signal of a beat reaches from so long before its annotation to so long behind it.
BEFORE_S, AFTER_S = 0.25, 0.45
# Abnormal beats that are equally many: the graver kind counts.
_GRAVEST_FIRST = ("V", "S", "F", "Q")
# Share of a window that a rhythm has to fill.
_MAJORITY = 0.5


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows of one recording: names, parts in seconds, and classes by level, None: not known."""

    names: list[str]
    starts_s: NDArray[np.float64]
    stops_s: NDArray[np.float64]
    classes: dict[str, list[str | None]]


@register_source
class MitbihSource(DataSource):
    """Parts of the half-hour recordings below ``path``.

    ``rows: windows`` cuts each recording into windows, named ``100:0`` by record and start in
    seconds, with two levels. ``rhythm`` is the annotated rhythm that fills at least half of the
    window: not known where none does, and no class where it is none of ``rhythms``, so that such
    windows are left out and counted. ``dominant_beat`` is the most frequent abnormal AAMI class in
    it (of equally frequent ones the graver, V, S, F, Q), N where there is none, and not known where
    no beat is annotated.

    ``rows: beats`` has a row for each annotated beat, named ``100:12345`` by record and annotated
    sample, with the level ``aami``: N, S, V, F, Q of AAMI EC57. Its signal reaches from 0.25 s
    before the annotation to 0.45 s behind it, or to an end of the recording.

    Parameters
    ----------
    path
        Folder of the records.
    window_s
        Length of a window.
    rhythms
        Annotated rhythms that are classes, as in ``(AFIB``. Those here have two patients or more in
        the whole database.
    leave_out
        Records that do not count, as EC57 has it for the paced ones; they are counted.
    split
        ``"ds1_ds2"``: train and validate with DS1, test with DS2, as de Chazal et al.; ``"folds"``:
        fold ``fold`` of ``n_folds`` tests, a sixth of the other patients validates.
    val
        Records of DS1 that validate.
    keep_201
        Records 201 (DS1) and 202 (DS2) are of one man. Published figures train with the one and
        test with the other; False leaves 201 out. Folds keep him whole.
    fold, n_folds, seed
        Folds are dealt so that patients stay whole and classes are alike.
    """

    kind: Literal["mitbih"] = "mitbih"
    path: Path = Path("data/mitbih")
    rows: Literal["windows", "beats"] = "windows"
    window_s: Positive = 10.0
    rhythms: Annotated[tuple[str, ...], Field(min_length=2)] = ("N", "AFIB", "AFL", "B", "T", "SVTA", "VT", "IVR", "NOD")
    leave_out: tuple[str, ...] = PACED
    split: Literal["ds1_ds2", "folds"] = "ds1_ds2"
    val: tuple[str, ...] = ("114", "119", "207", "223")
    keep_201: bool = True
    fold: Annotated[int, Field(ge=0)] = 0
    n_folds: Annotated[int, Field(ge=2)] = 5
    seed: Annotated[int, Field(ge=0)] = 42
    dataset = DATASETS.add(
        "mitbih",
        Dataset(
            "https://physionet.org/files/mitdb/1.0.0/",
            title="MIT-BIH Arrhythmia Database 1.0.0, half an hour of two leads each",
            licence="ODC-By 1.0",
            counts={"???.hea": 48},
        ),
    )

    def read(self, data: DataConfig, task: TaskConfig, space: LabelSpace | None) -> RecordTable:
        """Read headers and annotations.

        Raises
        ------
        ConfigError
            If there is no fold of that number, or ``val`` is not of DS1.
        DataError
            If a recording has no annotation of use.
        MissingFiles
            If a recording, or its annotations, and not ``data.allow_missing``, is absent.
        UnreadableRecord
            If annotations are cut short.
        """
        self._check()
        folder = resolve_data_path(self.path).resolve()
        names, left_out = self._names(folder, allow_missing=data.allow_missing)
        read = [self._beats(folder / name) if self.rows == "beats" else self._windows(folder / name) for name in names]
        levels = {AAMI: Level(AAMI, AAMI_CLASSES)}
        if self.rows == "windows":
            levels = {RHYTHM: Level(RHYTHM, self.rhythms), DOMINANT_BEAT: Level(DOMINANT_BEAT, AAMI_CLASSES)}
        labels = {
            name: np.concatenate([_one_hot(rows.classes[name], level.class_names) for rows in read]) for name, level in levels.items()
        }
        records = np.repeat(names, [len(rows.names) for rows in read])
        return RecordTable(
            record_ids=np.array([row for rows in read for row in rows.names]),
            paths=np.array([f"{folder / name}.hea" for name in records.tolist()]),
            patient_ids=records if self.split == "ds1_ds2" else np.array([_PERSON_OF.get(name, name) for name in records.tolist()]),
            splits=self._splits(records, np.concatenate(list(labels.values()), axis=1)),
            labels=labels,
            space=LabelSpace(levels, tuple(levels)),
            label_rule="AAMI EC57" if self.rows == "beats" else "annotated for at least half of the window",
            source=f"MIT-BIH ({self.rows})",
            left_out=left_out,
            starts_s=np.concatenate([rows.starts_s for rows in read]),
            stops_s=np.concatenate([rows.stops_s for rows in read]),
        )

    def _check(self) -> None:
        if self.fold >= self.n_folds:
            raise ConfigError(f"mitbih: fold {self.fold} of {self.n_folds}: they are numbered from 0")
        strangers = [name for name in self.val if name not in DS1]
        if self.split == "ds1_ds2" and strangers:
            raise ConfigError(f"mitbih: val {', '.join(strangers)}: name records of DS1, {', '.join(DS1)}")

    def _names(self, folder: Path, *, allow_missing: bool) -> tuple[list[str], dict[str, int]]:
        """Records that are read, and why how many recordings are not."""
        every = sorted((*DS1, *DS2, *PACED))
        listing = FolderListing()
        gone = {name for name in every if any(listing.file(f"{folder / name}{ending}") is None for ending in (".hea", ".dat", ".atr"))}
        reasons = dict.fromkeys(self.leave_out, "MIT-BIH: recordings left out, as AAMI EC57 does with paced ones")
        if self.split == "ds1_ds2":
            reasons |= dict.fromkeys(PACED, "MIT-BIH: paced recordings, in neither DS1 nor DS2")
            reasons |= {} if self.keep_201 else {"201": "MIT-BIH: recordings of DS1 of the man of record 202 in DS2"}
        needed = [name for name in every if name not in reasons]
        absent = [name for name in needed if name in gone]
        if absent and (not allow_missing or len(absent) == len(needed)):
            raise MissingFiles(
                f"{folder}: {len(absent)} of {len(needed)} records have no .hea, .dat and .atr, the first is {absent[0]}: get them by "
                "`heart-reader data download mitbih`; data.allow_missing=true leaves them out and counts them"
            )
        left_out = Counter(reasons[name] for name in every if name in reasons and name not in gone)
        left_out.update({"MIT-BIH: recordings without files": len(absent)} if absent else {})
        return [name for name in needed if name not in gone], dict(left_out)

    def _windows(self, stem: Path) -> _Rows:
        fs, n_times = _rate_and_length(stem)
        length = round(self.window_s * fs)
        edges = np.arange(n_times // length + 1) * length
        starts_s = edges[:-1] / fs
        times, symbols = read_annotations(stem.with_suffix(".atr"))
        rhythms = _majority_rhythms(read_rhythms(stem.with_suffix(".atr")), edges)
        dominant = _dominant_beats(times, symbols, edges)
        names = [f"{stem.name}:{start:g}" for start in starts_s.tolist()]
        return _Rows(names, starts_s, edges[1:] / fs, {RHYTHM: rhythms, DOMINANT_BEAT: dominant})

    def _beats(self, stem: Path) -> _Rows:
        fs, n_times = _rate_and_length(stem)
        beats = [
            (int(time), AAMI_OF[symbol])
            for time, symbol in zip(*read_annotations(stem.with_suffix(".atr")), strict=True)
            if symbol in AAMI_OF
        ]
        if not beats:
            raise DataError(f"{stem}.atr: no annotated beat: download the file again")
        times = np.array([time for time, _ in beats])
        names = [f"{stem.name}:{time}" for time in times.tolist()]
        parts = np.maximum(times / fs - BEFORE_S, 0), np.minimum(times / fs + AFTER_S, n_times / fs)
        return _Rows(names, *parts, {AAMI: [name for _, name in beats]})

    def _splits(self, records: NDArray[np.str_], labels: NDArray[np.float32]) -> NDArray[np.str_]:
        if self.split == "folds":
            _, patients = np.unique([_PERSON_OF.get(name, name) for name in records.tolist()], return_inverse=True)
            n_patients = int(patients.max()) + 1
            if self.n_folds > n_patients:
                raise ConfigError(f"mitbih: {self.n_folds} folds of {n_patients} patients: choose fewer")
            return splits_of_fold(labels, patients, deal(labels, patients, self.n_folds, self.seed), self.fold, self.seed)
        of = {name: "val" if name in self.val else "train" for name in DS1} | dict.fromkeys(DS2, "test")
        return np.array([of[name] for name in records.tolist()])


def _rate_and_length(stem: Path) -> tuple[float, int]:
    header = parse_header(stem.with_suffix(".hea").read_text(encoding="utf-8", errors="replace"), stem.name)
    if header.fs is None or header.n_times is None:
        raise DataError(f"{stem}.hea: states no rate or no length: download the file again")
    return header.fs, header.n_times


def _majority_rhythms(changes: list[tuple[int, str]], edges: NDArray[np.int64]) -> list[str | None]:
    """Return the rhythm that fills at least half of each window, None where none does.

    Parameters
    ----------
    changes
        (time in samples, name), see :func:`heart_reader.data.annotations.read_rhythms`.
    edges
        (n_windows + 1,) in samples.

    Examples
    --------
    >>> _majority_rhythms([(10, "N"), (140, "AFIB")], np.array([0, 100, 200, 300]))
    ['N', 'AFIB', 'AFIB']
    """
    rhythms: list[str | None] = []
    bounds = [*changes, (int(edges[-1]), "")]
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        filled = Counter[str]()
        for (begin, name), (end, _) in pairwise(bounds):
            filled[name] += max(0, min(end, stop) - max(begin, start))
        name, n_times = filled.most_common(1)[0] if filled else ("", 0)
        rhythms.append(name if n_times >= _MAJORITY * (stop - start) else None)
    return rhythms


def _dominant_beats(times: NDArray[np.int64], symbols: list[str], edges: NDArray[np.int64]) -> list[str | None]:
    """Return the dominant abnormal AAMI class of each window, N without any, None without beats.

    Examples
    --------
    >>> _dominant_beats(np.array([5, 20, 30, 110]), list("NAVN"), np.array([0, 100, 200, 300]))
    ['V', 'N', None]
    """
    window = np.searchsorted(edges, times, side="right") - 1
    counts = [Counter[str]() for _ in edges[1:]]
    for place, symbol in zip(window.tolist(), symbols, strict=True):
        if symbol in AAMI_OF and 0 <= place < len(counts):
            counts[place][AAMI_OF[symbol]] += 1
    return [None if not found else max(_GRAVEST_FIRST, key=lambda name: found[name]) if set(found) - {"N"} else "N" for found in counts]


def _one_hot(classes: list[str | None], names: tuple[str, ...]) -> NDArray[np.float32]:
    """(n_rows, n_classes): 1 for the class of a row, zeros for no class of these, NaN for None."""
    rows = np.array([[np.nan if of is None else of == name for name in names] for of in classes], dtype=np.float32)
    return rows.reshape(-1, len(names))
