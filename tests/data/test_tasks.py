import csv
import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from heart_reader.config import DataConfig, TaskConfig, load_config
from heart_reader.data.build import build_table
from heart_reader.data.labels import ALL, SUPERCLASSES, SUPERDIAGNOSTIC, Contrast, LabelSpace, Level
from heart_reader.data.scp_statements import SCP_STATEMENTS
from heart_reader.data.sources.ptbxl import PtbxlSource
from heart_reader.data.sources.table import TableSource
from heart_reader.data.tasks import build_levels, contrast_levels
from heart_reader.data.tasks.ptbxl import FREQUENT_STATEMENTS
from heart_reader.errors import ConfigError, DataError

NAN = np.nan
CODES = [statement.code for statement in SCP_STATEMENTS]
BINARY = contrast_levels(SUPERCLASSES)
SPACE = LabelSpace(
    {
        ALL: Level(ALL, ("n", "i", "a", "t", "c", "h")),
        SUPERDIAGNOSTIC: Level(SUPERDIAGNOSTIC, SUPERCLASSES, ((0,), (1, 2), (3,), (4,), (5,))),
        **BINARY,
    },
    (ALL,),
)


def official_folder(write_ptbxl, records):
    """The small folder with the whole official list of statements."""
    kinds = [["1.0" if kind in statement.kinds else "" for kind in "dfr"] for statement in SCP_STATEMENTS]
    rows = [[s.code, "", *flags, s.superclass, s.subclass] for s, flags in zip(SCP_STATEMENTS, kinds, strict=True)]
    return write_ptbxl(records=records, statements=rows)


def records_of(*codes_and_folds):
    return [
        (row, f"{row}.0", "50.0", "1", repr(dict.fromkeys(codes.split(), 100.0)), str(fold))
        for row, (codes, fold) in enumerate(codes_and_folds, 1)
    ]


def settings(root, cache, *more):
    return load_config(None, [f"data.root={root}", f"data.cache_dir={cache}", *more])


def test_there_are_22_frequent_diagnoses_of_different_statements():
    assert len(FREQUENT_STATEMENTS) == 22
    statements = [code for group in FREQUENT_STATEMENTS.values() for code in group]
    assert len(set(statements)) == len(statements)
    assert set(statements) <= set(CODES)
    # A group never joins what PTB-XL sets into different superclasses.
    superclass = {statement.code: statement.superclass for statement in SCP_STATEMENTS}
    assert all(len({superclass[code] for code in group}) == 1 for group in FREQUENT_STATEMENTS.values())


def test_frequent_diagnoses_are_found_wherever_their_statements_stand():
    codes = CODES[::-1]
    level = build_levels(SCP_STATEMENTS[::-1])["frequent"]
    named = {name: tuple(codes[position] for position in group) for name, group in zip(level.class_names, level.members, strict=True)}
    assert named == dict(FREQUENT_STATEMENTS)
    assert "frequent" not in build_levels([statement for statement in SCP_STATEMENTS if statement.code != "AFIB"])


def test_binary_levels_need_all_their_superclasses():
    assert list(contrast_levels(("MI", "NORM"))) == ["mi_vs_norm"]
    assert list(contrast_levels(("CD", "MI", "NORM", "HYP", "STTC"))) == ["mi_vs_norm", "normal_vs_abnormal"]
    assert contrast_levels(("MI", "CD")) == {}
    assert contrast_levels(("CD", "MI", "NORM"))["mi_vs_norm"].contrast == Contrast(SUPERDIAGNOSTIC, (1,), (2,))


