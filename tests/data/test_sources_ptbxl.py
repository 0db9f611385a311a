import shutil

import numpy as np
import pytest

from heart_reader.config import DataConfig, TaskConfig
from heart_reader.data.labels import SUPERCLASSES
from heart_reader.data.sources.ptbxl import PtbxlSource
from heart_reader.errors import ConfigError, DataError, LeakageError, MissingFiles

RECORD = (1, "10.0", "56.0", "1", "{'NORM': 100.0}", "1")


def read(root, *, fs=100, level="superdiagnostic", heads=("all", "superdiagnostic"), **changes):
    data = DataConfig(root=root, files=f"records{fs}", **changes)
    return PtbxlSource().read(data, TaskConfig(level=level, heads=heads), None)


def classes(table, level, row):
    names = np.array(table.space.levels[level].class_names)
    return names[table.y_true(level)[row] == 1].tolist()


def test_columns_become_ids_splits_ages_and_sexes(write_ptbxl):
    table = read(write_ptbxl())
    assert table.record_ids.tolist() == ["1", "2", "3", "4", "5"]
    assert table.patient_ids.tolist() == ["10", "11", "12", "13", "14"]
    assert table.splits.tolist() == ["train", "train", "val", "val", "test"]
    assert table.sexes.tolist() == ["female", "male", "male", "female", "female"]
    np.testing.assert_array_equal(table.ages, np.array([56, 90, np.nan, 70, 33], dtype=np.float32))
    assert table.paths[0].endswith("/records100/00000/00001_lr.hea")
    assert table.label_rule == "any_likelihood"


def test_device_and_site_are_kept_where_the_table_has_them(write_ptbxl):
    root = write_ptbxl()
    assert read(root).groups == {}
    path = root / "ptbxl_database.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    columns = [",device,site", *(",CS-12   E,2.0", ",AT-6,", ",AT-6,0.0", ",,1.0", ",AT-6,1.0")]
    path.write_text("\n".join(line + more for line, more in zip(lines, columns, strict=True)) + "\n", encoding="utf-8")
    groups = read(root).groups
    assert groups["device"].tolist() == ["CS-12 E", "AT-6", "AT-6", "", "AT-6"]
    assert groups["site"].tolist() == ["2", "", "0", "1", "1"]


def test_levels_stand_in_the_stated_order(write_ptbxl):
    levels = read(write_ptbxl()).space.levels
    # Not the frequent diagnoses: this list lacks most of their statements.
    six = ("all", "diagnostic", "subdiagnostic", "superdiagnostic", "form", "rhythm")
    assert tuple(levels) == (*six, "mi_vs_norm", "normal_vs_abnormal")
    assert levels["all"].class_names == ("NDT", "NORM", "IMI", "ASMI", "LVH", "ILMI", "LAFB", "ABQRS", "SR")
    assert levels["all"].members is None
    assert levels["superdiagnostic"].class_names == SUPERCLASSES
    assert levels["superdiagnostic"].members == ((1,), (2, 3, 5), (0,), (6,), (4,))
    assert levels["subdiagnostic"].class_names == ("STTC", "NORM", "IMI", "AMI", "LVH", "LAFB/LPFB")
    assert levels["subdiagnostic"].members == ((0,), (1,), (2, 5), (3,), (4,), (6,))
    assert levels["diagnostic"].class_names == ("NDT", "NORM", "IMI", "ASMI", "LVH", "ILMI", "LAFB")
    assert levels["form"].members == ((0,), (7,))
    assert levels["rhythm"].members == ((8,),)


def test_any_likelihood_counts_likelihood_zero(write_ptbxl):
    table = read(write_ptbxl())
    assert classes(table, "superdiagnostic", 1) == ["MI", "HYP"]
    assert classes(table, "superdiagnostic", 3) == ["STTC"]
    assert classes(table, "subdiagnostic", 4) == ["IMI", "AMI", "LAFB/LPFB"]
    assert classes(table, "form", 3) == ["NDT", "ABQRS"]


def test_likelihood_50_applies_to_diagnostic_statements_only(write_ptbxl):
    table = read(write_ptbxl(), label_rule="likelihood_50")
    assert classes(table, "superdiagnostic", 1) == ["HYP"]
    assert classes(table, "superdiagnostic", 3) == []
    assert classes(table, "superdiagnostic", 4) == ["MI"]
    assert classes(table, "rhythm", 1) == ["SR"]
    assert classes(table, "form", 3) == ["ABQRS"]


@pytest.mark.parametrize("rule", ["any_likelihood", "likelihood_50"])
def test_every_level_is_the_or_of_its_statements(write_ptbxl, rule):
    table = read(write_ptbxl(), label_rule=rule)
    for name, level in table.space.levels.items():
        for column, group in enumerate(level.members or ()):
            np.testing.assert_array_equal(table.y_true(name)[:, column], table.y_true("all")[:, list(group)].max(axis=1))


