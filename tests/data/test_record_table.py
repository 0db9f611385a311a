from dataclasses import replace

import numpy as np
import pytest

from heart_reader.data.labels import ALL, SUPERDIAGNOSTIC, LabelSpace, Level
from heart_reader.data.record_table import RecordTable, merge_tables
from heart_reader.errors import ConfigError, DataError, LeakageError

NAN = np.nan
# Statements n | i, a | h; superclasses N (one statement), M (two), H (one); parts: i, a + h.
SPACE = LabelSpace(
    {
        ALL: Level(ALL, ("n", "i", "a", "h")),
        "parts": Level("parts", ("I", "AH"), ((1,), (2, 3))),
        SUPERDIAGNOSTIC: Level(SUPERDIAGNOSTIC, ("N", "M", "H"), ((0,), (1, 2), (3,))),
    },
    (ALL, SUPERDIAGNOSTIC),
)
COARSE = LabelSpace({SUPERDIAGNOSTIC: Level(SUPERDIAGNOSTIC, ("N", "M", "H"))}, (SUPERDIAGNOSTIC,))


def make(ids, labels, *, splits=None, patients=None, space=SPACE, source="A", **more):
    n_records = len(ids)
    return RecordTable(
        record_ids=np.array(ids, dtype=np.str_),
        paths=np.array([f"/data/{name}" for name in ids], dtype=np.str_),
        patient_ids=np.array(patients or [""] * n_records, dtype=np.str_),
        splits=np.array(splits or ["train"] * n_records, dtype=np.str_),
        labels={name: np.array(values, dtype=np.float32) for name, values in labels.items()},
        space=space,
        label_rule="any_likelihood",
        source=source,
        **more,
    )


def fine(ids, statements, **more):
    statements = np.array(statements, dtype=np.float32)
    labels = {ALL: statements}
    for name in ("parts", SUPERDIAGNOSTIC):
        labels[name] = np.stack([statements[:, list(group)].max(axis=1) for group in SPACE.levels[name].members], axis=1)
    return make(ids, labels, **more)


def coarse(ids, superclasses, **more):
    return make(ids, {SUPERDIAGNOSTIC: superclasses}, **{"space": COARSE, "source": "B", **more})


def test_a_coarse_row_learns_what_its_superclasses_settle():
    merged = merge_tables([fine(["1"], [[1, 0, 0, 0]]), coarse(["2", "3"], [[1, 0, 0], [0, 1, 1]])])
    assert merged.record_ids.tolist() == ["1", "2", "3"]
    np.testing.assert_array_equal(merged.y_true(ALL), [[1, 0, 0, 0], [1, 0, 0, 0], [0, NAN, NAN, 1]])
    np.testing.assert_array_equal(merged.y_true(SUPERDIAGNOSTIC), [[1, 0, 0], [1, 0, 0], [0, 1, 1]])
    # h is present, so AH is, whatever a is; I is not known.
    np.testing.assert_array_equal(merged.y_true("parts"), [[0, 0], [0, 0], [NAN, 1]])


def test_an_unknown_superclass_settles_nothing():
    merged = merge_tables([fine(["1"], [[1, 0, 0, 0]]), coarse(["2"], [[NAN, 0, NAN]])])
    np.testing.assert_array_equal(merged.y_true(ALL)[1], [NAN, 0, 0, NAN])
    np.testing.assert_array_equal(merged.y_true("parts")[1], [0, NAN])


def test_statements_settle_a_superclass_that_was_not_given():
    other = make(["2", "3"], {ALL: [[0, NAN, 1, 0], [0, NAN, 0, 0]]}, source="C")
    merged = merge_tables([fine(["1"], [[1, 0, 0, 0]]), other])
    np.testing.assert_array_equal(merged.y_true(SUPERDIAGNOSTIC)[1:], [[0, 1, 0], [0, NAN, 0]])


def test_the_order_of_the_tables_does_not_change_what_is_known():
    a, b = fine(["1"], [[1, 0, 0, 0]]), coarse(["2"], [[0, 1, 0]])
    forwards, backwards = merge_tables([a, b]), merge_tables([b, a])
    assert backwards.space.levels[SUPERDIAGNOSTIC].members == SPACE.levels[SUPERDIAGNOSTIC].members
    for name in SPACE.levels:
        np.testing.assert_array_equal(backwards.y_true(name)[::-1], forwards.y_true(name))


def test_merging_changes_no_input():
    a, b = fine(["1"], [[1, 0, 0, 0]]), coarse(["2"], [[0, 0, 0]])
    merge_tables([a, b])
    assert list(b.labels) == [SUPERDIAGNOSTIC]
    np.testing.assert_array_equal(a.y_true(ALL), [[1, 0, 0, 0]])


def test_a_record_in_both_tables_is_kept_once_and_counted():
    a = fine(["1", "2"], [[1, 0, 0, 0], [0, 1, 0, 0]], left_out={"A: x": 1})
    b = coarse(["2", "3"], [[0, 1, 0], [0, 0, 1]], left_out={"B: x": 2})
    merged = merge_tables([a, b])
    assert merged.record_ids.tolist() == ["1", "2", "3"]
    assert merged.left_out == {"A: x": 1, "B: x": 2, "already listed by A": 1}
    assert merged.source == "A + B"
    np.testing.assert_array_equal(merged.y_true(ALL)[1], [0, 1, 0, 0])


