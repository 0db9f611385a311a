"""Folders of the Challenges: labels, folds, quirks of headers, and what is left out and counted."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from heart_reader.commands import main
from heart_reader.config import ExperimentConfig, load_config
from heart_reader.data.build import build_preprocessor, build_table
from heart_reader.data.cache import open_or_build
from heart_reader.data.challenge import read_challenge_folder
from heart_reader.data.formats import read_record
from heart_reader.data.record import build_record
from heart_reader.data.snomed import CODES, LEVELS, NINE, labels_of
from heart_reader.data.sources import DATASETS
from heart_reader.data.synthetic.challenge_folder import write_challenge_folder
from heart_reader.data.synthetic.files import write_wfdb
from heart_reader.errors import ConfigError, DataError, MissingFiles, UnreadableRecord

Write = Callable[..., Path]
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write one record with diagnoses into a folder of the test."""

    def make(name: str, dx: str | None, *, fs: float = 500.0, n_times: int = 1500, leads: tuple[str, ...] = LEADS) -> Path:
        rng = np.random.default_rng(len(name))
        signal = np.cumsum(rng.normal(0, 0.01, (len(leads), n_times)), axis=1)
        comments = ["Age: 50", "Sex: Female", *([] if dx is None else [f"Dx: {dx}"])]
        write_wfdb(build_record(name, signal, fs, leads), tmp_path, comments=comments, matrix=True)
        return tmp_path / f"{name}.hea"

    return make


def config(folder: Path, *overrides: str, kind: str = "challenge", n_folds: int = 3) -> ExperimentConfig:
    source = f"data.sources=[{{kind: {kind}, folder: {folder}, n_folds: {n_folds}, test_fold: 1}}]"
    return load_config(None, [source, "task={level: cpsc2018, heads: [cpsc2018]}", f"data.cache_dir={folder / 'cache'}", *overrides])


def write_three(write: Write) -> None:
    for number, code in enumerate(("426783006", "164889003", "59118001")):
        write(f"ok{number}", code)


def test_the_map_has_the_nine_classes_and_the_scored_ones() -> None:
    assert [one.name for one in NINE] == ["SNR", "AF", "IAVB", "LBBB", "RBBB", "PAC", "PVC", "STD", "STE"]
    assert len(LEVELS["challenge"].class_names) == 26
    assert {one.nine for one in CODES.values()} - {None} == {one.name for one in NINE}
    # The Challenge scored these pairs as one.
    for one, other in (("733534002", "164909002"), ("713427006", "59118001"), ("284470004", "63593006"), ("427172004", "17338001")):
        assert CODES[one].scored == CODES[other].scored
        assert CODES[one].nine == CODES[other].nine
    assert CODES["713426002"].nine is None  # incomplete right bundle branch block
    assert DATASETS["cpsc2018"].counts == {"*.hea": 6877}


def test_headers_give_labels_ages_and_sexes(write: Write, tmp_path: Path) -> None:
    write("a", "164889003,59118001")
    write("b", "426783006")
    write("c", "284470004")
    table = build_table(config(tmp_path))
    assert table.record_ids.tolist() == ["a", "b", "c"]
    assert [[NINE[column].name for column in np.flatnonzero(row)] for row in table.y_true("cpsc2018")] == [["AF", "RBBB"], ["SNR"], ["PAC"]]
    assert table.ages is not None
    assert table.ages.tolist() == [50.0] * 3
    assert table.sexes is not None
    assert set(table.sexes.tolist()) == {"female"}
    assert table.source == "PhysioNet Challenge"


