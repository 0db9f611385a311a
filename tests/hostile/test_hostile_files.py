"""Every hostile but legal file is refused with its reason, read exactly, or read with a warning."""

from __future__ import annotations

import re
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest

from tests.hostile.case import Case, outcome

FAMILIES = {path.stem: import_module(f"tests.hostile.{path.stem}").CASES for path in sorted(Path(__file__).parent.glob("*_cases.py"))}
LEAST_CASES = 150
# What a person is advised to do about a refused file.
ADVICE = re.compile(
    r"(?:[:;,] |\bor |\band )(?:add|choose|convert|copy|correct|cut|delete|drop|empty|export|give|keep|name|pass|provide|put|read|"
    r"record|rename|restore|run|send|start|to have it read so, name|transpose|write)\b"
)


def cases() -> list[tuple[str, Case]]:
    return [(family, case) for family, of_family in FAMILIES.items() for case in of_family]


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{family}-{number}") for number, (family, case) in enumerate(cases())])
def test_a_hostile_file_is_never_misread(case: Case, tmp_path: Path) -> None:
    came = outcome(case, tmp_path)
    if case.refused is not None:
        assert came.kind == "refused", f"{case.name}: {came}"
        assert case.refused in came.said, f"{case.name}: {came}"
        assert ADVICE.search(came.detail), f"{case.name}: {came.detail} says nothing to do"
        return
    assert came.kind in ({"right"} if case.exact else {"right", "noted"}), f"{case.name}: {came}"
    assert set(case.warned) <= set(came.said), f"{case.name}: {came}"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_large_and_its_files_differ(family: str, tmp_path: Path) -> None:
    assert len(FAMILIES[family]) >= LEAST_CASES
    repeated = [name for name, count in Counter(case.name for case in FAMILIES[family]).items() if count > 1]
    assert not repeated
    assert any(case.refused for case in FAMILIES[family])
    assert any(case.refused is None for case in FAMILIES[family])
