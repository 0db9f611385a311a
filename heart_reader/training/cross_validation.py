"""Compare two recipes and mixtures of them on held-out folds of the training records.

A validation split of a few hundred records cannot separate models that differ by a few
thousandths. Here the training records are dealt into folds, patients whole; each recipe is trained
once per fold on the others, and reads its own. Validation serves as in any training, to choose the
epoch; the test split is never read. A fold that is already trained in ``--out`` is taken as it is,
so an interrupted run goes on.

References
----------
Stone M. Cross-validatory choice and assessment of statistical predictions. Journal of the Royal
Statistical Society B 36 (1974) 111-147. Wolpert D. H. Stacked generalization. Neural Networks 5
(1992) 241-259.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from heart_reader.classifier import EcgClassifier
from heart_reader.config import ExperimentConfig
from heart_reader.data.build import build_table
from heart_reader.data.folds import deal
from heart_reader.data.record_table import RecordTable
from heart_reader.diagnosis import NOTICE
from heart_reader.errors import ConfigError
from heart_reader.evaluation.bootstrap import bootstrap_units, difference_of, draw_metrics
from heart_reader.evaluation.markdown import markdown_table
from heart_reader.features.build import open_dataset
from heart_reader.metrics import macro_mean
from heart_reader.predictions import Predictions
from heart_reader.training.ensemble import mixture
from heart_reader.training.run import train
from heart_reader.training.run_state import finished_checkpoint, has_state

__all__ = ["cross_validate", "deal_folds", "hold_out"]

# Share of the second recipe where both answer; the first answers all heads and stays.
SHARES = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
METRIC = "macro_auroc"


def deal_folds(table: RecordTable, level: str, n_folds: int, seed: int) -> NDArray[np.int64]:
    """Return the fold of each record, (n_records,), -1 outside the training split.

    Folds have all classes alike, and patients stay whole.

    Raises
    ------
    ConfigError
        If there are fewer than two folds, or fewer training records than folds.
    """
    train_rows = np.flatnonzero(table.splits == "train")
    if not 2 <= n_folds <= len(train_rows):
        raise ConfigError(f"{n_folds} folds of {len(train_rows)} training records: choose at least 2, and no more than there are records")
    folds = np.full(len(table), -1)
    folds[train_rows] = deal(table.y_true(level)[train_rows], bootstrap_units(table.patient_ids[train_rows]), n_folds, seed)
    return folds


def hold_out(table: RecordTable, folds: NDArray[np.int64], number: int) -> RecordTable:
    """Return the table with one fold of the training records in place of the test split."""
    splits = np.where(folds == number, "test", table.splits)
    return replace(table, splits=splits).select(table.splits != "test")


def cross_validate(configs: Sequence[ExperimentConfig], out: Path, *, n_folds: int) -> list[Predictions]:
    """Train each recipe on every fold, and read with mixtures of them what was held out.

    Parameters
    ----------
    configs
        Two recipes of the same records and task; the first one answers all heads.

    Returns
    -------
    list
        Per entry of ``SHARES`` all training records, read by the mixture that never saw them.

    Raises
    ------
    ConfigError
        If there are not two recipes, or they do not fit each other.
    """
    if len(configs) != 2:
        raise ConfigError(f"{len(configs)} configurations: name two, the first of which answers all heads")
    tables = [build_table(config) for config in configs]
    if tables[0].record_ids.tolist() != tables[1].record_ids.tolist():
        raise ConfigError(f"{configs[0].name} and {configs[1].name} are not of the same records: give them the same data and task.level")
    level = configs[0].task.level
    folds = deal_folds(tables[0], level, n_folds, configs[0].seed)
    read = [_read_fold(configs, tables, folds, number, out) for number in range(n_folds)]
    in_order = tables[0].select(np.concatenate([np.flatnonzero(folds == number) for number in range(n_folds)]))
    return [Predictions.of(in_order, level, np.concatenate(parts)) for parts in zip(*read, strict=True)]


def _read_fold(
    configs: Sequence[ExperimentConfig], tables: Sequence[RecordTable], folds: NDArray[np.int64], number: int, out: Path
) -> list[NDArray[np.float64]]:
    """Per share what the mixture reads of the fold it has not seen, (n_records, n_classes)."""
    classifiers = []
    for config, table in zip(configs, tables, strict=True):
        run = out / config.name / f"fold-{number}"
        tqdm.write(f"{config.name}, fold {number + 1} of {folds.max() + 1}")
        if finished_checkpoint(run, config) is None:
            outcome = train(config, run, resume=has_state(run), table=hold_out(table, folds, number))
            if not outcome.complete:
                raise KeyboardInterrupt
        classifiers.append(EcgClassifier.load(run / "checkpoint"))
    space = next((classifier.features for classifier in classifiers if classifier.features is not None), None)
    dataset = open_dataset(configs[0], hold_out(tables[0], folds, number), classifiers[0].preprocessor, space)
    read = mixture(classifiers, dataset.split("test"), configs[0].task.level)
    return [read(np.array([1 - share, share])) for share in SHARES]


def describe(mixtures: Sequence[Predictions], configs: Sequence[ExperimentConfig], n_folds: int) -> str:
    """Return Markdown that compares mixtures with the first recipe and with equal shares."""
    settings = configs[0].evaluation
    drawn = [draw_metrics(one, None, (METRIC,), draws=settings.draws, seed=configs[0].seed) for one in mixtures]
    points, draws = zip(*[(macro_mean(point[METRIC]), macro_mean(values[METRIC])) for point, values in drawn], strict=True)
    rows: list[tuple[object, ...]] = []
    for place, share in enumerate(SHARES):
        cells = []
        for other in (0, SHARES.index(0.5)):
            of = difference_of(float(points[place]), float(points[other]), draws[place] - draws[other], settings.confidence)
            cells.append("" if place == other else f"{of.difference:+.4f} [{of.low:+.4f}, {of.high:+.4f}]")
        rows.append((f"{share:g}", f"{float(points[place]):.4f}", *cells))
    first, second = (config.name for config in configs)
    parts = [
        f"# {first} and {second}, cross-validated",
        f"Made by `heart-reader cross-validate`: {len(mixtures[0])} training records in {n_folds} folds, each read by what was trained "
        f"without it, seed {configs[0].seed}, level {mixtures[0].level}. Paired bootstrap over patients.",
        markdown_table((f"share of {second}", "macro-AUROC", f"against {first} alone", "against half and half"), rows),
        "The share is that in the outputs which both answer. The epoch was chosen on validation; the test split was not read.",
        NOTICE,
    ]
    return "\n\n".join(parts) + "\n"
