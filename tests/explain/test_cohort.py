"""Many records: what is drawn, written, found again, and said together; any leads and classes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import heart_reader.explain.cohort as cohort_module
from heart_reader.commands import main
from heart_reader.config import ExperimentConfig, override_config
from heart_reader.data.build import build_table
from heart_reader.explain.cohort import cases_of_files, cases_of_table, plain_name
from heart_reader.explain.summary import mean_estimates
from heart_reader.training.run import train

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = [str(ROOT / "test_files" / name) for name in ("norm.csv", "cd_lbbb.csv")]


def table_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def three_leads(tiny_config: ExperimentConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoint of another list of leads and of classes."""
    changes = ["preprocessing.leads=[I, II, V1]", "task.level=frequent", "task.heads=[frequent]", "training.epochs=1"]
    return train(override_config(tiny_config, changes), tmp_path_factory.mktemp("runs") / "three").checkpoint.directory


@pytest.fixture(scope="module")
def two_leads(tiny_config: ExperimentConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoint of the first two leads of any recording, in one window of five seconds."""
    changes = ['preprocessing.leads=["1st", "2nd"]', "preprocessing.window_s=5", "preprocessing.stride_s=5", "training.epochs=1"]
    return train(override_config(tiny_config, changes), tmp_path_factory.mktemp("runs") / "two").checkpoint.directory


def test_a_split_is_explained_with_figures_and_numbers(tiny_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    arguments = ["explain", "--checkpoint", str(tiny_checkpoint), "--split", "train", "--records", "2", "--class", "MI"]
    assert main([*arguments, "--method", "gradient_shap", "--faithfulness", "--format", "both", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    for part in ("share of leads: ", "completeness: ", "random weights: ", "faithfulness, signal"):
        assert part in said
    rows = table_of(out / "explanations.csv")
    assert len({row["record_id"] for row in rows}) == 2
    for row in rows:
        parts = float(row["signal_contribution"]) + float(row["measurement_contribution"])
        assert parts == pytest.approx(float(row["log_odds"]) - float(row["baseline_log_odds"]), abs=1e-3)
        assert sum(float(value) for name, value in row.items() if name.startswith("share_")) == pytest.approx(1, abs=1e-4)
        folder = out / "records" / row["record_id"]
        assert (folder / f"{row['finding']}.png").read_bytes().startswith(b"\x89PNG")
        assert b"<svg" in (folder / f"{row['finding']}.svg").read_bytes()
        relevance = table_of(folder / f"{row['finding']}.csv")
        assert sum(float(value) for line in relevance for name, value in line.items() if name != "time_s") == pytest.approx(
            float(row["signal_contribution"]), abs=1e-3
        )
    for name in ("leads.png", "leads_heatmap.svg", "leads.csv", "faithfulness-signal.png", f"beat-{rows[0]['finding']}.png"):
        assert (out / name).stat().st_size > 0
    summary = json.loads((out / "summary.json").read_text())
    assert summary["completeness"]["explanations"] == len(rows)
    assert summary["faithfulness"]["signal"]["explanations"] == len(rows)
    assert summary["randomised_weights"]["explanations"] == len(rows)


def test_what_was_explained_is_not_explained_again(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "explain",
        *SAMPLES,
        "--class",
        "NORM,CD",
        "--checkpoint",
        str(tiny_checkpoint),
        "--format",
        "none",
        "--out",
        str(tmp_path / "out"),
    ]
    work = cohort_module._Work.explain
    done: list[str] = []

    def stopping(self: cohort_module._Work, finding: str) -> None:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(finding)
        work(self, finding)

    monkeypatch.setattr(cohort_module._Work, "explain", stopping)
    assert main(arguments) != 0
    assert len(list((tmp_path / "out" / "records").glob("*/*.json"))) == 3
    done.clear()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "records").glob("*/*.json")}
    assert main(arguments) == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(table_of(tmp_path / "out" / "explanations.csv")) == 4
    assert main([*arguments, "--method", "occlusion"]) > 0
    assert "holds explanations made with method integrated_gradients" in capsys.readouterr().err


def test_any_leads_and_classes(three_leads: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["explain", SAMPLES[1], "--class", "AFIB", "--checkpoint", str(three_leads), "--duration", "5", "--faithfulness"]
    assert main([*arguments, "--out", str(out)]) == 0
    (row,) = table_of(out / "explanations.csv")
    assert [name for name in row if name.startswith("share_")] == ["share_I", "share_II", "share_V1"]
    assert (row["level"], row["finding"]) == ("frequent", "AFIB")
    assert (out / "records" / "cd_lbbb" / "AFIB.png").stat().st_size > 0


@pytest.mark.slow
def test_methods_are_compared_on_leads_by_their_place(two_leads: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    methods = ["integrated_gradients", "gradient_shap", "occlusion"]
    arguments = ["explain", *SAMPLES, "--class", "CD", "--checkpoint", str(two_leads), "--duration", "5", "--method", ",".join(methods)]
    assert main([*arguments, "--faithfulness", "--out", str(out)]) == 0
    assert list(json.loads((out / "faithfulness.json").read_text())) == methods
    assert "occlusion: gain over random order" in capsys.readouterr().out
    assert (out / "faithfulness.png").stat().st_size > 0
    for method in methods:
        rows = table_of(out / method / "explanations.csv")
        assert [name for name in rows[0] if name.startswith("share_")] == ["share_1st", "share_2nd"]
        assert (out / method / "records" / "cd_lbbb" / "CD.png").stat().st_size > 0


def test_measurements_are_summarised(trees_checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["explain", *SAMPLES, "--class", "CD", "--checkpoint", str(trees_checkpoint), "--faithfulness", "--out", str(out)]
    assert main([*arguments, "--background", str(ROOT / "test_files" / "norm.csv")]) == 0
    assert (out / "measurements-CD.png").stat().st_size > 0
    assert len(table_of(out / "measurements-CD.csv")) > 3
    summary = json.loads((out / "summary.json").read_text())
    assert summary["faithfulness"].keys() == {"measurements"}
    assert summary["completeness"]["highest_residual"] == 0


def test_a_record_that_fails_is_named_and_the_others_are_explained(
    tiny_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("I,II\n0.1,0.2\n")
    out = tmp_path / "out"
    assert main(["explain", SAMPLES[0], str(bad), "--checkpoint", str(tiny_checkpoint), "--format", "none", "--out", str(out)]) == 1
    assert "bad: not explained: " in capsys.readouterr().out
    assert "bad" in json.loads((out / "summary.json").read_text())["failed"]
    assert {row["record_id"] for row in table_of(out / "explanations.csv")} == {"norm"}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["a.csv", "--split", "test"], "name records to explain, or a split"),
        ([], "name records to explain, or a split"),
        ([*SAMPLES, "--finding", "CD"], "--out DIR: several explanations need a folder"),
        ([SAMPLES[0], "--finding", "CD", "--method", "lime"], "--method lime: there are integrated_gradients"),
        ([*SAMPLES, "--finding", "COLD", "--out", "x"], "finding 'COLD'"),
        (["--split", "test", "--records", "-1", "--out", "x"], "--records -1; a number of records is needed"),
        ([SAMPLES[0], "--finding", "CD", "--steps", "0"], "0 steps; at least 1 is needed"),
    ],
)
def test_what_does_not_go_together_is_refused(
    arguments: list[str], reason: str, tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", *arguments, "--checkpoint", str(tiny_checkpoint)]) > 0
    assert reason in capsys.readouterr().err


def test_records_are_drawn_class_by_class(tiny_config: ExperimentConfig) -> None:
    table = build_table(tiny_config)
    cases = cases_of_table(table, "superdiagnostic", ["MI", "CD", "HYP"], 9, seed=1)
    assert len({case.record_id for case in cases}) == 9
    labels = dict(zip(table.record_ids.tolist(), table.y_true("superdiagnostic").tolist(), strict=True))
    names = table.space.levels["superdiagnostic"].class_names
    for case in cases:
        assert case.findings == tuple(name for name in ("MI", "CD", "HYP") if labels[case.record_id][names.index(name)] == 1)
    assert {finding for case in cases for finding in case.findings} == {"MI", "CD", "HYP"}
    assert cases == cases_of_table(table, "superdiagnostic", ["MI", "CD", "HYP"], 9, seed=1)
    everyone = cases_of_table(table, "superdiagnostic", ["MI"], None, seed=0)
    assert len(everyone) == int((table.y_true("superdiagnostic")[:, names.index("MI")] == 1).sum())


def test_equally_named_files_are_told_apart(tmp_path: Path) -> None:
    for ward in ("a", "b"):
        (tmp_path / ward).mkdir()
        (tmp_path / ward / "ecg.csv").write_text("I,II\n0,0\n")
    folders = [case.folder for case in cases_of_files([tmp_path], ())]
    assert len(set(folders)) == 2
    assert all("/" not in folder for folder in folders)
    assert plain_name("../x") == "_x"


def test_means_have_intervals_over_patients() -> None:
    values = np.repeat([[0.0], [1.0]], 50, axis=0)
    (few,), _ = mean_estimates(values, ["p"] * 50 + ["q"] * 50, 0)
    (many,), _ = mean_estimates(values, [""] * 100, 0)
    assert (few.point, few.low, few.high) == (0.5, 0.0, 1.0)
    assert 0.35 < many.low < 0.45
