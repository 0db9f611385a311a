"""P waves against each other: the compiled kernels give the bits of those of NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from heart_reader.features.p_wave_inputs import _ramp
from heart_reader.kernels import COMPILED
from heart_reader.kernels.p_waves import activity_of_parts, compared_parts, diastole_medians, levelled_parts, weighed_steps
from tests.kernels.pairs import both

compiled = pytest.mark.skipif("compared_parts" not in COMPILED, reason="no compiler was found")
HUGE = np.iinfo(np.int64)


def signal_of(number: int, n_leads: int, n_times: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return noise, drifting, in steps of one size, or flat for a while."""
    rng = np.random.default_rng(number)
    signal = rng.normal(size=(n_leads, n_times))
    if number % 2:
        signal = np.cumsum(signal, axis=1)
    if number % 3 == 0:
        signal = np.round(signal)
    if number % 5 == 0:
        signal[:, n_times // 3 : 2 * n_times // 3] = 0.5
    return signal


def beats_of(number: int) -> tuple[Any, ...]:
    """Return signal, activity, places (as far out as they may be), template, cuts and length."""
    rng = np.random.default_rng(number)
    n_leads, n_times, length = 1 + number % 12, int(rng.integers(60, 900)), int(rng.integers(2, 40))
    signal = signal_of(number, n_leads, n_times)
    n_parts = n_times - length + 1
    n_places = int(rng.integers(2, 14))
    places = np.sort(rng.integers(5, n_parts - 5, n_places))
    places[0], places[-1] = 5, n_parts - 6
    cuts = levelled_parts(signal, places, _ramp(length))
    return signal, activity_of_parts(signal, length), places, cuts.mean(axis=0), cuts, length


@compiled
def test_weighed_steps() -> None:
    for number in range(60):
        signal = signal_of(number, number % 13, int(np.random.default_rng(number).integers(0, 300))).astype(np.float32)
        weights = np.random.default_rng(number).random(len(signal)) * (number % 4 > 0)
        both("weighed_steps", signal, weights, 1 + number % 7)
        both("weighed_steps", signal, weights, 4)


@compiled
def test_activity_of_parts() -> None:
    for number in range(120):
        n_times = 40 + 7 * number
        length = 2 + number % 38
        values = both("activity_of_parts", signal_of(number, 1 + number % 13, n_times), length)
        assert values.shape == (n_times - length + 1,)
        assert np.isfinite(values).all()
    for n_leads in (1, 5):
        # One part, which is all there is; of two points nothing is left without mean and slope.
        assert both("activity_of_parts", signal_of(1, n_leads, 20), 20).shape == (1,)
        np.testing.assert_allclose(both("activity_of_parts", signal_of(2, n_leads, 20), 2), 0.0, atol=1e-6)


def test_activity_is_the_size_of_levelled_parts() -> None:
    signal = signal_of(4, 3, 200)
    parts = levelled_parts(signal, np.arange(181), _ramp(20))
    np.testing.assert_allclose(activity_of_parts(signal, 20), np.linalg.norm(parts, axis=1), rtol=1e-8)


@compiled
def test_levelled_parts() -> None:
    for number in range(60):
        signal, _, places, _, _, length = beats_of(number)
        both("levelled_parts", signal, places, _ramp(length))
        both("levelled_parts", signal, np.array([0, signal.shape[1] - length]), _ramp(length))
        assert both("levelled_parts", signal, places[:0], _ramp(length)).shape == (0, len(signal) * length)


@compiled
def test_compared_parts() -> None:
    for number in range(200):
        signal, activity, places, template, cuts, _ = beats_of(number)
        for n_cuts in {0, 2, len(places)}:
            rows = both("compared_parts", signal, activity, places, 1 + number % 5, template, cuts[:n_cuts])
            assert rows.shape == (len(places), 5)
            assert np.isfinite(rows).all()
        assert both("compared_parts", signal, activity, places[:0], 5, template, cuts[:0]).shape == (0, 5)
    signal, activity, places, template, cuts, _ = beats_of(7)
    # Where nothing is, all places are alike, and the first is the best.
    both("compared_parts", np.zeros_like(signal), np.zeros_like(activity), places, 5, np.zeros_like(template), np.zeros_like(cuts))
    signal[:, places[0] : places[0] + 3] = math.nan
    both("compared_parts", signal, activity, places, 5, template, cuts)


def test_a_wave_that_comes_later_is_found_later() -> None:
    wave = np.sin(np.linspace(0.0, math.pi, 20)) ** 2
    signal = np.zeros((2, 400))
    places = np.array([50, 150, 250, 350])
    for place, late in zip(places, (0, 0, 0, 3), strict=True):
        signal[:, place + late : place + late + 20] += wave
    cuts = levelled_parts(signal, places[:3], _ramp(20))
    rows = compared_parts(signal, activity_of_parts(signal, 20), places, 5, cuts.mean(axis=0), cuts)
    np.testing.assert_allclose(rows[:3], [[1.0, 1.0, 0.0, 1.0, 0.0]] * 3, atol=1e-6)
    assert rows[3, 4] == pytest.approx(3.0, abs=0.1)
    assert rows[3, 0] < 0.9 < rows[3, 1]


@compiled
def test_diastole_medians() -> None:
    unknown = 0
    for number in range(200):
        signal, activity, places, template, _, _ = beats_of(number)
        rng = np.random.default_rng(number)
        r = places + rng.integers(5, 40)
        r = np.insert(r.astype(float), 0, max(r[0] - 200.0, -3.0)) + rng.random()
        r[rng.random(len(r)) < 0.2] = math.nan
        members = np.arange(len(places)) + number % 2
        answer = both("diastole_medians", signal, activity, places, template, r, members, 12.0, 0.45)
        unknown += math.isnan(answer[0])
        # Whatever lies beyond the signal is left out.
        both("diastole_medians", signal, activity, places + 10 * number - 900, template, r * rng.integers(-2, 3), members, 12.0, 0.45)
    assert 0 < unknown < 100
    signal, activity, places, template, _, _ = beats_of(1)
    none = places[:0]
    assert all(math.isnan(value) for value in both("diastole_medians", signal, activity, none, template, np.zeros(0), none, 12.0, 0.45))
    nowhere = np.full(len(places), math.nan)
    assert np.isnan(both("diastole_medians", signal, activity, places, template, nowhere, np.arange(len(places)), 12.0, 0.45)).all()


def test_what_lies_between_beats_is_found() -> None:
    signal = signal_of(2, 2, 300)
    template = levelled_parts(signal, np.array([100]), _ramp(20))[0]
    activity = activity_of_parts(signal, 20)
    r, place = np.array([30.0, 250.0]), np.array([220])
    quiet, elsewhere = diastole_medians(signal, activity, place, template, r, np.array([1]), 12.0, 0.25)
    assert quiet == activity[42:210].min()
    assert elsewhere == pytest.approx(float(template @ template))


@compiled
@pytest.mark.parametrize("place", [HUGE.min, -1, 4, 476, 481, HUGE.max])
def test_places_outside_are_refused(place: int) -> None:
    signal, template = np.ones((2, 500)), np.ones(40)
    activity = activity_of_parts(signal, 20)
    assert len(activity) == 481
    places, ramp = np.array([200, place]), _ramp(20)
    with pytest.raises(ValueError, match="outside of the signal"):
        COMPILED["compared_parts"](signal, activity, places, 5, template, np.zeros((0, 40)))
    if not 0 <= place <= 480:
        with pytest.raises(ValueError, match="outside of the signal"):
            COMPILED["levelled_parts"](signal, places, ramp)
    # Between beats it is only how far to look.
    answer = both("diastole_medians", signal, activity, places, template, np.array([10.0, 240.0]), np.array([0, 1]), 12.0, 0.45)
    assert math.isnan(answer[0]) == (place < 30)


@compiled
def test_what_does_not_belong_together_is_refused() -> None:
    signal, template, places = np.ones((2, 500)), np.ones(40), np.array([100, 200, 300])
    activity, cuts, compared, diastole = np.ones(481), np.ones((3, 40)), COMPILED["compared_parts"], COMPILED["diastole_medians"]
    compared(signal, activity, places, 5, template, cuts)
    for wrong in (
        *((signal, activity, places, reach, template, cuts) for reach in (0, -1, 8, 500)),
        (signal, np.ones(482), places, 5, template, cuts),
        (signal, activity, places, 5, np.ones(41), np.ones((3, 41))),
        (signal, activity, places, 5, np.ones(0), np.ones((3, 0))),
        (signal, activity, places, 5, template, cuts[:1]),
        (signal, activity, places[:2], 5, template, cuts),
        (signal, activity, places, 5, template, np.ones((3, 42))),
        (signal[:0], activity, places, 5, template, cuts),
    ):
        with pytest.raises(ValueError, match="compared_parts"):
            compared(*wrong)
    r, members = np.array([10.0, 120.0, 220.0, 320.0]), np.array([1, 2, 3])
    diastole(signal, activity, places, template, r, members, 12.0, 0.45)
    for wrong in (
        (signal, np.ones(482), places, template, r, members, 12.0, 0.45),
        (signal, activity, places[:2], template, r, members, 12.0, 0.45),
        (signal, activity, places, np.ones(41), r, members, 12.0, 0.45),
        (signal[:0], activity, places, template, r, members, 12.0, 0.45),
        *((signal, activity, places, template, r, members + step, 12.0, 0.45) for step in (-2, 1, HUGE.max - 9)),
    ):
        with pytest.raises(ValueError, match="diastole_medians"):
            diastole(*wrong)
    for time in (math.inf, -math.inf, math.nan, 1e300, -1e300):
        diastole(signal, activity, places, template, r, members, time, 0.45)
        diastole(signal, activity, places, template, r, members, 12.0, time)


def test_weights_and_steps_are_one_for_each() -> None:
    signal = np.arange(24, dtype=np.float32).reshape(2, 12)
    np.testing.assert_array_equal(weighed_steps(signal, np.array([4.0, 0.0]), 4), [[3.0, 11.0, 19.0], [0.0, 0.0, 0.0]])
    if COMPILED:
        for weights, step in ((np.ones(3), 4), (np.ones(2), 0), (np.ones(2), -4)):
            with pytest.raises(ValueError, match="weighed_steps"):
                COMPILED["weighed_steps"](signal, weights, step)
