"""A language is one file: a server that finds another one offers it, and its words are shown."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heart_reader.frontend.routes import STATIC_DIR

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def address(tiny_checkpoint: Path, recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server of a copy of the package with one file more."""
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "heart_reader", copy / "heart_reader", ignore=shutil.ignore_patterns("__pycache__"))
    words = json.loads((STATIC_DIR / "languages" / "en.json").read_text(encoding="utf-8"))
    words |= {"name": "Dummy", "direction": "rtl", "notice": "Nullus usus medicus."}
    # No language of a browser: it is chosen manually.
    (copy / "heart_reader" / "frontend" / "static" / "languages" / "la.json").write_text(json.dumps(words), encoding="utf-8")
    serve = "from heart_reader.frontend import Settings, serve; from pathlib import Path; import sys\n"
    serve += "if __name__ == '__main__': serve(Settings(port=0, processes=False, checkpoint=Path(sys.argv[1])))"
    environment = {**os.environ, "PYTHONPATH": str(copy), "HEART_READER_SAMPLES_DIR": str(recordings)}
    command = [sys.executable, "-c", serve, str(tiny_checkpoint)]
    with subprocess.Popen(command, cwd=copy, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            yield server.stdout.readline().split(" on ")[1].split()[0]
        finally:
            server.terminate()


def test_a_language_of_one_file_is_offered_and_used(visit: Any) -> None:
    page = visit()
    assert page.locator("#language option").all_inner_texts()[0] == "English"
    page.select_option("#language", label="Dummy")
    page.wait_for_function("() => document.documentElement.lang === 'la'")
    assert page.get_attribute("html", "dir") == "rtl"
    assert page.inner_text(".notice") == "Nullus usus medicus."
    page.reload()
    page.wait_for_selector("[data-sample]")
    assert page.inner_text(".notice") == "Nullus usus medicus."


def test_every_plural_of_every_language_has_the_forms_that_unicode_gives_it(visit: Any) -> None:
    categories = visit().evaluate(
        "codes => Object.fromEntries(codes.map((code) => [code, new Intl.PluralRules(code).resolvedOptions().pluralCategories]))",
        [path.stem for path in (STATIC_DIR / "languages").glob("*.json")],
    )
    for code, expected in categories.items():
        words = json.loads((STATIC_DIR / "languages" / f"{code}.json").read_text(encoding="utf-8"))
        assert set(words["samples"]["count"]) == set(expected), code
        for plural in _plurals(words):
            assert plural.keys() == set(expected), (code, plural)


def _plurals(tree: dict[str, Any]) -> Iterator[dict[str, str]]:
    for value in tree.values():
        if isinstance(value, dict):
            if "other" in value and all(isinstance(form, str) for form in value.values()):
                yield value
            else:
                yield from _plurals(value)
