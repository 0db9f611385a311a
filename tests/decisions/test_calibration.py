"""Calibration: better on new records, the same order, and modest with few data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heart_reader.decisions.calibration import MIN_SLOPE, ece_by_chance, fit_platt
from heart_reader.decisions.decision import Calibration
from heart_reader.errors import ConfigError, DataError
from heart_reader.metrics import class_values, metric_value


@pytest.mark.parametrize("sharpness", [0.4, 3.0])
def test_calibration_from_validation_helps_on_test(simulate, sharpness):
    val, test = simulate("val", 1500, 1, sharpness=sharpness), simulate("test", 1500, 2, sharpness=sharpness)
    fitted = fit_platt(val)
    calibrated = fitted.apply(test.y_prob)
    assert fitted.fitted == (True,) * 5
    np.testing.assert_allclose(fitted.slope, 1 / sharpness, rtol=0.25)
    before, after = (
        {name: metric_value(name, test.y_true, prob) for name in ("macro_ece", "macro_brier")} for prob in (test.y_prob, calibrated)
    )
    assert after["macro_brier"] < before["macro_brier"]
    assert after["macro_ece"] < 0.5 * before["macro_ece"]
    assert np.array_equal(class_values("macro_auroc", test.y_true, calibrated), class_values("macro_auroc", test.y_true, test.y_prob))


def test_the_error_that_chance_alone_makes_shrinks_with_the_records(simulate):
    many, few = simulate("test", 2000, 1, sharpness=1.0), simulate("test", 200, 1, sharpness=1.0)
    mean, low, high = ece_by_chance(few.y_prob, 0)
    assert low < metric_value("macro_ece", few.y_true, few.y_prob) < high
    assert mean > 2 * ece_by_chance(many.y_prob, 0)[0]
    # A model that is always sure of itself is calibrated only if it is right.
    assert ece_by_chance((few.y_prob > 0.5).astype(float), 0) == (0.0, 0.0, 0.0)


def test_few_cases_pass_unchanged(simulate):
    val = simulate("val")
    y_true = val.y_true.copy()
    y_true[:, 4] = 0
    y_true[:4, 4] = 1
    fitted = fit_platt(replace(val, y_true=y_true))
    assert fitted.fitted == (True, True, True, True, False)
    assert np.array_equal(fitted.apply(val.y_prob)[:, 4], val.y_prob[:, 4])


def test_perfect_separation_stays_finite(simulate):
    val = simulate("val")
    fitted = fit_platt(replace(val, y_true=(val.y_prob > 0.5).astype(np.float32)))
    assert np.isfinite([fitted.slope, fitted.intercept]).all()


def test_a_class_ranked_backwards_is_flattened_not_turned(simulate):
    val = simulate("val", 800)
    backwards = replace(val, y_prob=1 - val.y_prob)
    fitted = fit_platt(backwards)
    assert fitted.slope == (MIN_SLOPE,) * 5
    before, after = (class_values("macro_auroc", val.y_true, prob) for prob in (backwards.y_prob, fitted.apply(backwards.y_prob)))
    assert np.array_equal(before, after)


def test_certain_probabilities_stay_finite(simulate):
    val = simulate("val")
    y_prob = val.y_prob.copy()
    y_prob[0], y_prob[1] = 0.0, 1.0
    applied = fit_platt(replace(val, y_prob=y_prob)).apply(y_prob)
    assert np.isfinite(applied).all()


def test_only_validation_may_fit(simulate):
    with pytest.raises(DataError, match="calibration would be fitted on split 'test'"):
        fit_platt(simulate("test"))


@given(st.floats(0.01, 20), st.floats(-10, 10), st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_apply_is_monotone_and_stays_a_probability(slope, intercept, probabilities):
    y_prob = np.sort(probabilities)[:, None]
    applied = Calibration("platt", "val", (slope,), (intercept,), (True,)).apply(y_prob)
    assert (np.diff(applied[:, 0]) >= 0).all()
    assert (applied >= 0).all()
    assert (applied <= 1).all()


def test_impossible_calibrations_are_refused():
    with pytest.raises(ConfigError, match="positive slopes"):
        Calibration("platt", "val", (-1.0,), (0.0,), (True,))
    with pytest.raises(ConfigError, match="one of each per class"):
        Calibration("platt", "val", (1.0, 1.0), (0.0,), (True,))
    with pytest.raises(ConfigError, match="2 classes to calibrate, 1 were fitted"):
        Calibration("platt", "val", (1.0,), (0.0,), (True,)).apply(np.zeros((3, 2)))


def test_json_is_the_inverse(simulate):
    fitted = fit_platt(simulate("val"))
    assert Calibration.from_json(fitted.to_json()) == fitted