def test_unknown_codes_are_counted_and_records_of_them_alone_left_out(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_three(write)
    write("both", "164889003,999")
    write("alone", "999,998")
    table = build_table(config(tmp_path))
    assert table.left_out == {"PhysioNet Challenge: no diagnosis that is known": 1}
    assert table.y_true("cpsc2018")[table.record_ids.tolist().index("both")].sum() == 1
    assert "3 times a SNOMED code that is not known, which counts as no class: 999 (2), 998 (1)" in capsys.readouterr().out


def test_two_codes_of_one_class_count_once_and_are_counted(write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_three(write)
    write("twins", "284470004, 63593006")
    table = build_table(config(tmp_path))
    assert table.y_true("cpsc2018")[table.record_ids.tolist().index("twins")].tolist() == [0, 0, 0, 0, 0, 1, 0, 0, 0]
    assert "1 records carry two codes of one class: it counts once" in capsys.readouterr().out


@pytest.mark.parametrize("dx", ["", " ", ",", None])
def test_a_record_without_diagnosis_is_left_out(write: Write, tmp_path: Path, dx: str | None) -> None:
    write_three(write)
    write("silent", dx)
    assert build_table(config(tmp_path)).left_out == {"PhysioNet Challenge: no diagnosis": 1}


def test_a_record_of_other_classes_is_left_out_by_the_level(write: Write, tmp_path: Path) -> None:
    write_three(write)
    write("flutter", "164890007")
    assert build_table(config(tmp_path)).left_out == {"PhysioNet Challenge: no class at level cpsc2018": 1}
    challenge = build_table(config(tmp_path, "task={level: challenge, heads: [challenge]}"))
    assert len(challenge) == 4
    assert challenge.left_out == {}


def test_a_record_name_with_an_ending_and_other_rates_are_prepared(write: Write, tmp_path: Path) -> None:
    header = write("E07500", "426783006")
    header.write_text(header.read_text().replace("E07500 12", "E07500.mat 12", 1))
    write("fast", "164889003", fs=1000.0, n_times=3000)
    write("odd", "59118001", fs=257.0, n_times=771)
    settings = config(tmp_path, "preprocessing={fs: 500, window_s: 30, stride_s: 30, keep: last}")
    table = build_table(settings)
    cache = open_or_build(table, build_preprocessor(settings), tmp_path / "cache", progress=False)
    assert table.record_ids.tolist() == ["E07500", "fast", "odd"]
    assert cache.n_times.tolist() == [1500, 1500, 1500]


def test_a_missing_lead_of_a_subset_is_zero_or_refused(write: Write, tmp_path: Path) -> None:
    path = write("few", "426783006", leads=("I", "II"))
    some = build_preprocessor(config(tmp_path, "preprocessing.leads=[I, II, V1]")).prepare(read_record(path))
    assert some.lead_mask.tolist() == [True, True, False]
    assert not some.microvolts[2].any()
    assert any("missing and left out: lead V1" in str(warning) for warning in some.warnings)
    write_three(write)
    one = config(tmp_path, "preprocessing.leads=[V1]")
    with pytest.raises(DataError, match=r"1 of 4 records cannot be read: few .*V1"):
        open_or_build(build_table(one), build_preprocessor(one), tmp_path / "cache", progress=False)


def test_original_files_are_labelled_by_their_table(tmp_path: Path) -> None:
    signal = np.cumsum(np.random.default_rng(0).normal(0, 0.01, (12, 1500)), axis=1)
    for name in ("A1", "A2", "A3"):
        savemat(tmp_path / f"{name}.mat", {"ECG": {"sex": "Male", "age": 40, "data": signal}})
    (tmp_path / "REFERENCE.csv").write_text("Recording,First_label,Second_label,Third_label\nA1,2,5,\nA2,1,,\nA3,7,,\nA4,9,,\n")
    with pytest.raises(MissingFiles, match="1 of 4 records have no signal file, the first is A4"):
        build_table(config(tmp_path, kind="cpsc2018"))
    table = build_table(config(tmp_path, "data.allow_missing=true", kind="cpsc2018"))
    assert table.left_out == {"CPSC2018: no file": 1}
    assert [[NINE[column].name for column in np.flatnonzero(row)] for row in table.y_true("cpsc2018")] == [["AF", "RBBB"], ["SNR"], ["PVC"]]
    assert [read_record(path).source_format for path in table.paths.tolist()] == ["matlab"] * 3


def test_a_header_that_contradicts_the_table_is_an_error(write: Write, tmp_path: Path) -> None:
    write_three(write)
    table = tmp_path / "REFERENCE.csv"
    table.write_text("Recording,First_label,Second_label,Third_label\nok0,1,,\nok1,2,,\nok2,5,,\n")
    assert len(build_table(config(tmp_path))) == 3
    table.write_text("Recording,First_label,Second_label,Third_label\nok1,5,,\n")
    with pytest.raises(DataError, match=r"ok1.hea: its #Dx says AF, REFERENCE.csv says RBBB"):
        build_table(config(tmp_path))


@pytest.mark.parametrize("row", ["A1,0,,", "A1,10,,", "A1,x,,", "A1,,,", "A1,1.5,,", "A1,1,,\nA1,2,,"])
def test_a_row_that_cannot_be_understood_is_an_error(tmp_path: Path, row: str) -> None:
    (tmp_path / "REFERENCE.csv").write_text(f"Recording,First_label,Second_label,Third_label\n{row}\n")
    with pytest.raises(DataError, match=r"REFERENCE.csv line \d.*(correct the row|keep one row)"):
        read_challenge_folder(tmp_path)


def test_folders_that_hold_nothing_or_one_name_twice_are_errors(write: Write, tmp_path: Path) -> None:
    with pytest.raises(MissingFiles, match="neither headers"):
        read_challenge_folder(tmp_path)
    with pytest.raises(MissingFiles, match="no such folder"):
        read_challenge_folder(tmp_path / "absent")
    header = write("a", "426783006")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.hea").write_text(header.read_text())
    with pytest.raises(DataError, match="have one name"):
        read_challenge_folder(tmp_path)
    (tmp_path / "below" / "a.hea").unlink()
    header.write_text("a 12 500")
    with pytest.raises(UnreadableRecord, match=r"a\.hea"):
        read_challenge_folder(tmp_path)


def test_folds_are_stratified_repeatable_and_each_can_test(tmp_path: Path) -> None:
    folder = tmp_path / "simulated"
    write_challenge_folder(folder, 40, seed=3)
    seen: Counter[str] = Counter()
    for fold in range(1, 5):
        source = f"data.sources=[{{kind: cpsc2018, folder: {folder}, n_folds: 4, test_fold: {fold}}}]"
        table = build_table(config(folder, source))
        assert table.counts() == {"train": 20, "val": 10, "test": 10}
        assert table.source == "CPSC2018, simulated ECGs"
        again = build_table(config(folder, source))
        assert again.splits.tolist() == table.splits.tolist()
        seen.update(table.split("test").record_ids.tolist())
        fibrillating = table.split("test").y_true("cpsc2018")[:, 1].sum()
        assert 1 <= fibrillating <= 2
    assert set(seen.values()) == {1}
    assert len(seen) == 40


def test_folds_that_cannot_be_are_refused(write: Write, tmp_path: Path) -> None:
    write_three(write)
    with pytest.raises(DataError, match="3 records carry one of the nine classes, fewer than 10 folds"):
        build_table(config(tmp_path, n_folds=10))
    with pytest.raises(ConfigError, match="test_fold 11: the folds are 1 to 10"):
        load_config(None, ["data.sources=[{kind: cpsc2018, test_fold: 11}]"])


def test_a_simulated_folder_is_as_published_and_repeatable(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_challenge_folder(tmp_path / name, 12, seed=5)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == sorted(f"A{number:04d}.{ending}" for number in range(1, 13) for ending in ("hea", "mat"))
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    for record in read_challenge_folder(tmp_path / "a").records:
        assert labels_of(record.codes)["cpsc2018"].any()
        assert record.path is not None
        assert record.fs == 500.0
        assert 6 <= read_record(record.path).duration_s <= 60
    with pytest.raises(DataError, match="not empty"):
        write_challenge_folder(tmp_path / "a", 3, seed=1)


def test_the_commands_simulate_and_write_two_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = tmp_path / "records", tmp_path / "tables"
    assert main(["data", "simulate", "cpsc2018", "--to", str(folder), "--records", "20"]) == 0
    assert main(["data", "labels", str(folder), "--out", str(out), "--folds", "5"]) == 0
    assert "20 records, 20 with one of the nine classes, in 5 folds" in capsys.readouterr().out
    with (out / "labels.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["record_id", *(one.name for one in NINE), "fold"]
    assert Counter(row["fold"] for row in rows) == {str(fold): 4 for fold in range(1, 6)}
    with (out / "reference.csv").open(encoding="utf-8") as stream:
        references = list(csv.DictReader(stream))
    assert references[0]["record_id"] == "A0001"
    for row, reference in zip(rows, references, strict=True):
        carried = {one.name for one in NINE if row[one.name] == "1"}
        assert carried == {CODES[code].nine for code in reference["dx"].split(",")}
