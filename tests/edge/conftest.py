"""A small network, trained for two epochs on simulated ECGs, for making variants."""

from __future__ import annotations

from pathlib import Path

import pytest

from heart_reader.config import ExperimentConfig, override_config
from heart_reader.edge.variants import build_variants
from heart_reader.training.run import train


@pytest.fixture(scope="session")
def small_checkpoint(tiny_config: ExperimentConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Torch checkpoint of a network wide enough to be pruned and quantised."""
    out = tmp_path_factory.mktemp("runs") / "small"
    settings = ["name=small", "model={name: convnet1d, params: {widths: [16, 16], kernels: [5, 5]}}", "training.epochs=2"]
    train(override_config(tiny_config, settings), out)
    return out / "checkpoint"


@pytest.fixture(scope="session")
def variants(small_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its float32 and INT8 variants."""
    out = tmp_path_factory.mktemp("edge")
    build_variants(small_checkpoint, out, overrides=["export.variants=[fp32, int8]", *LENIENT])
    return out


# A network that has learnt next to nothing on a dozen simulated records: its AUROC moves by steps
# of a few hundredths.
LENIENT = ("export.macro_limit=0.2", "export.class_limit=0.5")
