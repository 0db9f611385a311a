"""Train a recipe unless that is done, and read the test split with it: what studies repeat."""

from __future__ import annotations

from pathlib import Path

from tqdm import tqdm

from heart_reader.classifier import EcgClassifier
from heart_reader.config import ExperimentConfig
from heart_reader.data.build import build_table
from heart_reader.decisions.decision import Thresholds
from heart_reader.features.build import open_dataset
from heart_reader.predictions import Predictions
from heart_reader.training.run import train
from heart_reader.training.run_state import finished_checkpoint, has_state

__all__ = ["train_and_test"]


def train_and_test(config: ExperimentConfig, run: Path) -> tuple[Predictions, Thresholds | None]:
    """Return what the recipe says of its test split, and thresholds from its validation split.

    A run that is finished in ``run`` is taken as it is, an interrupted one goes on.

    Raises
    ------
    ConfigError
        If ``run`` was trained by another configuration.
    DataError
        If the data cannot be used.
    KeyboardInterrupt
        If training is stopped.
    """
    if finished_checkpoint(run, config) is None:
        tqdm.write(str(run))
        if not train(config, run, resume=has_state(run)).complete:
            raise KeyboardInterrupt
    classifier = EcgClassifier.load(run / "checkpoint")
    dataset = open_dataset(config, build_table(config).split("test"), classifier.preprocessor, classifier.features)
    return classifier.predict_many(dataset), classifier.decisions[config.task.level].thresholds
