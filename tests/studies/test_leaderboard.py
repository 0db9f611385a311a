from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from statistics import mean

import pytest

from heart_reader.checkpoint import load_manifest, save_checkpoint
from heart_reader.config import ExperimentConfig, override_config
from heart_reader.errors import DataError, Integrity
from heart_reader.evaluation.run import evaluate
from heart_reader.studies.leaderboard import find_runs, write_leaderboard
from heart_reader.training.run import train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def evaluated(tiny_run: Path, tiny_config: ExperimentConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two seeds of one configuration, evaluated on both splits."""
    root = tmp_path_factory.mktemp("leaderboard")
    shutil.copytree(tiny_run, root / "first")
    train(override_config(tiny_config, ["seed=7", "training.threads=1", "training.epochs=2"]), root / "second")
    for run in ("first", "second"):
        for split in ("val", "test"):
            evaluate(root / run / "checkpoint", root / run / f"report-{split}", split=split)
    return root


@pytest.fixture
def runs(evaluated: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(evaluated, tmp_path / "results"))


def rows(root: Path) -> list[dict[str, str]]:
    with (root / "leaderboard.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_rows_say_what_the_reports_say(runs: Path) -> None:
    write_leaderboard(runs, runs / "leaderboard.md")
    table = rows(runs)
    assert [float(row["val_macro_auroc"]) for row in table] == sorted((float(row["val_macro_auroc"]) for row in table), reverse=True)
    for row in table:
        manifest = load_manifest(runs / row["run"] / "checkpoint")
        report = json.loads((runs / row["run"] / "report-test" / "report.json").read_text())
        assert row["checkpoint"] == manifest["sha256"][:12]
        assert (row["seed"], row["n_parameters"]) == (str(manifest["seed"]), str(manifest["model"]["n_parameters"]))
        assert float(row["training_s"]) == manifest["training"]["elapsed_s"]
        for name in ("macro_auroc", "macro_auprc", "fmax", "macro_f1", "macro_ece"):
            stated = report["metrics"][name]
            assert [row[f"test_{name}{end}"] for end in ("", "_low", "_high")] == [
                "" if stated[key] is None else str(stated[key]) for key in ("point", "low", "high")
            ]


def test_the_page_summarises_seeds_and_carries_the_caveats(runs: Path) -> None:
    write_leaderboard(runs, runs / "leaderboard.md")
    page = (runs / "leaderboard.md").read_text()
    scores = [float(row["val_macro_auroc"]) for row in rows(runs)]
    assert f"| tiny | 7, 42 | {mean(scores):.4f} ({min(scores):.4f} to {max(scores):.4f}) |" in page
    assert "- Simulated ECGs: no figure here says anything about real ones." in page
    assert "Not evaluated" not in page
    write_leaderboard(runs, runs / "leaderboard.md")
    assert (runs / "leaderboard.md").read_text() == page


def test_a_run_whose_folder_went_counts_the_same(runs: Path, tmp_path: Path) -> None:
    write_leaderboard(runs, runs / "leaderboard.md")
    page, table, kept = ((runs / f"leaderboard.{kind}").read_text() for kind in ("md", "csv", "json"))
    shutil.rmtree(runs / "second")
    write_leaderboard(runs, runs / "leaderboard.md")
    assert [(runs / f"leaderboard.{kind}").read_text() for kind in ("md", "csv", "json")] == [page, table, kept]
    # Another run under its name takes its place.
    shutil.copytree(runs / "first", runs / "second")
    assert len(find_runs(runs)) == 1
    (runs / "leaderboard.json").write_text('[{"folder": "first"}]')
    with pytest.raises(DataError, match=r"leaderboard\.json: cannot be understood"):
        find_runs(runs)


def test_without_a_validation_report_the_manifest_knows_the_score(runs: Path) -> None:
    before = [run.val_score for run in find_runs(runs)]
    for report in runs.glob("*/report-val"):
        shutil.rmtree(report)
    assert [run.val_score for run in find_runs(runs)] == pytest.approx(before, abs=1e-6)


def test_a_run_without_a_test_report_is_listed_as_such(runs: Path) -> None:
    shutil.rmtree(runs / "second" / "report-test")
    manifest = load_manifest(runs / "first" / "checkpoint")
    exported = {key: value for key, value in manifest.items() if key not in ("format", "weights", "sha256")}
    # Another form of the first run, not a run.
    save_checkpoint(runs / "edge" / "fp32", exported, lambda path: path.write_bytes(b"graph"), onnx=True)
    found = write_leaderboard(runs, runs / "leaderboard.md")
    assert sorted(run.evaluated for run in found) == [False, True]
    page = (runs / "leaderboard.md").read_text()
    assert "- tiny, seed 7 (`second`): validation macro-AUROC 0." in page
    assert "Several seeds" not in page


def test_reports_on_other_records_stand_in_another_table(runs: Path, tiny_config: ExperimentConfig) -> None:
    overrides = ["data.sources=[{kind: synthetic, n_records: 80, seed: 3}]"]
    evaluate(runs / "second" / "checkpoint", runs / "second" / "report-test", split="test", overrides=overrides)
    write_leaderboard(runs, runs / "leaderboard.md")
    assert (runs / "leaderboard.md").read_text().count("\n## superdiagnostic: ") == 2


def test_a_report_of_another_checkpoint_is_refused(runs: Path) -> None:
    shutil.rmtree(runs / "first" / "checkpoint")
    shutil.copytree(runs / "second" / "checkpoint", runs / "first" / "checkpoint")
    with pytest.raises(Integrity) as refused:
        write_leaderboard(runs, runs / "leaderboard.md")
    message = str(refused.value)
    assert f"{runs / 'first' / 'report-val' / 'report.json'}: made with checkpoint" in message
    assert f"run heart-reader evaluate {runs / 'first' / 'checkpoint'} --split val again" in message
    assert not (runs / "leaderboard.md").exists()


def test_an_edited_manifest_is_refused(runs: Path) -> None:
    path = runs / "first" / "checkpoint" / "manifest.json"
    path.write_text(path.read_text().replace('"seed": 42', '"seed": 43'))
    with pytest.raises(Integrity, match="does not match its own hash"):
        find_runs(runs)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "val"}, "on split 'val'.*split 'test' is needed"),
        ({"metrics": {}}, "no report.*macro_auroc"),
        ({"level": "rhythm"}, "different levels"),
    ],
)
def test_a_report_that_does_not_fit_is_refused(runs: Path, change: dict[str, object], message: str) -> None:
    path = runs / "first" / "report-test" / "report.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DataError, match=f"{message}.*run heart-reader evaluate"):
        find_runs(runs)


def test_a_broken_report_and_an_empty_folder(runs: Path, tmp_path: Path) -> None:
    (runs / "first" / "report-test" / "report.json").write_text("{")
    with pytest.raises(DataError, match="no report"):
        find_runs(runs)
    with pytest.raises(DataError, match=r"no run in it: train one"):
        find_runs(tmp_path / "nowhere")
