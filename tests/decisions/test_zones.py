"""Uncertain zones: what they promise holds on new records, and what cannot be promised is not."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heart_reader.decisions.decision import Thresholds, Uncertainty
from heart_reader.decisions.zones import RULE, choose_uncertainty
from heart_reader.errors import ConfigError, DataError
from heart_reader.predictions import Predictions


def _one_class(y_true, y_prob, split: str = "val") -> Predictions:
    n = len(y_true)
    names = np.array([f"r{row}" for row in range(n)])
    truth, prob = np.asarray(y_true, np.float32)[:, None], np.asarray(y_prob, np.float64)[:, None]
    return Predictions(split, "superdiagnostic", ("MI",), names, np.full(n, ""), truth, prob)


def _threshold(value: float | None) -> Thresholds:
    return Thresholds("f1", "val", (value,))


def _separated(rng: np.random.Generator, n_positive: int, n_negative: int, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Truth and probabilities of positives and negatives ``shift`` apart on the log-odds."""
    y_true = np.repeat([1, 0], [n_positive, n_negative])
    return y_true, 1 / (1 + np.exp(-rng.normal(shift * (y_true - 0.5))))


@pytest.mark.parametrize("n_positive", [9, 23, 200])
@pytest.mark.parametrize("shift", [0.5, 2.0, 4.0])
@pytest.mark.parametrize("threshold", [0.05, 0.5, 0.9])
def test_the_promise_holds_over_many_validation_sets(n_positive, shift, threshold):
    """The promise holds for the mean over validation sets, within four standard errors."""
    rng = np.random.default_rng(7)
    missed, alarmed = [], []
    for _ in range(400):
        true, prob = _separated(rng, n_positive, 150, shift)
        zones = choose_uncertainty(_one_class(true, prob), _threshold(threshold), alpha=0.1)
        new_true, new_prob = _separated(rng, 200, 200, shift)
        absent, present = zones.decisions(new_prob[:, None])
        missed.append(absent[new_true == 1].mean())
        alarmed.append(present[new_true == 0].mean())
        assert not (absent & (new_prob >= threshold)[:, None]).any()
        assert not (present & (new_prob < threshold)[:, None]).any()
    for errors in (missed, alarmed):
        assert np.mean(errors) <= 0.1 + 4 * np.std(errors) / math.sqrt(len(errors))


def test_it_is_no_more_cautious_than_it_has_to_be():
    rng = np.random.default_rng(1)
    zones = choose_uncertainty(_one_class(*_separated(rng, 999, 999, 1.0)), _threshold(0.5), alpha=0.1)
    true, prob = _separated(rng, 20_000, 20_000, 1.0)
    absent, present = zones.decisions(prob[:, None])
    assert absent[true == 1].mean() == pytest.approx(0.1, abs=0.03)
    assert present[true == 0].mean() == pytest.approx(0.1, abs=0.03)


def test_the_limits_are_order_statistics():
    prob = np.arange(1, 101) / 101
    true = np.tile([0, 1], 50)
    positives, negatives = np.sort(prob[true == 1]), np.sort(prob[true == 0])
    (zone,) = choose_uncertainty(_one_class(true, prob), _threshold(0.5), alpha=0.1).zones
    assert zone == (positives[4], negatives[-5])  # floor(0.1 * 51) = 5


@pytest.mark.parametrize(
    ("threshold", "zone"),
    [(0.5, (0.5, 0.5)), (0.35, (0.35, 0.4)), (0.9, (0.6, 0.9))],
    ids=["between the limits", "below both", "above both"],
)
def test_a_model_better_than_promised_is_left_to_its_threshold(threshold, zone):
    prob = np.r_[np.full(20, 0.4), np.full(20, 0.6)]
    assert choose_uncertainty(_one_class(prob > 0.5, prob), _threshold(threshold), alpha=0.1).zones == (zone,)


