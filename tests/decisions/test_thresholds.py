"""Thresholds: each rule's promise, and validation alone."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, fbeta_score, recall_score, roc_curve

from heart_reader.decisions.decision import Thresholds
from heart_reader.decisions.thresholds import choose_thresholds
from heart_reader.errors import ConfigError, DataError
from heart_reader.predictions import Predictions


def _one_class(y_true: list[int], y_prob: list[float], split: str = "val") -> Predictions:
    n = len(y_true)
    names = np.array([f"r{row}" for row in range(n)])
    return Predictions(
        split, "superdiagnostic", ("MI",), names, np.full(n, ""), np.array(y_true, np.float32)[:, None], np.array(y_prob)[:, None]
    )


@pytest.mark.parametrize("decimals", [None, 1])
def test_youden_reaches_the_best_point_of_the_roc_curve(simulate, decimals):
    val = simulate("val", decimals=decimals)
    for c, threshold in enumerate(choose_thresholds(val, "youden").values):
        false_alarms, sensitivity, _ = roc_curve(val.y_true[:, c], val.y_prob[:, c])
        called, true = val.y_prob[:, c] >= threshold, val.y_true[:, c] > 0
        assert called[true].mean() - called[~true].mean() == pytest.approx((sensitivity - false_alarms).max())


@pytest.mark.parametrize(("rule", "score"), [("f1", f1_score), ("fbeta", lambda true, called: fbeta_score(true, called, beta=2))])
def test_f_rules_reach_the_best_f(simulate, rule, score):
    val = simulate("val", 60)
    for c, threshold in enumerate(choose_thresholds(val, rule).values):
        best = max(score(val.y_true[:, c], val.y_prob[:, c] >= candidate) for candidate in np.unique(val.y_prob[:, c]))
        assert score(val.y_true[:, c], val.y_prob[:, c] >= threshold) == pytest.approx(best)


def test_target_sensitivity_is_reached_by_the_highest_threshold(simulate):
    val = simulate("val")
    chosen = choose_thresholds(val, "target_sensitivity", target=0.9)
    assert chosen.rule == "target_sensitivity=0.9"
    for c, threshold in enumerate(chosen.values):
        true, prob = val.y_true[:, c], val.y_prob[:, c]
        assert recall_score(true, prob >= threshold) >= 0.9
        missed_next = prob >= prob[prob >= threshold].min() + 1e-12
        assert recall_score(true, missed_next) < 0.9


def test_thresholds_lie_between_probabilities():
    assert choose_thresholds(_one_class([0, 0, 1, 1], [0.1, 0.2, 0.6, 0.9]), "f1").values == (pytest.approx(0.4),)
    assert choose_thresholds(_one_class([1, 0], [np.nextafter(0.5, 1), 0.5]), "f1").values == (np.nextafter(0.5, 1),)
    assert choose_thresholds(_one_class([1, 0], [0.0, 0.0]), "f1").values == (0.0,)


def test_a_class_without_cases_gets_no_threshold():
    assert choose_thresholds(_one_class([0, 0, 0], [0.1, 0.2, 0.6]), "youden") == Thresholds("youden", "val", (None,))
    assert choose_thresholds(_one_class([1, 1], [0.1, 0.2]), "f1").values == (None,)


@pytest.mark.parametrize("split", ["test", "train"])
def test_only_validation_may_choose(simulate, split):
    with pytest.raises(DataError, match="only 'val' is allowed"):
        choose_thresholds(simulate(split), "youden")


def test_unknown_rules_and_missing_targets_are_refused(simulate):
    with pytest.raises(ConfigError, match="choose among youden"):
        choose_thresholds(simulate("val"), "best")
    with pytest.raises(ConfigError, match="target None"):
        choose_thresholds(simulate("val"), "target_sensitivity")
