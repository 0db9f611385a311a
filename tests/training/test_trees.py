"""Trees grown by scikit-learn, kept as tensors, served and joined like networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier

from heart_reader.checkpoint import load_checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.config import ExperimentConfig, override_config
from heart_reader.data.batch import Batch
from heart_reader.data.build import build_preprocessor, build_table
from heart_reader.data.dataset import EcgDataset
from heart_reader.data.formats import read_record
from heart_reader.edge.graph import write_graph
from heart_reader.errors import ConfigError
from heart_reader.evaluation.run import evaluate
from heart_reader.features.build import choose_space, open_dataset
from heart_reader.models.feature_trees import FeatureTrees
from heart_reader.runtimes import build_torch_network
from heart_reader.training.ensemble import join
from heart_reader.training.run import train
from heart_reader.training.trees import grow_trees


def _train_records(config: ExperimentConfig) -> EcgDataset:
    return open_dataset(config, build_table(config), build_preprocessor(config), choose_space(config.features)).split("train")


def test_tensors_are_scikit_learns_trees(trees_config: ExperimentConfig) -> None:
    records = _train_records(trees_config)
    params = {
        "n_trees": 20,
        "depth": 3,
        "learning_rate": 0.1,
        "min_samples_leaf": 3,
        "max_features": 1.0,
        "l2_regularization": 1.0,
        "min_positives": 3,
    }
    assert records.features is not None
    network = grow_trees("feature_trees", records.features, records.targets, params, 0)
    features = np.random.default_rng(0).permuted(records.features, axis=0)
    features[:, ::7] = np.nan
    model = HistGradientBoostingClassifier(
        max_iter=20,
        max_depth=3,
        max_leaf_nodes=None,
        learning_rate=0.1,
        min_samples_leaf=3,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=0,
    ).fit(np.where(np.isnan(records.features).all(axis=0), 0, records.features), records.targets[:, 0])
    answer = network(torch.zeros(len(features), 12, 250), torch.from_numpy(features)).numpy()
    np.testing.assert_allclose(answer[:, 0], model.decision_function(features), atol=1e-5)


def test_a_rare_output_answers_its_frequency(trees_config: ExperimentConfig) -> None:
    records = _train_records(trees_config)
    assert records.features is not None
    network = grow_trees("feature_trees", records.features, records.targets, {**load_params(), "min_positives": 10_000}, 0)
    positives = records.targets[:, 1].sum()
    expected = np.log((positives + 0.5) / (len(records) - positives + 0.5))
    assert network(torch.zeros(3, 12, 250))[:, 1].tolist() == pytest.approx([expected] * 3, rel=1e-5)


def load_params() -> dict[str, float]:
    return {"n_trees": 2, "depth": 2, "learning_rate": 0.1, "min_samples_leaf": 3, "max_features": 1.0, "l2_regularization": 1.0}


@pytest.mark.slow
def test_they_are_evaluated_and_read_like_a_network(trees_checkpoint: Path, trees_config: ExperimentConfig, tmp_path: Path) -> None:
    report = evaluate(trees_checkpoint, tmp_path, split="test")
    assert report.n_records > 0
    reading = EcgClassifier.load(trees_checkpoint).predict(read_record(build_table(trees_config).paths[0]))
    assert reading.features == {"measured": True}
    assert len({round(window["probabilities"]["NORM"], 6) for window in reading.timeline}) == 1


@pytest.mark.slow
def test_onnx_agrees(trees_checkpoint: Path, tmp_path: Path) -> None:
    import onnxruntime

    origin = load_checkpoint(trees_checkpoint)
    network = build_torch_network(origin)
    assert isinstance(network, FeatureTrees)
    write_graph(network, origin.manifest, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    features = torch.randn(3, network.n_features)
    features[2] = torch.nan
    batch = Batch(np.zeros((5, 12, 250), dtype=np.float32), features.numpy(), np.array([0, 0, 1, 2, 2]))
    # Trees have no use for the signal, but an exported classifier is given it like any other.
    answer = session.run(None, batch.arrays())[0]
    np.testing.assert_allclose(answer, network(torch.zeros(3, 12, 250), features).numpy()[batch.record], atol=1e-5)


@pytest.mark.slow
def test_an_ensemble_averages_each_output_over_who_answers_it(
    trees_checkpoint: Path, tiny_checkpoint: Path, trees_config: ExperimentConfig, tmp_path: Path
) -> None:
    joined, weighting = join([tiny_checkpoint, trees_checkpoint], tmp_path / "both")
    record = read_record(build_table(trees_config).paths[1])
    classifiers = [EcgClassifier.load(path) for path in (tiny_checkpoint, trees_checkpoint, joined.directory)]
    answers = []
    for classifier in classifiers:
        batch = Batch.of([classifier.inputs(record, classifier.preprocessor.prepare(record))])
        answers.append(1 / (1 + np.exp(-classifier.logits(batch))))
    network, trees, both = answers
    np.testing.assert_allclose(both[:, :71], network[:, :71], atol=1e-5)
    expected = weighting.weights[0] * network[:, 71:] + weighting.weights[1] * trees
    np.testing.assert_allclose(both[:, 71:], expected, atol=1e-5)


def test_the_first_member_answers_all_heads(trees_checkpoint: Path, tiny_checkpoint: Path, tmp_path: Path) -> None:
    from heart_reader.errors import CheckpointError

    with pytest.raises(CheckpointError, match="heads"):
        join([trees_checkpoint, tiny_checkpoint], tmp_path / "both")


def test_trees_need_features(trees_config: ExperimentConfig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"name some in features\.sets"):
        train(override_config(trees_config, ["features.sets=[]"]), tmp_path)