def test_too_few_cases_leave_the_zone_open():
    rng = np.random.default_rng(2)
    for n_positive, n_negative in ((8, 50), (50, 8), (3, 3)):
        zones = choose_uncertainty(_one_class(*_separated(rng, n_positive, n_negative, 2.0)), _threshold(0.5), alpha=0.1)
        ((low, high),) = zones.zones
        assert (low == 0.0) == (n_positive < 9)
        assert (high == 1.0) == (n_negative < 9)
        absent, present = zones.decisions(np.linspace(0, 1, 101)[:, None])
        assert absent.any() == (n_positive >= 9)
        assert present.any() == (n_negative >= 9)
        assert (zones.n_positive, zones.n_negative) == ((n_positive,), (n_negative,))
    true, prob = _separated(rng, 9, 9, 2.0)  # the smallest numbers that allow the promise
    ((low, high),) = choose_uncertainty(_one_class(true, prob), _threshold(0.5), alpha=0.1).zones
    assert low == min(prob[true == 1].min(), 0.5)
    assert high == max(prob[true == 0].max(), 0.5)


def test_a_class_without_a_threshold_has_no_zone():
    zones = choose_uncertainty(_one_class([0, 0, 0], [0.1, 0.2, 0.3]), _threshold(None), alpha=0.1)
    assert zones.zones == (None,)
    absent, present = zones.decisions(np.array([[0.0], [1.0]]))
    assert not absent.any()
    assert not present.any()


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=60), st.floats(0, 1), st.floats(0.01, 0.49), st.floats(0, 1)
)
def test_errors_on_validation_itself_keep_below_alpha(cases, threshold, alpha, probability):
    true, prob = np.array([case[0] for case in cases]), np.array([case[1] for case in cases])
    zones = choose_uncertainty(_one_class(true, prob), _threshold(threshold), alpha=alpha)
    ((low, high),) = zones.zones
    assert 0 <= low <= threshold <= high <= 1
    absent, present = zones.decisions(prob[:, None])
    assert absent[true].sum() <= alpha * true.sum()
    assert present[~true].sum() <= alpha * (~true).sum()
    assert Uncertainty.from_json(json.loads(json.dumps(zones.to_json()))) == zones
    one = zones.decisions(np.array([[probability]]))
    assert not (one[0] & one[1]).any()


def test_ranks_alone_matter_so_calibration_does_not_break_the_promise(simulate):
    val = simulate("val", 400)
    squared = Predictions(val.split, val.level, val.class_names, val.record_ids, val.patient_ids, val.y_true, val.y_prob**2)
    # A threshold in the middle of the zone leaves both limits as they are.
    first = choose_uncertainty(val, Thresholds("f1", "val", (0.5, 0.35, 0.35, 0.35, 0.2)), alpha=0.05)
    second = choose_uncertainty(squared, Thresholds("f1", "val", (0.25, 0.35**2, 0.35**2, 0.35**2, 0.04)), alpha=0.05)
    assert all(np.array_equal(a, b) for a, b in zip(first.decisions(val.y_prob), second.decisions(squared.y_prob), strict=True))


@pytest.mark.parametrize("split", ["test", "train"])
def test_only_validation_may_choose(simulate, split):
    with pytest.raises(DataError, match="only 'val' is allowed"):
        choose_uncertainty(simulate(split), Thresholds("f1", "val", (0.5,) * 5), alpha=0.1)


def test_what_does_not_fit_is_refused(simulate):
    with pytest.raises(ConfigError, match="1 thresholds for 5 classes"):
        choose_uncertainty(simulate("val"), _threshold(0.5), alpha=0.1)
    with pytest.raises(ConfigError, match=r"alpha 0\.5; a share in"):
        choose_uncertainty(simulate("val"), Thresholds("f1", "val", (0.5,) * 5), alpha=0.5)
    with pytest.raises(ConfigError, match="one of each per class"):
        Uncertainty(RULE, "val", 0.1, (0.1,), (0.2, 0.3), (9,), (9,))
    for low, high in ((0.3, 0.2), (None, 0.2), (-0.1, 0.2), (0.5, 1.5)):
        with pytest.raises(ConfigError, match="two rising probabilities or two nulls"):
            Uncertainty(RULE, "val", 0.1, (low,), (high,), (9,), (9,))
    with pytest.raises(ConfigError, match="2 classes to decide, 1 have zones"):
        Uncertainty(RULE, "val", 0.1, (0.1,), (0.2,), (9,), (9,)).decisions(np.zeros((3, 2)))
