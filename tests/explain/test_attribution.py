"""Signal and measurements together: complete for all models, members count as they should."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from heart_reader.config import ExperimentConfig, override_config
from heart_reader.data.record import EcgRecord
from heart_reader.data.synthetic import random_parameters, simulate
from heart_reader.explain import Explainer
from heart_reader.explain.attribution import Attributor, Baseline, fold_normalisation
from heart_reader.models.blocks import conv_norm
from heart_reader.models.ensemble import EnsembleNetwork
from heart_reader.models.feature_trees import FeatureTrees
from heart_reader.training.ensemble import join
from heart_reader.training.run import train
from heart_reader.weights import find_reader


@pytest.fixture(scope="module")
def record() -> EcgRecord:
    rng = np.random.default_rng(5)
    return simulate(random_parameters("CD", rng), rng=rng, fs=250.0, duration_s=10.0, record_id="CD")


@pytest.fixture(scope="module")
def readers(
    tiny_checkpoint: Path, trees_checkpoint: Path, tiny_config: ExperimentConfig, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """A network, trees, both, and a network that reads features itself."""
    out = tmp_path_factory.mktemp("readers")
    sets = "features.sets=[{name: measured, widths: [8]}, {name: demographics, widths: [4]}]"
    fused = train(override_config(tiny_config, [sets, "training.epochs=1"]), out / "fused").checkpoint.directory
    both = join([tiny_checkpoint, trees_checkpoint], out / "both", weights=[0.4, 0.6])[0].directory
    return {"network": tiny_checkpoint, "trees": trees_checkpoint, "both": both, "fused": fused}


@pytest.mark.parametrize("kind", ["network", "trees", "both", "fused"])
def test_signal_and_measurements_add_up_to_the_log_odds_of_the_reading(kind: str, readers: dict[str, Path], record: EcgRecord) -> None:
    explainer = Explainer.load(readers[kind])
    reading = explainer.classifier.predict(record)
    for finding in ("MI", "CD", "NORM"):
        explanation = explainer.explain(record, finding)
        change = explanation.log_odds - explanation.baseline_log_odds
        assert explanation.completeness_gap <= 1e-3 * abs(change)
        assert explanation.probability == pytest.approx(reading.levels["superdiagnostic"][finding].probability, abs=1e-6)
        assert bool(explanation.relevance.any()) == (kind != "trees")
        assert bool(explanation.measurements) == (kind != "network")
        listed = explanation.to_json()["measurements"]
        assert sum(item["contribution"] for item in listed) == pytest.approx(explanation.measurement_contribution, abs=1e-9)


def test_the_shipped_reader_is_complete(record: EcgRecord) -> None:

    explainer = Explainer.load(find_reader("ptbxl-ensemble"))
    for finding, level in (("CD", None), ("AFIB", "all"), ("NORM", None)):
        explanation = explainer.explain(record, finding, level)
        assert explanation.completeness_gap <= 1e-3 * abs(explanation.log_odds - explanation.baseline_log_odds)
        # What was shared out of the quadrature's error is small beside what was found.
        assert explanation.missed < 0.1 * np.abs(explanation.relevance).sum()


class Linear(nn.Module):
    """Two outputs: one from the mean of each lead, and none."""

    def forward(self, x: Tensor, features: Tensor | None = None, record: Tensor | None = None) -> Tensor:
        first = x.mean(dim=2) @ torch.tensor([1.0, -2.0, 0.5])
        return torch.stack([first, torch.full_like(first, -1.0)], dim=1)


def stumps() -> FeatureTrees:
    """Answers feature 1 at the first output and feature 0 at the second one."""
    trees = FeatureTrees(3, 2, n_trees=1, depth=1)
    trees.feature.copy_(torch.tensor([[1], [0]]))
    trees.leaf.copy_(torch.tensor([[-1.0, 2.0], [0.5, 1.5]]))
    trees.cover.copy_(torch.tensor([[2.0, 1.0], [1.0, 1.0]]))
    return trees


def test_each_member_gets_what_it_says() -> None:
    rng = np.random.default_rng(0)
    windows, rest = rng.normal(size=(4, 3, 20)).astype(np.float32), [Baseline(np.zeros((1, 3, 20), dtype=np.float32))]
    features = np.array([1.0, 1.0, np.nan], dtype=np.float32)
    attributor = Attributor(EnsembleNetwork([Linear(), stumps()], [0.5, 0.5]).eval())
    answer = attributor.attribute(lambda logits: logits[..., 0].mean(dim=1), windows, features, rest, steps=3)
    assert answer.signal.sum() + answer.features.sum() == pytest.approx(answer.score - answer.baseline_score, abs=1e-6)
    assert answer.features[1] > 0.3
    assert answer.features[[0, 2]].tolist() == [0.0, 0.0]  # feature 0 speaks at the other output, feature 2 is nobody's
    # All leads of a linear network in proportion to weight times mean.
    shares = answer.signal.sum(axis=2) / (windows.mean(axis=2) * [1.0, -2.0, 0.5])
    assert (np.ptp(shares, axis=1) < 1e-5).all()
    # An output that the signal does not move.
    still = attributor.attribute(lambda logits: logits[..., 1].mean(dim=1), windows, features, rest, steps=3)
    assert (still.signal == 0).all()
    assert still.features[0] == pytest.approx(still.score - still.baseline_score, abs=1e-6)


def test_folded_normalisation_answers_the_same() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(conv_norm(3, 8, 5, stride=2), conv_norm(8, 4, 3, activate=False)).train()
    network(3 * torch.randn(16, 3, 40) + 1)
    x = torch.randn(5, 3, 40)
    with torch.no_grad():
        expected = network.eval()(x)
        fold_normalisation(network)
        assert not any(isinstance(layer, nn.BatchNorm1d) for layer in network.modules())
        torch.testing.assert_close(network(x), expected, atol=1e-5, rtol=1e-5)
