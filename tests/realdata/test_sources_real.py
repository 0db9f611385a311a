"""The real tables: published facts, and agreement of two descriptions of the same records."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from heart_reader.config import DataConfig, TaskConfig, load_config
from heart_reader.data.build import build_table
from heart_reader.data.cache import open_or_build
from heart_reader.data.labels import SUPERDIAGNOSTIC
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.preprocessor import Preprocessor
from heart_reader.data.record_table import merge_tables
from heart_reader.data.sources.mitbih import DS1, MitbihSource
from heart_reader.data.sources.ptbxl import PtbxlSource
from heart_reader.data.sources.table import TableSource
from heart_reader.errors import DataError, MissingFiles

pytestmark = pytest.mark.realdata

TASKS = Path(__file__).resolve().parents[2] / "configs" / "tasks"


def official(root, *, keep_unlabelled=False, fs=100, level=SUPERDIAGNOSTIC, heads=("all", SUPERDIAGNOSTIC), **changes):
    data = DataConfig(root=root, files=f"records{fs}", **changes)
    table = PtbxlSource().read(data, TaskConfig(level=level, heads=heads), None)
    return table if keep_unlabelled else table.drop_unlabelled(level)


def manifest(root, *, keep_unlabelled=False, **changes):
    path = root / "superclass_manifest.csv"
    table = TableSource(path=path, **changes).read(DataConfig(), TaskConfig(), None)
    return table if keep_unlabelled else table.drop_unlabelled(SUPERDIAGNOSTIC)


@pytest.fixture(scope="module")
def root(real_data):
    return real_data / "ptbxl"


def test_the_levels_have_their_published_sizes(root):
    levels = official(root).space.levels
    sizes = {name: len(level.class_names) for name, level in levels.items()}
    benchmark = {"all": 71, "diagnostic": 44, "subdiagnostic": 23, "superdiagnostic": 5, "form": 19, "rhythm": 12}
    assert sizes == benchmark | {"frequent": 22, "mi_vs_norm": 1, "normal_vs_abnormal": 1}
    members = [position for group in levels[SUPERDIAGNOSTIC].members for position in group]
    assert sorted(members) == sorted(position for group in levels["diagnostic"].members for position in group)


def test_both_tables_together_give_every_labelled_record_once(root):
    table = merge_tables([official(root), manifest(root)])
    assert table.counts() == {"train": 3328, "val": 468, "test": 248}
    assert merge_tables([official(root, keep_unlabelled=True), manifest(root, keep_unlabelled=True)]).counts() == {
        "train": 3379,
        "val": 479,
        "test": 252,
    }
    assert not np.isnan(table.y_true(SUPERDIAGNOSTIC)).any()


@pytest.mark.parametrize(
    ("name", "counts", "n_left_out"),
    [
        ("all", {"train": 2602, "val": 377, "test": 187}, 0),
        ("diagnostic", {"train": 2558, "val": 367, "test": 183}, 58),
        ("subdiagnostic", {"train": 2558, "val": 367, "test": 183}, 58),
        ("form", {"train": 1043, "val": 153, "test": 68}, 1902),
        ("rhythm", {"train": 2503, "val": 359, "test": 183}, 121),
        ("frequent", {"train": 2581, "val": 372, "test": 187}, 26),
        ("mi_vs_norm", {"train": 2377, "val": 328, "test": 186}, 1219),
        ("normal_vs_abnormal", {"train": 3246, "val": 461, "test": 243}, 160),
    ],
)
def test_every_task_takes_its_records_and_counts_the_others(root, name, counts, n_left_out):
    config = load_config(TASKS / f"{name}.yaml", [f"data.root={root}"])
    table = build_table(config)
    assert table.counts() == counts
    without_twins = {reason: count for reason, count in table.left_out.items() if not reason.startswith("already listed")}
    assert sum(without_twins.values()) == n_left_out
    assert len(table) + n_left_out == (4110 if len(config.data.sources) > 1 else 3166)
    assert not np.isnan(table.y_true(name)).any()
    for split in ("train", "val", "test"):
        table.describe_gaps(name, split, complete=True)


def test_the_frequent_diagnoses_are_there_in_every_split(root):
    table = official(root, level="frequent", heads=("all", "frequent"))
    assert all((table.split(split).y_true("frequent") == 1).any(axis=0).all() for split in ("train", "val", "test"))


def test_codes_and_superclasses_of_the_same_records_agree(root):
    a, b = official(root, keep_unlabelled=True), manifest(root, keep_unlabelled=True)
    row_of = {name: row for row, name in enumerate(b.record_ids.tolist())}
    rows = [row_of[name] for name in a.record_ids.tolist()]
    assert len(rows) == 3166
    np.testing.assert_array_equal(a.y_true(SUPERDIAGNOSTIC), b.y_true(SUPERDIAGNOSTIC)[rows])
    np.testing.assert_array_equal(a.splits, b.splits[rows])
    np.testing.assert_array_equal(a.paths, b.paths[rows])


def test_the_other_label_rule_is_another_truth(root):
    a, b = official(root, keep_unlabelled=True), official(root, label_rule="likelihood_50", keep_unlabelled=True)
    assert (b.y_true(SUPERDIAGNOSTIC) <= a.y_true(SUPERDIAGNOSTIC)).all()
    np.testing.assert_array_equal(a.y_true("rhythm"), b.y_true("rhythm"))
    with pytest.raises(DataError, match="other labels at level superdiagnostic"):
        merge_tables([b, manifest(root, label_rule="likelihood_50", keep_unlabelled=True)])


def test_a_partial_copy_is_refused_or_counted(root):
    with pytest.raises(MissingFiles, match="have no files at 500 Hz"):
        official(root, fs=500)
    table = official(root, fs=500, allow_missing=True)
    n_signals = len(list((root / "records500").rglob("*.dat")))
    assert 0 < len(table) <= n_signals
    assert len(table) + sum(table.left_out.values()) == 3166


def test_ages_are_plausible_and_nobody_is_300(root):
    ages = official(root).ages
    assert np.nanmax(ages) <= 95
    assert np.nanmin(ages) >= 2


def test_the_cache_holds_what_wfdb_reads(root, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wfdb 4.3.1 uses what pandas 3.1 is about to drop
        import wfdb
    table = manifest(root)
    table = table.select(np.arange(0, len(table), 20))
    cache = open_or_build(table, Preprocessor(100.0, STANDARD_LEADS, 2.5, 1.25, None, None, "zero"), tmp_path, progress=False)
    for row, path in enumerate(table.paths.tolist()):
        signal, _ = wfdb.rdsamp(path.removesuffix(".hea"))
        np.testing.assert_array_equal(cache.prepared(row).microvolts, np.rint(signal.T * 1000))


def test_ds1_has_the_beats_that_are_published(real_data):
    table = MitbihSource(path=real_data / "mitbih", rows="beats").read(DataConfig(allow_missing=True), TaskConfig(), None)
    of_ds1 = table.select(table.splits != "test")
    if len(set(of_ds1.patient_ids.tolist())) < len(DS1):
        pytest.skip("not all records of DS1 are there")
    assert dict(zip("NSVFQ", of_ds1.y_true("aami").sum(axis=0).tolist(), strict=True)) == {
        "N": 45866,
        "S": 944,
        "V": 3788,
        "F": 415,
        "Q": 8,
    }


def test_windows_of_mitbih_are_its_half_hours(real_data):
    table = MitbihSource(path=real_data / "mitbih", split="folds").read(DataConfig(allow_missing=True), TaskConfig(), None)
    assert len(table) == 180 * len(set(table.paths.tolist()))
    assert table.stops_s.max() == 1800
    assert np.nansum(table.y_true("dominant_beat"), axis=1).max() == 1
