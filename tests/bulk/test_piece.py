"""Rows of single records, and what ends a piece: places out of reach and full disks."""

from __future__ import annotations

import tarfile
from dataclasses import replace
from pathlib import Path

import fsspec
import numpy as np
import pytest

from heart_reader.bulk import fetch
from heart_reader.bulk.columns import reading_row
from heart_reader.bulk.items import Item
from heart_reader.bulk.piece import Job, Reader
from heart_reader.bulk.sources import list_items
from heart_reader.bulk.versions import versions_of
from heart_reader.checkpoint import load_checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.data.device_report import DeviceReport, Patient
from heart_reader.data.record import EcgRecord
from heart_reader.errors import HeartReaderError
from heart_reader.weights import find_reader

NANO = find_reader("ptbxl-nano-int8")


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(Job(NANO, tuple(versions_of(load_checkpoint(NANO)).items()), measure=False))


def test_a_row_has_no_name_no_date_and_no_age_above_ninety(ecg: EcgRecord) -> None:
    patient = Patient("Doe^Jane", "id-77", "1920-01-02")
    report = DeviceReport(device="SN 4711", acquired="2019-03-02T10:11:12", statements=("Doe, Jane: sinus rhythm",), patient=patient)
    record = replace(ecg, record_id="Doe", age=98.0, sex="female", device_report=report, warnings=("written by Doe",))
    reading = EcgClassifier.load(NANO).predict(record)
    row = reading_row(Item("a", "a.dcm", "/in/a.dcm"), record, reading)
    assert (row.values["age_years"], row.values["sex"], row.values["acquired_year"]) == (90.0, "female", 2019)
    said = repr(row)
    assert not [word for word in ("Doe", "id-77", "1920", "2019-03", "4711") if word in said]
    assert row.values["heart_rate_bpm"] == pytest.approx(reading.measurements.to_json()["heart_rate_bpm"]["value"])
    assert "other" in row.values["warnings"]


def test_a_store_gives_the_readings_of_the_files(tmp_path: Path, reader: Reader, write_records, write_shard) -> None:
    names = ["a", "b", "c"]
    folder = write_records(tmp_path / "in", names)
    memory = fsspec.filesystem("memory")
    for path in folder.iterdir():
        memory.pipe_file(f"/pieces/{path.name}", path.read_bytes())
    memory.pipe_file("/shard/s.tar", write_shard(tmp_path / "s.tar", names).read_bytes())
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    tables = [
        reader.read_piece(list(list_items([source])), scratch).table.drop_columns(["key", "path"])
        for source in (str(folder), "memory://pieces", "memory://shard/s.tar", str(tmp_path / "s.tar"))
    ]
    assert tables[0]["error"].null_count == 3
    assert all(table.equals(tables[0]) for table in tables[1:])
    assert list(scratch.iterdir()) == []


def test_a_place_that_does_not_answer_is_a_row_and_five_in_succession_are_the_end(
    tmp_path: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def cat_file(self: object, path: str) -> bytes:
        asked.append(path)
        raise TimeoutError("no answer")

    monkeypatch.setattr(fetch, "_PAUSES_S", (0.0, 0.0))
    monkeypatch.setattr(type(fsspec.filesystem("memory")), "cat_file", cat_file)
    items = [Item(str(n), str(n), f"memory://away/{n}.edf") for n in range(5)]
    table = reader.read_piece(items[:4], tmp_path).table
    assert table["error_code"].to_pylist() == ["out_of_reach"] * 4
    assert len(asked) == 12
    with pytest.raises(HeartReaderError, match=r"out of reach .*, like 4 before it"):
        reader.read_piece(items[4:], tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here that is always full")
def test_a_full_disk_is_no_fault_of_a_record(tmp_path: Path, reader: Reader, write_shard) -> None:
    items = list(list_items([str(write_shard(tmp_path / "s.tar", ["a"]))]))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / "a.dat").symlink_to("/dev/full")
    with pytest.raises(HeartReaderError, match="the disk is full: free some space"):
        reader.read_piece(items, scratch)


@pytest.mark.parametrize("name", ["", "..", "a/b", "..\\x", "a\0b"])
def test_names_in_a_shard_lead_nowhere_else(tmp_path: Path, name: str) -> None:
    with pytest.raises(HeartReaderError, match="no plain name"):
        fetch.Fetched(tmp_path)._write(name, b"x")


def test_several_records_under_one_key_are_refused(tmp_path: Path, reader: Reader, write_records) -> None:
    folder = write_records(tmp_path / "in", ["a"])
    (folder / "a.csv").write_text("I,II\n" + "0,0\n" * 10)
    (folder / "a.json").write_text("{}")
    with tarfile.open(tmp_path / "s.tar", "w") as shard:
        for name in ("a.csv", "a.dat", "a.hea", "a.json"):
            shard.add(folder / name, name)
        shard.add(folder / "a.json", "b.json")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    errors = reader.read_piece(list(list_items([str(tmp_path / "s.tar")])), scratch).table["error"].to_pylist()
    assert "several records under one key" in errors[0]
    assert "no file of a format that is read" in errors[1]


def test_half_of_the_processor_time_at_least_is_reading_even_here(tmp_path: Path, reader: Reader, write_records) -> None:
    items = list(list_items([str(write_records(tmp_path, [f"{n}" for n in range(32)]))]))
    reader.read_piece(items, tmp_path)
    done = reader.read_piece(items, tmp_path)
    assert 0.5 < done.reading_s / done.processor_s < 1
    assert np.isfinite(done.table["p_superdiagnostic_NORM"].to_numpy()).all()
