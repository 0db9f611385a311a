"""Metrics against scikit-learn, worked examples, and changes that must not matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import average_precision_score, brier_score_loss, fbeta_score, roc_auc_score

from heart_reader.errors import ConfigError, DataError
from heart_reader.metrics import METRICS, Sample, WeightedSample, class_values, fmax_threshold, metric_value

# Few distinct values, so that ties are the rule; one positive and one negative make every metric
# defined.
SCORES = hnp.arrays(
    np.float64, st.tuples(st.integers(3, 25), st.integers(1, 4)), elements=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0])
)


@st.composite
def labelled(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    y_prob = draw(SCORES)
    y_true = draw(hnp.arrays(np.bool_, y_prob.shape)).astype(float)
    y_true[0], y_true[1] = 1, 0
    return y_true, y_prob


@given(labelled())
def test_ranking_equals_scikit_learn_with_ties(case):
    y_true, y_prob = case
    for name, reference in (("macro_auroc", roc_auc_score), ("macro_auprc", average_precision_score)):
        wanted = [reference(true, prob) for true, prob in zip(y_true.T, y_prob.T, strict=True)]
        np.testing.assert_allclose(class_values(name, y_true, y_prob), wanted, rtol=0, atol=1e-12)


@given(labelled())
def test_decisions_equal_scikit_learn(case):
    y_true, y_prob = case
    called, share = y_prob >= 0.5, 1 / np.maximum(y_true.sum(axis=1), 1)
    for c in range(y_true.shape[1]):
        f2 = fbeta_score(y_true[:, c], called[:, c], beta=2, sample_weight=share)
        assert class_values("macro_f_beta", y_true, y_prob, [0.5] * y_true.shape[1])[c] == pytest.approx(f2, abs=1e-12)
        assert class_values("macro_brier", y_true, y_prob)[c] == pytest.approx(brier_score_loss(y_true[:, c], y_prob[:, c]), abs=1e-12)


@given(labelled())
def test_fmax_equals_a_loop_over_all_thresholds(case):
    y_true, y_prob = case
    best = 0.0
    for threshold in np.unique(y_prob):
        called = y_prob >= threshold
        hits, n_called, n_labels = (called * y_true).sum(axis=1), called.sum(axis=1), y_true.sum(axis=1)
        precision = np.mean(hits[n_called > 0] / n_called[n_called > 0])
        recall = np.mean(hits[n_labels > 0] / n_labels[n_labels > 0])
        best = max(best, 2 * precision * recall / (precision + recall) if precision + recall else 0.0)
    assert metric_value("fmax", y_true, y_prob) == pytest.approx(best, abs=1e-12)


@given(labelled(), st.integers(0, 2**32 - 1))
def test_order_of_records_changes_nothing(case, seed):
    y_true, y_prob = case
    order = np.random.default_rng(seed).permutation(len(y_true))
    thresholds = [0.5] * y_true.shape[1]
    for name in METRICS:
        straight, shuffled = (metric_value(name, y_true[rows], y_prob[rows], thresholds) for rows in (slice(None), order))
        assert shuffled == pytest.approx(straight, abs=1e-12, nan_ok=True)


@given(labelled())
def test_auroc_and_auprc_depend_on_order_alone(case):
    y_true, y_prob = case
    for name in ("macro_auroc", "macro_auprc"):
        assert np.array_equal(class_values(name, y_true, y_prob), class_values(name, y_true, np.exp(3 * y_prob) - 7))


@given(labelled(), st.data())
def test_whole_weights_equal_repeated_records(case, data):
    y_true, y_prob = case
    counts = data.draw(hnp.arrays(np.int64, len(y_true), elements=st.integers(0, 3)))
    counts[:2] = np.maximum(counts[:2], 1)
    sample = Sample(y_true, y_prob, [0.4] * y_true.shape[1])
    repeated = Sample(np.repeat(y_true, counts, axis=0), np.repeat(y_prob, counts, axis=0), sample.thresholds)
    for metric in METRICS.values():
        weighted = metric.compute(WeightedSample(sample, counts[:, None].astype(float)))
        np.testing.assert_allclose(weighted, metric.compute(WeightedSample(repeated)), rtol=0, atol=1e-12)


def test_fmax_by_hand():
    y_true = [[1, 0, 0], [0, 1, 1], [1, 0, 0], [0, 0, 0]]
    y_prob = [[0.9, 0.6, 0.1], [0.2, 0.8, 0.3], [0.4, 0.3, 0.2], [0.1, 0.2, 0.1]]
    # From 0.4 on record 1 reads two classes (one right), records 2 and 3 one (right), record 4
    # none; record 4 has no label: precision (1/2 + 1 + 1) / 3, recall (1 + 1/2 + 1) / 3.
    assert metric_value("fmax", y_true, y_prob) == pytest.approx(5 / 6)
    assert fmax_threshold(y_true, y_prob) == 0.4


def test_fmax_is_not_macro_f1_at_tuned_thresholds():
    # Each class alone is separated without error, but no one threshold serves both.
    y_true, y_prob = [[1, 0], [1, 0], [1, 1]], [[0.9, 0.4], [0.8, 0.2], [0.7, 0.5]]
    assert metric_value("macro_f1", y_true, y_prob, [0.6, 0.45]) == 1.0
    assert metric_value("fmax", y_true, y_prob) == 1.0
    y_prob[2] = [0.35, 0.5]
    assert metric_value("macro_f1", y_true, y_prob, [0.3, 0.45]) == 1.0
    # At 0.35 record 1 reads one class too many: precision (1/2 + 1 + 1) / 3, recall 1.
    assert metric_value("fmax", y_true, y_prob) == pytest.approx(2 * (5 / 6) / (5 / 6 + 1))


def test_label_weighting_of_f_beta_and_g_beta_by_hand():
    y_true = [[1, 1], [1, 0], [0, 0], [1, 0]]
    y_prob = [[0.9, 0.0], [0.9, 0.0], [0.9, 0.0], [0.1, 0.0]]
    # Class 1: TP 1/2 + 1, FP 1 (no label counts once), FN 1.
    assert class_values("macro_f_beta", y_true, y_prob, [0.5, 0.5])[0] == pytest.approx(5 * 1.5 / (5 * 1.5 + 1 + 4 * 1))
    assert class_values("macro_g_beta", y_true, y_prob, [0.5, 0.5])[0] == pytest.approx(1.5 / (1.5 + 1 + 2 * 1))
    # Class 2: its only positive is missed.
    assert class_values("macro_g_beta", y_true, y_prob, [0.5, 0.5])[1] == 0.0


def test_ece_by_hand():
    # 30 records, two per bin. The upper half is said 0.9 and found 0.8 (12 of 15), the lower half
    # said 0.2 and found 0.2.
    y_prob = np.r_[np.full(15, 0.2), np.full(15, 0.9)][:, None]
    y_true = np.r_[np.ones(3), np.zeros(12), np.ones(12), np.zeros(3)][:, None]
    # Equal probabilities share their bins evenly; the bin across the middle averages both halves.
    lower_bins = 7 * abs(0.2 - 0.2)
    middle_bin = abs((0.2 - 0.2) + (0.9 - 0.8)) / 2
    assert metric_value("macro_ece", y_true, y_prob) == pytest.approx((lower_bins + middle_bin + 7 * 0.1) / 15)


def test_ece_does_not_hang_on_the_order_of_equal_probabilities():
    y_prob = np.full((40, 1), 0.25)
    y_true = np.r_[np.ones(10), np.zeros(30)][:, None]
    assert metric_value("macro_ece", y_true, y_prob) == pytest.approx(0.0, abs=1e-12)


def test_undefined_classes_are_nan_and_leave_the_mean():
    y_true = np.array([[1, 0, 1], [0, 0, 1], [1, 0, 1]])
    y_prob = np.array([[0.9, 0.1, 0.5], [0.2, 0.2, 0.6], [0.7, 0.8, 0.7]])
    assert np.array_equal(class_values("macro_auroc", y_true, y_prob), [1.0, np.nan, np.nan], equal_nan=True)
    assert metric_value("macro_auroc", y_true, y_prob) == 1.0
    assert np.isnan(class_values("macro_f1", y_true, y_prob, [0.5] * 3)).tolist() == [False, True, False]
    assert np.isnan(class_values("macro_specificity", y_true, y_prob, [0.5] * 3)).tolist() == [False, False, True]
    assert np.isnan(metric_value("macro_auroc", y_true[:, 1:], y_prob[:, 1:]))
    assert np.isnan(metric_value("fmax", y_true[:, 1:2], y_prob[:, 1:2]))


def test_a_class_without_threshold_has_no_decisions():
    values = class_values("macro_accuracy", [[1, 1], [0, 0]], [[0.9, 0.9], [0.1, 0.1]], [0.5, np.nan])
    assert np.array_equal(values, [1.0, np.nan], equal_nan=True)


def test_misuse_is_refused():
    with pytest.raises(DataError, match="without thresholds"):
        class_values("macro_f1", [[1], [0]], [[0.2], [0.1]])
    with pytest.raises(ConfigError, match="no metric is called 'auc'; there is fmax, macro_accuracy"):
        class_values("auc", [[1], [0]], [[0.2], [0.1]])
    with pytest.raises(DataError, match="both must be"):
        class_values("macro_auroc", [[1], [0]], [[0.2, 0.1]])
    with pytest.raises(DataError, match="2 thresholds for 1 classes"):
        class_values("macro_f1", [[1], [0]], [[0.2], [0.1]], [0.5, 0.5])
