"""The report: complete, without NaN, and silent where it would have to flatter."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from heart_reader.decisions.calibration import fit_platt
from heart_reader.decisions.decision import Thresholds, Uncertainty
from heart_reader.decisions.thresholds import choose_thresholds
from heart_reader.errors import DataError, HeartReaderError
from heart_reader.evaluation.bootstrap import paired_bootstrap
from heart_reader.evaluation.report.page import report_page
from heart_reader.evaluation.report.report import Comparison, EvaluationReport, build_report
from heart_reader.evaluation.report.write import write_report
from heart_reader.metrics import METRICS
from heart_reader.predictions import Predictions

DRAWING = {"draws": 50, "confidence": 0.9, "seed": 42}
SETTINGS = {**DRAWING, "label_rule": "any_likelihood", "config_name": "default", "checkpoint_sha256": "ab" * 32}
FILES = {
    "report.json",
    "report.md",
    "per_class.csv",
    "predictions.npz",
    "roc.png",
    "pr.png",
    "calibration.png",
    "confusion.png",
    "selective.png",
}


@pytest.fixture(scope="module")
def fitted(simulate):
    val = simulate("val", 400, 1, sharpness=2.0)
    calibration = fit_platt(val)
    return choose_thresholds(replace(val, y_prob=calibration.apply(val.y_prob)), "f1"), calibration


@pytest.fixture(scope="module")
def report(simulate, fitted):
    return build_report(simulate(), *fitted, **SETTINGS, caveats=("Simulated.",))


def test_test_split_states_everything(report):
    assert set(report.metrics) == set(METRICS)
    assert report.reasons == {}
    assert all(estimate.low <= estimate.high for estimate in report.metrics.values())
    assert (report.n_records, report.n_without_patient) == (300, 100)
    assert report.caveats[0] == "Simulated."
    assert any("best global threshold of the evaluated records" in caveat for caveat in report.caveats)
    assert any("patient of 100 of 300 records is not known" in caveat for caveat in report.caveats)


def test_validation_states_no_decision_and_no_calibration_error(simulate, fitted):
    report = build_report(simulate("val"), *fitted, **SETTINGS)
    for name, metric in METRICS.items():
        refused = metric.needs_thresholds or metric.needs_calibration
        assert (report.metrics[name].point is None) == refused
        assert (name in report.reasons) == refused
    assert report.reasons["macro_f1"] == "the thresholds were chosen on this split"
    assert all(estimate.point is None for estimate in report.classes["f1"])
    assert any("model was selected on this split" in caveat for caveat in report.caveats)
    assert "not stated: the thresholds were chosen on this split" in report_page(report)


def test_a_report_cannot_be_made_to_state_what_its_split_chose(report):
    with pytest.raises(DataError, match="macro_f1"):
        replace(report, split="val")


def test_without_thresholds_and_calibration(simulate):
    report = build_report(simulate("val"), None, None, **SETTINGS)
    assert report.reasons["macro_f1"] == "the model has no thresholds"
    assert report.metrics["macro_ece"].point is not None


def test_json_is_the_inverse_and_knows_no_nan(report, simulate, fitted):
    test = simulate()
    comparison = Comparison("cd" * 32, paired_bootstrap(test, test, fitted[0], fitted[0], **DRAWING))
    compared = replace(report, comparison=comparison)
    for one in (report, compared, build_report(simulate("val"), *fitted, **SETTINGS)):
        text = json.dumps(one.to_json(), allow_nan=False)
        assert EvaluationReport.from_json(json.loads(text)) == one
    assert "+0.0000" in report_page(compared)
    assert "## Against cdcd" in report_page(compared)


def test_undefined_classes_are_named_everywhere(simulate, fitted):
    test = simulate()
    y_true = test.y_true.copy()
    y_true[:, 4] = 0
    report = build_report(replace(test, y_true=y_true), replace(fitted[0], values=(*fitted[0].values[:3], None, 0.5)), None, **SETTINGS)
    assert report.metrics["macro_auroc"].undefined == ("HYP",)
    assert report.to_json()["classes"]["auroc"][4]["point"] is None
    page = report_page(report)
    assert "without HYP" in page
    assert "left out of the means: HYP." in page
    assert "No threshold could be chosen on split val, so no decision is measured: CD." in page


@pytest.mark.slow
def test_written_files(simulate, report, tmp_path):
    test = simulate()
    written = write_report(report, test, tmp_path / "new" / "folder")
    assert {path.name for path in written} == FILES == {path.name for path in (tmp_path / "new" / "folder").iterdir()}
    by_name = {path.name: path for path in written}
    assert EvaluationReport.from_json(json.loads(by_name["report.json"].read_text(encoding="utf-8"))) == report
    again = Predictions.load(by_name["predictions.npz"])
    assert np.array_equal(again.y_prob, test.y_prob)
    with by_name["per_class.csv"].open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["class"] for row in rows] == list(test.class_names)
    assert float(rows[1]["auroc_low"]) == report.classes["auroc"][1].low
    for name in FILES:
        if name.endswith(".png"):
            with Image.open(by_name[name]) as image:
                assert min(image.size) > 300
                assert len(image.convert("RGB").getcolors(1 << 24)) > 20


@pytest.mark.slow
def test_a_decision_figure_of_an_earlier_report_does_not_stay(simulate, fitted, report, tmp_path):
    write_report(report, simulate(), tmp_path)
    val = simulate("val")
    written = write_report(build_report(val, *fitted, **SETTINGS), val, tmp_path)
    assert {path.name for path in written} == FILES - {"confusion.png", "selective.png"} == {path.name for path in tmp_path.iterdir()}


def test_what_cannot_be_written_leaves_nothing_behind(simulate, report, tmp_path):
    (tmp_path / "report.md").mkdir()
    with pytest.raises(HeartReaderError, match="could not be written"):
        write_report(report, simulate(), tmp_path)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    (tmp_path / "file").write_text("x")
    with pytest.raises(HeartReaderError, match="could not be written"):
        write_report(report, simulate(), tmp_path / "file")


@pytest.mark.slow
def test_many_classes_and_names_that_would_break_a_table(tmp_path):
    rng = np.random.default_rng(0)
    y_true = (rng.random((80, 14)) < 0.2).astype(np.float32)
    y_true[:, 0] = 0
    names = ("A|B", *(f"S{position}" for position in range(13)))
    ids = np.array([str(row) for row in range(80)])
    many = Predictions("test", "form", names, ids, np.full(80, ""), y_true, rng.random((80, 14)))
    report = build_report(many, Thresholds("youden", "val", (None, *[0.5] * 13)), None, **SETTINGS)
    assert "| A\\|B | 0 |" in report_page(report)
    assert "patients not known" in report_page(report)
    assert len(write_report(report, many, tmp_path)) == len(FILES)


def test_no_records_is_an_error(simulate, fitted):
    test = simulate()
    none = replace(test, record_ids=test.record_ids[:0], patient_ids=test.patient_ids[:0], y_true=test.y_true[:0], y_prob=test.y_prob[:0])
    with pytest.raises(DataError, match="no records to evaluate"):
        build_report(none, *fitted, **SETTINGS)


def test_a_report_from_before_statements_and_readings_loads(report):
    values = report.to_json()
    for name in ("statements", "consistency", "subgroups"):
        del values[name]
    assert EvaluationReport.from_json(json.loads(json.dumps(values))) == report


def test_every_class_says_whether_its_promise_was_kept(simulate, fitted):
    test = simulate()
    thresholds, calibration = fitted
    # Zones so narrow and high that most positives of the last class are read as absent; the others
    # are generous.
    zones = Uncertainty("class_conditional_conformal", "val", 0.1, (0.001, 0.001, 0.0, 0.001, 0.97), (0.999,) * 5, (300,) * 5, (300,) * 5)
    page = report_page(build_report(test, thresholds, calibration, zones, **SETTINGS))
    rows = {line.split(" | ")[0].strip("| "): line for line in page.splitlines() if "/" in line and line.startswith("| ")}
    assert rows["NORM"].endswith("| kept / kept |")
    assert rows["STTC"].endswith("| not promised / kept |")
    assert rows["HYP"].endswith("| broken / kept |")
