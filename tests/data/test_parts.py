"""Rows that are parts of a recording: prepared once, cut where they are looked at."""

from dataclasses import replace

import numpy as np
import pytest

from heart_reader.config import AugmentationConfig
from heart_reader.data import cache as cache_module
from heart_reader.data.batch import Batch
from heart_reader.data.cache import open_or_build
from heart_reader.data.dataset import EcgDataset
from heart_reader.data.formats import read_record
from heart_reader.data.labels import SUPERCLASSES, SUPERDIAGNOSTIC, LabelSpace, Level
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.preprocessor import Preprocessor
from heart_reader.data.record_table import RecordTable, merge_tables
from heart_reader.data.row_reader import RowReader
from heart_reader.errors import DataError, LeakageError

NAN = np.nan
SPACE = LabelSpace({SUPERDIAGNOSTIC: Level(SUPERDIAGNOSTIC, SUPERCLASSES)}, (SUPERDIAGNOSTIC,))
# Another rate, so that a window cut before resampling or filtering would differ from one cut after.
PREPROCESSOR = Preprocessor(80.0, STANDARD_LEADS, 2.0, 2.0, 0.5, 30.0, "zero")


def parts_of(path, starts, *, length=2.0, split="train", source="parts"):
    starts = np.array(starts, dtype=np.float64)
    return RecordTable(
        record_ids=np.array([f"{path.stem}:{start:g}" for start in starts.tolist()]),
        paths=np.full(len(starts), str(path)),
        patient_ids=np.full(len(starts), path.stem),
        splits=np.full(len(starts), split),
        labels={SUPERDIAGNOSTIC: np.zeros((len(starts), 5), dtype=np.float32)},
        space=SPACE,
        label_rule="any_likelihood",
        source=source,
        starts_s=starts,
        stops_s=starts + length,
    )


@pytest.fixture
def paths(tmp_path, write_record):
    for seed in range(2):
        write_record(tmp_path / "records" / f"r{seed}", seed, n_times=1000)
    return [tmp_path / "records" / f"r{seed}.hea" for seed in range(2)]


def dataset_of(table, tmp_path, preprocessor=PREPROCESSOR):
    return EcgDataset(table, open_or_build(table, preprocessor, tmp_path / "cache", progress=False), preprocessor)


def test_a_row_is_bit_equal_to_that_window_of_a_reading_of_the_whole_recording(paths, tmp_path):
    table = merge_tables([parts_of(path, [0, 2, 4, 6, 8], source=path.stem) for path in paths])
    dataset = dataset_of(table, tmp_path)
    for number, path in enumerate(paths):
        of_reading = PREPROCESSOR.windows(PREPROCESSOR.prepare(read_record(path)))
        assert len(of_reading) == 5
        for k in range(5):
            np.testing.assert_array_equal(dataset.windows(5 * number + k), of_reading[k : k + 1])
    crops = dataset.random_crops(np.array([7]), np.random.default_rng(0), AugmentationConfig())
    np.testing.assert_array_equal(crops, dataset.windows(7))


