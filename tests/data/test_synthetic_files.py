"""Files of simulated ECGs: readable by others, written whole, the same every time."""

from __future__ import annotations

import ast
import csv
import io
import json
import os
import warnings
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from heart_reader.commands import main
from heart_reader.data.labels import SUPERCLASSES
from heart_reader.data.record import EcgRecord
from heart_reader.data.scp_statements import SCP_STATEMENTS, STATEMENTS_CSV, statement_tree
from heart_reader.data.synthetic import EXAMPLES, EcgParameters, ptbxl_folder, simulate, write_examples, write_ptbxl_folder
from heart_reader.data.synthetic.files import to_microvolts, write_wfdb
from heart_reader.errors import DataError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # wfdb calls pandas in a way that pandas will drop
    import wfdb

SUPERCLASS_OF = {statement.code: statement.superclass for statement in SCP_STATEMENTS}
TEST_FILES = Path(__file__).parents[2] / "test_files"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def table(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((folder / "ptbxl_database.csv").read_text(encoding="utf-8"))))


@pytest.fixture(scope="module")
def ptbxl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("simulated") / "ptbxl"
    write_ptbxl_folder(root, 200, 3)
    return root


def test_wfdb_reads_back_every_microvolt(tmp_path: Path) -> None:
    record = simulate(EcgParameters(), rng=np.random.default_rng(0), fs=257.0, duration_s=4.0, record_id="r1")
    write_wfdb(record, tmp_path, comments=["Age: 61", "Sex: Female"])
    read = wfdb.rdrecord(str(tmp_path / "r1"), physical=False)
    assert read.sig_name == list(record.lead_names)
    assert (read.fs, read.units[0], read.comments) == (257, "mV", ["Age: 61", "Sex: Female"])
    assert np.array_equal(read.d_signal.T, to_microvolts(record))
    assert read.checksum == read.calc_checksum()


def test_the_folder_is_ptbxl_shaped(ptbxl: Path) -> None:
    rows = table(ptbxl)
    assert [int(row["ecg_id"]) for row in rows] == list(range(1, 201))
    for row in rows[::25]:
        read = wfdb.rdrecord(str(ptbxl / row["filename_lr"]))
        assert (read.fs, read.sig_len, read.n_sig) == (100, 1000, 12)
        assert read.sig_name == ["I", "II", "III", "AVR", "AVL", "AVF", "V1", "V2", "V3", "V4", "V5", "V6"]
        assert 0.2 < np.abs(read.p_signal).max() < 10.0
        assert row["filename_hr"].startswith("records500/00000/")
    assert {row["sex"] for row in rows} == {"0", "1"}
    assert not (ptbxl / "records500").exists()
    assert [path.name for path in ptbxl.parent.iterdir()] == ["ptbxl"]


def test_no_patient_is_in_two_folds_and_every_fold_has_every_class(ptbxl: Path) -> None:
    folds, classes = defaultdict(set), defaultdict(Counter)
    for row in table(ptbxl):
        folds[row["patient_id"]].add(row["strat_fold"])
        classes[int(row["strat_fold"])].update({SUPERCLASS_OF[code] for code in ast.literal_eval(row["scp_codes"])} - {""})
    assert all(len(fold) == 1 for fold in folds.values())
    assert len(folds) < 200
    assert sorted(classes) == list(range(1, 11))
    assert all(set(found) == set(SUPERCLASSES) for found in classes.values())


def test_shares_are_near_those_of_ptbxl(ptbxl: Path) -> None:
    found = Counter()
    several = 0
    for row in table(ptbxl):
        superclasses = {SUPERCLASS_OF[code] for code in ast.literal_eval(row["scp_codes"])} - {""}
        found.update(superclasses)
        several += len(superclasses) > 1
    shares = {name: found[name] / 200 for name in SUPERCLASSES}
    assert shares == pytest.approx({"NORM": 0.36, "MI": 0.21, "STTC": 0.23, "CD": 0.21, "HYP": 0.16}, abs=0.02)
    assert 0.1 < several / 200 < 0.25


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        write_ptbxl_folder(tmp_path / name, 6, seed, with_500_hz=True)
    assert contents(tmp_path / "a") == contents(tmp_path / "b") != contents(tmp_path / "c")
    low, high = (wfdb.rdrecord(str(tmp_path / "a" / table(tmp_path / "a")[0][column])) for column in ("filename_lr", "filename_hr"))
    assert (high.fs, high.sig_len) == (500, 5000)
    assert np.corrcoef(low.p_signal[:, 1], high.p_signal[::5, 1])[0, 1] > 0.98


