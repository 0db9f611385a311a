"""MIT-BIH as windows and as beats: classes, splits, what is left out, and bad annotations."""

import numpy as np
import pytest

from heart_reader.config import load_config
from heart_reader.data.annotations import AAMI_OF, BEAT_SYMBOLS
from heart_reader.data.build import build_preprocessor, build_table
from heart_reader.data.cache import open_or_build
from heart_reader.data.dataset import EcgDataset
from heart_reader.data.folds import splits_of_fold
from heart_reader.data.formats import read_record
from heart_reader.data.sources.mitbih import DS1, DS2, PACED
from heart_reader.errors import ConfigError, MissingFiles, UnreadableRecord

WINDOWS = ("task={level: rhythm, heads: [rhythm, dominant_beat]}", "data.allow_missing=true")
BEATS = ("task={level: aami, heads: [aami]}", "data.allow_missing=true")


@pytest.fixture
def folder(tmp_path, write_annotated):
    """Eight recordings of 32 to 42 s: of DS1, of DS2, a paced one, and the man of two records."""
    home = tmp_path / "mitbih"
    steady = "N" * 31
    write_annotated(home / "101", beats=steady, rhythms={0.01: "N"})
    write_annotated(home / "106", beats="NVNVNVNVN" + "NVNNVNNVNN" + "N" * 12, rhythms={0.01: "B", 10: "T", 20: "N"}, seed=1)
    write_annotated(home / "114", beats=steady, rhythms={0.01: "N"}, seed=2, leads="V5 MLII")
    write_annotated(home / "201", beats="a" * 16 + "N" * 15, rhythms={0.01: "AFIB", 16: "N"}, seed=3)
    write_annotated(home / "202", beats="N" * 31, rhythms={0.01: "AFIB"}, seed=4)
    write_annotated(home / "203", beats="N" * 10 + "!" * 10 + "F" * 21, rhythms={0.01: "AFIB", 10.0: "VFL", 20: "AFIB"}, seed=5)
    write_annotated(home / "100", beats=steady, rhythms={0.01: "N"}, seed=6)
    write_annotated(home / "102", beats="/" * 31, rhythms={0.01: "P"}, seed=7)
    return home


def table_of(folder, settings, **source):
    values = ", ".join(f"{key}: {value}" for key, value in source.items())
    return build_table(load_config(None, [*settings, f"data.sources=[{{kind: mitbih, path: {folder}, {values}}}]"]))


def classes(table, level):
    names = np.array(table.space.levels[level].class_names)
    return {
        name: None if np.isnan(row).any() else "/".join(names[row == 1].tolist())
        for name, row in zip(table.record_ids.tolist(), table.y_true(level), strict=True)
    }


def test_windows_have_the_rhythm_that_fills_half_and_the_dominant_abnormal_beat(folder):
    table = table_of(folder, WINDOWS, rows="windows")
    rhythm, beat = classes(table, "rhythm"), classes(table, "dominant_beat")
    assert [rhythm[f"106:{start}"] for start in (0, 10, 20)] == ["B", "T", "N"]
    # Fibrillation lasts 6 of the second ten seconds of 201.
    assert [rhythm[f"201:{start}"] for start in (0, 10, 20)] == ["AFIB", "AFIB", "N"]
    assert [beat[f"106:{start}"] for start in (0, 10, 20)] == ["V", "V", "N"]
    assert [beat[f"201:{start}"] for start in (0, 10, 20)] == ["S", "S", "N"]
    assert beat["203:30"] == "F"
    # Ventricular flutter is none of the classes: its window is left out and counted.
    assert "203:10" not in rhythm
    assert table.left_out["MIT-BIH (windows): no class at level rhythm"] == 1
    assert table.parts[table.record_ids == "106:10"].tolist() == [[10, 20]]


def test_a_window_without_a_rhythm_or_a_beat_is_not_known(folder, write_annotated):
    write_annotated(folder / "208", beats="NNNNNNNNN" + "N" * 10, rhythms={6: "N", 9: "T", 13: "VT", 16.5: "N", 19.9: "VT"})
    write_annotated(folder / "209", beats="N" * 9 + " " * 10 + "NNNNN", rhythms={0.01: "N", 15: "N"})
    table = table_of(folder, WINDOWS, rows="windows")
    rhythm, beat = classes(table, "rhythm"), classes(table, "dominant_beat")
    assert (rhythm["208:0"], rhythm["208:10"]) == (None, None)
    assert beat["209:10"] is None
    assert rhythm["209:10"] == "N"


def test_beats_have_their_class_and_a_part_around_them(folder):
    table = table_of(folder, BEATS, rows="beats")
    assert len(table) == 31 + 31 + 31 + 31 + 31 + 31 + 31
    aami = classes(table, "aami")
    assert (aami["106:200"], aami["106:300"], aami["201:100"], aami["203:2100"]) == ("V", "N", "S", "F")
    assert not [name for name in aami if name.startswith("203:1") and 1100 <= int(name[4:]) <= 2000]  # waves of flutter are no beats
    np.testing.assert_allclose(table.parts[table.record_ids == "106:200"], [[1.75, 2.45]])
    assert table.counts() == {"train": 31 * 4, "val": 31, "test": 31 * 2}


