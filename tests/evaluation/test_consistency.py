"""Whole readings: what contradicts itself, what is called normal, what is finally decided."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter

from heart_reader.classifier import EcgClassifier
from heart_reader.data.build import build_table
from heart_reader.data.formats import read_record
from heart_reader.data.labels import LabelSpace, Level
from heart_reader.data.record_table import RecordTable
from heart_reader.evaluation.bootstrap import Estimate
from heart_reader.evaluation.whole.consistency import ANY, READINGS, Consistency, commonest_statements, estimate_ratios, measure_consistency
from heart_reader.evaluation.whole.readings import DECISIONS, Readings, read_whole
from heart_reader.studies.consistency_page import consistency_page

SETTINGS = {"draws": 200, "confidence": 0.9, "seed": 1}
ABSENT, UNCERTAIN, PRESENT = 0, 1, 2
STATEMENTS = ("NORM", "CLBBB", "CRBBB", "AFIB", "SR")
SUPERCLASSES = ("NORM", "CD")
LEVELS = {
    "all": Level("all", STATEMENTS),
    "superdiagnostic": Level("superdiagnostic", SUPERCLASSES, members=((0,), (1, 2))),
    "rhythm": Level("rhythm", ("AFIB", "SR"), members=((3,), (4,))),
}


@pytest.fixture
def table():
    """Return records of 8 patients: 4 normal, 2 blocks, 1 fibrillation, 1 not known."""
    statements = np.zeros((8, 5), dtype=np.float32)
    statements[:4, [0, 4]] = 1
    statements[4, 1] = statements[5, 2] = 1
    statements[6, [0, 3]] = 1
    statements[7] = np.nan
    superclasses = np.array([[1, 0]] * 4 + [[0, 1]] * 2 + [[1, 0], [0, 1]], dtype=np.float32)
    names = np.array([f"r{row}" for row in range(8)])
    labels = {"all": statements, "superdiagnostic": superclasses, "rhythm": statements[:, 3:]}
    return RecordTable(
        names, names, names, np.full(8, "test"), labels, LabelSpace(LEVELS, ("all", "superdiagnostic")), "any_likelihood", "made up"
    )


@pytest.fixture
def readings():
    alone = np.zeros((8, 5), dtype=np.int8)
    alone[:4, 0] = PRESENT
    alone[4, [1, 2]] = PRESENT
    alone[5, 2] = UNCERTAIN
    alone[6, [0, 3]] = PRESENT
    alone[7, 3] = PRESENT
    finished = alone.copy()
    finished[4, 2] = ABSENT
    superclasses = np.array(
        [[PRESENT, ABSENT]] * 4 + [[ABSENT, PRESENT], [ABSENT, UNCERTAIN], [PRESENT, ABSENT], [PRESENT, ABSENT]], np.int8
    )
    block = "exclusion:CLBBB+CRBBB"
    return Readings(
        rows=np.arange(8),
        class_names={"all": STATEMENTS, "superdiagnostic": SUPERCLASSES},
        finished={"all": finished, "superdiagnostic": superclasses},
        alone={"all": alone, "superdiagnostic": superclasses},
        contradictions=((),) * 6 + (("normal:AFIB", "normal:rhythm"), ()),
        contradictions_alone=((),) * 4 + ((block,), (), ("normal:AFIB",), ()),
        kinds=("normal",) * 3 + ("undecided", "abnormal", "undecided", "normal", "abnormal"),
        failed={},
    )


def test_contradictions_are_counted_per_hundred_readings_by_kind(readings, table):
    found = {rate.name: rate for rate in measure_consistency(readings, table, **SETTINGS).contradictions}
    assert [*found][:2] == [ANY, READINGS]
    assert (found[ANY].count, found[ANY].finished.point, found[ANY].alone.point) == (2, 25.0, 25.0)
    assert (found[READINGS].count, found[READINGS].finished.point, found[READINGS].alone.point) == (1, 12.5, 25.0)
    assert (found["exclusion"].finished.point, found["exclusion"].alone.point) == (0.0, 12.5)
    assert found["normal"].count == 2
    assert found["normal:rhythm"].finished.point == 12.5
    # Never found in eight readings of eight people: the exact binomial limit at 90 %.
    assert found["exclusion"].finished.high == pytest.approx(100 * (1 - 0.05 ** (1 / 8)))
    assert found[ANY].finished.low == 0.0
    assert found[ANY].finished.high > 25.0


def test_normal_over_what_is_not(readings, table):
    consistency = measure_consistency(readings, table, **SETTINGS)
    assert {share.name: share.count for share in consistency.kinds} == {"normal": 4, "abnormal": 2, "undecided": 2}
    normals = {share.name: (share.n_records, share.count) for share in consistency.normals}
    assert normals["abnormal rhythm"] == normals["AFIB"] == (1, 1)
    assert normals["abnormal superclass"] == normals["CD"] == (3, 0)
    assert normals["NORM alone, no abnormal rhythm"] == (4, 3)


def test_decided_statements_count_uncertain_apart_and_unknown_not_at_all(readings, table):
    decided = {(one.level, one.name): one for one in measure_consistency(readings, table, **SETTINGS).decided}
    fibrillation = decided["all", "AFIB"]
    # The eighth record, whose statements nobody knows, is read as fibrillation and counts for
    # nothing.
    assert (fibrillation.n_records, fibrillation.n_positive, fibrillation.n_present, fibrillation.ppv.point) == (7, 1, 1, 1.0)
    block = decided["superdiagnostic", "CD"]
    assert (block.n_positive, block.n_present, block.n_uncertain, block.n_positive_uncertain) == (3, 1, 1, 1)
    assert block.sensitivity.point == pytest.approx(1 / 3)
    assert block.not_missed.point == pytest.approx(2 / 3)
    assert block.f1.point == pytest.approx(0.5)
    sinus = decided["all", "SR"]
    assert (sinus.sensitivity.point, sinus.ppv.point) == (0.0, None)


def test_what_yields_changes_the_finished_reading_alone(readings, table):
    readings.finished["all"][6, 3] = ABSENT
    fibrillation = next(one for one in measure_consistency(readings, table, **SETTINGS).decided if one.name == "AFIB")
    assert (fibrillation.f1.point, fibrillation.f1_alone.point) == (0.0, 1.0)


def test_where_thresholds_were_chosen_nothing_decided_is_stated(readings, table):
    consistency = measure_consistency(readings, table, decided_reason="chosen here", **SETTINGS)
    assert (consistency.decided, consistency.decided_reason) == ((), "chosen here")
    assert consistency.contradictions[0].count == 2


def test_a_record_that_failed_is_left_out_of_its_row(readings, table):
    kept = np.array([0, 4, 6])
    some = Readings(
        rows=kept,
        class_names=readings.class_names,
        finished={name: values[kept] for name, values in readings.finished.items()},
        alone={name: values[kept] for name, values in readings.alone.items()},
        contradictions=tuple(readings.contradictions[row] for row in kept),
        contradictions_alone=tuple(readings.contradictions_alone[row] for row in kept),
        kinds=tuple(readings.kinds[row] for row in kept),
        failed={"r1": "too short"},
    )
    consistency = measure_consistency(some, table, **SETTINGS)
    assert {share.name: (share.n_records, share.count) for share in consistency.normals}["AFIB"] == (1, 1)
    assert consistency.n_readings == 3


def test_json_is_the_inverse(readings, table):
    consistency = measure_consistency(readings, table, **SETTINGS)
    assert TypeAdapter(Consistency).validate_python(json.loads(json.dumps(asdict(consistency), allow_nan=False))) == consistency


def test_commonest_statements_come_first_and_rare_ones_not(table):
    assert commonest_statements(table) == ("NORM",)
    assert commonest_statements(table, without=("NORM",)) == ()


def test_a_ratio_draws_patients():
    patients = np.array(["a"] * 50 + [f"p{row}" for row in range(50)])
    half = np.repeat([1.0, 0.0], 50)[None]
    together = estimate_ratios(half, np.ones((1, 100)), patients, **SETTINGS)[0]
    apart = estimate_ratios(half, np.ones((1, 100)), np.full(100, ""), **SETTINGS)[0]
    assert together.point == apart.point == 0.5
    assert together.high - together.low > 2 * (apart.high - apart.low)
    assert estimate_ratios(half, np.zeros((1, 100)), patients, **SETTINGS)[0] == Estimate(None, None, None)


def test_the_page_of_all_runs_names_each_once(readings, table, tmp_path):
    report = {"split": "test", "n_records": 8, "confidence": 0.9, "consistency": asdict(measure_consistency(readings, table, **SETTINGS))}
    for run, value in (("a", report), ("b", {"split": "val", "n_records": 8})):
        folder = tmp_path / run / "report-test"
        folder.mkdir(parents=True)
        (folder / "report.json").write_text(json.dumps(value), encoding="utf-8")
    page = consistency_page(tmp_path)
    assert "| a | test | 8 | 25.0" in page
    assert "| b |" not in page


def test_readings_are_those_of_the_classifier(tiny_checkpoint, tiny_config):
    classifier = EcgClassifier.load(tiny_checkpoint)
    table = build_table(tiny_config).split("val")
    table = table.select(np.arange(3))
    broken = replace(table, paths=np.array([*table.paths[:2].tolist(), "/nowhere/1.hea"]))
    readings = read_whole(classifier, broken)
    assert readings.rows.tolist() == [0, 1]
    assert list(readings.failed) == [table.record_ids[2]]
    for row in range(2):
        reading = classifier.predict(read_record(Path(table.paths[row])))
        for level, names in readings.class_names.items():
            shown = [DECISIONS.index(reading.levels[level][name].decision) for name in names]
            assert readings.finished[level][row].tolist() == shown
