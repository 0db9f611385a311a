from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from heart_reader.checkpoint import load_checkpoint, save_checkpoint, save_tensors
from heart_reader.classifier import EcgClassifier
from heart_reader.config import ExperimentConfig, override_config
from heart_reader.data.batch import Batch
from heart_reader.data.labels import sigmoid
from heart_reader.edge.variants import build_variants
from heart_reader.errors import CheckpointError, ConfigError, Integrity
from heart_reader.training.ensemble import fit_weights, join
from heart_reader.training.run import train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def second_checkpoint(tiny_config: ExperimentConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("second") / "run"
    return train(override_config(tiny_config, ["seed=7"]), out).checkpoint.directory


@pytest.fixture(scope="module")
def ensemble(tiny_checkpoint: Path, second_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    checkpoint, _ = join([tiny_checkpoint, second_checkpoint], tmp_path_factory.mktemp("joined") / "pair")
    return checkpoint.directory


def test_an_ensemble_reads_as_the_weighted_mean_of_its_members(ensemble: Path, tiny_checkpoint: Path, second_checkpoint: Path) -> None:
    windows = Batch.of([(np.random.default_rng(0).standard_normal((5, 12, 250), dtype=np.float32), None)])
    joined = EcgClassifier.load(ensemble)
    weights = joined.checkpoint.manifest["model"]["params"]["weights"]
    members = [sigmoid(EcgClassifier.load(path).logits(windows)) for path in (tiny_checkpoint, second_checkpoint)]
    np.testing.assert_allclose(sigmoid(joined.logits(windows)), np.tensordot(weights, members, axes=1), atol=1e-6)
    assert sum(weights) == pytest.approx(1.0)
    assert joined.checkpoint.manifest["config"]["name"] == "pair"
    assert {name for name, of in joined.decisions.items() if of.calibration} == joined.thresholds.keys() >= {"superdiagnostic"}
    assert [path.name for path in ensemble.parent.iterdir()] == ["checkpoint"]


def test_an_ensemble_exports(ensemble: Path, tmp_path: Path) -> None:
    build_variants(ensemble, tmp_path, overrides=["export.variants=[fp32]"])
    windows = Batch.of([(np.random.default_rng(1).standard_normal((3, 12, 250), dtype=np.float32), None)])
    np.testing.assert_allclose(
        EcgClassifier.load(tmp_path / "fp32").logits(windows), EcgClassifier.load(ensemble).logits(windows), atol=1e-4
    )


def test_weights_can_be_given(tiny_checkpoint: Path, second_checkpoint: Path, tmp_path: Path) -> None:
    checkpoint, weighting = join([tiny_checkpoint, second_checkpoint], tmp_path / "given", weights=[1, 3])
    assert (weighting.rule, weighting.weights) == ("given", (0.25, 0.75))
    assert checkpoint.manifest["model"]["params"]["weights"] == [0.25, 0.75]
    for wrong in ([1.0], [1.0, 0.0], [1.0, -2.0]):
        with pytest.raises(ConfigError, match="one positive weight each"):
            join([tiny_checkpoint, second_checkpoint], tmp_path / "wrong", weights=wrong)


def test_members_that_do_not_fit_are_refused(ensemble: Path, tiny_checkpoint: Path, tiny_config: ExperimentConfig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least two"):
        join([tiny_checkpoint], tmp_path / "x")
    with pytest.raises(CheckpointError, match="name its members"):
        join([tiny_checkpoint, ensemble], tmp_path / "x")
    with pytest.raises(CheckpointError, match=r"no manifest\.json"):
        join([tiny_checkpoint, tmp_path / "absent"], tmp_path / "x")
    short = train(override_config(tiny_config, ["preprocessing.window_s=2", "training.epochs=1"]), tmp_path / "short").checkpoint.directory
    with pytest.raises(CheckpointError, match="preprocessor differ"):
        join([tiny_checkpoint, short], tmp_path / "x")
    other = override_config(tiny_config, ["data.sources=[{kind: synthetic, n_records: 60, seed: 2}]", "training.epochs=1"])
    elsewhere = train(other, tmp_path / "other").checkpoint.directory
    with pytest.raises(CheckpointError, match=r"other .* records"):
        join([tiny_checkpoint, elsewhere], tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_an_ensemble_that_lost_a_member_is_refused(ensemble: Path, tmp_path: Path) -> None:
    whole = load_checkpoint(ensemble)
    tensors = {name: value for name, value in whole.tensors().items() if not name.startswith("members.1.")}
    save_checkpoint(tmp_path / "half", whole.draft(), lambda path: save_tensors(path, tensors))
    with pytest.raises(Integrity, match=r"members\.1"):
        EcgClassifier.load(tmp_path / "half")


def test_a_student_follows_its_teacher_as_much_as_asked(
    tiny_config: ExperimentConfig, ensemble: Path, tiny_run: Path, tmp_path: Path
) -> None:
    def weights(share: float) -> dict[str, torch.Tensor]:
        config = override_config(tiny_config, [f"training.teacher={ensemble}", f"training.teacher_weight={share}"])
        return train(config, tmp_path / f"student{share}").checkpoint.tensors()

    alone = load_checkpoint(tiny_run / "checkpoint").tensors()
    ignored, followed = weights(0.0), weights(1.0)
    assert all(torch.equal(alone[name], ignored[name]) for name in alone)
    assert not all(torch.equal(alone[name], followed[name]) for name in alone)


def test_a_teacher_of_other_windows_is_refused(tiny_config: ExperimentConfig, ensemble: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="other outputs, features or preprocessing"):
        train(override_config(tiny_config, [f"training.teacher={ensemble}", "preprocessing.window_s=2"]), tmp_path / "wrong")


def test_fitted_weights_find_the_member_that_knows() -> None:
    target = np.array([0.7, 0.2, 0.1])

    def score(weights: np.ndarray) -> float:
        return -float(np.round(np.abs(weights - target).sum(), 2))  # a step function, as AUROC is

    assert np.abs(fit_weights(score, 3) - target).max() < 0.05
