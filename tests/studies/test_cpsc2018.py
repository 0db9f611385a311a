"""Studies of CPSC2018: a reader against its classes, every fold in turn, lead by lead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from heart_reader.classifier import EcgClassifier
from heart_reader.commands import main
from heart_reader.config import load_config
from heart_reader.data.formats import read_record
from heart_reader.data.synthetic.challenge_folder import write_challenge_folder
from heart_reader.errors import ConfigError
from heart_reader.explain.explainer import Explainer
from heart_reader.studies.external import ReadRecord, external_page
from heart_reader.studies.folds import study_folds

SMALL = (
    "task={level: cpsc2018, heads: [cpsc2018]}",
    "preprocessing={fs: 100, window_s: 30, stride_s: 30, keep: last, leads: [I, II, V1]}",
    "model={name: resnet34_1d, params: {widths: [4, 4, 4, 4]}}",
    "training={epochs: 1, batch_size: 8, precision: float32}",
    "evaluation.draws=5",
)


@pytest.fixture(scope="module")
def overrides(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A small recipe on simulated records, as arguments."""
    folder = tmp_path_factory.mktemp("cpsc2018") / "records"
    write_challenge_folder(folder, 36, seed=2)
    return [*SMALL, f"data.sources=[{{kind: cpsc2018, folder: {folder}, n_folds: 3, test_fold: 3}}]"]


def test_the_table_counts_what_was_said_and_lists_disagreements() -> None:
    read = [
        ReadRecord("a", frozenset({"AF"}), frozenset({"AF"}), frozenset({"AF"})),
        ReadRecord("b", frozenset({"AF", "RBBB"}), frozenset({"AF"}), frozenset()),
        ReadRecord("c", frozenset({"SNR"}), frozenset({"AF"}), frozenset({"PVC"})),
    ]
    page = external_page(read, "some")
    assert (
        "| AF | atrial fibrillation | 2 | 2 / 2, 100 % [34, 100] | 0 / 1, 0 % [0, 79] | 1 / 2, 50 % [9, 91] | 1 / 1, 100 % [21, 100] |"
        in page
    )
    assert "| RBBB | right bundle branch block | 1 | 0 / 1, 0 % [0, 79] | 2 / 2, 100 % [34, 100] | – | – |" in page
    assert "| STE | ST elevation | 0 | – |" in page
    assert "| b | AF, RBBB | AF | none |" in page
    assert "2 records of which" in page
    assert "| a |" not in page


def test_leads_are_ranked_and_a_network_of_one_lead_reads_and_is_explained(overrides: list[str], tmp_path: Path) -> None:
    arguments = [word for override in overrides for word in ("--set", override)]
    (tmp_path / "small.yaml").write_text("name: small\n")
    assert main(["study", "leads", str(tmp_path / "small.yaml"), "--out", str(tmp_path / "out"), *arguments]) == 0
    results = json.loads((tmp_path / "out" / "leads.json").read_text())["leads"]
    assert results[0]["leads"] == ["I", "II", "V1"]
    assert sorted(result["leads"][0] for result in results[1:]) == ["I", "II", "V1"]
    reached = [result["macro_auroc"][0] for result in results[1:]]
    assert reached == sorted(reached, reverse=True)
    page = (tmp_path / "out" / "leads.md").read_text()
    assert "CPSC2018, simulated ECGs, 12 test records" in page
    assert (tmp_path / "out" / "leads.png").stat().st_size > 10_000
    classifier = EcgClassifier.load(tmp_path / "out" / "V1" / "checkpoint")
    assert classifier.preprocessor.leads == ("V1",)
    config = load_config(tmp_path / "small.yaml", overrides)
    record = read_record(next(Path(config.data.sources[0].model_dump()["folder"]).glob("*.hea")))
    reading = classifier.predict(record)
    assert set(reading.levels) == {"cpsc2018"}
    expected = "window_filled" if record.duration_s < 30 else "window_last"
    assert expected in [getattr(warning, "code", "") for warning in reading.warnings]
    relevance = Explainer(classifier).explain(record, "AF", duration_s=30.0).relevance
    assert relevance.shape == (1, round(min(record.duration_s, 30) * 100))


def test_every_fold_tests_once(overrides: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [word for override in overrides for word in ("--set", override)]
    (tmp_path / "small.yaml").write_text("name: small\n")
    for _ in range(2):  # the second time from what is there
        assert main(["study", "folds", str(tmp_path / "small.yaml"), "--out", str(tmp_path / "out"), *arguments]) == 0
    page = (tmp_path / "out" / "folds.md").read_text()
    assert "| mean ± SD | 36 | " in page
    assert page.count("| 12 | ") == 3
    assert capsys.readouterr().out.count("epoch 1/1") == 3


def test_a_source_without_folds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="synthetic has no test_fold"):
        study_folds(load_config(None, ["data.sources=[{kind: synthetic}]"]), tmp_path)
