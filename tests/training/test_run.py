from __future__ import annotations

import csv
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import yaml

from heart_reader.checkpoint import load_checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.config import ExperimentConfig, override_config
from heart_reader.data.build import build_table
from heart_reader.errors import CheckpointError, ConfigError, DataError, Integrity
from heart_reader.training.run import train
from heart_reader.training.run_state import finished_checkpoint
from heart_reader.training.trainer import Trainer


def _tensors(run: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(run / "checkpoint").tensors()


def _assert_same_weights(first: Path, second: Path) -> None:
    a, b = _tensors(first), _tensors(second)
    assert a.keys() == b.keys()
    assert [name for name in a if not torch.equal(a[name], b[name])] == []


def test_a_run_leaves_what_it_promises(tiny_run: Path) -> None:
    assert sorted(path.name for path in tiny_run.iterdir()) == ["checkpoint", "config.yaml", "history.csv", "learning_curves.png"]
    with (tiny_run / "history.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    manifest = load_checkpoint(tiny_run / "checkpoint").manifest
    assert manifest["calibration"]["superdiagnostic"]["split"] == "val"
    assert manifest["thresholds"]["superdiagnostic"]["split"] == "val"
    assert manifest["uncertainty"]["superdiagnostic"]["split"] == "val"
    assert manifest["uncertainty"].keys() == manifest["thresholds"].keys()
    statements = {"all", "diagnostic", "subdiagnostic", "superdiagnostic", "form", "rhythm", "frequent"}
    assert set(manifest["levels"]["levels"]) == statements | {"mi_vs_norm", "normal_vs_abnormal"}


def test_same_seed_gives_bit_equal_weights(tiny_config: ExperimentConfig, tiny_run: Path, tmp_path: Path) -> None:
    train(tiny_config, tmp_path / "again")
    _assert_same_weights(tiny_run, tmp_path / "again")


@pytest.fixture
def everything_on(tiny_config: ExperimentConfig) -> ExperimentConfig:
    """Mixup, augmentations, both averages and bf16: all that a resumed run has to continue."""
    return override_config(
        tiny_config,
        [
            "training.epochs=3",
            "training.swa_start=2",
            "training.mixup_alpha=0.3",
            "training.precision=bfloat16",
            "augmentation={noise_mv: 0.01, scale: 0.1, lead_dropout: 0.1, wander_mv: 0.1, warp: 0.1, shift_s: 0.2}",
        ],
    )


@pytest.mark.slow
@pytest.mark.parametrize("stop_after", [1, 5, 7])
def test_a_stopped_run_resumes_to_the_bit(
    everything_on: ExperimentConfig, tmp_path: Path, stop_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(everything_on, tmp_path / "whole")
    steps = 0
    plain_step = Trainer._train_step

    def step_and_interrupt(self: Trainer, positions: object) -> float:
        nonlocal steps
        steps += 1
        if steps == stop_after:
            signal.raise_signal(signal.SIGINT)
        return plain_step(self, positions)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "_train_step", step_and_interrupt)
    stopped = train(everything_on, tmp_path / "parts")
    assert not stopped.complete
    EcgClassifier.load(stopped.checkpoint.directory)
    with pytest.raises(ConfigError, match="add --resume"):
        train(everything_on, tmp_path / "parts")
    with pytest.raises(ConfigError, match="another configuration"):
        train(override_config(everything_on, ["seed=1"]), tmp_path / "parts", resume=True)
    assert train(everything_on, tmp_path / "parts", resume=True).complete
    _assert_same_weights(tmp_path / "whole", tmp_path / "parts")
    with pytest.raises(ConfigError, match="leave out --resume"):
        train(everything_on, tmp_path / "parts", resume=True)


def test_patience_stops_early(tiny_config: ExperimentConfig, tmp_path: Path) -> None:
    config = override_config(tiny_config, ["training.epochs=30", "training.patience=1", "training.optimizer.learning_rate=1e-9"])
    outcome = train(config, tmp_path / "run")
    assert outcome.complete
    assert outcome.checkpoint.manifest["training"]["epochs"] < 30


def test_a_diverging_run_says_what_to_do(tiny_config: ExperimentConfig, tmp_path: Path) -> None:
    config = override_config(tiny_config, ["training.optimizer.learning_rate=1e30", "training.optimizer.clip_norm=null"])
    with pytest.raises(DataError, match=r"lower training\.optimizer\.learning_rate"):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run" / "checkpoint").exists()


def test_a_level_without_cases_is_refused_before_any_work(tiny_config: ExperimentConfig, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    small = override_config(tiny_config, ["data.sources=[{kind: synthetic, n_records: 12, seed: 1}]", f"data.cache_dir={cache}"])
    with pytest.raises(DataError, match="no class of level superdiagnostic has both records with it and records without it in split val"):
        train(small, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert [path.name for path in cache.iterdir()] == ["synthetic-12-1"]


def test_classes_without_cases_are_named_in_one_line(
    tiny_config: ExperimentConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = "data.sources=[{kind: synthetic, n_records: 90, seed: 1}]"
    config = override_config(tiny_config, [sources, "task={level: rhythm, heads: [all]}", "training.epochs=1"])
    outcome = train(config, tmp_path / "run")
    said = [line for line in capsys.readouterr().out.splitlines() if "no record with" in line]
    assert len(said) == 2
    assert said[0].startswith("level rhythm, split train: no record with AFIB, SARRH, PACE")
    assert said[0].endswith("these cannot be learnt")
    classes = outcome.checkpoint.manifest["levels"]["levels"]["rhythm"]["class_names"]
    assert outcome.checkpoint.manifest["thresholds"]["rhythm"]["values"][classes.index("AFIB")] is None
    assert outcome.checkpoint.manifest["metrics"]["rhythm"]["auroc"]["AFIB"] is None


def test_levels_that_the_data_lack_are_refused(tiny_config: ExperimentConfig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"level 'superb': PTB-XL has all, .*choose one of them"):
        train(override_config(tiny_config, ["task.heads=[superb]"]), tmp_path / "run")
    with pytest.raises(ConfigError, match="add it to the heads"):
        train(override_config(tiny_config, ["task.heads=[rhythm]"]), tmp_path / "run")


def test_a_second_training_in_one_folder_is_refused(tiny_config: ExperimentConfig, tmp_path: Path) -> None:
    def train_again(_row: object) -> None:
        # Another thread does not have what this one has, as another process does not.
        with ThreadPoolExecutor(1) as pool, pytest.raises(ConfigError, match=r"another process works in this folder \(process \d+ on"):
            pool.submit(train, tiny_config, tmp_path / "run", resume=True).result()

    assert train(tiny_config, tmp_path / "run", on_epoch=train_again).complete
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["checkpoint", "config.yaml", "history.csv", "learning_curves.png"]


def _interrupted(config: ExperimentConfig, out: Path) -> None:
    class Stop(Exception):
        pass

    def stop(_row: object) -> None:
        raise Stop

    with pytest.raises(Stop):
        train(config, out, on_epoch=stop)


def _flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["state.json", "tensors.safetensors", "checksums.json"])
@pytest.mark.parametrize("damage", [_flip_a_bit, Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-1])])
def test_a_damaged_state_is_one_clear_line(
    tiny_config: ExperimentConfig, tmp_path_factory: pytest.TempPathFactory, name: str, damage: Callable[[Path], None]
) -> None:
    # One interrupted training serves all damages.
    whole = tmp_path_factory.getbasetemp() / "interrupted"
    if not whole.exists():
        _interrupted(tiny_config, whole)
    run = tmp_path_factory.mktemp("damaged") / "run"
    shutil.copytree(whole, run)
    damage(run / "training_state" / name)
    with pytest.raises(Integrity, match=r"training_state: damaged, .*: remove .*/run and train again without --resume") as caught:
        train(tiny_config, run, resume=True)
    assert "\n" not in str(caught.value)


def test_a_state_of_other_records_is_refused(tiny_config: ExperimentConfig, tmp_path: Path) -> None:
    _interrupted(tiny_config, tmp_path / "run")
    table = build_table(tiny_config)
    with pytest.raises(ConfigError, match="other records than the data sources give now"):
        train(tiny_config, tmp_path / "run", resume=True, table=table.select(table.record_ids != table.record_ids[0]))


@pytest.mark.slow
def test_a_killed_training_goes_on_to_the_same_bits(tiny_config: ExperimentConfig, tiny_run: Path, tmp_path: Path) -> None:
    """Kill training between the two renames that replace the state of an epoch."""
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(tiny_config.to_json()))
    code = (
        "import os, signal, sys, torch\n"
        "from pathlib import Path\n"
        "from heart_reader import folders\n"
        "from heart_reader.config import load_config\n"
        "from heart_reader.training.run import train\n"
        "torch.set_num_threads(1)\n"
        "plain = folders._discard\n"
        "def discard(path):\n"
        "    if path.name == '.old-training_state' and path.exists(): os.kill(os.getpid(), signal.SIGKILL)\n"
        "    plain(path)\n"
        "folders._discard = discard\n"
        "train(load_config(Path(sys.argv[1], 'config.yaml')), Path(sys.argv[1], 'run'))\n"
    )
    answer = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, capture_output=True)
    assert answer.returncode == -signal.SIGKILL, answer.stderr
    run = tmp_path / "run"
    (run / "training_state").rename(run / ".new-training_state")
    left = {path.name for path in run.iterdir()}
    assert {".lock", ".lock-training_state", ".new-training_state", ".old-training_state"} <= left
    with pytest.raises(ConfigError, match="add --resume"):
        train(tiny_config, run)
    assert train(tiny_config, run, resume=True).complete
    _assert_same_weights(tiny_run, run)
    assert sorted(path.name for path in run.iterdir()) == ["checkpoint", "config.yaml", "history.csv", "learning_curves.png"]


