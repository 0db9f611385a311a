"""Expected gradients and occlusion: what they sum to, and that they depend on what was learned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from heart_reader.checkpoint import load_checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.config import ExperimentConfig, override_config
from heart_reader.data.record import EcgRecord, build_record
from heart_reader.data.synthetic import random_parameters, simulate
from heart_reader.errors import CheckpointError, ConfigError, NotServable
from heart_reader.explain import Explainer, Method
from heart_reader.explain.attribution import Attributor, Baseline
from heart_reader.explain.background import Background
from heart_reader.explain.sanity import likeness_to_random, randomise
from heart_reader.training.ensemble import join
from heart_reader.training.run import train
from heart_reader.weights import find_reader


def simulated(name: str, seed: int = 3) -> EcgRecord:
    rng = np.random.default_rng(seed)
    return simulate(random_parameters(name, rng), rng=rng, fs=250.0, duration_s=10.0, record_id=f"{name}{seed}")


@pytest.fixture(scope="module")
def nano() -> Explainer:
    return Explainer.load(find_reader("ptbxl-nano"))


@pytest.fixture(scope="module")
def background(nano: Explainer) -> Background:
    return Background.of(nano.classifier, [simulated(name, seed) for name in ("NORM", "CD", "STTC") for seed in (11, 12)])


def test_expected_gradients_are_complete_in_expectation(nano: Explainer, background: Background) -> None:
    """The residual is within four standard errors, and these shrink with the root of the draws."""
    errors = {}
    for draws in (10, 60):
        explained = nano.explain(simulated("MI"), "MI", method=Method("gradient_shap", draws, background))
        assert 0 < explained.missed < 4 * explained.standard_error
        assert explained.completeness_gap < 1e-4  # what was missed is shared out
        errors[draws] = explained.standard_error
    assert 1.5 < errors[10] / errors[60] < 5
    fine = nano.explain(simulated("MI"), "MI", method=Method(steps=60))
    assert fine.missed < 0.02 * abs(fine.log_odds - fine.baseline_log_odds)
    assert fine.standard_error == 0


def test_without_background_they_come_to_integrated_gradients(nano: Explainer) -> None:
    record = simulated("CD")
    drawn = nano.explain(record, "CD", method=Method("gradient_shap", 60)).relevance
    even = nano.explain(record, "CD", method=Method(steps=40)).relevance
    assert np.corrcoef(drawn.ravel(), even.ravel())[0, 1] > 0.98


def test_draws_depend_on_seed_and_record_alone(nano: Explainer, background: Background) -> None:
    record = simulated("MI")
    first, again, other = (nano.explain(record, "MI", method=Method("gradient_shap", 6, background, seed)).relevance for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


class Quadratic(nn.Module):
    """The sum of squares of a window: the mean gradient from b to x is x + b."""

    def forward(self, x: Tensor, features: Tensor | None = None, record: Tensor | None = None) -> Tensor:
        return x.square().sum(dim=(1, 2)).unsqueeze(1)


def test_the_mean_over_baselines_is_the_known_one() -> None:
    rng = np.random.default_rng(0)
    windows = rng.normal(size=(2, 3, 10)).astype(np.float32)
    baselines = [Baseline(rng.normal(size=(2, 3, 10)).astype(np.float32)) for _ in range(5)]
    answer = Attributor(Quadratic()).attribute(
        lambda logits: logits.mean(dim=(1, 2)), windows, None, baselines, steps=1, rng=np.random.default_rng(1)
    )
    # A point at random of each path: exact in expectation, near with many draws of the same ones.
    many = Attributor(Quadratic()).attribute(
        lambda logits: logits.mean(dim=(1, 2)), windows, None, baselines * 100, steps=1, rng=np.random.default_rng(1)
    )
    exact = np.mean([(windows**2 - baseline.windows**2) / 2 for baseline in baselines], axis=0)
    np.testing.assert_allclose(many.signal, exact, atol=0.12)
    assert answer.signal.sum() == pytest.approx(answer.score - answer.baseline_score, abs=1e-5)
    assert answer.baseline_score == pytest.approx(
        np.mean([(baseline.windows**2).sum(axis=(1, 2)).mean() for baseline in baselines]), rel=1e-5
    )
    assert many.standard_error < answer.standard_error


@pytest.mark.parametrize("method", ["integrated_gradients", "gradient_shap"])
def test_signal_trees_and_features_add_up_in_every_kind_of_model(
    method: str, tiny_checkpoint: Path, trees_checkpoint: Path, tiny_config: ExperimentConfig, tmp_path: Path
) -> None:
    sets = "features.sets=[{name: measured, widths: [8]}, {name: demographics, widths: [4]}]"
    fused = train(override_config(tiny_config, [sets, "training.epochs=1"]), tmp_path / "fused").checkpoint.directory
    both = join([tiny_checkpoint, trees_checkpoint], tmp_path / "both", weights=[0.4, 0.6])[0].directory
    for directory in (tiny_checkpoint, trees_checkpoint, both, fused):
        explainer = Explainer.load(directory)
        others = Background.of(explainer.classifier, [simulated("NORM", seed) for seed in (1, 2, 3)])
        explained = explainer.explain(simulated("CD"), "CD", method=Method(method, background=others))
        total = explained.signal_contribution + explained.measurement_contribution
        assert total == pytest.approx(explained.log_odds - explained.baseline_log_odds, abs=1e-4)
        if directory == trees_checkpoint:  # exact without any sharing out
            assert explained.missed == 0


def test_random_weights_change_every_kind_of_explanation(nano: Explainer, background: Background, trees_checkpoint: Path) -> None:
    """Adebayo J. et al., NeurIPS 31 (2018)."""
    other = Explainer(nano.classifier)
    randomise(other, 0)
    view = nano.view(simulated("MI"))
    for method in (Method(), Method("gradient_shap", background=background)):
        explained = nano.explain_view(view, "MI", method=method)
        assert likeness_to_random(explained, nano, view, method)["signed"] == pytest.approx(1)
        likeness = likeness_to_random(explained, other, view, method)
        assert abs(likeness["signed"]) < 0.3
        assert likeness["size"] < 0.6
    trees = Explainer.load(trees_checkpoint)
    shuffled = Explainer(trees.classifier)
    randomise(shuffled, 0)
    view = trees.view(simulated("MI"))
    assert abs(likeness_to_random(trees.explain_view(view, "MI"), shuffled, view)["signed"]) < 0.5


def test_randomising_draws_from_its_own_seed(nano: Explainer) -> None:
    other = Explainer(nano.classifier)
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    randomise(other, 0)
    assert torch.equal(torch.rand(1), expected)


def test_an_exported_reader_is_explained_by_occlusion_alone() -> None:
    classifier = EcgClassifier.load(find_reader("ptbxl-nano-int8"))
    with pytest.raises(CheckpointError):
        Explainer(classifier)
    explainer = Explainer(classifier, gradients=False)
    record = simulated("MI")
    short = build_record("short", record.signal[:, :500], record.fs, record.lead_names)
    explained = explainer.explain(short, "MI", method=Method("occlusion"))
    assert explained.log_odds == pytest.approx(explainer.classifier.decisions["superdiagnostic"].calibration is None or explained.log_odds)
    assert explained.relevance.any()
    assert "do not add up" in " ".join(explained.notes)
    with pytest.raises(NotServable, match="explain it by occlusion, or name the torch checkpoint"):
        explainer.explain(short, "MI")
    assert load_checkpoint(find_reader("ptbxl-nano-int8")).runtime == "onnx"


def test_occlusion_finds_what_a_model_reads(nano: Explainer) -> None:
    """What a stretch takes with it is the difference of two readings of the classifier."""
    record = simulated("CD")
    record = build_record("short", record.signal[:, :750], record.fs, record.lead_names)
    view = nano.view(record)
    altered = nano.altered(view, "CD")
    explained = nano.explain_view(view, "CD", method=Method("occlusion"))
    kept = np.ones((2, len(altered.segments)), dtype=bool)
    place = int(np.argmax(altered.segments.sums(np.asarray(explained.relevance))))
    kept[1, place] = False
    whole, without = altered.log_odds(kept)
    assert whole == pytest.approx(nano.explain(record, "CD").log_odds, abs=1e-5)
    assert without < whole


def test_there_are_three_methods() -> None:
    with pytest.raises(ConfigError, match="'lime': there are integrated_gradients, gradient_shap, occlusion"):
        Method("lime")
