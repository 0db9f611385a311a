"""The most probable set that can stand together, against trying all sets; and what yields."""

from __future__ import annotations

from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heart_reader.conclusion.reconcile import NORMAL, ClassReading, Reconciled, reconcile
from heart_reader.conclusion.table import read_table
from heart_reader.data.labels import SUPERCLASSES
from heart_reader.data.scp_statements import SCP_STATEMENTS

SUPERCLASS_OF = {statement.code: statement.superclass for statement in SCP_STATEMENTS if statement.superclass}
PAIRS = {frozenset((rule.first, rule.second)) for rule in read_table().exclusions}


def answer(probability: float, threshold: float | None = 0.3) -> ClassReading:
    present = threshold is not None and probability >= threshold
    return ClassReading(probability, threshold, "present" if present else "absent")


def solve(statements: dict[str, ClassReading], superclasses: dict[str, ClassReading] | None = None, **measured: float) -> Reconciled:
    return reconcile(statements, superclasses or {}, SUPERCLASS_OF, measured)


def score(statements: dict[str, ClassReading], superclasses: dict[str, ClassReading], stated: set[str], kept: set[str]) -> float | None:
    """Sum of margins of a set, None where it breaks a rule; written apart from what it checks."""
    if any(pair <= stated for pair in PAIRS) or (NORMAL in kept and len(kept) > 1):
        return None
    if any(code in SUPERCLASS_OF and SUPERCLASS_OF[code] in superclasses and SUPERCLASS_OF[code] not in kept for code in stated):
        return None
    if any(frozenset((name, code)) in PAIRS for code in stated for name in kept):
        return None
    return sum(statements[code].margin for code in stated) + sum(superclasses[name].margin for name in kept)


probabilities = st.floats(0.01, 0.99)


@given(
    st.dictionaries(st.sampled_from([statement.code for statement in SCP_STATEMENTS]), st.floats(0.31, 0.99), max_size=7),
    st.dictionaries(st.sampled_from(SUPERCLASSES), probabilities, max_size=5),
)
def test_no_set_is_better(probability: dict[str, float], of_superclass: dict[str, float]) -> None:
    statements = {code: answer(value) for code, value in probability.items()}
    superclasses = {name: answer(value) for name, value in of_superclass.items()}
    found = solve(statements, superclasses)

    def subsets(names: dict[str, ClassReading]) -> list[set[str]]:
        return [set(one) for one in chain.from_iterable(combinations(names, size) for size in range(len(names) + 1))]

    scores = [score(statements, superclasses, stated, kept) for stated in subsets(statements) for kept in subsets(superclasses)]
    reached = score(statements, superclasses, set(found.stated), set(found.superclasses))
    assert reached is not None
    assert reached == pytest.approx(max(one for one in scores if one is not None))
    assert {item.code for item in found.yielded} == statements.keys() - set(found.stated)


def test_of_two_bundle_branch_blocks_the_more_probable_one_is_stated() -> None:
    found = solve({"CLBBB": answer(0.6), "CRBBB": answer(0.8)})
    assert found.stated == ("CRBBB",)
    assert [(item.code, item.to) for item in found.yielded] == [("CLBBB", "CRBBB")]


def test_a_measurement_against_a_statement_wins_whatever_its_probability() -> None:
    found = solve({"LAFB": answer(0.99), "1AVB": answer(0.9)}, qrs_axis_deg=140.0, pr_ms=171.0)
    assert found.stated == ()
    assert {(item.code, item.value) for item in found.yielded} == {("LAFB", 140.0), ("1AVB", 171.0)}


def test_what_was_not_measured_is_no_condition() -> None:
    assert set(solve({"LAFB": answer(0.9), "1AVB": answer(0.9)}).stated) == {"LAFB", "1AVB"}


def test_a_statement_brings_its_superclass_or_yields_with_it() -> None:
    sure, weak = answer(0.95), answer(0.31)
    assert solve({"IMI": sure}, {"MI": ClassReading(0.28, 0.3, "uncertain")}).superclasses == ("MI",)
    found = solve({"IMI": weak}, {"MI": answer(0.02)})
    assert (found.stated, found.superclasses) == ((), ())
    assert [(item.code, item.to, item.without) for item in found.yielded] == [("IMI", None, "MI")]


def test_many_statements_are_all_stated_where_none_excludes_another() -> None:
    codes = ["SR", "PVC", "PAC", "IMI", "ASMI", "LMI", "QWAVE", "NDT", "STD_", "LVH", "LAO/LAE", "CRBBB", "LAFB", "1AVB", "ABQRS", "LOWT"]
    assert set(solve({code: answer(0.5) for code in codes}).stated) == set(codes)


def test_normal_yields_to_atrial_fibrillation_or_wins() -> None:
    def read(fibrillation: float, normal: float) -> Reconciled:
        return solve({"AFIB": answer(fibrillation)}, {"NORM": answer(normal)})

    assert (read(0.9, 0.5).stated, read(0.9, 0.5).superclasses) == (("AFIB",), ())
    assert (read(0.4, 0.95).stated, read(0.4, 0.95).superclasses) == ((), ("NORM",))
    assert read(0.4, 0.95).yielded[0].to == "NORM"


def test_nothing_in_nothing_out() -> None:
    assert solve({}) == Reconciled((), (), ())