@pytest.mark.parametrize(
    ("labels", "mi", "abnormal"),
    [
        ([1, 0, 0, 0, 0], 0, 0),
        ([0, 1, 0, 0, 0], 1, 1),
        ([0, 1, 0, 1, 0], 1, 1),
        ([0, 0, 1, 0, 0], NAN, 1),
        ([1, 1, 0, 0, 0], NAN, NAN),
        ([1, 0, 0, 1, 0], 0, NAN),
        ([0, 0, 0, 0, 0], NAN, NAN),
        ([0, NAN, 0, 1, 0], NAN, 1),
        ([1, NAN, 0, 0, 0], NAN, NAN),
        ([NAN, 1, 0, 0, 0], NAN, NAN),
    ],
)
def test_exactly_one_side_is_an_answer(labels, mi, abnormal):
    row = np.array([labels], dtype=np.float32)
    answers = [BINARY[name].contrast.truth(row).item() for name in ("mi_vs_norm", "normal_vs_abnormal")]
    np.testing.assert_array_equal(answers, [mi, abnormal])


@given(arrays(np.float64, (3, 5), elements=st.floats(0.001, 0.999)))
def test_a_binary_probability_is_the_share_of_the_cases_with_one_side(y_prob):
    contrast = BINARY["normal_vs_abnormal"].contrast
    for row, answer in zip(y_prob, contrast.probability(y_prob)[:, 0], strict=True):
        cases = np.array(list(itertools.product((0, 1), repeat=5)), dtype=np.float32)
        weights = np.prod(np.where(cases == 1, row, 1 - row), axis=1)
        truth = contrast.truth(cases)[:, 0]
        known = ~np.isnan(truth)
        assert answer == pytest.approx((weights * truth)[known].sum() / weights[known].sum(), abs=1e-9)


def test_certain_classes_give_no_warning_and_no_nan():
    contrast = BINARY["mi_vs_norm"].contrast
    y_prob = np.array([[1.0, 1, 0, 0, 0], [0.0, 0, 0, 0, 0], [0.0, 1, 0, 0, 0], [1.0, 0, 0, 0, 0], [1e-30, 1e-20, 0, 0, 0]])
    np.testing.assert_allclose(contrast.probability(y_prob)[:, 0], [0.5, 0.5, 1, 0, 1])


@pytest.mark.parametrize("heads", [(ALL,), (SUPERDIAGNOSTIC,), (ALL, SUPERDIAGNOSTIC), (ALL, "mi_vs_norm")])
def test_every_network_that_knows_superclasses_answers_binary_levels(heads):
    space = SPACE.with_heads(heads)
    logits = np.random.default_rng(0).normal(size=(4, space.n_outputs))
    answers = space.probabilities(logits)
    expected = BINARY["mi_vs_norm"].contrast.probability(answers[SUPERDIAGNOSTIC])
    if "mi_vs_norm" in heads:
        expected = (expected + 1 / (1 + np.exp(-logits[:, -1:]))) / 2
    np.testing.assert_allclose(answers["mi_vs_norm"], expected, atol=1e-12)


def test_a_head_of_its_own_answers_a_binary_level_alone():
    assert SPACE.with_heads(("mi_vs_norm",)).answerable() == ("mi_vs_norm",)


def test_a_reading_states_a_binary_level_only_where_it_was_asked():
    assert SPACE.reading_levels(SUPERDIAGNOSTIC) == (SUPERDIAGNOSTIC, ALL)
    assert SPACE.reading_levels("mi_vs_norm") == ("mi_vs_norm", ALL, SUPERDIAGNOSTIC)


def test_json_keeps_binary_levels_and_refuses_rules_of_the_future():
    values = json.loads(json.dumps(SPACE.to_json()))
    assert LabelSpace.from_json(values) == SPACE
    values["levels"]["mi_vs_norm"]["aggregation"]["rule"] = "vote"
    with pytest.raises(ConfigError, match="rule 'vote'; noisy_or and contrast are known"):
        LabelSpace.from_json(values)


