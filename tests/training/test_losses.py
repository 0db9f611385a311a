from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from heart_reader.config import LossConfig
from heart_reader.data.labels import ALL, SUPERDIAGNOSTIC, LabelSpace, Level
from heart_reader.training.batches import draw_shares, mixup
from heart_reader.training.losses import LOSSES, MultiLevelLoss

SPACE = LabelSpace(
    {
        ALL: Level(ALL, ("a", "b", "c"), ((0,), (1,), (2,))),
        SUPERDIAGNOSTIC: Level(SUPERDIAGNOSTIC, ("X", "Y"), ((0, 1), (2,))),
    },
    (ALL, SUPERDIAGNOSTIC),
)
NAN = float("nan")


@pytest.fixture(params=sorted(LOSSES))
def config(request: pytest.FixtureRequest) -> LossConfig:
    return LossConfig(name=request.param)


def test_a_better_answer_costs_less(config: LossConfig) -> None:
    targets = torch.tensor([[1.0, 0.0]])
    costs = [LOSSES[config.name](torch.tensor([[x, -x]]), targets, config).sum() for x in (-2.0, 0.0, 2.0, 6.0)]
    assert costs == sorted(costs, reverse=True)
    assert all(cost >= 0 for cost in costs)


def test_focal_without_focus_is_half_the_cross_entropy() -> None:
    logits, targets = torch.randn(4, 3), torch.randint(2, (4, 3)).float()
    focal = LOSSES["focal"](logits, targets, LossConfig(gamma=0.0, alpha=0.5))
    torch.testing.assert_close(focal, 0.5 * LOSSES["bce"](logits, targets, LossConfig()))


def test_asymmetric_without_focus_and_clip_is_cross_entropy() -> None:
    logits, targets = torch.randn(4, 3), torch.randint(2, (4, 3)).float()
    plain = LossConfig(gamma_positive=0.0, gamma_negative=0.0, clip=0.0)
    torch.testing.assert_close(LOSSES["asymmetric"](logits, targets, plain), LOSSES["bce"](logits, targets, plain), rtol=1e-4, atol=1e-5)


def test_unknown_labels_cost_nothing_and_pull_nowhere(config: LossConfig) -> None:
    loss = MultiLevelLoss(SPACE, SUPERDIAGNOSTIC, config.model_copy(update={"noisy_or_weight": 0.0}))
    logits = torch.randn(2, 5, requires_grad=True)
    targets = torch.tensor([[NAN, 1.0, 0.0, 1.0, 0.0], [NAN, NAN, 1.0, NAN, 1.0]])
    loss(logits, targets).backward()
    assert logits.grad is not None
    assert torch.equal(logits.grad == 0, torch.isnan(targets))
    other = logits.detach().clone()
    other[torch.isnan(targets)] = 99.0
    torch.testing.assert_close(loss(other, targets), loss(logits, targets).detach())


def test_a_known_superclass_teaches_its_statements() -> None:
    loss = MultiLevelLoss(SPACE, SUPERDIAGNOSTIC, LossConfig())
    logits = torch.zeros(1, 5, requires_grad=True)
    loss(logits, torch.tensor([[NAN, NAN, NAN, 1.0, 0.0]])).backward()
    assert logits.grad is not None
    pull = -logits.grad[0]
    assert pull[0] > 0
    assert pull[1] > 0
    assert pull[2] < 0


def test_everything_unknown_is_zero(config: LossConfig) -> None:
    assert MultiLevelLoss(SPACE, SUPERDIAGNOSTIC, config)(torch.randn(2, 5), torch.full((2, 5), NAN)).item() == 0


@pytest.mark.parametrize("size", [1e3, -1e3])
def test_extreme_logits_stay_finite(config: LossConfig, size: float) -> None:
    logits = torch.full((2, 5), size, requires_grad=True)
    loss = MultiLevelLoss(SPACE, SUPERDIAGNOSTIC, config)(logits, torch.tensor([[1.0, 0, 0, 1, 0], [0, 0, 1, 0, 1]]))
    loss.backward()
    assert torch.isfinite(loss)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_smoothing_prefers_less_than_certainty() -> None:
    loss = MultiLevelLoss(SPACE, SUPERDIAGNOSTIC, LossConfig(label_smoothing=0.1, noisy_or_weight=0.0))
    targets = torch.ones(1, 5)
    assert loss(torch.full((1, 5), 3.0), targets) < loss(torch.full((1, 5), 12.0), targets)


@given(st.integers(0, 2**32), st.floats(0.1, 2.0))
def test_mixup_keeps_means_and_unknowns(seed: int, alpha: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((6, 2, 5)).astype(np.float32)
    targets = rng.integers(0, 2, (6, 3)).astype(np.float32)
    targets[0, 0] = np.nan
    partner = rng.permutation(len(x))
    mixed_x, mixed = mixup([x, targets], [x[partner], targets[partner]], np.float32(rng.beta(alpha, alpha)))
    np.testing.assert_allclose(mixed_x.mean(axis=0), x.mean(axis=0), atol=1e-5)
    assert np.isnan(mixed[:, 0]).any()
    assert ((mixed[:, 1:] >= 0) & (mixed[:, 1:] <= 1)).all()


def test_rare_classes_are_drawn_as_often_as_asked():
    labels = np.zeros((105, 3), dtype=np.float32)
    labels[:90, 0], labels[90:100, 1], labels[100:] = 1, 1, np.nan
    for balance in (0.0, 0.5, 1.0):
        shares = draw_shares(labels, balance)
        assert shares.sum() == pytest.approx(1)
        assert shares[:90].sum() / shares[90:100].sum() == pytest.approx(9 ** (1 - balance))
        # What is not known is drawn as often as the average record.
        assert shares[100] == pytest.approx(1 / 105)
    labels[0, 1] = 1  # counts for the rarer of its classes
    assert draw_shares(labels, 1.0)[0] == draw_shares(labels, 1.0)[95]
