"""The study of growth: its page says what was measured, and continues lines as arithmetic."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"


@pytest.fixture
def scale_page(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))  # benchmarks import each other as scripts do
    return importlib.import_module("scale_page")


def known(stage: str, part: str, sizes: list[int], **figures: Any) -> dict[str, Any]:
    """What a stage keeps where time is 2 s and 3 ms a record, memory 100 MB and 1 MB a thousand."""
    entries = {}
    for n in sizes:
        measured = {"n_records": n, "wall_s": 1.0, "load_before": 0.5, "largest_process_mb": 50.0, "anonymous_mb": 100 + n / 1000}
        seconds = dict.fromkeys(("cpu_s", "build_cpu_s"), 2 + 0.003 * n)
        entries[str(n)] = {
            "machine": {"cpu": "a processor", "cores": 2},
            "parts": {part: {**measured, **seconds, "bytes": 24_000 * n, **figures}},
        }
    return {"stages": {stage: entries}}


def test_a_line_is_continued_to_ten_million_and_called_arithmetic(scale_page: ModuleType) -> None:
    page = scale_page.page(known("cache", "build", [1_000, 10_000, 100_000]))
    measured, arithmetic = page.split("## Arithmetic: ten million records")
    assert "| building the cache | 100,000 | 302.0 | 3.02 | 200 | 50 | 0.97 |" in measured
    # 2 s + 3 ms x 10,000,000 = 8.334 h; 100 MB + 1 MB x 10,000 = 9.86 GB.
    assert "| building the cache | 10,000 and 100,000 | 8.3 | 0.13 | 9.9 |" in arithmetic
    assert "Nothing in this section was measured at this size" in arithmetic
    assert "24,000 x 10,000,000 bytes = 240 GB" in arithmetic


def test_nothing_is_continued_from_one_point_or_from_small_ones(scale_page: ModuleType) -> None:
    for sizes in ([100_000], [1_000, 2_000], [1_000, 100_000]):
        assert "Arithmetic: ten million" not in scale_page.page(known("cache", "build", sizes))


def test_eight_gpus_are_a_formula_with_examples(scale_page: ModuleType) -> None:
    fed = {"crops_cpu_s": 1.0, "n_crops": 10_000, "statistics_cpu_s": 1.0}
    page = scale_page.page(known("cache", "feed", [10_000], **fed))
    assert "No GPU was measured" in page
    # 8 x 5,000 x 0.9 = 36,000 a second: 8,000,000 in 222 s; 100 microseconds each: 3.6 cores.
    assert "| 5,000 a second | 3.7 min | 3.6 | 0.9 GB/s |" in page


def test_the_kept_page_follows_from_the_kept_figures(scale_page: ModuleType) -> None:
    figures = json.loads((ROOT / "results/scale.json").read_text(encoding="utf-8"))
    assert (ROOT / "results/scale.md").read_text(encoding="utf-8") == scale_page.page(figures)
    assert (ROOT / "results/scale.png").stat().st_size > 10_000


@pytest.mark.slow
def test_stages_run_one_by_one_and_are_not_run_again(tmp_path: Path) -> None:
    def run(stage: str) -> str:
        command = [sys.executable, str(BENCHMARKS / "scale.py"), "--stage", stage, "--n", "60", "--pool", "60"]
        answer = subprocess.run(
            [*command, "--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")], check=True, capture_output=True, text=True
        )
        return answer.stdout

    for stage in ("simulate", "shards", "cache"):
        assert re.search(r"[\d,]+ records +\d+\.\d s of a core", run(stage))
    kept = json.loads((tmp_path / "out/scale.json").read_text(encoding="utf-8"))["stages"]
    assert 24_000 < kept["cache"]["60"]["parts"]["build"]["bytes"] / 60 < 25_000
    assert kept["shards"]["60"]["parts"]["shards"]["n_shards"] == 1
    assert "measured already" in run("cache")
    run("figure")
    assert "| building the cache | 60 |" in (tmp_path / "out/scale.md").read_text(encoding="utf-8")
