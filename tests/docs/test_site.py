"""The site builds without a warning, fetches nothing from elsewhere, and its commands exist."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from heart_reader.commands import build_parser

ROOT = Path(__file__).resolve().parents[2]
# A command as documents show it, in a block of code or between backquotes; a comment ends it.
COMMAND = re.compile(r"^(?:\S+=\S+ )?heart-reader (?P<block>[^#\n]+)|`heart-reader (?P<inline>[^`]+)`", re.MULTILINE)
PAGES = [
    path
    for pattern in ("docs/**/*.md", "*.md", "data/*.md", "results/*.md", "results/*/MODEL_CARD.md", "deploy/*.md", "heart_reader/**/*.md")
    for path in sorted(ROOT.glob(pattern))
]


def _commands(text: str) -> list[str]:
    found = (" ".join((match["block"] or match["inline"]).split()) for match in COMMAND.finditer(text))
    # Capitals stand for what the reader puts in, and dots for more of it.
    return [command for command in found if "..." not in command and not command.startswith(("COMMAND", "x"))]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_in_a_document_exists(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = build_parser()
    for command in _commands(path.read_text(encoding="utf-8").replace("\\\n", " ")):
        try:
            parser.parse_args(shlex.split(command))
        except SystemExit:
            # Prose may leave out what a command needs, but not name what does not exist.
            assert "arguments are required" in capsys.readouterr().err, command


@pytest.mark.parametrize(
    "path", [path for path in PAGES if "docs" not in path.relative_to(ROOT).parts], ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_link_of_a_page_outside_the_site_leads_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", text)
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.slow
def test_every_skeleton_of_a_recipe_registers_what_it_says() -> None:
    skeletons = re.findall(
        r"^```python\n(# heart_reader/.*?)^```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert len(skeletons) == 5
    show = """
from heart_reader.data.formats import FORMATS
from heart_reader.data.sources import DATASETS, SOURCES
from heart_reader.data.tasks import TASKS
from heart_reader.metrics import METRICS
from heart_reader.models.registry import MODELS

assert "smallest" in MODELS and "mine" in FORMATS and "macro_balanced_accuracy" in METRICS
assert "clinic" in SOURCES and "clinic" in DATASETS and {"conduction", "block_vs_norm"} <= set(TASKS)
"""
    done = subprocess.run([sys.executable, "-c", "\n".join([*skeletons, show])], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_it_builds_without_a_warning_and_fetches_nothing_from_elsewhere(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = {path: path.read_text(encoding="utf-8") for path in (tmp_path / "site").rglob("*.html")}
    assert len(pages) > 60
    fetched = re.compile(r'<(?:script|img|link|iframe)[^>]+(?:src|href)="(?:https?:)?//[^"]+"')
    assert {path.name: fetched.findall(text) for path, text in pages.items() if fetched.search(text)} == {}
    assert not [path for path, text in pages.items() if "{{" in text or "--8&lt;--" in text]
