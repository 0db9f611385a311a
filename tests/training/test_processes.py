"""Trainings that torchrun shares among processes."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from numpy.typing import NDArray
from torch import nn

from heart_reader.checkpoint import load_checkpoint
from heart_reader.config import AugmentationConfig, ExperimentConfig, override_config
from heart_reader.data.augmentations import augment
from heart_reader.data.build import build_preprocessor, build_table
from heart_reader.data.cache import SignalCache
from heart_reader.data.rows import RowsOf
from heart_reader.errors import ConfigError, DataError
from heart_reader.features.build import open_dataset
from heart_reader.training.batches import Batches
from heart_reader.training.losses import MultiLevelLoss
from heart_reader.training.processes import ALONE, Processes, together
from heart_reader.training.random_rows import RandomOfRows
from heart_reader.training.run import _check_same, train
from heart_reader.training.trainer import _check_shares

ROOT = Path(__file__).resolve().parents[2]
ALL_ON = "augmentation={noise_mv: 0.01, scale: 0.1, lead_dropout: 0.1, wander_mv: 0.1, warp: 0.1, shift_s: 0.2}"
SHARES = [slice(0, 6), slice(6, 11), slice(11, 16)]


@pytest.fixture(scope="module")
def mixed_config(tiny_config: ExperimentConfig) -> ExperimentConfig:
    """All that is drawn at random."""
    return override_config(tiny_config, ["training.mixup_alpha=0.3", "training.device=cpu", ALL_ON])


def test_shares_are_all_rows_once() -> None:
    for n, size in ((16, 3), (2, 5), (0, 2), (7, 1)):
        rows = [range(n)[Processes(rank, size).rows(n)] for rank in range(size)]
        assert [row for share in rows for row in share] == list(range(n))
        assert max(map(len, rows)) - min(map(len, rows)) <= 1


def test_rows_of_a_batch_are_drawn_as_in_the_whole() -> None:
    config = AugmentationConfig(noise_mv=0.01, scale=0.1, lead_dropout=0.1, wander_mv=0.1, warp=0.1, shift_s=0.2)
    x = np.random.default_rng(0).standard_normal((7, 12, 250)).astype(np.float32)
    whole_rng = np.random.default_rng(5)
    whole = augment(x, whole_rng, config, 100.0)
    for rows in (np.array([1, 5, 6]), np.array([0]), np.arange(7)):
        rng = np.random.default_rng(5)
        np.testing.assert_array_equal(augment(x[rows], RowsOf(rng, 7, rows), config, 100.0), whole[rows])
        assert rng.bit_generator.state == whole_rng.bit_generator.state


def test_a_share_of_a_batch_is_what_it_is_in_the_whole_and_reads_no_more(
    mixed_config: ExperimentConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = open_dataset(mixed_config, build_table(mixed_config), build_preprocessor(mixed_config), None).split("train")
    batches = Batches(dataset, mixed_config, None)
    positions = next(batches.positions(0))
    whole = batches.draw(positions, 0, 0, slice(0, 16))
    read: list[int] = []
    plain = SignalCache.prepared
    monkeypatch.setattr(SignalCache, "prepared", lambda self, row: read.append(row) or plain(self, row))
    for rows in SHARES:
        read.clear()
        part = batches.draw(positions, 0, 0, rows)
        np.testing.assert_array_equal(part.inputs[0], whole.inputs[0][rows])
        np.testing.assert_array_equal(part.targets, whole.targets[rows])
        np.testing.assert_array_equal(part.counts, whole.counts)
        assert part.seed == whole.seed
        n_own = rows.stop - rows.start
        assert n_own <= len(read) <= 2 * n_own  # its rows, and those they are mixed with


def test_losses_of_the_parts_add_up_to_that_of_the_whole(tiny_config: ExperimentConfig) -> None:
    space = build_table(tiny_config).space
    loss = MultiLevelLoss(space, tiny_config.task.level, tiny_config.training.loss)
    rng = np.random.default_rng(0)
    targets = torch.from_numpy(rng.choice(np.array([0, 1, np.nan], dtype=np.float32), (16, space.n_outputs)))
    logits = torch.from_numpy(rng.standard_normal((16, space.n_outputs)).astype(np.float32))
    counts = (~torch.isnan(targets)).sum(dim=0)
    parts = [loss(logits[rows], targets[rows], counts) for rows in SHARES]
    assert float(sum(parts)) == pytest.approx(float(loss(logits, targets)), rel=1e-6)


@pytest.mark.parametrize("layer", [nn.Dropout(0.3), nn.Dropout1d(0.3), nn.AlphaDropout(0.3)], ids=lambda layer: type(layer).__name__)
@pytest.mark.parametrize("arrange", [lambda x: x, lambda x: x.transpose(1, 2)], ids=["plain", "transposed"])
def test_rows_are_dropped_as_in_the_whole_batch(layer: nn.Module, arrange: Callable[[torch.Tensor], torch.Tensor]) -> None:
    x = arrange(torch.randn(16, 6, 10))

    def seeded(rows: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(3)
        return layer(rows)

    whole = seeded(x)
    for rows in SHARES:
        with RandomOfRows(16, rows):
            assert torch.equal(seeded(x[rows]), whole[rows])


def test_random_tensors_are_cut_out_of_those_of_the_whole_batch() -> None:
    def draw(n: int) -> list[torch.Tensor]:
        torch.manual_seed(3)
        return [torch.rand(n, 1, 1), torch.randn(n), torch.rand(5), torch.native_dropout(torch.ones(n, 4), 0.5, True)[0]]

    whole = draw(16)
    with RandomOfRows(16, slice(6, 12)):
        part = [torch.rand(6, 1, 1), *draw(6)][1:]
    assert torch.equal(part[0], whole[0][6:12])
    assert torch.equal(part[1], whole[1][6:12])
    assert torch.equal(part[2], whole[2])


def test_more_processes_than_records_of_a_batch_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"3 records for 4 processes, .* needs 1: .* raise training\.batch_size to 4"):
        _check_shares(3, Processes(0, 4), sync_batchnorm=True)
    with pytest.raises(ConfigError, match=r"each of which needs 2"):
        _check_shares(7, Processes(0, 4), sync_batchnorm=False)
    _check_shares(1, ALONE, sync_batchnorm=False)


def test_without_torchrun_a_process_is_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "8")  # set by something else
    with together(tmp_path, "cpu") as processes:
        assert processes is ALONE


class Run:
    """A training under torchrun, in a folder of its own."""

    def __init__(self, config: ExperimentConfig, folder: Path, cache: Path) -> None:
        self.out = folder / "run"
        self.config = folder / "config.yaml"
        self.config.write_text(yaml.safe_dump(config.to_json()))
        self.environment = {**os.environ, "HEART_READER_CACHE": str(cache), "PYTHONPATH": str(ROOT)}

    def start(self, n: int, *options: str, torchrun: Sequence[str] = (), script: Sequence[str] = ("train.py",)) -> subprocess.Popen[str]:
        """Start n processes."""
        launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(n), *torchrun]
        command = [*launcher, *script, "--config", str(self.config), "--out", str(self.out), *options]
        return subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def finish(self, n: int, *options: str) -> str:
        """Train with n processes; return what they said."""
        process = self.start(n, *options)
        said, complaints = process.communicate(timeout=300)
        assert process.returncode == 0, complaints
        assert "error" not in complaints
        return said

    def history(self) -> list[dict[str, float]]:
        """Rows of ``history.csv``."""
        with (self.out / "history.csv").open() as stream:
            return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(stream)]


@pytest.fixture
def start_run(tmp_path: Path, cache_of_tests: Path) -> Callable[[ExperimentConfig], Run]:
    return lambda config: Run(config, tmp_path, cache_of_tests)


def _assert_equal_trainings(first: list[dict[str, float]], second: list[dict[str, float]]) -> None:
    assert len(first) == len(second) > 0
    for a, b in zip(first, second, strict=True):
        assert a["train_loss"] == pytest.approx(b["train_loss"], rel=1e-4)
        assert a["val_macro_auroc"] == pytest.approx(b["val_macro_auroc"], abs=0.02)


def test_two_processes_train_as_one(mixed_config: ExperimentConfig, tmp_path: Path, start_run: Callable[..., Run]) -> None:
    # A batch of 15 does not divide by 2.
    config = override_config(mixed_config, ["training.batch_size=15", "training.swa_start=2"])
    run = start_run(config)
    said = run.finish(2)
    assert said.count("simulated ECGs: train") == said.count("epoch 1/2") == said.count("next: heart-reader evaluate") == 1
    alone = train(config, tmp_path / "alone").checkpoint
    with (tmp_path / "alone" / "history.csv").open() as stream:
        expected = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(stream)]
    _assert_equal_trainings(run.history(), expected)
    shared = load_checkpoint(run.out / "checkpoint")
    assert shared.manifest["training"]["processes"] == 2
    assert alone.manifest["training"]["processes"] == 1
    theirs = shared.tensors()
    for name, value in alone.tensors().items():
        torch.testing.assert_close(theirs[name], value, rtol=1e-3, atol=1e-3, msg=name)
    assert sorted(path.name for path in run.out.iterdir()) == ["checkpoint", "config.yaml", "history.csv", "learning_curves.png"]


SLOWED = """
import os, sys, time
from heart_reader.commands import main
from heart_reader.training.trainer import Trainer
plain = Trainer._train_step
def step(self, positions):
    if self.progress.epoch >= int(os.environ["SLOW_FROM"]):
        print(f"step {self.progress.step} of process {os.getpid()}", file=sys.__stdout__, flush=True)
        time.sleep(0.3)
    return plain(self, positions)
