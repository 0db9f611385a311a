"""The table says what was measured, and nothing that was not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from heart_reader.edge import benchmark as module
from heart_reader.edge.benchmark import benchmark, draw_figure, to_markdown
from heart_reader.edge.device import measure
from heart_reader.errors import HeartReaderError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "test_files" / "norm.hea"


def row(name: str, runtime: str, precision: str, p50: float, size: int, auroc: float) -> dict[str, Any]:
    accuracy = {"level": "superdiagnostic", "n_records": 40, "macro_auroc": auroc, "macro_ece": 0.05, "auroc": {"NORM": auroc, "MI": None}}
    return {
        "name": name, "runtime": runtime, "precision": precision, "model": "nano", "n_parameters": 64268, "macs_per_window": 1_000_000,
        "n_windows": 7, "weights_bytes": size, "network_ms": {threads: {"p50": p50, "p95": p50, "p99": p50} for threads in ("1", "2")},
        "records_per_s": {"1": 100.0, "2": 150.0}, "file_to_reading_ms": {"p50": 5.0, "p95": 6.0, "p99": 7.0}, "peak_memory_mb": 60.0,
        "gate": None if runtime == "torch" else {"passed": name != "int8", "problems": ["macro-AUROC falls"]},
        "accuracy": {"val": accuracy, "test": accuracy},
    }  # fmt: skip


ROWS = [
    row("torch eager", "torch", "float32", 8.0, 1000, 0.90),
    row("fp32", "onnx", "float32", 4.0, 1000, 0.90),
    row("int8", "onnx", "int8", 1.0, 250, 0.88),
]
MACHINE = {"processor": "a processor", "integer_instruction": None, "n_cores": 2, "load_average": 0.1, "versions": {"torch": None}}


def test_the_table_compares_with_the_right_rows() -> None:
    table = to_markdown({"machine": MACHINE, "rounds": 3, "rows": ROWS})
    assert "| int8 | 0.250 | 4.0 | 8.0 | failed: macro-AUROC falls |" in table
    assert "| fp32 | 1.000 | 1.0 | 2.0 | passed |" in table
    assert "0.8800 (-0.0200)" in table
    assert "7 M" in table
    assert "no 8-bit dot product" in table
    assert "| nan |" not in table


def test_the_figure_has_a_point_per_variant() -> None:
    for axes in draw_figure(ROWS).axes:
        assert sorted(text.get_text() for text in axes.texts) == ["fp32", "int8", "torch eager"]
        # Names of neighbours stand above and below in turn.
        sides = [text.get_position()[1] for text in axes.texts]
        assert sides[0] == sides[2] != sides[1]


def test_one_checkpoint_is_measured(variants: Path) -> None:
    measured = measure(variants / "int8", RECORD, 1, 0.0)
    assert len(measured["network_ms"]) == 150
    assert 0 < sorted(measured["network_ms"])[75] < sorted(measured["reading_ms"])[10]
    assert measured["n_windows"] == 7
    assert measured["peak_memory_mb"] > 20


def test_all_variants_stand_side_by_side(small_checkpoint: Path, variants: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROUNDS", 1)
    benchmark([small_checkpoint, variants / "fp32", variants / "int8"], tmp_path)
    stats = json.loads((tmp_path / "edge_stats.json").read_text())
    assert [item["name"] for item in stats["rows"]] == ["torch eager", "fp32", "int8-dynamic", "int8"]
    torch_row, fp32, _, int8 = stats["rows"]
    assert torch_row["macs_per_window"] == fp32["macs_per_window"] == int8["macs_per_window"]
    assert torch_row["accuracy"]["test"]["macro_auroc"] == pytest.approx(fp32["accuracy"]["test"]["macro_auroc"], abs=1e-6)
    assert int8["weights_bytes"] < fp32["weights_bytes"]
    assert {path.name for path in tmp_path.iterdir()} == {"edge_stats.json", "edge_stats.md", "edge_stats.png"}


def test_the_command_writes_variants_and_table(small_checkpoint: Path, tmp_path: Path) -> None:
    command = [sys.executable, "export.py", str(small_checkpoint), "--out", str(tmp_path), "--variants", "fp32", "--no-benchmark"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["fp32"]


def test_what_cannot_be_measured_is_said(tmp_path: Path, variants: Path) -> None:
    checkpoint = module.load_checkpoint(variants / "int8")
    with pytest.raises(HeartReaderError, match="could not be measured"):
        module._measure(checkpoint, tmp_path / "no.hea", 1)
