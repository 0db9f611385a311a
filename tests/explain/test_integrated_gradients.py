"""Path integrals of functions with a known integral, and log-odds of the classifier."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from heart_reader.checkpoint import load_manifest
from heart_reader.data.labels import Contrast, LabelSpace, Level
from heart_reader.decisions.decision import Calibration, log_odds
from heart_reader.errors import NotServable
from heart_reader.explain.attribution import class_log_odds, class_probability
from heart_reader.explain.integrated_gradients import integrated_gradients, mean_gradients

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def normal(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    return torch.from_numpy(rng.normal(size=shape).astype(np.float32))


def test_a_linear_function_is_its_weights_times_the_change(rng: np.random.Generator) -> None:
    weights, windows, baseline = (normal(rng, 3, 2, 5) for _ in range(3))
    slopes = normal(rng, 3, 1)

    def answer(path: torch.Tensor) -> torch.Tensor:
        return (path * weights.repeat(len(path) // 3, 1, 1)).sum(dim=(1, 2)).unsqueeze(1)

    (attribution,) = integrated_gradients(answer, slopes, [windows], [baseline], steps=1)
    np.testing.assert_allclose(attribution, slopes.unsqueeze(2) * weights * (windows - baseline), atol=1e-5)


@pytest.mark.parametrize("steps", [2, 5, 40])
def test_the_mean_gradient_of_a_cubic_needs_two_steps(rng: np.random.Generator, steps: int) -> None:
    ends, baselines = [normal(rng, 40, 3), normal(rng, 2)], [normal(rng, 40, 3), normal(rng, 2)]
    gradients, at_ends, at_baselines = mean_gradients(
        lambda *paths: sum((path**3).flatten(1).sum(dim=1) for path in paths), ends, baselines, steps
    )
    for gradient, end, start in zip(gradients, ends, baselines, strict=True):
        np.testing.assert_allclose(gradient * (end - start), end.double() ** 3 - start.double() ** 3, atol=1e-4)
    assert at_ends - at_baselines == pytest.approx(
        sum(float((end**3).sum() - (start**3).sum()) for end, start in zip(ends, baselines, strict=True)), abs=1e-3
    )


def test_errors_of_overlapping_windows_cancel(rng: np.random.Generator) -> None:
    """Seven equal windows with few points come closer than each of them."""
    window = (0.5 + normal(rng, 1, 2, 6).abs()).expand(7, -1, -1)
    slopes = torch.ones(7, 1)

    def answer(path: torch.Tensor) -> torch.Tensor:
        return torch.relu(path.sum(dim=(1, 2)) - 3.0).unsqueeze(1)

    exact = float(answer(window)[0] - answer(torch.zeros(1, 2, 6))[0])
    (attribution,) = integrated_gradients(answer, slopes, [window], [torch.zeros_like(window)], steps=4)
    errors = attribution.sum(dim=(1, 2)) - exact
    assert abs(float(errors.mean())) < 0.3 * float(errors.abs().max())


def test_what_does_not_change_or_is_not_known_gets_nothing(rng: np.random.Generator) -> None:
    windows = normal(rng, 2, 3, 4)
    baseline = windows.clone()
    baseline[:, 1] = 0
    unknown = torch.full((2, 2), torch.nan)

    def answer(path: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        return (path.prod(dim=-1).sum(dim=1) * torch.nan_to_num(features).sum(dim=1).exp()).unsqueeze(1)

    attribution, beside = integrated_gradients(answer, torch.ones(2, 1), [windows, unknown], [baseline, unknown], steps=8)
    assert (attribution[:, [0, 2]] == 0).all()
    assert (attribution[:, 1] != 0).any()
    assert (beside == 0).all()


def small_space() -> LabelSpace:
    """Statements, a level of them without and one with a head, and a binary level of each kind."""
    members = ((0, 1), (2,), (1, 2, 3))
    return LabelSpace(
        {
            "all": Level("all", ("a", "b", "c", "d")),
            "coarse": Level("coarse", ("x", "y", "z"), members),
            "headed": Level("headed", ("x", "y", "z"), members),
            "binary": Level("binary", ("x against y or z",), contrast=Contrast("headed", (0,), (1, 2))),
        },
        ("all", "headed"),
    )


def shipped_space() -> LabelSpace:
    return LabelSpace.from_json(load_manifest(ROOT / "results" / "ptbxl-ensemble" / "checkpoint")["levels"])


@pytest.mark.parametrize("space", [small_space(), shipped_space()], ids=["small", "shipped"])
@pytest.mark.parametrize("spread", [1.0, 6.0])
def test_probabilities_are_those_of_the_label_space(space: LabelSpace, spread: float, rng: np.random.Generator) -> None:
    logits = rng.normal(0, spread, (7, space.n_outputs))
    for level, expected in space.probabilities(logits).items():
        for position in range(expected.shape[1]):
            ours = class_probability(space, level, position, torch.from_numpy(logits)).numpy()
            np.testing.assert_allclose(ours, expected[:, position], rtol=1e-9, atol=1e-10)


def test_windows_are_averaged_before_the_calibrated_log_odds(rng: np.random.Generator) -> None:
    space = small_space()
    logits = rng.normal(0, 2, (2, 5, space.n_outputs))
    calibration = Calibration("platt", "val", (0.5, 2.0, 1.0), (0.1, -1.0, 0.0), (True, True, True))
    ours = class_log_odds(space, "headed", 1, torch.from_numpy(logits), calibration).numpy()
    for row in range(2):
        mean = space.probabilities(logits[row])["headed"].mean(axis=0)
        assert ours[row] == pytest.approx(log_odds(calibration.apply(mean))[1], abs=1e-8)


def test_a_level_that_does_not_follow_is_refused() -> None:
    space = small_space().with_heads(("headed",))
    with pytest.raises(NotServable, match="level all does not follow"):
        class_probability(space, "all", 0, torch.zeros(1, 3, dtype=torch.float64))