def test_ptbxl_has_every_level(write_ptbxl):
    root = official_folder(write_ptbxl, records_of(("IMI CRBBB SR", 1), ("ILMI AFIB", 8), ("NORM SARRH", 9), ("NORM ISCAL", 10)))
    table = PtbxlSource().read(DataConfig(root=root), TaskConfig(level=ALL, heads=(ALL, "frequent")), None)
    sizes = {name: len(level.class_names) for name, level in table.space.levels.items()}
    assert sizes == {
        ALL: 71,
        "diagnostic": 44,
        "subdiagnostic": 23,
        SUPERDIAGNOSTIC: 5,
        "form": 19,
        "rhythm": 12,
        "frequent": 22,
        "mi_vs_norm": 1,
        "normal_vs_abnormal": 1,
    }
    names = np.array(table.space.levels["frequent"].class_names)
    found = [names[row == 1].tolist() for row in table.y_true("frequent")]
    assert found == [["IMI", "RBBB"], ["IMI", "AFIB"], ["NORM", "SARRH"], ["NORM", "ISC"]]
    np.testing.assert_array_equal(table.y_true("mi_vs_norm")[:, 0], [1, 1, 0, 0])
    np.testing.assert_array_equal(table.y_true("normal_vs_abnormal")[:, 0], [1, 1, 0, NAN])


def test_statements_that_the_data_lack_are_named(write_ptbxl):
    with pytest.raises(ConfigError, match=r"level frequent needs the statements .*AFIB.*, which scp_statements\.csv lacks"):
        build_table(settings(write_ptbxl(), "unused", "task.level=frequent"))
    no_rhythm = [["NORM", "", "1.0", "", "", "NORM", "NORM"], ["MI", "", "1.0", "", "", "MI", "MI"]]
    root = write_ptbxl(statements=no_rhythm, records=records_of(("NORM", 1)), folder="bare")
    with pytest.raises(ConfigError, match="level 'rhythm': PTB-XL has all, diagnostic, subdiagnostic, superdiagnostic, mi_vs_norm"):
        build_table(settings(root, "unused", "task.level=rhythm"))


def test_the_sides_of_a_binary_task_are_counted(write_ptbxl, tmp_path):
    codes = [("NORM", 1), ("IMI", 2), ("NORM IMI", 3), ("NDT", 4), ("SR", 5), ("NORM LVH", 9)]
    root = official_folder(write_ptbxl, records_of(*codes))
    table = build_table(settings(root, tmp_path, "task={level: mi_vs_norm, heads: [all, mi_vs_norm]}"))
    assert table.record_ids.tolist() == ["1", "2", "6"]
    assert table.left_out == {"PTB-XL: neither or both of MI and NORM": 3}
    table = build_table(settings(root, tmp_path, "task={level: normal_vs_abnormal, heads: [all]}"))
    assert table.record_ids.tolist() == ["1", "2", "4"]
    assert table.left_out == {"PTB-XL: neither or both of MI/STTC/CD/HYP and NORM": 3}
    kept = build_table(settings(root, tmp_path, "task={level: mi_vs_norm, heads: [all]}", "data.keep_unlabelled=true"))
    assert len(kept) == 6


