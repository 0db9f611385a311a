"""What classes of other data sets mean, and that a manifest carries their titles."""

from __future__ import annotations

import pytest

from heart_reader.conclusion.own_classes import meaning_of
from heart_reader.conclusion.table import GROUPS
from heart_reader.data.labels import LabelSpace, Level
from heart_reader.data.scp_statements import SCP_STATEMENTS
from heart_reader.data.tasks import build_levels
from heart_reader.data.vocabulary import meanings, vocabularies, with_titles


def test_every_entry_names_a_group_and_a_statement_that_exist() -> None:
    statements = {statement.code for statement in SCP_STATEMENTS}
    entries = [of for vocabulary in vocabularies() for of in vocabulary.classes.values()]
    assert {of.group for of in entries} <= set(GROUPS)
    assert {of.statement for of in entries} - {None} <= statements
    assert all(of.title and of.words for of in entries)
    for vocabulary in vocabularies():
        said = [of.statement for of in vocabulary.classes.values() if of.statement is not None]
        assert len(said) == len(set(said)), vocabulary.levels


def test_one_letter_means_one_thing_among_beats_and_another_among_rhythms() -> None:
    beats, rhythms = (meanings(Level(name, classes)) for name, classes in (("aami", ("N", "V")), ("rhythm", ("N", "AFIB", "B"))))
    assert (beats["N"].title, rhythms["N"].title) == ("Beat of normal origin", "Normal sinus rhythm")
    assert rhythms["B"].statement == "BIGU"


def test_the_level_of_that_name_of_ptbxl_keeps_its_statements() -> None:
    level = build_levels(SCP_STATEMENTS)["rhythm"]
    assert meanings(level) == {}
    assert {meaning_of(level, name).statement for name in level.class_names} == set(level.class_names)


def test_nothing_is_guessed_of_a_level_that_nobody_knows() -> None:
    level = Level("ward", ("AFIB", "MI", "healthy"))
    assert [meaning_of(level, name).title for name in level.class_names] == ["AFIB", "MI", "healthy"]
    assert {meaning_of(level, name).normal for name in level.class_names} == {None}


@pytest.mark.parametrize("titles", [{}, {"A": "A class of my own"}])
def test_titles_travel_in_the_levels_of_a_manifest(titles: dict[str, str]) -> None:
    space = LabelSpace({"mine": Level("mine", ("A", "B"), titles=titles)}, ("mine",))
    values = space.to_json()
    assert ("titles" in values["levels"]["mine"]) == bool(titles)
    assert LabelSpace.from_json(values) == space
    assert LabelSpace.from_json(values).levels["mine"].titles == titles


def test_a_level_of_a_published_task_is_written_with_its_titles() -> None:
    named = with_titles(LabelSpace({"aami": Level("aami", ("N", "S"))}, ("aami",)))
    assert named.levels["aami"].titles == {"N": "Beat of normal origin", "S": "Supraventricular ectopic beat"}
    assert meanings(named.levels["aami"])["S"].words == "beat_S"