def test_unlabelled_records_are_left_out_and_counted(write_ptbxl):
    root = write_ptbxl()
    table = read(root).drop_unlabelled("superdiagnostic")
    assert table.record_ids.tolist() == ["1", "2", "4", "5"]
    assert table.left_out == {"PTB-XL: no class at level superdiagnostic": 1}
    assert read(root).drop_unlabelled("form").record_ids.tolist() == ["3", "4"]


def test_absent_files_are_an_error_or_counted(write_ptbxl):
    root = write_ptbxl()
    (root / "records100/00000/00002_lr.dat").unlink()
    (root / "records100/00000/00005_lr.hea").unlink()
    with pytest.raises(MissingFiles, match=r"2 of 5 .*00002_lr\.hea.*heart-reader data download ptbxl.*data\.allow_missing=true"):
        read(root)
    table = read(root, allow_missing=True)
    assert table.record_ids.tolist() == ["1", "3", "4"]
    assert table.left_out == {"PTB-XL: no files at 100 Hz": 2}


def test_500_hz_looks_in_the_other_folder(write_ptbxl):
    root = write_ptbxl()
    with pytest.raises(MissingFiles, match=r"5 of 5 .* 500 Hz.*records500/00000/00001_hr\.hea"):
        read(root, fs=500)
    shutil.copytree(root / "records100", root / "records500")
    for path in (root / "records500/00000").iterdir():
        path.rename(path.with_name(path.name.replace("_lr", "_hr")))
    assert read(root, fs=500).paths[4].endswith("records500/00000/00005_hr.hea")


@pytest.mark.parametrize("name", ["ptbxl_database.csv", "scp_statements.csv"])
def test_an_absent_table_says_how_to_get_it(write_ptbxl, name):
    root = write_ptbxl(signals=False)
    (root / name).unlink()
    with pytest.raises(MissingFiles, match=rf"{name} does not exist: get PTB-XL by .*download ptbxl.*data\.root"):
        read(root)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({4: "{'NORM': 100.0, 'XYZ': 0.0}"}, r"line 2: statement 'XYZ' is not in scp_statements\.csv"),
        ({4: "NORM"}, r"line 2: scp_codes 'NORM'; a mapping"),
        ({4: "{'NORM': None}"}, r"line 2: scp_codes"),
        ({4: "(" * 5000}, r"line 2: scp_codes"),
        ({5: "11"}, r"line 2: fold '11'; a whole number from 1 to 10"),
        ({5: ""}, r"line 2: fold ''"),
        ({3: "2"}, r"line 2: sex '2'"),
        ({2: "old"}, r"column age: .*'old'"),
    ],
)
def test_cells_that_make_no_sense_are_named(write_ptbxl, change, message):
    record = tuple(change.get(position, cell) for position, cell in enumerate(RECORD))
    with pytest.raises(DataError, match=message):
        read(write_ptbxl(records=[record]))


def test_a_statement_without_a_superclass_is_refused(write_ptbxl):
    with pytest.raises(DataError, match=r"line 2: diagnostic statement NORM has class 'FINE'"):
        read(write_ptbxl(statements=[["NORM", "", "1.0", "", "", "FINE", "NORM"]], records=[RECORD]))


def test_a_patient_in_two_splits_is_leakage(write_ptbxl):
    other = (2, "10.0", "56.0", "1", "{'NORM': 100.0}", "9")
    with pytest.raises(LeakageError, match="patient 10 is in train and val"):
        read(write_ptbxl(records=[RECORD, other]))


@pytest.mark.parametrize("change", [{"level": "superclass"}, {"heads": ("superclass",)}, {"heads": ()}])
def test_unknown_levels_list_the_known_ones(write_ptbxl, change):
    with pytest.raises(ConfigError, match="superdiagnostic"):
        read(write_ptbxl(), **change)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "no rows"),
        (b"ecg_id,age\n", "no rows"),
        (b"ecg_id,age\n1\n", "line 2: 1 cells where the header has 2"),
        (b"ecg_id,ecg_id\n1,2\n", "column 'ecg_id' appears twice"),
        (b"ecg_id,age\n1,2\n", "no column 'filename_lr'; it has ecg_id, age"),
        (b"ecg_id,age\n1,\xff\n", "not UTF-8"),
        (b'ecg_id,age\n1,"2\n', "unexpected end of data"),
    ],
)
def test_a_damaged_table_is_an_error_of_one_line(write_ptbxl, text, message):
    root = write_ptbxl(signals=False)
    (root / "ptbxl_database.csv").write_bytes(text)
    with pytest.raises(DataError, match=message) as caught:
        read(root)
    assert "\n" not in str(caught.value)
