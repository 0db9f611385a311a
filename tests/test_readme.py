"""The README's commands do what it says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from heart_reader.commands import build_parser

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = [
    shlex.split(match.group(1).split("   #")[0])
    for match in re.finditer(r"^(?:\.venv/bin/)?heart-reader (.+)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
]


def test_the_readme_has_commands() -> None:
    assert {"train", "evaluate", "export", "read", "serve"} <= {command[0] for command in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_configuration_and_option_exists(command: list[str]) -> None:
    build_parser().parse_args(command)
    named = [word for word in command if word.startswith(("configs/", "test_files/", "results/ptbxl"))]
    assert [word for word in named if not (ROOT / word).exists()] == []


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
