"""Classical classifiers on expert features: exact as tensors, trained, read and exported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from heart_reader.classifier import EcgClassifier
from heart_reader.commands import main
from heart_reader.config import ExperimentConfig, ModelConfig, override_config
from heart_reader.data.build import build_preprocessor, build_table
from heart_reader.data.formats import read_record
from heart_reader.edge.variants import build_variants
from heart_reader.errors import ConfigError, HeartReaderError
from heart_reader.explain import Explainer
from heart_reader.features.build import choose_space, open_dataset
from heart_reader.models.feature_layers import FeatureLayers
from heart_reader.models.feature_models import FEATURE_MODELS, FORESTS
from heart_reader.training.baselines import CLASSIFIERS, baseline_config, read_out_of_fold
from heart_reader.training.feature_models import fit_features
from heart_reader.training.run import train
from heart_reader.training.trees import GROWERS

N_FEATURES = 15
# Small enough for 50 simulated records.
PARAMS: dict[str, dict[str, Any]] = {
    "LR": {"c": 0.1, "min_positives": 3},
    "RF": {"n_trees": 12, "depth": 4, "min_samples_leaf": 2, "min_positives": 3},
    "LGB": {"n_trees": 12, "depth": 4, "n_leaves": 6, "min_samples_leaf": 3, "min_positives": 3},
    "MLP": {"widths": [16], "epochs": 4, "batch_size": 16},
}


def lightgbm() -> Any:
    return pytest.importorskip("lightgbm", reason="LightGBM is not installed: it comes with heart-reader[baselines]")


@pytest.fixture(params=sorted(CLASSIFIERS))
def classifier(request: pytest.FixtureRequest) -> str:
    if request.param == "LGB":
        lightgbm()
    return str(request.param)


@pytest.fixture(scope="module")
def records() -> tuple[np.ndarray, np.ndarray]:
    """Features with gaps, and two outputs that follow from them."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(500, N_FEATURES)).astype(np.float32)
    targets = np.stack([features[:, 0] + features[:, 1] > 0, features[:, 2] * features[:, 3] > 0.3], axis=1).astype(np.float32)
    features[rng.random(features.shape) < 0.1] = np.nan
    features[:, 5] = np.abs(np.nan_to_num(features[:, 5]))  # known of every record
    features[:, 6] = np.nan
    features[:, 7] = 2.5
    return features, targets