Trainer._train_step = step
sys.exit(main(["train", *sys.argv[1:]]))
"""


def _start_slowly(run: Run, folder: Path, *options: str, slow_from: int = 1, n: int = 2) -> tuple[subprocess.Popen[str], list[int]]:
    """Start processes that say their number before each step; return when all said it."""
    script = folder / "slowed.py"
    script.write_text(SLOWED)
    run.environment["SLOW_FROM"] = str(slow_from)
    process = run.start(n, *options, script=(str(script),))
    assert process.stdout is not None
    numbers: set[int] = set()
    while len(numbers) < n:
        line = process.stdout.readline()
        assert line, process.communicate()
        if line.startswith("step "):
            numbers.add(int(line.split()[-1]))
    return process, sorted(numbers)


@pytest.mark.slow
def test_one_of_two_is_killed_and_three_go_on(mixed_config: ExperimentConfig, tmp_path: Path, start_run: Callable[..., Run]) -> None:
    config = override_config(mixed_config, ["training.epochs=3"])
    run = start_run(config)
    process, numbers = _start_slowly(run, tmp_path)
    killed = time.monotonic()
    os.kill(numbers[1], signal.SIGKILL)
    _, complaints = process.communicate(timeout=60)
    assert time.monotonic() - killed < 30
    assert process.returncode != 0
    errors = [line for line in complaints.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, complaints
    assert "another process of this training ended" in errors[0]
    assert "run the same command again with --resume to go on from its last complete epoch" in errors[0]
    assert "heart_reader" not in "".join(line for line in complaints.splitlines() if line.startswith("  File"))
    run.finish(3, "--resume")
    train(config, tmp_path / "alone")
    with (tmp_path / "alone" / "history.csv").open() as stream:
        expected = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(stream)]
    _assert_equal_trainings(run.history(), expected)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_one_stops_all_at_the_same_step(
    number: int, mixed_config: ExperimentConfig, tmp_path: Path, start_run: Callable[..., Run]
) -> None:
    run = start_run(mixed_config)
    process, numbers = _start_slowly(run, tmp_path, slow_from=0)
    os.kill(numbers[1], number)
    said, complaints = process.communicate(timeout=60)
    assert process.returncode != 0
    assert said.count("is usable, and --resume goes on from here") == 1
    assert "error: " not in complaints
    assert (run.out / "training_state" / "state.json").exists()
    run.finish(2, "--resume")
    train(mixed_config, tmp_path / "alone")
    with (tmp_path / "alone" / "history.csv").open() as stream:
        expected = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(stream)]
    _assert_equal_trainings(run.history(), expected)


@pytest.mark.slow
def test_a_process_that_no_longer_answers_ends_the_run(
    mixed_config: ExperimentConfig, tmp_path: Path, start_run: Callable[..., Run]
) -> None:
    run = start_run(mixed_config)
    process, numbers = _start_slowly(run, tmp_path, "--timeout-s", "5", slow_from=0)
    os.kill(numbers[1], signal.SIGSTOP)  # as a machine without network: alive, and silent
    try:
        assert process.stderr is not None
        started, line = time.monotonic(), ""
        while not line.startswith("error: "):
            line = process.stderr.readline()
            assert line
        assert "did not answer for 5 s" in line
        assert time.monotonic() - started < 30
    finally:
        os.kill(numbers[1], signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode != 0


DIES_ONCE = """
import os, signal, sys
from heart_reader.commands import main
from heart_reader.training.trainer import Trainer
plain = Trainer._train_step
def step(self, positions):
    if os.environ["TORCHELASTIC_RESTART_COUNT"] == "0" and self.progress.epoch == 1 and os.environ["RANK"] == "1":
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(self, positions)
Trainer._train_step = step
sys.exit(main(["train", *sys.argv[1:]]))
"""


@pytest.mark.slow
def test_processes_that_torchrun_starts_again_go_on(mixed_config: ExperimentConfig, tmp_path: Path, start_run: Callable[..., Run]) -> None:
    run = start_run(mixed_config)
    (tmp_path / "dies_once.py").write_text(DIES_ONCE)
    process = run.start(2, torchrun=("--max-restarts", "1"), script=(str(tmp_path / "dies_once.py"),))
    said, complaints = process.communicate(timeout=120)
    assert process.returncode == 0, complaints
    assert said.count("epoch 1/2") == said.count("epoch 2/2") == 1
    assert [row["epoch"] for row in run.history()] == [1, 2]


class _FirstOfTwo(Processes):
    """The first of two processes, the other of which has something else."""

    def gather(self, rows: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([rows, np.array(["else"])])

    def first_says(self, ask: Callable[[], Any]) -> Any:
        return ask()


def test_processes_with_other_records_are_refused(tiny_config: ExperimentConfig) -> None:
    table = build_table(tiny_config)
    with pytest.raises(
        DataError, match="1 of 2 processes found other records or labels than the first one: give all machines the same data"
    ):
        _check_same(table, _FirstOfTwo(0, 2))
    _check_same(table, ALONE)
