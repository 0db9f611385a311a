from __future__ import annotations

import csv
import signal
import subprocess
import sys
from pathlib import Path

import optuna
import pytest

from heart_reader.commands import main
from heart_reader.config import ExperimentConfig, load_config, override_config
from heart_reader.errors import ConfigError, DataError
from heart_reader.training.run import train
from heart_reader.training.search_space import Choices, Range, SearchSpace
from heart_reader.training.study import tune

RATE = "training.optimizer.learning_rate"
SPACE = SearchSpace({RATE: Range(low=1e-3, high=1e-2, log=True), "model.params.dropout": Range(low=0.0, high=0.5)})
DIVERGING = SearchSpace({RATE: Choices(choices=(1e30,))})


def trials(study: Path) -> list[dict[str, str]]:
    with (study / "trials.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def short_config(tiny_config: ExperimentConfig) -> ExperimentConfig:
    return override_config(tiny_config, ["training.epochs=1"])


@pytest.fixture(scope="module")
def study(short_config: ExperimentConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tuning") / "tiny"
    assert tune(short_config, SPACE, folder, 2).complete
    return folder


def test_the_best_trial_trains_to_the_same_score(study: Path, short_config: ExperimentConfig, tmp_path: Path) -> None:
    best = load_config(study / "best.yaml")
    assert best.name == "tiny-tuned"
    assert best.data == short_config.data
    score = max(float(row["val_macro_auroc"]) for row in trials(study))
    assert train(best, tmp_path / "run").checkpoint.manifest["metrics"]["superdiagnostic"]["macro_auroc"] == score
    assert "evaluation: {draws: 20}\n" in (study / "best.yaml").read_text()  # the base states it
    assert "preprocessing:" not in (study / "best.yaml").read_text()  # as in the defaults


def test_a_further_call_adds_trials_with_fresh_draws(study: Path, short_config: ExperimentConfig) -> None:
    before = trials(study)
    outcome = tune(short_config, SPACE, study, 1)
    after = trials(study)
    assert after[:-1] == before
    assert len({row[RATE] for row in after}) == len(after)
    assert outcome.best == study / "best.yaml"
    assert outcome.best_score == max(float(row["val_macro_auroc"]) for row in after)
    assert {path.name for path in study.iterdir()} == {"study.db", "trials.csv", "best.yaml"}


def test_another_configuration_or_space_is_refused(study: Path, short_config: ExperimentConfig) -> None:
    with pytest.raises(ConfigError, match=r"config\.training\.epochs was 1, is 3\): pass the same"):
        tune(override_config(short_config, ["training.epochs=3"]), SPACE, study, 1)
    with pytest.raises(ConfigError, match=r"dropout.* was .*choose another --study"):
        tune(short_config, SearchSpace({RATE: SPACE.dimensions[RATE]}), study, 1)


def test_a_diverging_trial_is_recorded_and_the_search_goes_on(short_config: ExperimentConfig, tmp_path: Path) -> None:
    outcome = tune(override_config(short_config, ["training.epochs=4"]), DIVERGING, tmp_path, 2)
    assert (outcome.best, outcome.best_score, outcome.complete) == (None, None, True)
    assert [row["state"] for row in trials(tmp_path)] == ["fail", "fail"]
    assert "the loss is" in trials(tmp_path)[0]["reason"]
    assert not (tmp_path / "best.yaml").exists()


def test_a_trial_behind_the_median_is_given_up(tiny_config: ExperimentConfig, tmp_path: Path) -> None:
    config = override_config(tiny_config, ["training.epochs=4"])
    tune(config, SPACE, tmp_path, 0)
    study = optuna.load_study(study_name="search", storage=f"sqlite:///{tmp_path / 'study.db'}")
    for _ in range(5):
        perfect = study.ask()
        SPACE.suggest(perfect)
        for epoch in range(1, 5):
            perfect.report(1.0, epoch)
        study.tell(perfect, 1.0)
    assert tune(config, SPACE, tmp_path, 1).complete
    last = trials(tmp_path)[-1]
    assert (last["state"], last["epochs"], last["val_macro_auroc"]) == ("pruned", "2", "")


def test_a_file_that_is_no_study_is_refused(short_config: ExperimentConfig, tmp_path: Path) -> None:
    (tmp_path / "study.db").write_text("no study " * 1000)
    with pytest.raises(DataError, match="choose another --study"):
        tune(short_config, SPACE, tmp_path, 1)


@pytest.mark.slow
def test_ctrl_c_leaves_a_study_to_go_on_with(tiny_config: ExperimentConfig, tmp_path: Path) -> None:
    space = tmp_path / "space.yaml"
    space.write_text(f"{RATE}: {{low: 0.001, high: 0.002}}\n")
    base = tmp_path / "base.yaml"
    base.write_text(override_config(tiny_config, ["training.epochs=9999"]).model_dump_json())
    command = ["-m", "heart_reader", "tune", "--config", base, "--space", space, "--study", tmp_path / "study", "--trials", "3"]
    with subprocess.Popen([sys.executable, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        while "epoch 1/" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 1, rest
    assert "the same command goes on" in rest
    assert "Traceback" not in rest
    assert [(row["state"], row["reason"]) for row in trials(tmp_path / "study")] == [("fail", "stopped")]
    assert {path.name for path in (tmp_path / "study").iterdir()} == {"study.db", "trials.csv"}


def test_without_optuna_the_error_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "heart_reader.training.study")
    (tmp_path / "space.yaml").write_text(f"{RATE}: {{low: 0.001, high: 0.002}}\n")
    assert main(["tune", "--space", str(tmp_path / "space.yaml"), "--study", "study"]) == 1
    assert capsys.readouterr().err == "error: optuna is not installed: pip install 'heart-reader[tune]'\n"


def test_wrong_calls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", "--space", str(tmp_path / "absent.yaml"), "--study", str(tmp_path / "study")]) == 2
    assert main(["tune", "--space", "space.yaml", "--study", str(tmp_path / "study"), "--trials", "0"]) == 2
    assert "at least 1" in capsys.readouterr().err
    assert not (tmp_path / "study").exists()
