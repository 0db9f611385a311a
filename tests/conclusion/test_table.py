"""The table: every code is one, every rule has a source, every statement a name and a place."""

from __future__ import annotations

import pytest

from heart_reader.conclusion.table import GROUPS, Condition, class_name, read_table
from heart_reader.data.labels import SUPERCLASSES
from heart_reader.data.scp_statements import SCP_STATEMENTS
from heart_reader.features.feature_names import GLOBAL_FEATURES, RHYTHM_FEATURES

TABLE = read_table()
CODES = {statement.code for statement in SCP_STATEMENTS}


def test_every_statement_and_superclass_has_a_name_and_a_group() -> None:
    assert set(TABLE.names) == CODES | set(SUPERCLASSES)
    assert set(TABLE.groups.values()) == set(GROUPS) - {"axis"}
    assert len(set(TABLE.names.values())) == len(TABLE.names)


def test_every_rule_names_known_codes_and_its_source() -> None:
    for rule in TABLE.exclusions:
        assert {rule.first, rule.second} <= CODES | set(SUPERCLASSES)
        assert rule.first != rule.second
        assert len(rule.source) > 10
    for condition in TABLE.conditions:
        assert condition.code in CODES
        assert condition.measurement in {*GLOBAL_FEATURES, *RHYTHM_FEATURES}
        assert len(condition.source) > 10
        assert (condition.at_least, condition.at_most, condition.outside) != (None, None, None)


@pytest.mark.parametrize(
    "pair",
    ["CLBBB CRBBB", "AFIB SR", "CLBBB LAFB", "CRBBB IRBBB", "LAFB LPFB", "1AVB AFIB", "1AVB 3AVB", "NORM IMI", "NORM AFIB", "LVOLT HVOLT",
     "SARRH AFIB", "PAC AFIB", "STACH SBRAD", "NORM 3AVB", "NORM PSVT", "PACE SR"],
)  # fmt: skip
def test_what_no_cardiologist_states_together_is_excluded(pair: str) -> None:
    assert set(pair.split()) in [{rule.first, rule.second} for rule in TABLE.exclusions]


def test_limits_belong_to_what_they_allow() -> None:
    between = Condition("LAFB", "qrs_axis_deg", -90.0, -30.0, None, "here")
    assert [between.holds(value) for value in (-91.0, -90.0, -30.0, -29.0)] == [False, True, True, False]
    outside = Condition("LPFB", "qrs_axis_deg", None, None, (-120.0, 90.0), "here")
    assert [outside.holds(value) for value in (-120.0, -119.0, 89.0, 90.0)] == [True, False, False, True]


def test_a_name_is_a_message_that_the_page_has_words_for() -> None:
    said = class_name("LAFB")
    assert (said, said.code, dict(said.values)) == ("Left anterior fascicular block", "class_name", {"statement": "LAFB"})
    assert class_name("NEW") == "NEW"
