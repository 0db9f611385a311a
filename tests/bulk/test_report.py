"""The report over a result: counts, intervals and drift against worked examples."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from heart_reader.bulk.columns import Columns, Row, error_row
from heart_reader.bulk.items import Item
from heart_reader.bulk.plan import make_plan
from heart_reader.bulk.report import write_report
from heart_reader.bulk.report.cohort import Cohort
from heart_reader.bulk.report.drift import against, between_blocks, ks_distance, stability_index
from heart_reader.commands import main
from heart_reader.errors import ConfigError

ABOUT = {"heart_reader": "1", "checkpoint_sha256": "a"}
LEVELS = {"superdiagnostic": ("NORM", "MI"), "all": ("AFIB",)}


def result(folder: Path, rates: Sequence[float], *, n_afib: int, n_errors: int = 0) -> Path:
    """Write what a run with these heart rates would have."""
    columns = Columns(LEVELS, ABOUT)
    n_records = len(rates) + n_errors
    folder.mkdir()
    items = [Item(f"{place}", f"{place}.hea", f"/in/{place}.hea") for place in range(n_records)]
    make_plan(folder, items, n_records, {"--no-measure": False}, ABOUT)
    alike = {"source_format": "wfdb", "fs_hz": 500.0, "age_years": 60.0, "quality": "good", "conclusion": "abnormal"}
    rows = []
    for place, (item, rate) in enumerate(zip(items, rates, strict=False)):
        own = {"key": item.key, "path": item.path, "sex": "male" if place % 2 else None, "heart_rate_bpm": rate}
        rows.append(Row({**alike, **own, "statements": ["AFIB"] if place < n_afib else ["SR"]}, [0.1, 0.2, 0.3], [0, 1, 2]))
    rows += [error_row(item, "empty_file", "an empty file") for item in items[len(rates) :]]
    (folder / "records").mkdir()
    pq.write_table(columns.table(rows), folder / "records" / "part-000000.parquet")
    return folder


def test_errors_have_no_numbers_and_decisions_are_words(tmp_path: Path) -> None:
    table = pq.read_table(result(tmp_path / "a", [70.0], n_afib=1, n_errors=1) / "records" / "part-000000.parquet")
    first, failed = table.to_pylist()
    assert [first[f"d_{name}"] for name in ("superdiagnostic_NORM", "superdiagnostic_MI", "all_AFIB")] == ["absent", "present", "uncertain"]
    assert {name for name, value in failed.items() if value is not None} == {"key", "path", "error_code", "error"}
    assert table.schema.field("heart_rate_bpm").metadata[b"unit"] == b"bpm"


def test_the_cohort_is_counted(tmp_path: Path) -> None:
    cohort = Cohort.of(result(tmp_path / "a", np.linspace(50, 90, 101), n_afib=10, n_errors=3))
    found = cohort.to_json()
    assert (cohort.n_records, cohort.n_read, cohort.errors) == (104, 101, {"empty_file": 3})
    assert found["sex"] == {"unknown": 51, "male": 50}
    afib = found["statements"]["AFIB"]
    # Wilson's interval of 10 of 101, worked by its formula with z = 1.96.
    z, p, n = 1.959964, 10 / 101, 101
    middle, half = (p + z**2 / (2 * n)) / (1 + z**2 / n), z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert (afib["n"], afib["low"], afib["high"]) == (10, pytest.approx(middle - half, abs=1e-6), pytest.approx(middle + half, abs=1e-6))
    rate = found["numbers"]["heart_rate_bpm"]
    assert (rate["unit"], rate["n"], rate["p50"]) == ("bpm", 101, pytest.approx(70))


def test_indices_agree_with_worked_examples_and_stay_small_by_chance() -> None:
    rng = np.random.default_rng(0)
    reference = np.arange(100.0)
    # A half of the values unknown: every bin from 10 to 5 %, the unknown from 0.01 to 50 %.
    half = np.where(np.arange(100) % 2, reference, np.nan)
    assert stability_index(half, reference) == pytest.approx(10 * 0.05 * math.log(2) + 0.4999 * math.log(5000), rel=1e-9)
    by_chance = [stability_index(rng.normal(size=1000), rng.normal(size=1000)) for _ in range(200)]
    assert np.mean(by_chance) == pytest.approx(9 * 2 / 1000, rel=0.2)
    assert ks_distance(reference + 25, reference) == pytest.approx(0.25)
    assert ks_distance(np.array([np.nan]), reference) is None


def test_a_block_that_differs_is_found(tmp_path: Path) -> None:
    rates = np.random.default_rng(1).normal(70, 5, 1000)
    assert max(between_blocks(Cohort.of(result(tmp_path / "a", rates, n_afib=0)))["psi"]["heart_rate_bpm"]) < 0.25
    rates[300:400] += 15
    psi = between_blocks(Cohort.of(result(tmp_path / "b", rates, n_afib=0)))["psi"]["heart_rate_bpm"]
    assert psi.index(max(psi)) == 3
    assert max(psi) > 1
    assert between_blocks(Cohort.of(result(tmp_path / "c", rates[:50], n_afib=0))) is None


def test_results_are_compared(tmp_path: Path) -> None:
    rates = np.random.default_rng(1).normal(70, 5, 400)
    one, other = (Cohort.of(result(tmp_path / name, rates + shift, n_afib=n)) for name, shift, n in (("a", 10, 80), ("b", 0, 40)))
    found = against(one, other)
    assert found["numbers"]["heart_rate_bpm"]["ks"] > 0.5
    assert found["numbers"]["age_years"] == {"psi": 0, "ks": 0}
    assert found["statements"]["AFIB"]["difference"] == pytest.approx(0.1)
    assert found["statements"]["AFIB"]["low"] > 0
    assert found["statements"]["SR"]["high"] < 0


def test_the_command_writes_page_numbers_and_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rates = np.linspace(50, 90, 250)
    one, other = (result(tmp_path / name, rates, n_afib=n, n_errors=n) for name, n in (("a", 30), ("b", 5)))
    assert main(["bulk-report", str(one), "--against", str(other), "--out", str(tmp_path / "report")]) == 0
    page = (tmp_path / "report" / "report.md").read_text()
    assert "280 records, 250 of them read." in page
    assert "| AFIB | 30 | 12.0 % [8.5, 16.6] |" in page
    assert "| empty_file | 30 |" in page
    assert json.loads((tmp_path / "report" / "report.json").read_text())["against"]["statements"]["AFIB"]["difference"] == pytest.approx(
        0.1
    )
    assert (tmp_path / "report" / "report.png").read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().out.count("\n") == 3


def test_a_report_without_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing that heart-reader bulk wrote"):
        write_report(tmp_path, tmp_path)
    folder = result(tmp_path / "a", [70.0], n_afib=0)
    (folder / "records" / "part-000000.parquet").write_bytes(b"PAR1cut")
    with pytest.raises(ConfigError, match="damaged"):
        Cohort.of(folder)


def test_lists_of_nothing_are_no_words(tmp_path: Path) -> None:
    cohort = Cohort.of(result(tmp_path / "a", [70.0, 71.0], n_afib=0))
    assert cohort.lists["warnings"] == {}
