"""Ten-second windows of MIT-BIH, patients apart: two networks and the measured rhythm.

Every recording is read by what was trained without its patient. An answer is the likeliest class,
before calibration: no threshold is chosen. What is compared is the macro-F1 of the pooled answers
over the classes that at least two patients carry, for no fold can train with one patient of a class
and test with another otherwise.

References
----------
Woo S. et al. ConvNeXt V2. CVPR (2023) 16133-16142. Moody G. B., Mark R. G. The impact of the
MIT-BIH Arrhythmia Database. IEEE Engineering in Medicine and Biology 20 (2001) 45-50.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from heart_reader.classifier import EcgClassifier
from heart_reader.config import ExperimentConfig, override_config
from heart_reader.data.build import build_table
from heart_reader.data.record_table import RecordTable
from heart_reader.data.row_reader import RowReader
from heart_reader.data.sources.mitbih import DOMINANT_BEAT, RHYTHM, MitbihSource
from heart_reader.decisions.decision import Thresholds
from heart_reader.errors import ConfigError
from heart_reader.evaluation.bootstrap import Difference, Estimate, difference_of, draw_metrics, macro_estimate
from heart_reader.features.build import open_dataset
from heart_reader.features.feature_names import MEASURING_VERSION
from heart_reader.features.measured import measure
from heart_reader.features.rhythm import Rhythm
from heart_reader.folders import write_whole
from heart_reader.metrics import macro_mean
from heart_reader.predictions import Predictions
from heart_reader.training.run import train
from heart_reader.training.run_state import finished_checkpoint, has_state

__all__ = ["LEVELS", "MEASURED", "NETWORKS", "LevelResult", "Reading", "compare", "measure_windows", "measured_classes", "train_folds"]

LEVELS = (RHYTHM, DOMINANT_BEAT)
# Title of each reader, and what its network has other than the configuration says.
NETWORKS = {"Stockwell + ConvNeXt V2": (), "1-D network (nano)": ("model={name: nano, params: {}}",)}
MEASURED = "measured rhythm"
# Annotated rhythm by what the measured one is called; beside a sinus rhythm its findings count.
_RHYTHM_OF = {
    "atrial_fibrillation": "AFIB",
    "atrial_flutter": "AFL",
    "supraventricular_tachycardia": "SVTA",
    "ventricular_tachycardia": "VT",
    "junctional": "NOD",
}
_FINDINGS = {"bigeminy": "B", "trigeminy": "T"}
_BEAT_OF = {"ventricular": "V", "supraventricular": "S", "paced": "Q"}
_LEAST_PATIENTS = 2
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Reading:
    """What one reader made of all windows at one level.

    Parameters
    ----------
    macro_f1
        Over the classes that count, with its interval over patients.
    f1
        Class to its F1; None where nothing defines it.
    accuracy
        Share of windows whose class was named.
    """

    macro_f1: Estimate
    f1: Mapping[str, float | None]
    accuracy: float


@dataclass(frozen=True)
class LevelResult:
    """All readers at one level.

    Parameters
    ----------
    windows, patients
        Class to how many windows, and patients, carry it.
    counted
        Classes whose mean is the macro-F1.
    readings
        By title of the reader.
    differences
        Of the first reader against each other one, paired over patients.
    """

    windows: Mapping[str, int]
    patients: Mapping[str, int]
    counted: tuple[str, ...]
    readings: Mapping[str, Reading]
    differences: Mapping[str, Difference]


def fold_config(config: ExperimentConfig, fold: int, changes: Sequence[str] = ()) -> ExperimentConfig:
    """Return the configuration of one fold of the one source, and of another network.

    Raises
    ------
    ConfigError
        If the configuration is not of folds of MIT-BIH windows.
    """
    source = config.data.sources[0]
    if len(config.data.sources) != 1 or not isinstance(source, MitbihSource) or source.rows != "windows" or source.split != "folds":
        raise ConfigError(f"{config.name}: one source of kind mitbih with rows: windows and split: folds is needed")
    of_fold = source.model_copy(update={"fold": fold})
    data = config.data.model_copy(update={"sources": (of_fold,)})
    return override_config(config.model_copy(update={"data": data}), changes)


def train_folds(config: ExperimentConfig, out: Path) -> tuple[RecordTable, dict[str, dict[str, NDArray[np.float64]]]]:
    """Train every network without each fold, and read the fold; what is trained already stays.

    Returns
    -------
    tuple
        All windows, and per title and level their probabilities before calibration, (n_windows,
        n_classes).
    """
    table, n_folds = build_table(fold_config(config, 0)), config.data.sources[0].n_folds  # type: ignore[attr-defined]
    row_of = {name: row for row, name in enumerate(table.record_ids.tolist())}
    read = {title: {level: np.zeros_like(table.y_true(level), dtype=np.float64) for level in LEVELS} for title in NETWORKS}
    for fold in range(n_folds):
        for title, changes in NETWORKS.items():
            own = fold_config(config, fold, changes)
            run = out / own.model.name / f"fold-{fold}"
            tqdm.write(f"{title}, fold {fold + 1} of {n_folds}")
            if finished_checkpoint(run, own) is None and not train(own, run, resume=has_state(run)).complete:
                raise KeyboardInterrupt
            classifier = EcgClassifier.load(run / "checkpoint")
            held_out = build_table(own).split("test")
            dataset = open_dataset(own, held_out, classifier.preprocessor, classifier.features)
            rows = [row_of[name] for name in held_out.record_ids.tolist()]
            answers = list(classifier.mean_probabilities(map(dataset.inputs, range(len(dataset))), calibrated=False))
            for level in LEVELS:
                read[title][level][rows] = np.stack([answer[level] for answer in answers])
    return table, read


def measured_classes(rhythm: Rhythm) -> tuple[str, str]:
    """Return the rhythm and the dominant beat that a measured rhythm comes to.

    What is not named, and a sinus rhythm without bigeminy or trigeminy, is N; so is a window
    without an abnormal beat. The measured rhythm knows no idioventricular rhythm and no fusion.
    """
    found = [_FINDINGS[name] for name in rhythm.findings if name in _FINDINGS]
    name = _RHYTHM_OF.get(rhythm.name or "", found[0] if found else "N")
    abnormal = Counter(_BEAT_OF[kind] for kind in rhythm.beats if kind in _BEAT_OF)
    return name, max(abnormal, key=lambda kind: (abnormal[kind], kind == "V")) if abnormal else "N"


def measure_windows(table: RecordTable, out: Path) -> dict[str, NDArray[np.float64]]:
    """Measure every window for itself, as a short record; a recording measured before stays.

    Returns
    -------
    dict
        Level to (n_windows, n_classes), 1 for the answer and 0 otherwise.
    """
    found: dict[str, list[str]] = {}
    read = RowReader(table)
    rows_of: dict[str, list[int]] = {}
    for row, path in enumerate(table.paths.tolist()):
        rows_of.setdefault(path, []).append(row)
    for path, rows in tqdm(rows_of.items(), "measuring", disable=None, unit="record"):
        stored = out / f"measured-v{MEASURING_VERSION}" / f"{Path(path).stem}.json"
        if not stored.exists():
            answers = {str(table.record_ids[row]): measured_classes(measure(read(row)).rhythm) for row in rows}
            stored.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(answers)
            write_whole(stored, lambda new, text=text: new.write_text(text, encoding="utf-8"))  # type: ignore[misc]
        found |= json.loads(stored.read_text(encoding="utf-8"))
    named = [found[name] for name in table.record_ids.tolist()]
    return {
        level: np.array([[of[place] == name for name in table.space.levels[level].class_names] for of in named], dtype=np.float64)
        for place, level in enumerate(LEVELS)
    }


def compare(table: RecordTable, y_prob: Mapping[str, NDArray[np.float64]], level: str, *, draws: int, seed: int) -> LevelResult:
    """Score the likeliest class of every reader at one level.

    Parameters
    ----------
    y_prob
        By title (n_windows, n_classes); the first reader is compared with the others.
    """
    names = np.array(table.space.levels[level].class_names)
    carried = table.y_true(level) == 1
    patients = np.array([len(set(table.patient_ids[column].tolist())) for column in carried.T])
    counted = patients >= _LEAST_PATIENTS
    fixed = Thresholds("likeliest class", "none", (0.5,) * int(counted.sum()))
    readings, means = {}, {}
    for title, values in y_prob.items():
        every = Predictions.of(table, level, np.eye(len(names))[values.argmax(axis=1)])
        right = (every.y_prob * every.y_true).sum(axis=1)
        kept = replace(every, class_names=tuple(names[counted].tolist()), y_true=every.y_true[:, counted], y_prob=every.y_prob[:, counted])
        point, drawn = (of["macro_f1"] for of in draw_metrics(kept, fixed, ("macro_f1",), draws=draws, seed=seed))
        f1 = dict(zip(kept.class_names, point.tolist(), strict=True))
        readings[title] = Reading(macro_estimate(point, drawn, _CONFIDENCE, kept.class_names), f1, float(right.mean()))
        means[title] = float(macro_mean(point)), macro_mean(drawn)
    own, *others = means.values()
    return LevelResult(
        windows=dict(zip(names.tolist(), carried.sum(axis=0).tolist(), strict=True)),
        patients=dict(zip(names.tolist(), patients.tolist(), strict=True)),
        counted=tuple(names[counted].tolist()),
        readings=readings,
        differences={
            title: difference_of(own[0], other[0], own[1] - other[1], _CONFIDENCE)
            for title, other in zip(list(means)[1:], others, strict=True)
        },
    )