def test_the_number_of_processes_changes_no_byte(tmp_path: Path) -> None:
    write_ptbxl_folder(tmp_path / "one", 120, 5)
    write_ptbxl_folder(tmp_path / "two", 120, 5, jobs=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert len(table(tmp_path / "two")) == 120


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(DataError, match="not empty"):
        write_ptbxl_folder(tmp_path, 3, 0)
    with pytest.raises(DataError, match="at least 1"):
        write_ptbxl_folder(tmp_path / "none", 0, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_interrupted_folder_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(record: EcgRecord, folder: Path, **changes: Sequence[str]) -> None:
        write_wfdb(record, folder, **changes)
        if record.record_id.startswith("00002"):
            raise KeyboardInterrupt

    monkeypatch.setattr(ptbxl_folder, "write_wfdb", stop)
    with pytest.raises(KeyboardInterrupt):
        write_ptbxl_folder(tmp_path / "ptbxl", 5, 0)
    assert list(tmp_path.iterdir()) == []


def test_committed_test_files_are_what_the_command_writes(tmp_path: Path) -> None:
    write_examples(tmp_path)
    written = contents(tmp_path)
    committed = {name: data for name, data in contents(TEST_FILES).items() if name in written}
    assert set(committed) == set(written)
    # Another processor's mathematics may round a microvolt the other way; text and headers are
    # compared by their signal below.
    assert committed["README.md"] == written["README.md"]
    for name in written:
        if name.endswith(".dat"):
            fresh, kept = (np.frombuffer(data[name], dtype="<i2").astype(int) for data in (written, committed))
            assert np.abs(fresh - kept).max() <= 1, name
    assert sum(map(len, committed.values())) < 2_000_000


@pytest.mark.parametrize("example", [example for example in EXAMPLES if len(example.formats) == 2], ids=lambda example: example.name)
def test_both_formats_hold_the_same_values(example) -> None:
    lines = (TEST_FILES / f"{example.name}.csv").read_text().splitlines()
    assert lines[:2] == ["# fs=250", "# unit=mV"]
    values = np.loadtxt(lines[3:], delimiter=",")
    read = wfdb.rdrecord(str(TEST_FILES / example.name))
    assert lines[2].split(",") == read.sig_name
    np.testing.assert_allclose(values, read.p_signal, atol=1e-9)
    assert {comment.split(":")[0] for comment in read.comments[:2]} == {"Age", "Sex"}


def test_difficult_examples_are_difficult() -> None:
    header = (TEST_FILES / "leads_11.csv").read_text().splitlines()[2].split(",")
    assert len(header) == 11
    assert "aVF" not in header
    odd = (TEST_FILES / "microvolts_decimal_comma.csv").read_text().splitlines()
    assert odd[1] == "# unit=uV"
    values = np.array([[float(cell.replace(",", ".")) for cell in line.split(";")] for line in odd[3:]])
    assert values.shape == (1000, 12)
    assert 500 < np.abs(values).max() < 5000
    assert wfdb.rdheader(str(TEST_FILES / "fs_257")).fs == 257
    long = wfdb.rdheader(str(TEST_FILES / "long_30s"))
    assert long.sig_len / long.fs == 30


def test_examples_cover_every_superclass() -> None:
    found = {SUPERCLASS_OF[code] for example in EXAMPLES if len(example.formats) == 2 for code in example.parameters().scp_codes}
    assert found - {""} == set(SUPERCLASSES)


def test_the_command_writes_a_folder_and_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["data", "simulate", "ptbxl", "--to", str(tmp_path / "p"), "--records", "4", "--seed", "1"]
    assert main(arguments) == 0
    assert capsys.readouterr().out.startswith("wrote 4 simulated records")
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert "not empty" in error
    assert "Traceback" not in error
    with pytest.raises(SystemExit) as usage:
        main(["data", "simulate", "ptbxl"])
    assert usage.value.code == 2


def test_statements_are_counted_as_published() -> None:
    kinds = [statement.kinds for statement in SCP_STATEMENTS]
    assert len({statement.code for statement in SCP_STATEMENTS}) == len(SCP_STATEMENTS) == 71
    assert [sum(letter in kind for kind in kinds) for letter in "dfr"] == [44, 19, 12]
    assert {statement.superclass for statement in SCP_STATEMENTS if "d" in statement.kinds} == set(SUPERCLASSES)
    assert len({statement.subclass for statement in SCP_STATEMENTS if "d" in statement.kinds}) == 23
    rows = list(csv.DictReader(io.StringIO(STATEMENTS_CSV.read_text(encoding="utf-8"))))
    assert len(rows) == 71
    assert rows[0]["diagnostic"] == "1.0"


def test_the_tree_holds_every_diagnostic_statement_once_below_its_classes() -> None:
    tree = json.loads(json.dumps(statement_tree()))
    assert tuple(tree) == SUPERCLASSES
    paths = [(superclass, subclass, code) for superclass, below in tree.items() for subclass, codes in below.items() for code in codes]
    assert len(paths) == 44
    assert set(paths) == {(entry.superclass, entry.subclass, entry.code) for entry in SCP_STATEMENTS if "d" in entry.kinds}
    assert tree["CD"]["_AVB"] == ["1AVB", "2AVB", "3AVB"]


@pytest.mark.realdata
def test_statements_agree_with_the_official_table() -> None:
    folder = os.environ.get("HEART_READER_DATA")
    if not folder:
        pytest.skip("HEART_READER_DATA is not set: no real PTB-XL table to compare with")
    official = list(csv.DictReader(io.StringIO((Path(folder) / "ptbxl" / "scp_statements.csv").read_text(encoding="utf-8"))))
    ours = list(csv.DictReader(io.StringIO(STATEMENTS_CSV.read_text(encoding="utf-8"))))
    facts = ("", "diagnostic", "form", "rhythm", "diagnostic_class", "diagnostic_subclass")
    assert list(ours[0]) == list(official[0])
    assert [[row[column] for column in facts] for row in ours] == [[row[column] for column in facts] for row in official]