def test_a_row_is_cut_out_of_the_recording_with_the_leads_in_their_places(folder, tmp_path):
    settings = [*WINDOWS, "preprocessing={fs: 100, leads: [1st, 2nd], window_s: 10, stride_s: 10}", f"data.cache_dir={tmp_path / 'cache'}"]
    config = load_config(None, [*settings, f"data.sources=[{{kind: mitbih, path: {folder}}}]"])
    table, preprocessor = build_table(config), build_preprocessor(config)
    dataset = EcgDataset(table, open_or_build(table, preprocessor, tmp_path / "cache", progress=False), preprocessor)
    row = table.record_ids.tolist().index("114:10")
    record = read_record(folder / "114.hea")
    np.testing.assert_array_equal(dataset.windows(row)[0], record.signal[::-1, 1000:2000])


def test_ds1_trains_and_ds2_tests_as_published(folder):
    assert len(set(DS1) | set(DS2) | set(PACED)) == len(DS1) + len(DS2) + len(PACED) == 48
    table = table_of(folder, BEATS, rows="beats")
    splits = {name.partition(":")[0]: split for name, split in zip(table.record_ids.tolist(), table.splits.tolist(), strict=True)}
    assert splits == {"101": "train", "106": "train", "114": "val", "201": "train", "203": "train", "100": "test", "202": "test"}
    assert table.left_out == {"MIT-BIH: paced recordings, in neither DS1 nor DS2": 1, "MIT-BIH: recordings without files": 37}
    apart = table_of(folder, BEATS, rows="beats", keep_201="false")
    assert not [name for name in apart.record_ids.tolist() if name.startswith("201")]
    assert apart.left_out["MIT-BIH: recordings of DS1 of the man of record 202 in DS2"] == 1


def test_folds_keep_the_man_of_two_records_whole_and_hold_everyone_out_once(folder):
    held_out = []
    for fold in range(3):
        table = table_of(folder, WINDOWS, rows="windows", split="folds", fold=fold, n_folds=3)
        held_out += sorted(set(table.patient_ids[table.splits == "test"].tolist()))
        assert set(table.splits.tolist()) == {"train", "val", "test"}
        assert "202" not in table.patient_ids
    assert sorted(held_out) == ["100", "101", "106", "114", "201", "203"]


def test_the_paced_recordings_count_where_they_are_asked_for(folder):
    table = table_of(folder, WINDOWS, rows="windows", split="folds", n_folds=3, leave_out="[]", rhythms="[N, AFIB, P]")
    assert classes(table, "rhythm")["102:0"] == "P"
    assert classes(table, "dominant_beat")["102:0"] == "Q"


def test_who_validates_is_never_the_last_to_learn_a_class_from():
    labels = np.array([[1, 0, 0], [1, 0, 1], [1, 1, 0], [1, 0, 1], [1, 0, 0], [1, 1, 0], [1, 0, 0]], dtype=np.float32)
    for seed in range(20):
        splits = splits_of_fold(labels, np.arange(7), np.array([1, 1, 1, 1, 1, 0, 1]), 0, seed)
        assert splits[5] == "test"
        assert splits[2] == "train"  # the other patient of the second class is tested
        assert (splits == "val").sum() == 1


def test_what_is_not_there_or_damaged_is_said(folder):
    with pytest.raises(MissingFiles, match=r"37 of 44 records have no .hea, .dat and .atr, the first is 103: get them by"):
        table_of(folder, [WINDOWS[0]], rows="windows")
    with pytest.raises(MissingFiles, match="44 of 44"):
        table_of(folder.parent / "elsewhere", WINDOWS, rows="windows")
    with pytest.raises(ConfigError, match="fold 5 of 5: they are numbered from 0"):
        table_of(folder, WINDOWS, split="folds", fold=5)
    with pytest.raises(ConfigError, match="9 folds of 6 patients"):
        table_of(folder, WINDOWS, split="folds", n_folds=9)
    with pytest.raises(ConfigError, match="val 100: name records of DS1"):
        table_of(folder, WINDOWS, val="['100']")
    cut = (folder / "101.atr").read_bytes()
    (folder / "101.atr").write_bytes(cut[:20])
    with pytest.raises(UnreadableRecord, match=r"101\.atr: ends after \d+ annotations without an end mark: download the file again"):
        table_of(folder, WINDOWS)


def test_every_symbol_of_a_beat_has_its_aami_class():
    assert AAMI_OF.keys() == BEAT_SYMBOLS
    assert {symbol: AAMI_OF[symbol] for symbol in "LejaJSVEF/fQ"} == dict(zip("LejaJSVEF/fQ", "NNNSSSVVFQQQ", strict=True))