def answers(network: torch.nn.Module, features: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        result: np.ndarray = network(torch.zeros(len(features), 1), torch.from_numpy(features)).numpy()
    return result


def unseen(features: np.ndarray) -> np.ndarray:
    """Other records, on which everything may be missing, and one of which nothing is known."""
    other = np.random.default_rng(1).permuted(features, axis=0)
    other[::3, 5] = np.nan
    other[0] = np.nan
    return other


def test_a_forest_is_scikit_learns(records: tuple[np.ndarray, np.ndarray]) -> None:
    features, targets = records
    params = {"n_trees": 20, "depth": 6, "min_samples_leaf": 3, "max_features": 0.5}
    network = fit_features(ModelConfig(name="feature_forest", params=params), features, targets, 4)
    model = RandomForestClassifier(20, max_depth=6, min_samples_leaf=3, max_features=0.5, random_state=4)
    model.fit(np.where(np.isnan(features).all(axis=0), 0, features), targets[:, 1])
    other = unseen(features)
    logits = answers(network, other)
    np.testing.assert_allclose(1 / (1 + np.exp(-logits[:, 1])), np.clip(model.predict_proba(other)[:, 1], 1e-4, 1 - 1e-4), atol=1e-6)


def test_boosted_trees_are_lightgbms(records: tuple[np.ndarray, np.ndarray]) -> None:
    features, targets = records
    params = {"n_trees": 30, "depth": 5, "n_leaves": 9, "learning_rate": 0.05, "min_samples_leaf": 5, "max_features": 1.0}
    asked = {
        "objective": "binary", "max_depth": 5, "num_leaves": 9, "learning_rate": 0.05, "min_data_in_leaf": 5, "lambda_l2": 5.0,
        "feature_fraction_bynode": 1.0, "seed": 4, "deterministic": True, "force_row_wise": True, "num_threads": 1, "verbosity": -1,
    }  # fmt: skip
    package = lightgbm()
    network = fit_features(ModelConfig(name="feature_lightgbm", params=params), features, targets, 4)
    filled = np.where(np.isnan(features).all(axis=0), 0, features).astype(np.float32)
    model = package.train(asked, package.Dataset(filled, targets[:, 0].copy()), num_boost_round=30)
    other = unseen(features)
    np.testing.assert_allclose(answers(network, other)[:, 0], model.predict(other, raw_score=True), atol=1e-5)


def test_logistic_regression_is_scikit_learns(records: tuple[np.ndarray, np.ndarray]) -> None:
    features, targets = records
    network = fit_features(ModelConfig(name="feature_lr", params={"c": 0.5}), features, targets, 0)
    assert isinstance(network, FeatureLayers)
    inputs = network.standardized(torch.from_numpy(features)).numpy()
    assert np.abs(inputs).max() <= 5
    model = LogisticRegression(C=0.5, max_iter=5000).fit(inputs, targets[:, 0])
    other = unseen(features)
    expected = model.decision_function(network.standardized(torch.from_numpy(other)).numpy())
    np.testing.assert_allclose(answers(network, other)[:, 0], expected, atol=1e-2)
    # What is not known stands at the median of the training records.
    assert answers(network, other)[0].tolist() == pytest.approx(network.classify.bias.tolist(), abs=1e-6)


@pytest.mark.parametrize("name", sorted(FEATURE_MODELS))
def test_unknown_labels_never_count(name: str, records: tuple[np.ndarray, np.ndarray]) -> None:
    if name == "feature_lightgbm":
        lightgbm()
    features, targets = records
    params = {key: min(value, 10) for key, value in FEATURE_MODELS[name].defaults.items() if key in ("n_trees", "epochs")}
    params |= {"max_features": 1.0} if name in FORESTS else {}
    half = np.arange(500) % 2 == 0
    gaps = targets.copy()
    gaps[half, 0] = np.nan
    wrong = gaps.copy()
    fitted = fit_features(ModelConfig(name=name, params=params), features, gaps, 0)
    if name != "feature_mlp":  # whose outputs share their hidden layer
        wrong = np.where(np.isnan(gaps), 0, gaps)[~half].astype(np.float32)
        alone = fit_features(ModelConfig(name=name, params=params), features[~half], wrong, 0)
        close = 5e-3 if name == "feature_lr" else 1e-6
        if name != "feature_lr":  # whose medians are those of all records
            np.testing.assert_allclose(answers(fitted, features)[:, 0], answers(alone, features)[:, 0], atol=close)
    assert np.isfinite(answers(fitted, features)).all()
    truth = targets[half, 0] == 1
    read = answers(fitted, features)[half, 0]
    assert read[truth].mean() > read[~truth].mean() + 0.2


def test_too_few_positives_answer_their_frequency(records: tuple[np.ndarray, np.ndarray]) -> None:
    features, targets = records
    rare = np.zeros_like(targets)
    rare[:4] = 1
    expected = np.log(4.5 / 496.5)
    for name in ("feature_lr", "feature_forest"):
        network = fit_features(ModelConfig(name=name, params={"min_positives": 5}), features, rare, 0)
        np.testing.assert_allclose(answers(network, features), expected, rtol=1e-4)


def test_a_seed_fits_the_same_weights(records: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = (fit_features(ModelConfig(name="feature_mlp", params={"epochs": 2}), *records, 3).state_dict() for _ in range(2))
    assert all(torch.equal(first[key], second[key]) for key in first)


def _small(config: ExperimentConfig, classifier: str) -> ExperimentConfig:
    own = baseline_config(config, classifier)
    return own.model_copy(update={"model": ModelConfig(name=own.model.name, params=PARAMS[classifier])})


@pytest.fixture(scope="module")
def trained(tiny_config: ExperimentConfig, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give the checkpoint of a classifier, trained once."""
    folder, done = tmp_path_factory.mktemp("baselines"), dict[str, Path]()

    def give(name: str) -> Path:
        if name not in done:
            done[name] = train(_small(tiny_config, name), folder / name).checkpoint.directory
        return done[name]

    return give


def test_what_is_trained_on_is_what_is_served(classifier: str, trained: Callable[[str], Path], tiny_config: ExperimentConfig) -> None:
    config = _small(tiny_config, classifier)
    table = build_table(config)
    dataset = open_dataset(config, table, build_preprocessor(config), choose_space(config.features))
    reader = EcgClassifier.load(trained(classifier))
    assert reader.space.heads == ("superdiagnostic",)
    read = reader.predict_many(dataset)
    for row in (0, 7):
        record = read_record(table.paths[row])
        windows, features = reader.inputs(record, reader.preprocessor.prepare(record))
        np.testing.assert_array_equal(windows, dataset.windows(row))
        np.testing.assert_array_equal(features, dataset.features[row])
        reading = reader.predict(record)
        assert reading.features == {"measured": True, "expert": True}
        shown = [answer.probability for answer in reading.levels["superdiagnostic"].values()]
        assert shown == pytest.approx(read.y_prob[row].tolist(), abs=1e-6)


@pytest.mark.slow
def test_an_exported_one_reads_alike(
    classifier: str, trained: Callable[[str], Path], tiny_config: ExperimentConfig, tmp_path: Path
) -> None:
    any_change = ["export.variants=[fp32]", "export.macro_limit=1", "export.class_limit=1"]
    (exported,) = build_variants(trained(classifier), tmp_path / "edge", overrides=any_change)
    record = read_record(build_table(tiny_config).paths[3])
    first, second = (EcgClassifier.load(path).predict(record) for path in (trained(classifier), exported.directory))
    for name, answer in first.levels["superdiagnostic"].items():
        assert second.levels["superdiagnostic"][name].probability == pytest.approx(answer.probability, abs=1e-5)


def test_its_features_explain_it(classifier: str, trained: Callable[[str], Path], tiny_config: ExperimentConfig) -> None:
    explanation = Explainer.load(trained(classifier)).explain(read_record(build_table(tiny_config).paths[2]), "NORM")
    change = explanation.log_odds - explanation.baseline_log_odds
    assert not explanation.relevance.any()
    assert explanation.measurement_contribution == pytest.approx(change, abs=max(1e-6, 2e-3 * abs(change)))


def test_every_training_record_is_read_by_what_did_not_see_it(tiny_config: ExperimentConfig) -> None:
    config = _small(tiny_config, "LR")
    table = build_table(config)
    read = read_out_of_fold(config, table, 3)
    assert sorted(read.record_ids.tolist()) == sorted(table.split("train").record_ids.tolist())
    again = read_out_of_fold(config, table, 3)
    np.testing.assert_array_equal(read.y_prob, again.y_prob)


@pytest.mark.slow
def test_the_command_trains_evaluates_and_ranks_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--set", "data.sources=[{kind: synthetic, n_records: 60, seed: 1}]", "--set", "evaluation.draws=5"]
    asked += ["--set", "model={name: feature_lr, params: {min_positives: 3}}", "--level", "frequent"]
    for _ in range(2):  # what is trained already is not trained again
        assert main(["baseline", "--classifier", "LR", *asked, "--out", str(tmp_path)]) == 0
    page = capsys.readouterr().out
    assert "| `lr` | default-lr | feature_lr |" in page
    assert (tmp_path / "lr/report-val/report.json").exists()
    assert EcgClassifier.load(tmp_path / "lr/checkpoint").level == "frequent"
    assert main(["baseline", "--classifier", "LR", *asked, "--folds", "2"]) == 0
    assert "in 2 folds, patients apart" in capsys.readouterr().out
    assert main(["baseline", "--classifier", "LR", *asked, "--set", "seed=3", "--out", str(tmp_path)]) == 2


def test_without_lightgbm_it_is_said_before_anything_is_fitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["baseline", "--out", str(tmp_path / "new")]) == 1
    assert "pip install 'heart-reader[baselines]'" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_names() -> None:
    assert set(CLASSIFIERS.values()) <= set(FEATURE_MODELS)
    assert set(GROWERS) == FORESTS


def test_a_configuration_keeps_what_it_says_of_its_own_classifier(tiny_config: ExperimentConfig) -> None:
    own = override_config(tiny_config, ["model={name: feature_forest, params: {depth: 3}}", "features.sets=[{name: expert}]"])
    assert baseline_config(own, "RF").model.params == {"depth": 3}
    assert baseline_config(own, "LR").model == ModelConfig(name="feature_lr")
    assert [item.name for item in baseline_config(own, "LR").features.sets] == ["expert"]


def test_features_and_parameters_are_needed(records: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(ConfigError, match="feature_lr reads features"):
        fit_features(ModelConfig(name="feature_lr"), None, records[1], 0)
    with pytest.raises(HeartReaderError, match="feature_lr has no depth; it has c, min_positives"):
        fit_features(ModelConfig(name="feature_lr", params={"depth": 3}), *records, 0)
