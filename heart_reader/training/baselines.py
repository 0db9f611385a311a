"""Classical classifiers on expert features, for any data and any level.

Each is one of :data:`heart_reader.models.feature_models.FEATURE_MODELS`, trained, evaluated, served
and exported like any other model.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from heart_reader.config import ExperimentConfig, override_config
from heart_reader.data.build import build_preprocessor
from heart_reader.data.record_table import RecordTable
from heart_reader.diagnosis import NOTICE
from heart_reader.evaluation.bootstrap import bootstrap
from heart_reader.evaluation.markdown import markdown_table, with_interval
from heart_reader.evaluation.run import evaluate
from heart_reader.features.build import choose_space, open_dataset
from heart_reader.features.feature_space import EXPERT, MEASURED
from heart_reader.metrics import METRICS
from heart_reader.pooling import level_means
from heart_reader.predictions import Predictions
from heart_reader.training.cross_validation import deal_folds
from heart_reader.training.feature_models import fit_features
from heart_reader.training.run import train
from heart_reader.training.run_state import finished_checkpoint

__all__ = ["CLASSIFIERS", "baseline_config", "describe_out_of_fold", "read_out_of_fold", "train_and_evaluate"]

# Names on the command line and in folders: logistic regression, random forest, LightGBM,
# multilayer perceptron.
CLASSIFIERS: Mapping[str, str] = {"LR": "feature_lr", "RF": "feature_forest", "LGB": "feature_lightgbm", "MLP": "feature_mlp"}

FIGURES = ("macro_auroc", "macro_auprc", "fmax")


def baseline_config(config: ExperimentConfig, classifier: str) -> ExperimentConfig:
    """Return the experiment of one classifier on the data and the level of another one.

    It answers ``task.level`` alone. Parameters are kept if ``model.name`` is the classifier's, and
    so are feature sets with ``expert`` among them; else it takes ``measured`` and ``expert``.

    Parameters
    ----------
    classifier
        One of :data:`CLASSIFIERS`.

    Examples
    --------
    >>> config = baseline_config(ExperimentConfig(), "RF")
    >>> config.name, config.model.name, config.task.heads
    ('default-rf', 'feature_forest', ('superdiagnostic',))
    """
    name, sets = CLASSIFIERS[classifier], [item.name for item in config.features.sets]
    changes = [f"name={config.name}-{classifier.lower()}", f"task.heads=[{config.task.level}]", "ensemble={}"]
    if config.model.name != name:
        changes.append(f"model={{name: {name}}}")
    if EXPERT not in sets:
        changes.append(f"features.sets=[{{name: {MEASURED}}}, {{name: {EXPERT}}}]")
    return override_config(config, changes)


def train_and_evaluate(config: ExperimentConfig, out: Path, table: RecordTable) -> None:
    """Train a model on features, where ``out`` does not hold it yet, and report on val and test.

    Parameters
    ----------
    out
        Folder of the run: ``checkpoint``, and ``report-val`` and ``report-test`` beside it.
    table
        The records that the configuration names.

    Raises
    ------
    ConfigError
        If ``out`` holds a run of another configuration.
    DataError
        If the records cannot be used.
    """
    checkpoint = finished_checkpoint(out, config) or train(config, out, table=table).checkpoint
    for split in ("val", "test"):
        if (table.splits == split).any():
            evaluate(checkpoint.directory, out / f"report-{split}", split=split, readings=False)
        else:
            tqdm.write(f"{table.source}: no records in {split}")


def read_out_of_fold(config: ExperimentConfig, table: RecordTable, n_folds: int) -> Predictions:
    """Read every training record by a model on features that was fitted without its fold.

    Folds keep patients whole. Nothing is chosen on them: probabilities are not calibrated.

    Parameters
    ----------
    config
        The experiment; its parameters hold in every fold.
    table
        The records that it names.

    Raises
    ------
    ConfigError
        If there are fewer training records than folds, or fewer than two folds.
    """
    records = open_dataset(config, table, build_preprocessor(config), choose_space(config.features))
    folds = deal_folds(table, config.task.level, n_folds, config.seed)
    assert records.features is not None
    logits = np.zeros_like(records.targets)
    for number in range(n_folds):
        others, held_out = (folds >= 0) & (folds != number), folds == number
        network = fit_features(config.model, records.features[others], records.targets[others], config.seed)
        own = torch.from_numpy(records.features[held_out])
        with torch.inference_mode():
            logits[held_out] = network(own, own).numpy()
    rows = np.flatnonzero(folds >= 0)
    read = level_means(table.space, logits[rows], np.arange(len(rows)))
    return Predictions.of(table.select(rows), config.task.level, read[config.task.level], f"train, {n_folds} folds")


def describe_out_of_fold(configs: Mapping[str, ExperimentConfig], table: RecordTable, n_folds: int) -> str:
    """Return Markdown with the figures of classifiers on training records that they did not see.

    Parameters
    ----------
    configs
        Experiment of each classifier by its name, on the same records.
    """
    rows = []
    for name, config in configs.items():
        given = config.evaluation
        read = bootstrap(read_out_of_fold(config, table, n_folds), None, draws=given.draws, confidence=given.confidence, seed=config.seed)
        rows.append((name, *(with_interval(read.metrics[figure]) for figure in FIGURES)))
    first = next(iter(configs.values()))
    n_train = int((table.splits == "train").sum())
    made = f"{n_train} training records in {n_folds} folds, patients apart, seed {first.seed}, level {first.task.level}."
    return "\n\n".join([made, markdown_table(("classifier", *(METRICS[figure].title for figure in FIGURES)), rows), NOTICE])
