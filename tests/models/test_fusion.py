"""Features beside the signal: read where they are known, done without where they are not."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from heart_reader.config import FeaturesConfig
from heart_reader.features.build import choose_space
from heart_reader.features.feature_space import FeatureSpace, withhold
from heart_reader.models.fusion import FeatureBranch
from heart_reader.models.registry import EcgNetwork, build_network, count_parameters

N_LEADS, N_OUTPUTS, N_TIMES = 12, 7, 250
SETS = FeaturesConfig.model_validate({"sets": [{"name": "demographics", "widths": [8]}, {"name": "ptbxl_plus", "widths": [16, 12]}]})


@pytest.fixture
def space() -> FeatureSpace:
    space = choose_space(SETS)
    assert space is not None
    return space


@pytest.fixture
def network(space: FeatureSpace) -> EcgNetwork:
    torch.manual_seed(0)
    return build_network("nano", {}, N_LEADS, N_OUTPUTS, space.to_json())


def _features(n: int) -> torch.Tensor:
    return torch.randn(n, 2 + 1313, generator=torch.Generator().manual_seed(n))


def test_the_manifest_describes_the_space(space: FeatureSpace) -> None:
    again = FeatureSpace.from_json(space.to_json(), "here")
    assert again.to_json() == space.to_json()
    assert again.slices == {"demographics": slice(0, 2), "ptbxl_plus": slice(2, 1315)}


def test_statistics_are_robust_and_ignore_what_is_not_known() -> None:
    branch = FeatureBranch(4, [3], 0.0)
    column = torch.tensor([1.0, 2.0, 3.0, 4.0, 1e6])
    branch.set_statistics(torch.stack([column, torch.full((5,), 7.0), torch.full((5,), math.nan), torch.tensor([0.0, 0, 0, 0, 1])], dim=1))
    assert branch.median.tolist() == [3.0, 7.0, 0.0, 0.0]
    assert branch.spread.tolist() == pytest.approx([2.0 / 1.349, 1.0, 1.0, math.sqrt(0.2)])


def test_an_unknown_value_stands_at_the_median() -> None:
    branch = FeatureBranch(3, [4], 0.0).eval()
    branch.set_statistics(torch.tensor([[1.0, 5.0, 0.0], [2.0, 6.0, 1.0], [3.0, 7.0, 2.0]]))
    torch.testing.assert_close(branch(torch.tensor([[math.nan, 6.5, 1.0]])), branch(torch.tensor([[2.0, 6.5, 1.0]])))


def test_a_record_without_a_set_gets_the_learned_embedding(network: EcgNetwork) -> None:
    fusion = network.eval().fusion
    assert fusion is not None
    branch = fusion.branches[0]
    with torch.no_grad():
        branch.absent.fill_(0.25)
    assert branch(torch.full((1, 2), math.nan)).tolist() == [[0.25] * 8]
    x = torch.randn(2, N_LEADS, N_TIMES)
    torch.testing.assert_close(network(x), network(x, torch.full((2, 1315), math.nan)))


def test_features_change_the_answer(network: EcgNetwork) -> None:
    x, features = torch.randn(3, N_LEADS, N_TIMES), _features(3)
    network.eval()
    assert network(x, features).shape == (3, N_OUTPUTS)
    assert not torch.allclose(network(x, features), network(x))


def test_wild_values_stay_finite(network: EcgNetwork) -> None:
    answer = network.eval()(torch.zeros(1, N_LEADS, N_TIMES), torch.full((1, 1315), 3e38))
    assert torch.isfinite(answer).all()


def test_every_parameter_gets_a_gradient(network: EcgNetwork) -> None:
    features = _features(4)
    features[0] = math.nan
    network.train()(torch.randn(4, N_LEADS, N_TIMES), features).square().mean().backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None or not parameter.grad.abs().sum() > 0] == []


def test_features_may_come_once_per_record(network: EcgNetwork) -> None:
    network.eval()
    x, features, record = torch.randn(5, N_LEADS, N_TIMES), _features(3), torch.tensor([0, 0, 1, 2, 2])
    features[1] = math.nan
    features[2, :2] = math.nan
    torch.testing.assert_close(network(x, features, record), network(x, features[record]))


def test_the_fusion_of_the_report_has_its_size() -> None:
    report = FeaturesConfig.model_validate({"sets": [{"name": "ptbxl_plus"}]})
    space = choose_space(report)
    assert space is not None
    network = build_network("inception1d", {}, 12, 5, space.to_json())
    assert network.fusion is not None
    assert [layer[0].in_features for layer in network.fusion.branches[0].read] == [1313, 256, 128]
    assert network.fusion.join[0].in_features == 320
    assert count_parameters(network) == pytest.approx(977_000, rel=0.01)


def test_sets_are_withheld_apart(space: FeatureSpace) -> None:
    matrix = np.ones((2000, 1315), dtype=np.float32)
    answer = withhold(matrix, space, np.random.default_rng(0), 0.3)
    gone = np.stack([np.isnan(answer[:, where]).all(axis=1) for where in space.slices.values()])
    partly = np.stack([np.isnan(answer[:, where]).any(axis=1) for where in space.slices.values()])
    np.testing.assert_array_equal(gone, partly)
    assert gone.mean(axis=1) == pytest.approx([0.3, 0.3], abs=0.04)
    assert (gone[0] & gone[1]).mean() == pytest.approx(0.09, abs=0.03)
    assert np.isfinite(matrix).all()