def test_each_file_is_prepared_once(paths, tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(cache_module, "read_record", lambda path: read.append(path) or read_record(path))
    table = merge_tables([parts_of(path, [0, 2, 4], source=path.stem) for path in paths])
    dataset = dataset_of(table, tmp_path)
    assert read == [str(path) for path in paths]
    # Other parts of the same recordings need no other cache.
    other = dataset_of(merge_tables([parts_of(path, [1, 5], source=path.stem) for path in paths]), tmp_path)
    assert len(read) == 2
    assert other._cache.folder == dataset._cache.folder


def test_statistics_of_the_leads_are_those_of_the_parts(paths, tmp_path):
    dataset = dataset_of(parts_of(paths[0], [2, 6]), tmp_path)
    mean, spread = dataset.lead_statistics()
    values = np.concatenate([dataset.windows(0)[0], dataset.windows(1)[0]], axis=1)
    np.testing.assert_allclose(mean, values.mean(axis=1), atol=1e-5)
    np.testing.assert_allclose(spread, values.std(axis=1), rtol=1e-4)


def test_a_part_may_reach_to_an_end_and_must_lie_within(paths, tmp_path):
    table = parts_of(paths[0], [6, 8])
    open_ended = replace(table, stops_s=np.array([NAN, 20.0]))
    assert [dataset_of(open_ended, tmp_path).prepared(row).microvolts.shape[1] for row in (0, 1)] == [320, 160]
    with pytest.raises(DataError, match=r"r0:12 starts at 12 s of a recording of 10 s \(1 such in all\)"):
        dataset_of(parts_of(paths[0], [0, 12]), tmp_path)
    for starts, stops in ([-1.0, 2.0], [2.0, 2.0], [NAN, -1.0]):
        with pytest.raises(DataError, match="begin before 0 s or end before they begin"):
            replace(parts_of(paths[0], [0]), starts_s=np.array([starts]), stops_s=np.array([stops]))


def test_parts_follow_their_rows_through_select_split_drop_and_merge(paths):
    table = parts_of(paths[0], [0, 2, 4])
    assert table.select(np.array([2, 0])).parts.tolist() == [[4, 6], [0, 2]]
    assert table.drop("why", table.starts_s == 2).parts.tolist() == [[0, 2], [4, 6]]
    assert table.split("train").parts.tolist() == table.parts.tolist()
    whole = replace(parts_of(paths[1], [0]), starts_s=None, stops_s=None)
    merged = merge_tables([table, whole])
    assert merged.are_parts.tolist() == [True, True, True, False]
    assert merged.parts.dtype == np.float64


def test_the_same_part_listed_twice_stays_once_and_files_stay_in_one_split(paths):
    table = parts_of(paths[0], [0, 2])
    again = replace(parts_of(paths[0], [2, 4], source="again"), record_ids=np.array(["x", "y"]))
    merged = merge_tables([table, again])
    assert merged.record_ids.tolist() == ["r0:0", "r0:2", "y"]
    assert merged.left_out == {"already listed by parts": 1}
    with pytest.raises(LeakageError, match="r0 is in test and train"):
        merge_tables([table, parts_of(paths[0], [6], split="test", source="test")])


def test_a_person_would_be_shown_the_part(paths):
    table = merge_tables([parts_of(paths[0], [2, 6]), replace(parts_of(paths[1], [0]), starts_s=None, stops_s=None)])
    read, whole = RowReader(table), [read_record(path) for path in paths]
    np.testing.assert_array_equal(read(0).signal, whole[0].signal[:, 200:400])
    np.testing.assert_array_equal(read(1).signal, whole[0].signal[:, 600:800])
    np.testing.assert_array_equal(read(2).signal, whole[1].signal)


def test_windows_come_in_parts_of_one_size_without_holding_more(paths, tmp_path, monkeypatch):
    preprocessor = replace(PREPROCESSOR, stride_s=0.5)
    starts = [np.arange(0, 8, 1.0), np.arange(0, 6, 0.5)]
    table = merge_tables([parts_of(path, of, length=3.0, source=path.stem) for path, of in zip(paths, starts, strict=True)])
    cache = open_or_build(table, preprocessor, tmp_path / "cache", progress=False)
    dataset = EcgDataset(table, cache, preprocessor, np.arange(2 * len(table), dtype=np.float32).reshape(-1, 2))
    wanted = Batch.of([dataset.inputs(position) for position in range(len(table))])
    assert np.array_equal(dataset.records_of_windows(), wanted.record)
    for size in (1, 4, 7, 1000):
        parts = list(dataset.parts(size))
        assert [len(part) for part in parts[:-1]] == [size] * (len(parts) - 1)
        for part, expected in zip(parts, wanted.parts(size), strict=True):
            for name, array in expected.arrays().items():
                np.testing.assert_array_equal(part.arrays()[name], array)
    read, windows = [], dataset.windows
    monkeypatch.setattr(dataset, "windows", lambda position: read.append(position) or windows(position))
    next(iter(dataset.parts(4)))
    assert max(read) <= 2
