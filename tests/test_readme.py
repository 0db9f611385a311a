"""The README's commands do what it says."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = [
    match.group(1).split("   #")[0].split()
    for match in re.finditer(r"^\.venv/bin/python (.+)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
]


def test_the_readme_has_commands() -> None:
    assert {"train.py", "evaluate.py", "export.py", "predict.py", "run_server.py"} <= {command[0] for command in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_script_module_configuration_and_option_exists(command: list[str]) -> None:
    if command[0] == "-m":
        path = ROOT.joinpath(*command[1].split(".")).with_suffix(".py")
        source = (path if path.exists() else path.with_suffix("") / "__main__.py").read_text(encoding="utf-8")
    else:
        source = (ROOT / command[0]).read_text(encoding="utf-8")
    source += (ROOT / "heart_reader" / "cli.py").read_text(encoding="utf-8")
    assert [word for word in command if word.startswith("--") and f'"{word}"' not in source] == []
    named = [word for word in command if word.startswith(("configs/", "test_files/", "results/ptbxl"))]
    assert [word for word in named if not (ROOT / word).exists()] == []


@pytest.mark.slow
def test_the_demonstration_trains_in_a_minute_and_is_read_evaluated_and_exported(tmp_path: Path) -> None:
    demo = [command for command in COMMANDS if any("demo" in word for word in command) and command[0] != "run_server.py"]
    assert [command[0] for command in demo] == ["train.py", "evaluate.py", "export.py"]
    for command in demo:
        started = time.monotonic()
        words = [word.replace("results/demo", str(tmp_path / "demo")) for word in command]
        words += ["--out", str(tmp_path / "demo")] if command[0] == "train.py" else []
        subprocess.run([sys.executable, *words], cwd=ROOT, check=True)
        if command[0] == "train.py":
            assert time.monotonic() - started < 60
