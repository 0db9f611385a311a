from __future__ import annotations

import numpy as np
import pytest

from heart_reader.config import AugmentationConfig
from heart_reader.data.augmentations import (
    augment,
    baseline_wander,
    drop_leads,
    gaussian_noise,
    scale_amplitude,
    shift,
    warp_time,
)
from heart_reader.data.synthetic import random_parameters, simulate

FS = 100.0
ALL_ON = AugmentationConfig(noise_mv=0.02, scale=0.2, lead_dropout=0.3, wander_mv=0.1, warp=0.1, shift_s=0.5)


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([simulate(random_parameters("NORM", rng), rng=rng, fs=FS, duration_s=2.5).signal for _ in range(6)])


def einthoven_error(x: np.ndarray) -> float:
    return float(np.abs(x[:, 0] + x[:, 2] - x[:, 1]).max())


def test_same_generator_same_result_and_input_untouched(x: np.ndarray) -> None:
    before = x.copy()
    first = augment(x, np.random.default_rng(1), ALL_ON, FS)
    second = augment(x, np.random.default_rng(1), ALL_ON, FS)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(x, before)
    assert first.shape == x.shape
    assert first.dtype == np.float32
    assert not np.array_equal(first, augment(x, np.random.default_rng(2), ALL_ON, FS))


def test_nothing_is_done_by_default(x: np.ndarray) -> None:
    assert augment(x, np.random.default_rng(0), AugmentationConfig(), FS) is x


def test_noise_has_the_stated_strength(x: np.ndarray) -> None:
    assert (gaussian_noise(x, np.random.default_rng(0), 0.05) - x).std() == pytest.approx(0.05, rel=0.02)


def test_scaling_keeps_the_limb_identities(x: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    assert einthoven_error(x) < 1e-5
    assert einthoven_error(scale_amplitude(x, rng, 0.3)) < 1e-5
    factors = scale_amplitude(x, rng, 0.3).std(axis=(1, 2)) / x.std(axis=(1, 2))
    assert (np.abs(factors - 1) <= 0.3).all()


def test_dropped_leads_are_zero_and_one_is_spared(x: np.ndarray) -> None:
    dropped = drop_leads(x, np.random.default_rng(0), 1.0)
    silent = (dropped == 0).all(axis=2)
    assert (silent.sum(axis=1) == 11).all()
    kept = ~silent
    np.testing.assert_array_equal(dropped[kept], x[kept])


def test_wander_is_slow_and_bounded(x: np.ndarray) -> None:
    added = baseline_wander(x, np.random.default_rng(0), 0.2, FS) - x
    assert np.abs(added).max() <= 0.2 + 1e-6
    assert np.abs(np.diff(added, axis=2)).max() < 0.2 * 2 * np.pi * 0.5 / FS + 1e-5


def test_warp_moves_time_around_the_middle() -> None:
    ramp = np.tile(np.arange(101, dtype=np.float32), (4, 2, 1))
    warped = warp_time(ramp, np.random.default_rng(0), 0.1)
    np.testing.assert_allclose(warped[:, :, 50], 50, atol=1e-4)
    speed = warped[:, 0, 60] - warped[:, 0, 50]
    assert ((speed >= 8.9) & (speed <= 11.1)).all()


def test_shift_rotates(x: np.ndarray) -> None:
    shifted = shift(x, np.random.default_rng(0), 20)
    for before, after in zip(x, shifted, strict=True):
        assert any(np.array_equal(np.roll(before, step, axis=1), after) for step in range(-20, 21))
