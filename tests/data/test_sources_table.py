import numpy as np
import pytest

from heart_reader.config import DataConfig, TaskConfig
from heart_reader.data.labels import SUPERCLASSES, LabelSpace, Level
from heart_reader.data.record_table import merge_tables
from heart_reader.data.sources.table import TableSource
from heart_reader.data.tasks import contrast_levels
from heart_reader.errors import ConfigError, DataError, LeakageError, MissingFiles

HEADER = ["ecg_id", "path", "split", *SUPERCLASSES]
ROWS = (
    [1, "a.csv", "train", 1, 0, 0, 0, 0],
    [2, "b.csv", "val", 0, "", 1, 1, 0],
    [3, "c.csv", "test", 0, 0, 0, 0, 0],
)


def read(path, *, allow_missing=False, space=None, **changes):
    return TableSource(path=path, **changes).read(DataConfig(allow_missing=allow_missing), TaskConfig(), space)


def test_the_superclasses_are_read_without_saying_so(write_table):
    path = write_table(HEADER, *ROWS)
    table = read(path)
    assert table.record_ids.tolist() == ["1", "2", "3"]
    assert table.paths.tolist() == [str(path.parent / name) for name in ("a.csv", "b.csv", "c.csv")]
    assert table.splits.tolist() == ["train", "val", "test"]
    assert table.patient_ids.tolist() == ["", "", ""]
    levels = {"superdiagnostic": Level("superdiagnostic", SUPERCLASSES), **contrast_levels(SUPERCLASSES)}
    assert table.space == LabelSpace(levels, ("superdiagnostic",))
    expected = np.array([[1, 0, 0, 0, 0], [0, np.nan, 1, 1, 0], [0, 0, 0, 0, 0]], dtype=np.float32)
    np.testing.assert_array_equal(table.y_true("superdiagnostic"), expected)
    assert table.source == "table.csv"


def test_rows_without_a_class_are_left_out_and_counted(write_table):
    table = read(write_table(HEADER, *ROWS)).drop_unlabelled("superdiagnostic")
    assert table.record_ids.tolist() == ["1", "2"]
    assert table.left_out == {"table.csv: no class at level superdiagnostic": 1}


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_semicolons_tabs_and_a_byte_order_mark(write_table, delimiter):
    path = write_table(HEADER, *ROWS)
    path.write_text("\ufeff" + path.read_text().replace(",", delimiter), encoding="utf-8")
    assert read(path).record_ids.tolist() == ["1", "2", "3"]


def test_own_columns_and_own_classes(write_table):
    header = ["name", "path", "split", "who", "AF", "PVC"]
    path = write_table(header, ["x", "a.csv", "train", "p1", 1, 0], ["y", "b.csv", "val", "p2", 0, 1])
    table = read(path, level="arrhythmia", label_columns=("PVC", "AF"), id_column="name", patient_column="who")
    assert table.record_ids.tolist() == ["x", "y"]
    assert table.patient_ids.tolist() == ["p1", "p2"]
    assert table.space.heads == ("arrhythmia",)
    np.testing.assert_array_equal(table.y_true("arrhythmia"), [[0, 1], [1, 0]])


def test_own_classes_may_have_titles(write_table):
    path = write_table(["path", "split", "A"], ["a.csv", "train", 1], ["b.csv", "val", 0])
    table = read(path, level="own", label_columns=("A",), titles={"A": "A title"})
    assert table.space.levels["own"].titles == {"A": "A title"}
    with pytest.raises(ConfigError, match="titles of B, which is no label column"):
        read(path, level="own", label_columns=("A",), titles={"B": "Another"})


def test_ids_default_to_file_names_and_patients_to_patient_id(write_table):
    table = read(write_table(["path", "split", "patient_id", *SUPERCLASSES], ["a.csv", "train", "7.0", 1, 0, 0, 0, 0]))
    assert table.record_ids.tolist() == ["a"]
    assert table.patient_ids.tolist() == ["7"]


def test_folds_serve_where_there_is_no_split(write_table):
    rows = [[fold, f"{fold}.csv", fold, 1, 0, 0, 0, 0] for fold in (1, 8, 9, 10)]
    table = read(write_table(["id", "path", "strat_fold", *SUPERCLASSES], *rows))
    assert table.splits.tolist() == ["train", "train", "val", "test"]


def test_a_wfdb_record_may_be_given_without_its_ending(write_table, tmp_path):
    path = write_table(HEADER, *[[*row[:1], row[1][:1], *row[2:]] for row in ROWS], files=False)
    for name in "abc":
        (tmp_path / f"{name}.hea").touch()
    assert read(path).paths[0] == str(tmp_path / "a.hea")


def test_a_task_decides_the_order_and_what_is_not_known(write_table):
    space = LabelSpace({"all": Level("all", ("SR", "AF", "PVC"))}, ("all",))
    table = read(
        write_table(["path", "split", "PVC", "SR"], ["a.csv", "train", 1, 0]), level="all", label_columns=("PVC", "SR"), space=space
    )
    np.testing.assert_array_equal(table.y_true("all"), [[0, np.nan, 1]])
    assert table.space is space


