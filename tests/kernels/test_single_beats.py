"""Single beats and repeats: the compiled kernels give the bits of those of NumPy."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from heart_reader.kernels import COMPILED
from tests.kernels import pairs

pytestmark = pytest.mark.skipif("narrowest" not in COMPILED, reason="no compiler was found")

# None of these is to answer NaN.
both = partial(pairs.both, equal_nan=False)
LIMITS = np.array([0.15, 2.0, 0.3])
TIMES = np.arange(-80, 21, 2)


def noise(number: int, n_leads: int, n_times: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return noise of any size: drifting, in steps, or flat."""
    rng = np.random.default_rng(number)
    signal = rng.normal(0, 10.0 ** rng.integers(-4, 2), (n_leads, n_times))
    if number % 2:
        signal = np.cumsum(signal, axis=1)
    if number % 3 == 0:
        signal = np.round(signal)
    if number % 7 == 0:
        signal[:] = 0.0
    return signal.astype(np.float32)


def test_usual_intervals() -> None:
    changed = 0
    for number in range(400):
        rng = np.random.default_rng(number)
        rr = rng.uniform(0.3, 1.5, 1 + number % 40)
        if number % 2:
            rr[::2] *= 0.5
        usual = both("usual_rr", rr, int(rng.choice([1, 3, 9, 25])), 0.87, 1.8)
        changed += int((~np.isin(usual, rr)).sum())
    assert changed > 100
    assert both("usual_rr", np.array([1.0]), 9, 0.87, 1.8).tolist() == [1.0]


def test_spans_of_beats() -> None:
    found = set()
    for number in range(200):
        rng = np.random.default_rng(number)
        n_times = int(rng.integers(1, 700))
        at = rng.integers(-50, n_times + 50, number % 14)
        if number % 9 == 0:
            at = np.concatenate([at, [0, n_times - 1, -(2**40), 2**40]])
        over, box = (int(of) for of in rng.integers(0, 12, 2))
        found |= set(both("steep_spans", noise(number, 1 + number % 12, n_times), at, -70, 90, over, box + 1, LIMITS).ravel().tolist())
    assert len(found) > 50
    assert both("steep_spans", noise(1, 2, 9), np.zeros(0, np.int64), -70, 90, 5, 10, LIMITS).shape == (2, 0)


def test_narrowest_deflections() -> None:
    found = set()
    for number in range(200):
        rng = np.random.default_rng(number)
        n_times = int(rng.integers(151, 900))
        at = rng.integers(105, n_times - 45, number % 14)
        if number % 9 == 0:
            at = np.concatenate([at, [105, n_times - 46]])
        # Some complexes end before anything that may be a spike.
        ends = rng.uniform(-120, 120, len(at))
        of_beats = both("narrowest", noise(number, 1 + number % 12, n_times), at, ends, TIMES, 10, 25, 70.0)
        found |= set(of_beats[2].tolist())
    assert len(found) > 40


def test_repeats() -> None:
    lags = set()
    for number in range(300):
        rng = np.random.default_rng(number)
        repeats = rng.normal(size=int(rng.integers(20, 400))).round(number % 3)
        if number % 5 == 0:
            repeats = np.arange(float(len(repeats)))
        twice = bool(number % 2)
        most = (len(repeats) - 2) // (2 if twice else 1)
        low, high = np.sort(rng.integers(1, most + 1, 2)).tolist()
        value, lag = both("highest_repeat", repeats, low, high if number % 4 else most, twice)
        assert low <= lag <= most
        lags.add(lag)
        assert number % 5 or value == 0.0
    assert len(lags) > 50


def test_compiled_kernels_refuse_what_does_not_fit() -> None:
    signal, at = np.zeros((2, 300), np.float32), np.array([150])
    for place in (104, 255, -(2**62), 2**62):
        with pytest.raises(ValueError, match="narrowest"):
            COMPILED["narrowest"](signal, np.array([place]), np.ones(1), TIMES, 10, 25, 70.0)
    for times, near, far in ((TIMES[::-1].copy(), 10, 25), (TIMES, 25, 10), (TIMES, 0, 25), (TIMES, 10, 2**62), (TIMES[:0], 10, 25)):
        with pytest.raises(ValueError, match="narrowest"):
            COMPILED["narrowest"](signal, at, np.ones(1), times, near, far, 70.0)
    with pytest.raises(ValueError, match="narrowest"):
        COMPILED["narrowest"](signal[:0], at, np.ones(1), TIMES, 10, 25, 70.0)
    for given in ((90, -70, 5, 10), (-70, 90, -1, 10), (-70, 90, 5, 0), (-(2**62), 2**62, 5, 10), (-70, 90, 2**62, 2**62)):
        with pytest.raises(ValueError, match="steep_spans"):
            COMPILED["steep_spans"](signal, at, *given, LIMITS)
    for size in (0, -1, 8):
        with pytest.raises(ValueError, match="usual_rr"):
            COMPILED["usual_rr"](np.ones(5), size, 0.87, 1.8)
    for low, high, twice in ((0, 5, False), (5, 4, False), (1, 19, False), (1, 10, True), (1, 2**62, True)):
        with pytest.raises(ValueError, match="highest_repeat"):
            COMPILED["highest_repeat"](np.zeros(20), low, high, twice)
    for first, quick, stop in ((-1, 2, 3), (3, 2, 4), (1, 4, 3), (1, 2, 11)):
        with pytest.raises(ValueError, match="band_powers"):
            COMPILED["band_powers"](np.zeros((4, 20)), first, quick, stop)
    for other, window, size in ((signal[:1], 300, 300), (signal, 299, 300), (signal, 300, 299)):
        with pytest.raises(ValueError, match="windowed"):
            COMPILED["windowed"](signal, other, np.ones(window), size)
    with pytest.raises(ValueError, match="without_beats"):
        COMPILED["without_beats"](signal, signal[:, :1].copy(), at, 0)
