"""What many tests share: a simulated data set, a network trained for two steps, its checkpoint."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

from heart_reader.config import ExperimentConfig, load_config, override_config
from heart_reader.predictions import Predictions
from heart_reader.training.run import train

torch.set_num_threads(1)
# Processes that read take seconds to start: the tests of them ask for them.
os.environ.setdefault("HEART_READER_PROCESSES", "false")
# How long an example takes says more about the machine than about the code.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")

ROOT = Path(__file__).resolve().parent.parent
TINY = (
    "name=tiny",
    "data.sources=[{kind: synthetic, n_records: 60, seed: 1}]",
    "model.params={blocks: 2, residual_every: 2, n_filters: 4, bottleneck: 4, kernels: [9, 5], reduction: 4, embedding: 16}",
    "training.epochs=2",
    "training.batch_size=16",
    "training.precision=float32",
    "evaluation.draws=20",
)


@pytest.fixture(scope="session")
def simulate() -> Callable[..., Predictions]:
    """Make predictions of a split; ``sharpness`` 1 is calibrated, above 1 is overconfident."""

    def make(
        split: str = "test", n_records: int = 300, seed: int = 0, *, sharpness: float = 1.0, decimals: int | None = None
    ) -> Predictions:
        rng = np.random.default_rng(seed)
        logits = rng.normal([-0.3, -1.0, -1.2, -1.2, -2.0], 1.8, (n_records, 5))
        y_true = rng.random(logits.shape) < 1 / (1 + np.exp(-logits))
        y_prob = 1 / (1 + np.exp(-sharpness * logits))
        if decimals is not None:  # many records then share a probability
            y_prob = y_prob.round(decimals)
        patients = np.array([f"p{row // 2}" if row % 3 else "" for row in range(n_records)])
        records = np.array([f"r{row}" for row in range(n_records)])
        return Predictions(
            split, "superdiagnostic", ("NORM", "MI", "STTC", "CD", "HYP"), records, patients, y_true.astype(np.float32), y_prob
        )

    return make


# Held by every model, configuration and shipped reader, rather than by one part of the package.
CONTRACTS = ("contracts", "test_keystone.py", "test_goldens.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the contracts, which `make test` runs after the fast tests."""
    for item in items:
        if set(CONTRACTS) & set(item.path.parts):
            item.add_marker("contract")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real records, or a skip."""
    folder = os.environ.get("HEART_READER_DATA")
    if not folder:
        pytest.skip("HEART_READER_DATA is not set: no real records here")
    return Path(folder)


TREES = (
    "name=trees",
    "task.heads=[superdiagnostic]",
    "model={name: feature_trees, params: {n_trees: 20, depth: 3, min_samples_leaf: 3, min_positives: 3, max_features: 0.5}}",
    "features.sets=[{name: measured}]",
)


@pytest.fixture(scope="session", autouse=True)
def cache_of_tests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that ``data/cache`` stands for, so that no test writes into the checkout."""
    cache = tmp_path_factory.mktemp("cache")
    os.environ["HEART_READER_CACHE"] = str(cache)
    return cache


@pytest.fixture(scope="session")
def tiny_config() -> ExperimentConfig:
    """A configuration that trains in seconds on simulated ECGs."""
    return load_config(None, TINY)


@pytest.fixture(scope="session")
def tiny_run(tiny_config: ExperimentConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of a finished tiny run."""
    out = tmp_path_factory.mktemp("runs") / "tiny"
    train(tiny_config, out)
    return out


@pytest.fixture(scope="session")
def tiny_checkpoint(tiny_run: Path) -> Path:
    """Checkpoint directory of the tiny run: a real one that reads real files, badly."""
    return tiny_run / "checkpoint"


@pytest.fixture(scope="session")
def trees_config(tiny_config: ExperimentConfig) -> ExperimentConfig:
    """A configuration that grows a few trees on measurements of the same ECGs."""
    return override_config(tiny_config, TREES)


@pytest.fixture(scope="session")
def trees_checkpoint(trees_config: ExperimentConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoint directory of these trees."""
    return train(trees_config, tmp_path_factory.mktemp("runs") / "trees").checkpoint.directory


@pytest.fixture(scope="session")
def write_annotated() -> Callable[..., None]:
    """Write a simulated recording of two leads with beats and changes of rhythm, as MIT-BIH has."""

    def write(
        stem: Path, *, beats: str, rhythms: dict[float, str], seed: int = 0, every_s: float = 1.0, leads: str = "MLII V1", fs: float = 100.0
    ) -> None:
        """``beats`` has a symbol every ``every_s`` seconds from there on, a blank for none."""
        n_times = round((len(beats) + 1) * every_s * fs)
        noise = np.random.default_rng(seed).normal(0, 20, (2, n_times)).cumsum(axis=1).clip(-9000, 9000)
        values = np.rint(noise - noise.mean(axis=1, keepdims=True)).astype("<i2")
        lines = [f"{stem.name} 2 {fs:g} {n_times}", *(f"{stem.name}.dat 16 1000(0)/mV 16 0 0 0 0 {lead}" for lead in leads.split())]
        stem.parent.mkdir(parents=True, exist_ok=True)
        stem.with_suffix(".hea").write_text("\n".join(lines) + "\n")
        stem.with_suffix(".dat").write_bytes(values.T.tobytes())
        code = {symbol: code for code, symbol in enumerate(' NLRaVFJASEj/Q~ | sT*D"=pB^t+u?![]en@xf()r') if symbol != " "}
        marks = [(round((place + 1) * every_s * fs), code[symbol], "") for place, symbol in enumerate(beats) if symbol != " "]
        marks += [(round(second * fs), code["+"], f"({name}") for second, name in rhythms.items()]
        words, now = [], 0
        for time, mark, note in sorted(marks):
            assert time - now < 1024
            words.append(mark << 10 | time - now)
            now = time
            if note:
                words += [63 << 10 | len(note), *np.frombuffer(note.encode().ljust((len(note) + 1) // 2 * 2, b"\0"), "<u2").tolist()]
        stem.with_suffix(".atr").write_bytes(np.array([*words, 0], dtype="<u2").tobytes())

    return write


@pytest.fixture(scope="session")
def own_checkpoints(tiny_config: ExperimentConfig, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Checkpoint directories of readers with other classes and other leads, by name."""
    from tests.own_readers import OWN_READERS, train_own

    folder = tmp_path_factory.mktemp("own")
    return {name: train_own(name, tiny_config, folder) for name in OWN_READERS}


@pytest.fixture(scope="session")
def screen_checkpoint(tiny_config: ExperimentConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoint directory of an HMT-ECGNet that answers one binary question alone."""
    question = ("name=screen", "task={level: mi_vs_norm, heads: [mi_vs_norm]}", "training.epochs=1")
    network = "model={name: hmt_ecgnet, params: {encoder_widths: [4, 4, 8], group_width: 8, global_width: 8, embedding: 8}}"
    return train(override_config(tiny_config, (*question, network)), tmp_path_factory.mktemp("runs") / "screen").checkpoint.directory