@pytest.mark.parametrize(
    ("columns", "level", "message"), [(("FLU",), "all", "label FLU is not in the task"), (("SR",), "x", "level 'x' is not")]
)
def test_labels_outside_the_task_are_refused(write_table, columns, level, message):
    space = LabelSpace({"all": Level("all", ("SR", "AF"))}, ("all",))
    with pytest.raises(ConfigError, match=message):
        read(write_table(["path", "split", "SR", "FLU"], ["a.csv", "train", 1, 0]), level=level, label_columns=columns, space=space)


def test_absent_files_are_an_error_or_counted(write_table, tmp_path):
    path = write_table(HEADER, *ROWS)
    (tmp_path / "b.csv").unlink()
    with pytest.raises(MissingFiles, match=r"1 of 3 listed files do not exist, the first is .*/b\.csv: .*data\.allow_missing=true"):
        read(path)
    table = read(path, allow_missing=True)
    assert table.record_ids.tolist() == ["1", "3"]
    assert table.left_out == {"table.csv: no file": 1}


def test_an_absent_table_says_what_is_needed(tmp_path):
    with pytest.raises(MissingFiles, match=r"none\.csv does not exist: name a CSV with the columns path, split"):
        read(tmp_path / "none.csv")


def changed(column, cell):
    return [cell if name == column else value for name, value in zip(HEADER, ROWS[0], strict=True)]


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ([changed("MI", "2")], DataError, r"table\.csv line 2: '2' in column MI; 0, 1 or nothing"),
        ([ROWS[0], [*ROWS[1][:3], "yes", 0, 0, 0, 0]], DataError, r"line 3: 'yes' in column NORM"),
        ([changed("split", "dev")], DataError, r"line 2: split 'dev' in column split; train, val, test are allowed"),
        ([changed("path", "")], DataError, "line 2: no path"),
        ([changed("ecg_id", "")], DataError, "line 2: no record id"),
        ([ROWS[0], [1, *ROWS[1][1:]]], DataError, "record 1 is listed 2 times"),
        ([ROWS[0], [9, "a.csv", *ROWS[1][2:]]], LeakageError, "file .*a.csv is in train and val"),
    ],
)
def test_bad_rows_are_named(write_table, rows, error, message):
    with pytest.raises(error, match=message):
        read(write_table(HEADER, *rows))


def test_a_patient_in_two_splits_is_leakage(write_table):
    rows = [["a.csv", "train", "p", 1, 0, 0, 0, 0], ["b.csv", "test", "p", 1, 0, 0, 0, 0]]
    with pytest.raises(LeakageError, match="patient p is in test and train"):
        read(write_table(["path", "split", "patient_id", *SUPERCLASSES], *rows))


@pytest.mark.parametrize(
    ("header", "changes", "message"),
    [
        (["path", "split", "NORM"], {}, "no label column MI, STTC, CD, HYP; it has path, split, NORM: .*label_columns"),
        (["path", "split", "NORM"], {"label_columns": ("AF",)}, "no label column AF"),
        (["path", "set", "NORM"], {"label_columns": ("NORM",)}, "no column 'split'"),
        (["split", "NORM", "x"], {"label_columns": ("NORM",)}, "no column 'path'"),
        (["path", "split", "NORM"], {"label_columns": ("NORM",), "id_column": "key"}, "no column 'key'"),
        (["path", "split", "NORM"], {"label_columns": ("NORM",), "patient_column": "who"}, "no column 'who'"),
    ],
)
def test_missing_columns_are_named_with_those_there_are(write_table, header, changes, message):
    with pytest.raises(DataError, match=message):
        read(write_table(header, ["a", "train", "1"], files=False), allow_missing=True, **changes)


@pytest.mark.parametrize(
    ("files", "ids"),
    [
        (["g1/norm.csv", "g2/norm.csv", "other.csv"], ["g1/norm", "g2/norm", "other"]),
        (["g1/norm.csv", "g1/norm.edf"], ["g1/norm.csv", "g1/norm.edf"]),
        (["../x/a.csv", "b.csv"], ["a", "b"]),
        (["../x/a.csv", "a.csv"], ["../x/a", "a"]),
    ],
)
def test_a_folder_per_patient_gives_every_record_its_own_name(tmp_path, files, ids):
    home = tmp_path / "home"
    home.mkdir()
    for name in files:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).touch()
    rows = [",".join(["path", "split", *SUPERCLASSES]), *(f"{name},train,1,0,0,0,0" for name in files)]
    (home / "table.csv").write_text("\n".join(rows))
    assert read(home / "table.csv").record_ids.tolist() == ids


def test_one_file_twice_is_still_refused(write_table):
    rows = [["a.csv", "train", 1, 0, 0, 0, 0], ["./a.csv", "train", 0, 1, 0, 0, 0]]
    with pytest.raises(DataError, match="record a is listed 2 times"):
        read(write_table(["path", "split", *SUPERCLASSES], *rows))


def test_files_called_alike_in_two_tables_are_not_one_record(tmp_path):
    tables = []
    for hospital in ("north", "south"):
        (tmp_path / hospital).mkdir()
        (tmp_path / hospital / "ecg1.csv").touch()
        (tmp_path / hospital / "t.csv").write_text(f"path,split,{','.join(SUPERCLASSES)}\necg1.csv,train,1,0,0,0,0\n")
        tables.append(read(tmp_path / hospital / "t.csv"))
    with pytest.raises(DataError, match=r"record ecg1 is .*north/ecg1\.csv in t\.csv and .*south/ecg1\.csv in t\.csv: two recordings"):
        merge_tables(tables)
