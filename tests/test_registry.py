from __future__ import annotations

import threading
from importlib import import_module
from pathlib import Path

import pytest

from heart_reader.registry import Registry


def test_threads_that_ask_at_once_all_see_every_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server's first requests come together: none may find half of the formats."""
    package = tmp_path / "slow_entries"
    package.mkdir()
    (package / "__init__.py").write_text("")
    for name in ("first", "second", "third"):
        words = f"import time\n\nimport entries_of_test\n\ntime.sleep(0.05)\nentries_of_test.REGISTRY.add({name!r}, 1)\n"
        (package / f"{name}.py").write_text(words)
    (tmp_path / "entries_of_test.py").write_text(
        "from heart_reader.registry import Registry\n\nREGISTRY = Registry('entry', 'slow_entries')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    registry: Registry[int] = import_module("entries_of_test").REGISTRY
    seen: list[list[str]] = []
    together = threading.Barrier(4)

    def ask() -> None:
        together.wait()
        seen.append(list(registry))

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert seen == [["first", "second", "third"]] * 4


def test_a_module_may_ask_the_registry_that_imports_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "asking_entries"
    package.mkdir()
    (package / "__init__.py").write_text("from heart_reader.registry import Registry\n\nREGISTRY = Registry('entry', __name__)\n")
    (package / "one.py").write_text("from asking_entries import REGISTRY\n\nREGISTRY.add('one', len(REGISTRY))\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert dict(import_module("asking_entries").REGISTRY) == {"one": 0}
