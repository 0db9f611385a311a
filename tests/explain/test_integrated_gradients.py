"""The path integral on functions whose integral is known, and log-odds that must be the classifier's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from heart_reader.checkpoint import load_manifest
from heart_reader.data.labels import Contrast, LabelSpace, Level
from heart_reader.decision import Calibration, log_odds
from heart_reader.errors import NotServable
from heart_reader.explain.integrated_gradients import integrated_gradients
from heart_reader.explain.log_odds import class_log_odds, class_probability

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_linear_function_is_its_weights_times_the_change(rng: np.random.Generator) -> None:
    weights, windows, baseline = (rng.normal(size=(3, 2, 5)).astype(np.float32) for _ in range(3))

    def score(path: torch.Tensor) -> torch.Tensor:
        return (path * torch.from_numpy(weights)).sum(dim=(1, 2, 3))

    attribution, at_windows, at_baseline = integrated_gradients(score, windows, baseline, steps=1)
    np.testing.assert_allclose(attribution, weights * (windows - baseline), atol=1e-6)
    assert attribution.sum() == pytest.approx(at_windows - at_baseline, abs=1e-5)


@pytest.mark.parametrize("steps", [2, 5, 40])
def test_a_cubic_of_each_value_needs_two_steps(rng: np.random.Generator, steps: int) -> None:
    windows, baseline = (rng.normal(size=(40, 1, 3)).astype(np.float32) for _ in range(2))
    attribution, _, _ = integrated_gradients(lambda path: (path**3).sum(dim=(1, 2, 3)), windows, baseline, steps)
    np.testing.assert_allclose(attribution, windows.astype(float) ** 3 - baseline.astype(float) ** 3, atol=1e-4)


def test_what_does_not_change_gets_nothing(rng: np.random.Generator) -> None:
    windows = rng.normal(size=(2, 3, 4)).astype(np.float32)
    baseline = windows.copy()
    baseline[:, 1] = 0
    attribution, _, _ = integrated_gradients(lambda path: path.prod(dim=-1).sum(dim=(1, 2)), windows, baseline, steps=8)
    assert (attribution[:, [0, 2]] == 0).all()
    assert (attribution[:, 1] != 0).any()


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