def test_what_is_left_out_does_not_come_back_through_a_table(write_ptbxl, tmp_path):
    root = official_folder(write_ptbxl, records_of(("NORM SR", 1), ("IMI SR", 2), ("NDT", 3), ("NORM SR", 9)))
    # The third record has no rhythm; the table knows it, and a fifth one, by their superclasses.
    (root / "extra.hea").touch()
    paths = [f"records100/00000/{number:05d}_lr.hea" for number in (1, 2, 3)] + ["extra.hea"]
    rows = [[1, paths[0], "train", 1, 0, 0, 0, 0], [3, paths[2], "train", 0, 0, 1, 0, 0], [5, paths[3], "train", 0, 1, 0, 0, 0]]
    with (root / "more.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["ecg_id", "path", "split", *SUPERCLASSES], *rows])
    sources = "data.sources=[{kind: ptbxl}, {kind: table, path: more.csv}]"
    table = build_table(settings(root, tmp_path, sources, "task={level: rhythm, heads: [all]}"))
    assert table.record_ids.tolist() == ["1", "2", "4", "5"]
    assert table.left_out == {"already listed by PTB-XL": 2, "PTB-XL + more.csv: no class at level rhythm": 1}
    binary = build_table(settings(root, tmp_path, sources, "task={level: mi_vs_norm, heads: [all, mi_vs_norm]}"))
    assert binary.record_ids.tolist() == ["1", "2", "4", "5"]
    np.testing.assert_array_equal(binary.y_true("mi_vs_norm")[:, 0], [0, 1, 0, 1])
    alone = build_table(settings(root, tmp_path, sources, "task={level: rhythm, heads: [rhythm]}"))
    assert alone.left_out["PTB-XL + more.csv: nothing known at rhythm"] == 1


def test_a_table_of_superclasses_is_enough_for_binary_tasks(write_table, tmp_path):
    rows = [
        [1, "a.csv", "train", 1, 0, 0, 0, 0],
        [2, "b.csv", "train", 0, 1, 0, 0, 0],
        [3, "c.csv", "train", 0, 0, 0, 1, 0],
        [4, "d.csv", "val", "", 1, 0, 0, 0],
    ]
    path = write_table(["ecg_id", "path", "split", *SUPERCLASSES], *rows)
    source = f"data.sources=[{{kind: table, path: {path.name}}}]"
    table = build_table(settings(tmp_path, tmp_path, source, "task={level: normal_vs_abnormal, heads: [superdiagnostic]}"))
    assert table.record_ids.tolist() == ["1", "2", "3"]
    np.testing.assert_array_equal(table.y_true("normal_vs_abnormal")[:, 0], [0, 1, 1])
    with pytest.raises(
        ConfigError, match=r"no labels at level 'rhythm' in table\.csv; it has superdiagnostic, mi_vs_norm, normal_vs_abnormal"
    ):
        build_table(settings(tmp_path, tmp_path, source, "task={level: rhythm, heads: [superdiagnostic]}"))


def test_negatives_of_a_single_class_are_labelled(write_table):
    path = write_table(["path", "split", "AF"], ["a.csv", "train", 1], ["b.csv", "train", 0])
    table = TableSource(path=path, level="af", label_columns=("AF",)).read(DataConfig(), TaskConfig(), None)
    assert len(table.drop_unlabelled("af")) == 2


def test_gaps_are_named_and_an_empty_task_is_refused(write_ptbxl, tmp_path):
    root = official_folder(write_ptbxl, records_of(("NORM SR", 1), ("IMI AFIB", 2), ("NORM SR", 9), ("NORM SR", 10)))
    table = build_table(settings(root, tmp_path))
    assert table.describe_gaps(SUPERDIAGNOSTIC, "train", complete=False) == "no record with STTC, CD, HYP"
    with pytest.raises(DataError, match=r"PTB-XL: no class of level superdiagnostic has both .* in split val, where 1 records"):
        table.describe_gaps(SUPERDIAGNOSTIC, "val", complete=True)
    with pytest.raises(DataError, match="no record in split val"):
        table.select(table.splits == "train").describe_gaps(SUPERDIAGNOSTIC, "val", complete=True)


def test_only_complete_truth_counts_where_it_is_measured(write_ptbxl, tmp_path):
    table = build_table(settings(official_folder(write_ptbxl, records_of(("NORM SR", 1), ("IMI AFIB", 2))), tmp_path))
    labels = {**table.labels, SUPERDIAGNOSTIC: np.array([[1, 0, 0, 0, 0], [0, 1, NAN, 0, 0]], dtype=np.float32)}
    partly = replace(table, labels=labels)
    assert partly.describe_gaps(SUPERDIAGNOSTIC, "train", complete=False) == "no record with STTC, CD, HYP"
    with pytest.raises(DataError, match="where 1 records are labelled"):
        partly.describe_gaps(SUPERDIAGNOSTIC, "train", complete=True)
