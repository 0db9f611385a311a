"""The plain loop that the benchmark of the bootstrap times."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def plain() -> ModuleType:
    """The plain scikit-learn loop that the benchmark times."""
    path = Path(__file__).parents[2] / "benchmarks" / "side" / "plain_metrics.py"
    spec = importlib.util.spec_from_file_location("plain_bootstrap", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))  # benchmarks import each other as scripts do
    spec.loader.exec_module(module)
    sys.path.remove(str(path.parent))
    return module
