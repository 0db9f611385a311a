from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import heart_reader

ROOT = Path(__file__).resolve().parent.parent


def test_public_names() -> None:
    assert sorted(heart_reader.__all__) == [
        "Diagnosis",
        "EcgClassifier",
        "EcgRecord",
        "HeartReaderError",
        "NOTICE",
        "Predictions",
        "Preprocessor",
        "build_record",
        "classify_beats",
        "find_records",
        "load",
        "read_ecg",
        "read_record",
        "sample",
        "write_record",
    ]
    assert all(hasattr(heart_reader, name) for name in heart_reader.__all__)


def test_importing_the_package_loads_no_heavy_library() -> None:
    script = "import sys, heart_reader; print([name for name in ('torch', 'pandas', 'onnxruntime', 'sklearn') if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert answer.stdout.strip() == "[]"


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted on Linux only")
def test_reading_reports_to_nobody() -> None:
    """The thread with which ONNX Runtime reports its use would be a second one."""
    script = "import os, heart_reader; heart_reader.load(); print(len(os.listdir('/proc/self/task')))"
    surroundings = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    surroundings.pop("ORT_DISABLE_TELEMETRY", None)
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT, env=surroundings)
    assert answer.stdout.strip() == "1"


def test_every_test_is_collected() -> None:
    """A test in a file or class that pytest does not look into would never fail."""
    for path in (ROOT / "tests").rglob("*.py"):
        tests = [
            node.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        ]
        top = [
            node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        ]
        assert not tests or path.name.startswith("test_"), path
        assert len(top) == len(set(top)), f"{path}: a test is defined twice"
        assert sorted(tests) == sorted(top), path


def test_files_stay_small() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in [*(ROOT / "heart_reader").rglob("*.py"), *ROOT.glob("*.py")]
        if (count := len(path.read_text().splitlines())) > 400
    }
    assert long == {}
