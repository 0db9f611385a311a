"""A model of several members, weighed and decided by records out of fold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heart_reader.classifier import EcgClassifier
from heart_reader.config import ExperimentConfig, override_config
from heart_reader.data.batch import Batch
from heart_reader.data.build import build_preprocessor, build_table
from heart_reader.decisions.thresholds import HELD_OUT, choose_thresholds
from heart_reader.errors import ConfigError, DataError
from heart_reader.features.build import choose_space, open_dataset
from heart_reader.predictions import Predictions
from heart_reader.training.joined import train_joined

pytestmark = pytest.mark.slow

TREES = "{name: feature_trees, params: {n_trees: 10, depth: 3, min_samples_leaf: 3, min_positives: 3}}"
SETTINGS = (
    "name=joined",
    "training.epochs=1",
    f"ensemble={{folds: 2, members: [{{model: {{name: nano}}, seeds: 2}}, {{model: {TREES}, features: true}}]}}",
    "model={name: nano, params: {}}",
    "features.sets=[{name: measured}]",
    "evaluation.min_positives=4",
)


@pytest.fixture(scope="module")
def config(tiny_config: ExperimentConfig) -> ExperimentConfig:
    return override_config(tiny_config, SETTINGS)


@pytest.fixture(scope="module")
def run(config: ExperimentConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("joined") / "run"
    assert train_joined(config, out).complete
    return out


def test_the_model_is_the_mixture_of_its_members(run: Path, config: ExperimentConfig) -> None:
    whole = EcgClassifier.load(run / "checkpoint")
    names = ("nano-42", "nano-43", "feature_trees-42")
    members = [EcgClassifier.load(run / "members" / name / "full" / "checkpoint") for name in names]
    records = open_dataset(config, build_table(config).split("val"), build_preprocessor(config), choose_space(config.features))
    batch = Batch.of([records.inputs(0)])
    answers = [classifier.logits(batch if classifier.features is not None else batch.alone()) for classifier in members]
    weights = np.array(whole.checkpoint.manifest["model"]["params"]["weights"])
    assert weights.shape == (3, 76)
    np.testing.assert_allclose(weights.sum(axis=0), 1, atol=1e-9)
    np.testing.assert_allclose(weights[0], weights[1])
    np.testing.assert_allclose(whole.logits(batch), np.einsum("mo,mwo->wo", weights, np.stack(answers)), atol=1e-4)


def test_every_training_record_and_validation_decide(run: Path, config: ExperimentConfig) -> None:
    manifest = EcgClassifier.load(run / "checkpoint").checkpoint.manifest
    table = build_table(config)
    scores = manifest["metrics"]["superdiagnostic"]
    known = ~np.isnan(table.y_true("superdiagnostic")).any(axis=1)
    assert scores["n_records"] == int((known & (table.splits != "test")).sum())
    assert manifest["thresholds"]["superdiagnostic"]["split"] == scores["split"] == HELD_OUT
    positives = manifest["metrics"]["all"]["n_positive"]
    chosen = dict(zip(positives, manifest["thresholds"]["all"]["values"], strict=True))
    assert any(count < 4 for count in positives.values())
    assert all((chosen[name] is None) == (count < 4 or scores["n_records"] - count < 4) for name, count in positives.items())


def test_what_is_trained_is_taken_as_it_is(run: Path, config: ExperimentConfig) -> None:
    with pytest.raises(ConfigError, match="--resume"):
        train_joined(config, run)
    before = {path: path.stat().st_mtime_ns for path in (run / "members").rglob("weights.safetensors")}
    assert len(before) == 2 + 2 + 1 + 2  # two seeds and two folds of the network, one forest and two folds of it
    with pytest.raises(ConfigError, match="started with another seed and training"):
        train_joined(override_config(config, ["seed=1", "training.epochs=2"]), run, resume=True)
    again = train_joined(config, run, resume=True)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert again.checkpoint.manifest["thresholds"] == EcgClassifier.load(run / "checkpoint").checkpoint.manifest["thresholds"]


def test_one_kind_is_no_ensemble(config: ExperimentConfig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least two"):
        train_joined(override_config(config, ["ensemble.members=[{model: {name: nano}}]"]), tmp_path)


@pytest.mark.parametrize("split", ["train", "test"])
def test_records_that_a_member_was_trained_with_decide_nothing(split: str) -> None:
    ids = np.array(["1", "2"])
    with pytest.raises(DataError, match="only"):
        choose_thresholds(Predictions(split, "x", ("A",), ids, ids, np.array([[0.0], [1.0]], np.float32), np.array([[0.2], [0.8]])), "f1")