def test_a_file_under_another_id_is_the_same_record():
    b = coarse(["9"], [[1, 0, 0]])
    merged = merge_tables([fine(["1"], [[1, 0, 0, 0]]), replace(b, paths=np.array(["/data/1"]))])
    assert merged.record_ids.tolist() == ["1"]


def test_ages_and_sexes_of_one_table_stay():
    a = fine(["1"], [[1, 0, 0, 0]], ages=np.array([50], dtype=np.float32), sexes=np.array(["female"]))
    merged = merge_tables([a, coarse(["2"], [[1, 0, 0]])])
    np.testing.assert_array_equal(merged.ages, np.array([50, NAN], dtype=np.float32))
    assert merged.sexes.tolist() == ["female", ""]


def test_groups_follow_their_records():
    a = fine(["1", "2"], [[1, 0, 0, 0]] * 2, groups={"device": np.array(["x", "y"])})
    merged = merge_tables([a, coarse(["3"], [[1, 0, 0]], groups={"site": np.array(["7"])})])
    assert {name: values.tolist() for name, values in merged.groups.items()} == {"device": ["x", "y", ""], "site": ["", "", "7"]}
    assert merged.select(np.array([2, 1])).groups["device"].tolist() == ["", "y"]
    with pytest.raises(DataError, match="one value per record"):
        replace(a, groups={"device": np.array(["x"])})


def test_tables_that_contradict_each_other_are_refused():
    a = fine(["1"], [[1, 0, 0, 0]], splits=["train"], patients=["p"])
    with pytest.raises(DataError, match="record 1 has other labels at level superdiagnostic in B than in A"):
        merge_tables([a, coarse(["1"], [[0, 1, 0]])])
    with pytest.raises(LeakageError, match="record 1 is in different splits of A and B"):
        merge_tables([a, coarse(["1"], [[1, 0, 0]], splits=["val"])])
    with pytest.raises(LeakageError, match="record 9 is in different splits"):
        merge_tables([a, replace(coarse(["9"], [[1, 0, 0]], splits=["test"]), paths=a.paths)])
    with pytest.raises(LeakageError, match="patient p is in train and val"):
        merge_tables([a, coarse(["2"], [[1, 0, 0]], splits=["val"], patients=["p"])])
    with pytest.raises(ConfigError, match="B follows label rule likelihood_50, A follows any_likelihood"):
        merge_tables([a, replace(coarse(["2"], [[1, 0, 0]]), label_rule="likelihood_50")])
    swapped = LabelSpace({SUPERDIAGNOSTIC: Level(SUPERDIAGNOSTIC, ("M", "N", "H"))}, (SUPERDIAGNOSTIC,))
    with pytest.raises(ConfigError, match="level superdiagnostic has classes"):
        merge_tables([a, coarse(["2"], [[1, 0, 0]], space=swapped)])
    regrouped = LabelSpace({**SPACE.levels, "parts": Level("parts", ("I", "AH"), ((1, 2), (3,)))}, SPACE.heads)
    with pytest.raises(ConfigError, match="level parts is made of other statements"):
        merge_tables([a, fine(["2"], [[1, 0, 0, 0]], space=regrouped, source="B")])


def test_an_unknown_label_contradicts_nothing():
    merged = merge_tables([fine(["1"], [[1, 0, 0, 0]]), coarse(["1"], [[1, NAN, 0]])])
    assert len(merged) == 1


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"splits": ["train", "dev"]}, DataError, "splits .*dev.*allowed are train, val, test"),
        ({"patients": ["p", "p"], "splits": ["train", "test"]}, LeakageError, "patient p is in test and train"),
        ({"ids": ["1", "1"]}, DataError, "record 1 is listed 2 times"),
    ],
)
def test_a_table_that_cannot_be_is_refused(changes, error, message):
    ids = changes.pop("ids", ["1", "2"])
    with pytest.raises(error, match=message):
        coarse(ids, [[1, 0, 0], [0, 1, 0]], **changes)


def test_columns_must_align():
    with pytest.raises(DataError, match=r"2 records but .*superdiagnostic.*1"):
        coarse(["1", "2"], [[1, 0, 0]])
    with pytest.raises(DataError, match="2 label columns for level superdiagnostic"):
        coarse(["1"], [[1, 0]])


def test_select_split_drop_and_counts():
    table = coarse(["1", "2", "3"], [[1, 0, 0], [0, 1, 0], [0, 0, 1]], splits=["train", "val", "train"])
    assert table.counts() == {"train": 2, "val": 1, "test": 0}
    assert table.split("train").record_ids.tolist() == ["1", "3"]
    with pytest.raises(DataError, match=r"no record in split test; there are .*'train': 2"):
        table.split("test")
    assert table.select(np.array([2, 0])).record_ids.tolist() == ["3", "1"]
    dropped = table.drop("why", table.record_ids == "2")
    assert dropped.record_ids.tolist() == ["1", "3"]
    assert dropped.left_out == {"why": 1}
    assert dropped.drop("why", dropped.record_ids == "1").left_out == {"why": 2}
    with pytest.raises(ConfigError, match="no labels at level 'all'; it has superdiagnostic"):
        table.y_true(ALL)
