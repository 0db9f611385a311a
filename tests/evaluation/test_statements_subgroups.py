"""Statements by group, and every metric by sex, age and device."""

from __future__ import annotations

import csv
import json
import weakref
from dataclasses import asdict, replace

import numpy as np
import pytest
from pydantic import TypeAdapter

from heart_reader.data.labels import LabelSpace, Level
from heart_reader.data.record_table import RecordTable
from heart_reader.decisions.decision import Thresholds
from heart_reader.evaluation import subgroups
from heart_reader.evaluation.bootstrap import draw_weights
from heart_reader.evaluation.figures import save_figure
from heart_reader.evaluation.report.rows import draw_statements, draw_subgroups
from heart_reader.evaluation.report.write import write_csv
from heart_reader.evaluation.statements import ALL_STATEMENTS, Statements, measure_statements
from heart_reader.evaluation.subgroups import EVERYBODY, MACRO, SubgroupRow, group_records, measure_subgroups, subgroup_csv_rows
from heart_reader.metrics import metric_value
from heart_reader.predictions import Predictions

SETTINGS = {"draws": 60, "confidence": 0.9, "seed": 3}


@pytest.fixture
def statements():
    rng = np.random.default_rng(0)
    y_true = (rng.random((120, 4)) < [0.3, 0.3, 0.02, 0.2]).astype(np.float32)
    y_true[:, 2] = 0
    y_true[:3, 2] = 1
    y_prob = np.clip(0.5 * y_true + rng.random((120, 4)) * [0.5, 0.9, 0.9, 0.9], 0, 1)
    names = np.array([f"r{row}" for row in range(120)])
    return Predictions("test", "all", ("AFIB", "CRBBB", "WPW", "SR"), names, names, y_true, y_prob)


@pytest.fixture
def space():
    members = {"superdiagnostic": (("CD",), ((1, 2),)), "rhythm": (("AFIB", "SR"), ((0,), (3,)))}
    levels = {"all": Level("all", ("AFIB", "CRBBB", "WPW", "SR"))} | {name: Level(name, *of) for name, of in members.items()}
    return LabelSpace(levels, ("all",))


def test_groups_are_means_of_statements_with_enough_positives(statements, space):
    measured = measure_statements(statements, space, **SETTINGS)
    groups = {group.name: group for group in measured.groups}
    assert list(groups) == [ALL_STATEMENTS, "rhythm", "conduction"]
    assert groups[ALL_STATEMENTS].statements == ("AFIB", "CRBBB", "SR")
    assert (groups["conduction"].statements, groups["conduction"].n_statements) == (("CRBBB",), 2)
    assert "WPW" not in measured.auroc
    for place, name in ((0, "AFIB"), (1, "CRBBB"), (3, "SR")):
        expected = metric_value("macro_auroc", statements.y_true[:, [place]], statements.y_prob[:, [place]])
        assert measured.auroc[name].point == pytest.approx(expected)
    assert groups["rhythm"].auroc.point == pytest.approx((measured.auroc["AFIB"].point + measured.auroc["SR"].point) / 2)
    assert groups["rhythm"].auroc.low < groups["rhythm"].auroc.point < groups["rhythm"].auroc.high
    assert TypeAdapter(Statements).validate_python(json.loads(json.dumps(asdict(measured), allow_nan=False))) == measured


def test_without_enough_positives_nothing_is_stated(statements, space):
    measured = measure_statements(replace(statements, y_true=np.zeros((120, 4), dtype=np.float32)), space, **SETTINGS)
    assert measured.auroc == {}
    assert measured.groups[0].auroc.point is None


@pytest.fixture
def table(simulate):
    predictions = simulate(n_records=400)
    rng = np.random.default_rng(5)
    names = predictions.record_ids
    levels = {"superdiagnostic": Level("superdiagnostic", predictions.class_names)}
    sexes = np.where(rng.random(400) < 0.4, "female", "male")
    sexes[:20] = ""
    devices = np.array(["A", "B", "C"])[rng.integers(0, 3, 400)]
    devices[:5] = "rare"
    return RecordTable(
        names,
        names,
        np.full(400, ""),
        np.full(400, "test"),
        {"superdiagnostic": predictions.y_true},
        LabelSpace(levels, ("superdiagnostic",)),
        "any_likelihood",
        "made up",
        ages=np.where(np.arange(400) < 30, np.nan, rng.integers(18, 95, 400)).astype(np.float32),
        sexes=sexes,
        groups={"device": devices, "site": np.full(400, "only")},
    )


