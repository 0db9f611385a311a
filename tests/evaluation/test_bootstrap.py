"""The bootstrap: equal to a plain loop, reproducible, by patient, and 0 for equal models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import heart_reader.evaluation.bootstrap as module
from heart_reader.decisions.decision import Thresholds
from heart_reader.errors import ConfigError, DataError
from heart_reader.evaluation.bootstrap import bootstrap, bootstrap_units, draw_weights, paired_bootstrap
from heart_reader.metrics import METRICS, metric_value

THRESHOLDS = Thresholds("f1", "val", (0.5, 0.4, 0.4, 0.35, 0.3))
SETTINGS = {"draws": 200, "confidence": 0.9, "seed": 3}


@pytest.mark.parametrize("decimals", [None, 1])
def test_equals_a_plain_loop_over_draws(simulate, plain, decimals):
    test = simulate(n_records=150, decimals=decimals)
    thresholds, draws = THRESHOLDS.as_array(), []
    for weights in draw_weights(test.patient_ids, 12, 3):
        for counts in weights.T.astype(int):
            rows = np.repeat(np.arange(len(test)), counts)
            draws.append(plain.all_metrics(test.y_true[rows].astype(float), test.y_prob[rows], thresholds))
    result = bootstrap(test, THRESHOLDS, draws=12, confidence=0.9, seed=3)
    assert set(result.metrics) == set(METRICS)
    for name, estimate in result.metrics.items():
        wanted = np.quantile([draw[name] for draw in draws], [0.05, 0.95])
        np.testing.assert_allclose([estimate.low, estimate.high], wanted, rtol=0, atol=1e-9, err_msg=name)
        assert estimate.point == metric_value(name, test.y_true, test.y_prob, thresholds)


def test_the_seed_decides(simulate):
    test = simulate()
    first, again, other = (bootstrap(test, THRESHOLDS, draws=100, confidence=0.9, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.metrics["macro_auroc"].point == other.metrics["macro_auroc"].point
    assert first.metrics["macro_auroc"].low != other.metrics["macro_auroc"].low


def test_fewer_draws_are_the_first_ones():
    patients = np.array(["a", "a", "", "b", ""])
    many, few = (np.concatenate(list(draw_weights(patients, draws, 7)), axis=1) for draws in (150, 70))
    assert np.array_equal(many[:, :70], few)


def test_many_records_are_drawn_in_smaller_blocks_to_the_same_numbers(simulate, monkeypatch):
    test = simulate()
    wanted, weights = bootstrap(test, THRESHOLDS, draws=100, confidence=0.9, seed=1), list(draw_weights(test.patient_ids, 100, 1))
    monkeypatch.setattr(module, "_CHUNK_CELLS", 7 * len(test))
    smaller = list(draw_weights(test.patient_ids, 100, 1))
    assert {block.shape[1] for block in smaller} == {7, 2}
    assert np.array_equal(np.concatenate(smaller, axis=1), np.concatenate(weights, axis=1))
    for name, estimate in bootstrap(test, THRESHOLDS, draws=100, confidence=0.9, seed=1).metrics.items():
        numbers = [estimate.point, estimate.low, estimate.high]
        assert numbers == pytest.approx([wanted.metrics[name].point, wanted.metrics[name].low, wanted.metrics[name].high], abs=1e-12)
    monkeypatch.setattr(module, "_CHUNK_CELLS", 1)
    assert {block.shape[1] for block in draw_weights(test.patient_ids, 10, 1)} == {1}


def test_patients_are_drawn_whole(simulate):
    patients = np.array(["a", "a", "", "b", "", "b", "a"])
    assert bootstrap_units(patients).tolist() == [0, 0, 1, 2, 3, 2, 0]
    weights = np.concatenate(list(draw_weights(patients, 500, 0)), axis=1)
    assert np.array_equal(weights[0], weights[1])
    assert np.array_equal(weights[0], weights[6])
    assert np.array_equal(weights[3], weights[5])
    assert (weights[[0, 2, 3, 4]].sum(axis=0) == 4).all()
    # Each unit is drawn once on average.
    np.testing.assert_allclose(weights.mean(axis=1), 1, atol=0.15)
    # Two records each of the same patients say no more than one.
    test = simulate()
    doubled = replace(
        test,
        record_ids=np.concatenate([test.record_ids, np.char.add(test.record_ids, "b")]),
        patient_ids=np.concatenate([test.record_ids, test.record_ids]),
        y_true=np.concatenate([test.y_true, test.y_true]),
        y_prob=np.concatenate([test.y_prob, test.y_prob]),
    )
    single = replace(test, patient_ids=test.record_ids)
    for name, estimate in bootstrap(single, THRESHOLDS, **SETTINGS).metrics.items():
        same = bootstrap(doubled, THRESHOLDS, **SETTINGS).metrics[name]
        np.testing.assert_allclose([estimate.low, estimate.high], [same.low, same.high], atol=1e-12, err_msg=name)


def test_intervals_cover_the_true_value_about_as_often_as_promised(simulate):
    truth = metric_value("macro_auroc", (large := simulate(n_records=60_000, seed=99)).y_true, large.y_prob)
    hits = 0
    for seed in range(60):
        sample = simulate(n_records=250, seed=seed)
        found = bootstrap(replace(sample, patient_ids=sample.record_ids), None, draws=100, confidence=0.9, seed=seed).metrics["macro_auroc"]
        hits += found.low <= truth <= found.high
    assert 47 <= hits <= 60


def test_classes_without_cases_are_named_and_incomplete_draws_counted(simulate):
    test = simulate(n_records=60)
    y_true = test.y_true.copy()
    y_true[:, 3], y_true[:, 4] = 0, 0
    y_true[0, 4] = 1
    result = bootstrap(replace(test, y_true=y_true, patient_ids=test.record_ids), THRESHOLDS, **SETTINGS)
    auroc = result.metrics["macro_auroc"]
    assert auroc.undefined == ("CD",)
    # A single positive is missing from about 1 in e draws.
    assert 0.25 < auroc.incomplete_draws / 200 < 0.5
    assert result.classes["auroc"][4].incomplete_draws == auroc.incomplete_draws
    assert result.classes["auroc"][3].point is None
    assert result.classes["auroc"][3].low is None
    assert result.metrics["macro_brier"].undefined == ()


def test_nothing_defined_at_all_is_none_without_warnings(simulate):
    test = simulate(n_records=20)
    result = bootstrap(replace(test, y_true=np.zeros_like(test.y_true)), THRESHOLDS, **SETTINGS)
    for name in ("macro_auroc", "fmax", "macro_f1"):
        assert (result.metrics[name].point, result.metrics[name].low) == (None, None)


def test_thresholds_of_the_evaluated_split_are_refused(simulate):
    with pytest.raises(DataError, match="chosen on split 'val', which is the one being evaluated"):
        bootstrap(simulate("val"), THRESHOLDS, **SETTINGS)
    assert "macro_f1" not in bootstrap(simulate("val"), None, **SETTINGS).metrics


def test_impossible_settings_are_refused(simulate):
    with pytest.raises(ConfigError, match="at least 1 draw"):
        bootstrap(simulate(), None, draws=0, confidence=0.9, seed=0)
    with pytest.raises(ConfigError, match="confidence"):
        bootstrap(simulate(), None, draws=10, confidence=1.0, seed=0)


def test_a_model_against_itself_differs_by_exactly_nothing(simulate):
    test = simulate()
    for difference in paired_bootstrap(test, test, THRESHOLDS, THRESHOLDS, **SETTINGS).values():
        assert (difference.difference, difference.low, difference.high, difference.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_a_worse_model_is_found_and_the_order_turns_the_sign(simulate):
    test = simulate(n_records=500)
    noise = np.random.default_rng(0).normal(0, 0.25, test.y_prob.shape)
    worse = replace(test, y_prob=np.clip(test.y_prob + noise, 0, 1))
    there = paired_bootstrap(test, worse, THRESHOLDS, THRESHOLDS, **SETTINGS)["macro_auroc"]
    back = paired_bootstrap(worse, test, THRESHOLDS, THRESHOLDS, **SETTINGS)["macro_auroc"]
    assert 0 < there.low < there.difference < there.high
    assert there.p_value == pytest.approx(2 / 201)
    assert (back.difference, back.low, back.high) == pytest.approx((-there.difference, -there.high, -there.low))
    # Pairing takes out what both share: narrower than either model's own interval.
    own = bootstrap(test, None, **SETTINGS).metrics["macro_auroc"]
    unpaired = bootstrap(worse, None, **SETTINGS).metrics["macro_auroc"]
    assert there.high - there.low < (own.high - own.low) + (unpaired.high - unpaired.low)


def test_other_records_are_not_compared(simulate):
    test = simulate()
    moved = replace(test, record_ids=test.record_ids[::-1])
    with pytest.raises(DataError, match="record_ids of the two models differ"):
        paired_bootstrap(test, moved, None, None, **SETTINGS)
    with pytest.raises(DataError, match="split test and val"):
        paired_bootstrap(test, simulate("val"), None, None, **SETTINGS)
    assert "macro_f1" not in paired_bootstrap(test, test, THRESHOLDS, None, **SETTINGS)
