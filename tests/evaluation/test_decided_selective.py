"""Decisions and selective reading are counted right, on records that chose nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from heart_reader.decisions.decision import Thresholds, Uncertainty
from heart_reader.decisions.thresholds import choose_thresholds
from heart_reader.decisions.zones import RULE, choose_uncertainty
from heart_reader.errors import DataError
from heart_reader.evaluation.decided import COVERAGES, MEASURES, measure_decisions, measure_selective, sureness
from heart_reader.evaluation.report.page import report_page
from heart_reader.evaluation.report.report import EvaluationReport, build_report
from heart_reader.metrics import metric_value

DRAWING = {"draws": 50, "confidence": 0.9, "seed": 42}
SETTINGS = {**DRAWING, "label_rule": "any_likelihood", "config_name": "default", "checkpoint_sha256": "ab" * 32}


@pytest.fixture(scope="module")
def chosen(simulate):
    val = simulate("val", 400, 1)
    thresholds = choose_thresholds(val, "f1")
    return thresholds, choose_uncertainty(val, thresholds, alpha=0.1)


@pytest.fixture(scope="module")
def report(simulate, chosen):
    return build_report(simulate("test", 600), chosen[0], None, chosen[1], **SETTINGS)


def test_decisions_are_counted_as_they_are_made(simulate, chosen):
    test, (_, zones) = simulate("test", 600), chosen
    decided = measure_decisions(test, zones, **DRAWING)
    for c, (low, high) in enumerate(zones.zones):
        true, prob = test.y_true[:, c] > 0, test.y_prob[:, c]
        absent, present = prob < low, prob > high
        expected = {
            "not_missed": 1 - absent[true].mean(),
            "not_alarmed": 1 - present[~true].mean(),
            "sensitivity": present[true].sum() / (absent | present)[true].sum(),
            "specificity": absent[~true].sum() / (absent | present)[~true].sum(),
            "coverage": (absent | present).mean(),
        }
        assert expected.keys() == MEASURES.keys()
        for name, value in expected.items():
            estimate = decided.classes[name][c]
            assert estimate.point == pytest.approx(value)
            assert estimate.low <= estimate.point <= estimate.high
    limits = np.array(zones.zones)
    every = ((test.y_prob < limits[:, 0]) | (test.y_prob > limits[:, 1])).all(axis=1)
    assert decided.metrics["records_decided"].point == pytest.approx(every.mean())
    assert decided.metrics["macro_coverage"].point == pytest.approx(np.mean([value.point for value in decided.classes["coverage"]]))


def test_what_is_not_promised_is_not_stated(simulate, chosen):
    _, zones = chosen
    low, high = list(zones.low), list(zones.high)
    low[1], high[2], low[3], high[3] = 0.0, 1.0, None, None
    decided = measure_decisions(simulate(), replace(zones, low=tuple(low), high=tuple(high)), **DRAWING)
    assert decided.metrics["macro_not_missed"].undefined == ("MI", "CD")
    assert decided.metrics["macro_not_alarmed"].undefined == ("STTC", "CD")
    assert decided.metrics["macro_sensitivity"].undefined == ("MI", "STTC", "CD")
    assert decided.classes["coverage"][3].point == 0
    assert decided.metrics["records_decided"].point == 0


def test_the_most_sure_records_are_kept(simulate, chosen):
    test, (thresholds, _) = simulate("test", 600), chosen
    selective = measure_selective(test, thresholds, **DRAWING)
    assert [point.coverage for point in selective.points] == list(COVERAGES)
    assert [point.n_records for point in selective.points] == [600, 540, 480, 420, 360, 300]
    order = np.argsort(-sureness(test.y_prob, thresholds), kind="stable")
    for point in selective.points:
        kept = order[: point.n_records]
        assert point.macro_auroc.point == pytest.approx(metric_value("macro_auroc", test.y_true[kept], test.y_prob[kept]))
        expected = metric_value("macro_accuracy", test.y_true[kept], test.y_prob[kept], thresholds.as_array())
        assert point.macro_accuracy.point == pytest.approx(expected)
    assert selective.points[-1].macro_auroc.point > selective.points[0].macro_auroc.point + 0.02


def test_full_coverage_is_the_headline(report):
    assert report.selective.points[0].macro_auroc == report.metrics["macro_auroc"]
    assert report.selective.points[0].macro_accuracy == report.metrics["macro_accuracy"]


def test_sureness_counts_classes_with_a_threshold_alone():
    prob = np.array([[0.5, 0.0], [0.0, 0.5]])
    assert sureness(prob, Thresholds("f1", "val", (0.5, None))).tolist() == [0, 1]
    assert sureness(np.array([[1.0, 1.0], [0.5, 0.0]]), Thresholds("f1", "val", (1.0, 0.0))).tolist() == [0.5, 0.25]
    with pytest.raises(DataError, match="no class has a threshold"):
        sureness(prob, Thresholds("f1", "val", (None, None)))


def test_the_report_says_what_was_promised_and_what_came(report, simulate):
    page = report_page(report)
    assert "at least 90% of the positives are not read as absent" in page
    assert "| positives not read as absent, mean over classes | 0." in page
    assert "| records with every class decided |" in page
    assert "| 70% | 420 |" in page
    assert "Sureness: mean over classes of the distance" in page
    assert EvaluationReport.from_json(json.loads(json.dumps(report.to_json(), allow_nan=False))) == report


def test_nothing_is_stated_where_it_was_chosen_or_does_not_exist(simulate, chosen):
    on_val = build_report(simulate("val"), chosen[0], None, chosen[1], **SETTINGS)
    assert on_val.decided.reason == "the uncertain zones were chosen on this split"
    assert on_val.selective.reason == "the thresholds were chosen on this split"
    without = build_report(simulate(), None, None, **SETTINGS)
    assert without.decided.reason == "the model has no uncertain zones"
    assert without.selective.reason == "the model has no thresholds"
    for one in (on_val, without):
        assert (one.decided.metrics, one.decided.classes, one.selective.points) == ({}, {}, ())
        assert f"Not stated: {one.decided.reason}." in report_page(one)
        assert f"Not stated: {one.selective.reason}." in report_page(one)
        assert EvaluationReport.from_json(json.loads(json.dumps(one.to_json(), allow_nan=False))) == one


def test_a_report_cannot_be_made_to_state_decisions_that_its_split_chose(report, simulate, chosen):
    on_val = build_report(simulate("val"), chosen[0], None, chosen[1], **SETTINGS)
    with pytest.raises(DataError, match="macro_coverage"):
        replace(on_val, decided=report.decided)
    with pytest.raises(DataError, match="selective"):
        replace(on_val, selective=report.selective)


def test_a_rare_class_can_be_found_but_never_ruled_out(simulate):
    """With too few positives, the answer is present or uncertain, never absent."""
    val = simulate("val", 40, 3)
    y_true = val.y_true.copy()
    y_true[5:, 4] = 0
    y_true[:5, 4] = 1
    rare = replace(val, y_true=y_true)
    zones = choose_uncertainty(rare, choose_thresholds(rare, "f1"), alpha=0.1)
    assert isinstance(zones, Uncertainty)
    assert zones.rule == RULE
    absent, _ = zones.decisions(simulate("test", 300).y_prob)
    assert not absent[:, 4].any()
    assert absent[:, 0].any()