def test_groups_of_records(table):
    groups = group_records(table)
    assert list(groups) == ["sex", "age", "device"]  # one site is no grouping
    assert sum(mask.sum() for mask in groups["sex"].values()) == 380
    assert sum(mask.sum() for mask in groups["age"].values()) == 370
    assert set(groups["device"]) == {"A", "B", "C", "others"}
    assert groups["device"]["others"].sum() == 5
    older = groups["age"]["80 and over"]
    assert table.ages[older].min() >= 80 > table.ages[groups["age"]["60 to 79"]].max()


def test_a_group_is_measured_on_its_own_records(simulate, table):
    predictions = simulate(n_records=400)
    thresholds = {"superdiagnostic": Thresholds("f1", "val", (0.4, 0.4, 0.4, 0.4, 0.4))}
    rows = {(row.group, row.name): row for row in measure_subgroups([predictions], thresholds, table, **SETTINGS)}
    women = table.sexes == "female"
    for name in ("auroc", "f1", "brier"):
        expected = metric_value(f"macro_{name}", predictions.y_true[women], predictions.y_prob[women], [0.4] * 5)
        assert rows["women", MACRO].metrics[name].point == pytest.approx(expected)
    everybody = metric_value("macro_auroc", predictions.y_true, predictions.y_prob)
    assert rows[EVERYBODY, MACRO].metrics["auroc"].point == pytest.approx(everybody)
    gap = rows["women", MACRO].difference
    assert gap.difference == pytest.approx(rows["women", MACRO].metrics["auroc"].point - rows["men", MACRO].metrics["auroc"].point)
    assert gap.low < gap.difference < gap.high
    few = rows["others", "HYP"]
    assert few.metrics == {}
    assert "at least 10 of each are needed" in few.reason
    again = [TypeAdapter(SubgroupRow).validate_python(json.loads(json.dumps(asdict(row), allow_nan=False))) for row in rows.values()]
    assert again == list(rows.values())


def test_one_block_of_draws_is_held_at_a_time(simulate, table, monkeypatch):
    alive: list[weakref.ref] = []

    def watched(*args):
        for weights in draw_weights(*args):
            alive.append(weakref.ref(weights))
            yield weights
            # Asked for the next one, the caller's loop still names this one, and no earlier one.
            assert sum(block() is not None for block in alive) == 1

    monkeypatch.setattr(subgroups, "draw_weights", watched)
    measure_subgroups([simulate(n_records=400)], {}, table, **SETTINGS | {"draws": 300})
    assert len(alive) == 5


def test_a_group_that_is_read_worse_is_found(simulate, table):
    predictions = simulate(n_records=400)
    y_prob = predictions.y_prob.copy()
    women = table.sexes == "female"
    y_prob[women] = np.random.default_rng(2).random((women.sum(), 5))
    rows = {(row.group, row.name): row for row in measure_subgroups([replace(predictions, y_prob=y_prob)], {}, table, **SETTINGS)}
    gap = rows["women", MACRO].difference
    assert gap.difference < -0.2
    assert gap.leaves_out_zero


def test_what_may_not_be_stated_is_not(simulate, table):
    predictions = simulate("val", n_records=400)
    thresholds = {"superdiagnostic": Thresholds("f1", "val", (0.4,) * 5)}
    rows = measure_subgroups([predictions], thresholds, table, without=("ece", "brier"), **SETTINGS)
    assert {name for row in rows for name in row.metrics} == {"auroc", "auprc"}


def test_files(simulate, table, statements, space, tmp_path):
    rows = measure_subgroups([simulate(n_records=400)], {}, table, **SETTINGS)
    write_csv(subgroup_csv_rows(rows), tmp_path / "subgroups.csv")
    with (tmp_path / "subgroups.csv").open(newline="", encoding="utf-8") as stream:
        written = list(csv.DictReader(stream))
    assert len(written) == len(rows)
    assert float(written[0]["auroc"]) == rows[0].metrics["auroc"].point
    for name, figure in (
        ("groups.png", draw_subgroups(rows, "made up", 0.9)),
        ("statements.png", draw_statements(measure_statements(statements, space, **SETTINGS), "made up", 0.9)),
    ):
        save_figure(figure, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 10_000
