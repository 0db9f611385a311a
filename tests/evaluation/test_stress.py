"""The stress test: its clean reading is the report's, noise is the same, nothing is left out."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from heart_reader.classifier import EcgClassifier
from heart_reader.config import ExperimentConfig
from heart_reader.data.build import build_table
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.record_table import RecordTable
from heart_reader.errors import LeadError
from heart_reader.evaluation.run import evaluate
from heart_reader.evaluation.stress import perturbations
from heart_reader.evaluation.stress.conditions import CLEAN, ONE_MISSING, Condition, stress_conditions
from heart_reader.evaluation.stress.page import FILES, draw_stress, remove_other_stress, stress_csv_rows, stress_markdown, write_stress
from heart_reader.evaluation.stress.stress import AUROC, MEAN_MISSING, StressReport, run_stress

LEVEL = "superdiagnostic"
SETTINGS = {"config_name": "tiny", "draws": 20, "confidence": 0.9, "seed": 42}


@pytest.fixture(scope="module")
def classifier(tiny_checkpoint: Path) -> EcgClassifier:
    return EcgClassifier.load(tiny_checkpoint)


@pytest.fixture(scope="module")
def table(tiny_config: ExperimentConfig) -> RecordTable:
    return build_table(tiny_config).split("test")


@pytest.fixture(scope="module")
def report(classifier: EcgClassifier, table: RecordTable) -> StressReport:
    return run_stress(classifier, table, LEVEL, **SETTINGS, caveats=("Simulated.",))


def chosen(*names: str) -> list[Condition]:
    return [condition for condition in stress_conditions(STANDARD_LEADS) if condition.name in (CLEAN, *names)]


def test_conditions_cover_what_is_promised() -> None:
    conditions = stress_conditions(STANDARD_LEADS)
    names = {condition.name for condition in conditions}
    assert len(names) == len(conditions)
    assert {f"only-{lead}" for lead in STANDARD_LEADS} | {"only-limb", "only-chest"} <= names
    assert {f"{kind}-{ratio}db" for kind in ("wander", "muscle", "motion", "mains") for ratio in (18, 12, 6)} <= names
    assert {"gain-0.5", "gain-2", "flat-1", "flat-3", "swapped-arms", "swapped-V1-V2", "step-100uv"} <= names
    assert {f"rate-{fs}hz" for fs in (50, 250, 500, 1000)} <= names


@pytest.mark.slow
def test_the_clean_reading_is_the_one_of_the_report(
    report: StressReport, tiny_checkpoint: Path, tiny_config: ExperimentConfig, tmp_path: Path
) -> None:
    overrides = ["evaluation.draws=20", "evaluation.confidence=0.9"]
    evaluated = evaluate(tiny_checkpoint, tmp_path, split="test", overrides=overrides, stress=True)
    assert {path.name for path in tmp_path.iterdir()} > set(FILES)
    saved = json.loads((tmp_path / "stress.json").read_text(encoding="utf-8"))
    assert [row["name"] for row in saved["rows"]] == [row.name for row in report.rows]
    clean = report.rows[0]
    for name in (AUROC, "macro_f1"):
        expected, found = evaluated.metrics[name], clean.metrics[name]
        assert (found.point, found.low, found.high) == pytest.approx((expected.point, expected.low, expected.high))
    assert [value.point for value in clean.classes] == pytest.approx([value.point for value in evaluated.classes["auroc"]])
    assert clean.differences[AUROC].difference == 0
    assert clean.usable == 1


def test_rows_say_what_they_should(report: StressReport) -> None:
    rows = {row.name: row for row in report.rows}
    assert len(rows) == len(stress_conditions(STANDARD_LEADS)) + 1
    assert not report.left_out
    assert rows["only-V1"].usable == 0
    assert rows["only-limb"].usable == rows["flat-3"].usable == 1
    singles = [row.metrics[AUROC].point for row in report.rows if row.group == ONE_MISSING and row.name != MEAN_MISSING]
    assert rows[MEAN_MISSING].metrics[AUROC].point == pytest.approx(np.mean(singles))
    shown = [row for row in report.summary if row.group == ONE_MISSING]
    assert [row.name == MEAN_MISSING for row in shown] == [True, False]
    assert shown[1].metrics[AUROC].point == min(singles)
    assert shown[1].title.startswith("worst: without ")
    for row in report.rows:
        assert row.differences[AUROC].difference == pytest.approx(row.metrics[AUROC].point - rows[CLEAN].metrics[AUROC].point)


def test_noise_is_the_same_in_every_order_and_company(classifier: EcgClassifier, table: RecordTable, report: StressReport) -> None:
    again = run_stress(classifier, table, LEVEL, **SETTINGS, conditions=chosen("motion-12db", "flat-1"))
    rows = {row.name: row for row in report.rows}
    for row in again.rows:
        assert row.metrics[AUROC].point == pytest.approx(rows[row.name].metrics[AUROC].point)
    other = run_stress(classifier, table, LEVEL, **SETTINGS, conditions=chosen("motion-12db"), noise_seed=7)
    assert other.noise_seed == 7


def test_validation_decides_nothing(classifier: EcgClassifier, tiny_config: ExperimentConfig) -> None:
    val = run_stress(classifier, build_table(tiny_config).split("val"), LEVEL, **SETTINGS, conditions=chosen("only-limb"))
    assert set(val.rows[1].metrics) == {AUROC}
    page = stress_markdown(val)
    assert "thresholds decide" not in page
    assert "model was selected on this split" in page


def test_a_condition_that_does_not_apply_is_named(classifier: EcgClassifier, table: RecordTable) -> None:
    chest = Condition("odd", "Odd", "lead X", lambda record, _: perturbations.keep_leads(record, ("X",)))
    short = table.select(np.arange(3))
    stressed = run_stress(classifier, short, LEVEL, **SETTINGS, conditions=[*chosen("gain-2"), chest])
    assert [row.name for row in stressed.rows] == [CLEAN, "gain-2"]
    assert "none of X among its leads" in stressed.left_out["odd"]
    assert "odd: " in stress_markdown(stressed)
    with pytest.raises(LeadError):
        run_stress(classifier, short, LEVEL, **SETTINGS, conditions=[replace(chest, name=CLEAN)])


def test_a_class_without_positives_is_named(classifier: EcgClassifier, table: RecordTable) -> None:
    without = table.select(np.flatnonzero(table.y_true(LEVEL)[:, 4] == 0))
    stressed = run_stress(classifier, without, LEVEL, **SETTINGS, conditions=chosen("gain-2"))
    assert "HYP" in stressed.rows[1].metrics[AUROC].undefined
    assert stressed.rows[1].classes[4].point is None
    assert stressed.rows[1].class_differences[4].difference is None
    assert f"left out of the means: {', '.join(stressed.rows[1].metrics[AUROC].undefined)}." in stress_markdown(stressed)
    json.dumps(asdict(stressed), allow_nan=False)


def test_written_files(report: StressReport, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    assert {path.name for path in write_stress(report, out)} == set(FILES) == {path.name for path in out.iterdir()}
    saved = json.loads((out / "stress.json").read_text(encoding="utf-8"))
    assert saved["rows"][0]["name"] == CLEAN
    assert saved["checkpoint_sha256"] == report.checkpoint_sha256
    with (out / "stress.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["condition"] for row in rows] == [row.name for row in report.rows]
    assert float(rows[1]["auroc_NORM_change"]) == pytest.approx(report.rows[1].class_differences[0].difference)
    with Image.open(out / "stress.png") as image:
        assert min(image.size) > 800
    same = {"checkpoint_sha256": report.checkpoint_sha256, "split": "test", "level": LEVEL}
    remove_other_stress(out, **same)
    assert len(list(out.iterdir())) == len(FILES)
    remove_other_stress(out, **{**same, "checkpoint_sha256": "ab" * 32})
    assert not list(out.iterdir())


def test_a_class_without_positives_and_many_classes(report: StressReport) -> None:
    undefined = replace(report.rows[0].classes[0], point=None, low=None, high=None)
    no_change = replace(report.rows[0].class_differences[0], first=None, second=None, difference=None, low=None, high=None, p_value=None)
    rows = tuple(
        replace(row, classes=(undefined, *row.classes[1:]), class_differences=(no_change, *row.class_differences[1:]))
        for row in report.rows
    )
    partly = replace(report, rows=rows)
    assert "| – |" in stress_markdown(partly)
    assert stress_csv_rows(partly)[0]["auroc_NORM"] is None
    draw_stress(partly)
    many = replace(
        report,
        class_names=tuple(f"C{number}" for number in range(20)),
        rows=tuple(replace(row, classes=row.classes * 4, class_differences=row.class_differences * 4) for row in report.rows),
    )
    assert len(draw_stress(many).axes) == 1
    assert "Change of every class" not in stress_markdown(many)
    assert "auroc_C19" in stress_csv_rows(many)[0]
