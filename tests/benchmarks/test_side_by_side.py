"""The comparison with other programs in small: the table says what was measured."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("--rounds", "2", "--round-s", "0.01", "--records", "1", "--draws", "20", "--predictions", "60")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "benchmarks/side_by_side.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("side")
    done = run("--only", "files", "bootstrap", *SMALL, "--out", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


def cells(page: str, section: str) -> dict[str, list[str]]:
    """The rows of a table by their first cell."""
    lines = page.split(f"## {section}\n")[1].split("\n## ", maxsplit=1)[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")]
    return {row[0]: row[1:] for row in rows[2:]}


def stated(cell: str) -> tuple[float, ...]:
    return tuple(map(float, cell.replace("[", "").replace("]", "").replace(",", "").split()))


def spread(values: list[float]) -> Any:
    # Three digits are printed, none of them after the point from 100 on.
    return pytest.approx((statistics.median(values), min(values), max(values)), rel=6e-3)


def test_the_table_states_what_the_json_holds(out: Path) -> None:
    kept = json.loads((out / "side_by_side.json").read_text())
    page = (out / "side_by_side.md").read_text()
    times = cells(page, "Times")
    assert list(times) == [row["name"] for row in kept["rows"]]
    for row in kept["rows"]:
        found = iter(times[row["name"]][1:])
        for clock in ("processor", "wall"):
            own, other = row["own"][clock], row["other"][clock]
            assert min(len(own), len(other)) == 2
            assert min(own + other) > 0
            assert stated(next(found)) == spread(own)
            assert stated(next(found)) == spread(other)
            assert stated(next(found)) == spread([theirs / ours for ours, theirs in zip(own, other, strict=True)])
        figure = kept["figures"][f"{row['name']}, ratio"]
        assert figure["value"] == pytest.approx(stated(times[row["name"]][3])[0], rel=6e-3)
    assert (out / "side_by_side.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert kept["commit"] in page
    assert str(out) not in page + json.dumps(kept)


def test_both_sides_answer_the_same(out: Path) -> None:
    answers = {name: row[3] for name, row in cells((out / "side_by_side.md").read_text(), "What is compared").items()}
    for name, draws in (("scikit-learn, macro-AUROC", 20), ("scikit-learn, all metrics", 10)):
        assert answers[name].startswith(f"largest difference in {draws} equal draws ")
        assert float(answers[name].split("draws ")[1].split(";")[0]) < 1e-12
    leads, difference = answers["wfdb, WFDB"].split(", largest difference ")
    assert (leads, float(difference.removesuffix(" uV")) < 0.01) == ("12 leads", True)


def test_what_is_missing_is_left_out_and_named(out: Path) -> None:
    left_out = json.loads((out / "side_by_side.json").read_text())["left_out"]
    assert len(left_out) == 6
    assert all("ecgdatakit is not installed" in line for line in left_out)
    assert all(f"- {line}\n" in (out / "side_by_side.md").read_text() for line in left_out)


@pytest.mark.parametrize(
    ("wrong", "said"), [(["--against", "nowhere"], "no commit of this repository"), (["--other-python", "nowhere"], "no such file")]
)
def test_wrong_options_are_refused_in_one_line(tmp_path: Path, wrong: list[str], said: str) -> None:
    done = run(*wrong, "--out", str(tmp_path))
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]