def test_an_interrupted_run_without_its_state_is_not_taken_for_a_finished_one(
    tiny_config: ExperimentConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain_step = Trainer._train_step

    def step_and_interrupt(self: Trainer, positions: object) -> float:
        signal.raise_signal(signal.SIGINT)
        return plain_step(self, positions)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "_train_step", step_and_interrupt)
    assert not train(tiny_config, tmp_path / "run").complete
    shutil.rmtree(tmp_path / "run" / "training_state")
    with pytest.raises(CheckpointError, match="interrupted"):
        finished_checkpoint(tmp_path / "run", tiny_config)


def test_a_finished_run_of_another_configuration_is_not_taken(tiny_config: ExperimentConfig, tiny_run: Path) -> None:
    checkpoint = finished_checkpoint(tiny_run, override_config(tiny_config, ["evaluation.draws=5"]))
    assert checkpoint is not None
    assert checkpoint.sha256 == load_checkpoint(tiny_run / "checkpoint").sha256
    with pytest.raises(ConfigError, match="trained with another seed and training: remove it"):
        finished_checkpoint(tiny_run, override_config(tiny_config, ["seed=7", "training.epochs=3"]))
    with pytest.raises(ConfigError, match="remove it, or choose another --out"):
        train(override_config(tiny_config, ["seed=7"]), tiny_run)
    assert load_checkpoint(tiny_run / "checkpoint").sha256 == checkpoint.sha256
