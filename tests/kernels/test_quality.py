"""The quality gate: the compiled kernels give the bits of those of NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from heart_reader.kernels import COMPILED
from tests.kernels.pairs import both

pytestmark = pytest.mark.skipif("energies" not in COMPILED, reason="no compiler was found")


def noise(number: int, n_leads: int, n_times: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return noise of any size: drifting, in steps, flat for a while, or at a rail."""
    rng = np.random.default_rng(number)
    signal = rng.normal(0, 10.0 ** rng.integers(-3, 2), (n_leads, n_times))
    if number % 2:
        signal = np.cumsum(signal, axis=1)
    if number % 3 == 0:
        signal = np.round(signal)
    if number % 5 == 0:
        signal[:, n_times // 3 : n_times // 3 + int(rng.integers(1, 300))] = 0.5
    if number % 7 == 0:
        signal = np.clip(signal, -0.1, 0.1)
    return signal.astype(np.float32)


def test_energies() -> None:
    for number in range(100):
        beat = noise(number, 1 + number % 13, 650 - number % 2)
        values = both("energies", beat, 250, 75, 50)
        assert np.isfinite(values).all()
    assert both("energies", np.zeros((2, 650), np.float32), 250, 75, 50).tolist() == [0.0] * 6


def test_arrangement_sums() -> None:
    for number in range(200):
        rng = np.random.default_rng(number)
        beat = noise(number, 8, 650)
        first = int(rng.integers(0, 645))
        last = first + int(rng.integers(5, 90))
        p = (0, 0) if number % 4 == 0 else tuple(sorted(rng.integers(0, 650, 2).tolist()))
        assert np.isfinite(both("arrangement_sums", beat, (first, last), last + int(rng.integers(0, 200)), p)).all()


def test_leads_that_stand_still() -> None:
    found = []
    for number in range(300):
        signal = noise(number, 1 + number % 5, 1000 + number)
        found += both("standing_still", signal, 1 + 13 * (number % 20))
    assert 20 < sum(found) < len(found) - 20
    edge = np.array([[1, 1, 1, 2, 2, 3, 3, 3, 3]], np.float32)
    assert [both("standing_still", edge, least)[0] for least in (3, 4, 5, 9, 10)] == [True, True, False, False, False]


def test_leads_that_stay_near_a_level() -> None:
    found = []
    for number in range(300):
        lead = noise(number, 1, 700 + number)[0]
        found.append(both("stays_near", lead, 1 + number, 0.98))
    assert 20 < sum(found) < 280


def test_misfit() -> None:
    for number in range(100):
        limb = noise(number, 3 + number % 4, 500 + number).astype(np.float64)
        worst, size = both("misfit", limb, np.random.default_rng(number).normal(size=(len(limb) - 2, 2)))
        assert worst >= 0
        assert size >= 0
    one, two = np.random.default_rng(0).normal(size=(2, 500))
    assert both("misfit", np.stack([one, two, two - one]), np.array([[-1.0, 1.0]]))[0] < 1e-12


def test_compiled_kernels_refuse_what_does_not_fit() -> None:
    beat = np.zeros((8, 650), np.float32)
    for places in ((2, 75, 50), (250, 1, 50), (250, 75, 399), (2**62, 2**62, 2**62), (-1, 75, 50)):
        with pytest.raises(ValueError, match="energies"):
            COMPILED["energies"](beat, *places)
    for qrs, end, p in (((-1, 9), 20, (0, 0)), ((9, 9), 20, (0, 0)), ((5, 9), 8, (0, 0)), ((5, 9), 20, (651, 2))):
        with pytest.raises(ValueError, match="arrangement_sums"):
            COMPILED["arrangement_sums"](beat, qrs, end, p)
    with pytest.raises(ValueError, match="eight leads"):
        COMPILED["arrangement_sums"](beat[:7], (5, 9), 20, (0, 0))
    with pytest.raises(ValueError, match="part"):
        COMPILED["stays_near"](beat[0], 0, 1.0)
    with pytest.raises(ValueError, match="misfit"):
        COMPILED["misfit"](np.zeros((2, 5)), np.zeros((0, 2)))
