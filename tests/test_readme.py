"""The README's commands do what it says, and its tables say what is."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from heart_reader.commands import build_parser
from heart_reader.data.formats import FORMATS
from heart_reader.weights import shipped_readers

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [shlex.split(match.group(1).split("   #")[0]) for match in re.finditer(r"^heart-reader (.+)$", README, re.MULTILINE)]
ROWS = [line.strip("|").split("|") for line in README.splitlines() if line.startswith("| `ptbxl-")]


def test_the_readme_has_commands() -> None:
    assert {"train", "evaluate", "export", "read", "serve"} <= {command[0] for command in COMMANDS}


def test_it_is_one_screen_and_a_half() -> None:
    assert len(README.splitlines()) <= 100


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_configuration_and_option_exists(command: list[str]) -> None:
    build_parser().parse_args(command)
    named = [word for word in command if word.startswith(("configs/", "test_files/", "results/ptbxl"))]
    assert [word for word in named if not (ROOT / word).exists()] == []


def test_the_lines_of_python_run_in_an_empty_folder(tmp_path: Path) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Inferior myocardial infarction" in done.stdout
    assert (tmp_path / "ecg.svg").stat().st_size > 10_000


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].split("`")[1])
def test_the_table_of_readers_says_what_the_index_does(row: list[str]) -> None:
    reader = shipped_readers()[row[0].split("`")[1]]
    weights = max(file["bytes"] for file in reader.files.values())
    assert row[1].strip() == f"{weights / 1e3:,.0f} KB"
    for cell, split in zip(row[2:4], ("val", "test"), strict=True):
        point, low, high = (reader.figures[f"{split}_macro_auroc{end}"] for end in ("", "_low", "_high"))
        assert cell.strip() == f"{point:.4f} [{low:.3f}, {high:.3f}]"
    assert float(row[4]) == pytest.approx(reader.figures["network_ms"], rel=0.02)
    assert row[5].strip().replace(" ", "-", 1) == reader.licence.replace("-BY-", "-BY ")
    card = re.search(r"\]\((.+)\)", row[6])
    assert card is not None
    assert f"# Model card: {reader.name}\n" in (ROOT / card[1]).read_text(encoding="utf-8")


def test_every_format_is_named() -> None:
    files = " ".join(README.partition("## Files")[2].partition("```")[0].split())
    assert [entry.title for entry in FORMATS.values() if not re.search(rf"(^|[ ,]){re.escape(entry.title)}($|[ ,;])", files)] == []


@pytest.mark.slow
def test_the_demonstration_trains_in_a_minute_and_is_read_evaluated_and_exported(tmp_path: Path) -> None:
    demo = [command for command in COMMANDS if any("demo" in word for word in command) and command[0] != "serve"]
    assert [command[0] for command in demo] == ["train", "evaluate", "export"]
    for command in demo:
        started = time.monotonic()
        words = [word.replace("results/demo", str(tmp_path / "demo")) for word in command]
        words += ["--out", str(tmp_path / "demo")] if command[0] == "train" else []
        subprocess.run([sys.executable, "-m", "heart_reader", *words], cwd=ROOT, check=True)
        if command[0] == "train":
            assert time.monotonic() - started < 60
