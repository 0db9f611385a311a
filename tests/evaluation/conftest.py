"""Simulated predictions: about as good as those of a trained reader, with records that share
patients.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from heart_reader.predictions import Predictions

Simulate = Callable[..., Predictions]


@pytest.fixture(scope="session")
def simulate() -> Simulate:
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


@pytest.fixture(scope="session")
def plain() -> ModuleType:
    """The plain scikit-learn loop that the benchmark times."""
    path = Path(__file__).parents[2] / "benchmarks" / "bootstrap.py"
    spec = importlib.util.spec_from_file_location("plain_bootstrap", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
