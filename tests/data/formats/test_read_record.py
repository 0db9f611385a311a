"""Formats recognised by content, folders, names not to follow, and meaningless bytes."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heart_reader.data.formats import files, find_records, read_record
from heart_reader.errors import RecordError, UnreadableRecord

HEADER = "a 2 100 50\na.dat 16 1000(0)/mV 16 0 0 0 0 I\na.dat 16 1000(0)/mV 16 0 0 0 0 II\n#Age: 56\n"
TABLE = "# fs=500\n# unit=uV\ntime_ms;I;II\n" + "".join(f"{2 * row};{row};{-row}\n" for row in range(40))


def write_wfdb(folder: Path, name: str = "a") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.hea").write_text(HEADER.replace("a.dat", f"{name}.dat"))
    (folder / f"{name}.dat").write_bytes(np.arange(100, dtype="<i2").tobytes())
    return folder / f"{name}.hea"


def test_a_renamed_header_is_still_a_header(tmp_path):
    header = write_wfdb(tmp_path)
    renamed = header.rename(tmp_path / "note.csv")
    assert read_record(renamed).source_format == "wfdb"


def test_a_table_beside_a_wfdb_record_of_the_same_name(tmp_path):
    write_wfdb(tmp_path)
    (tmp_path / "a.csv").write_text(TABLE)
    assert read_record(tmp_path / "a.csv").source_format == "csv"
    assert read_record(tmp_path / "a.dat").source_format == "wfdb"
    assert read_record(tmp_path / "a").source_format == "wfdb"


def test_a_signal_file_without_its_header(tmp_path):
    write_wfdb(tmp_path).unlink()
    with pytest.raises(UnreadableRecord, match=r"a\.dat: in none of the formats .*\(HL7 aECG, Contec, .*WFDB\); .*a\.hea"):
        read_record(tmp_path / "a.dat")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "the file is empty"),
        (b"MATLAB 5.0 MAT-file, Platform: PCWIN64" + bytes(100), "a damaged MATLAB file"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><ecg/>', "XML or HTML in none of the formats"),
        ('<?xml version="1.0"?>'.encode("utf-16"), "XML or HTML in none of the formats"),
        (b"%PDF-1.7\n\x00", "a PDF"),
        (b"PK\x03\x04\x00\x00", "a compressed archive or an Excel workbook"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(100), "a picture of an ECG"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "a picture of an ECG"),
        (b"\x93NUMBER\x01\x00v\x00", "in none of the formats"),
        (b"\x93NUMPY\x01\x00v\x00", "not an array as NumPy writes it"),
        (b"   \n\n", "no rows of data"),
    ],
)
def test_what_is_not_read_is_named(tmp_path, content, complaint):
    path = tmp_path / "a.bin"
    path.write_bytes(content)
    with pytest.raises(UnreadableRecord, match=complaint):
        read_record(path)


@pytest.mark.parametrize("name", ["s3://bucket/a", "https://host/a.hea", "gs://bucket/a.csv", Path("s3://bucket/a"), "file:///etc/passwd"])
def test_remote_names_are_never_followed(name):
    with pytest.raises(UnreadableRecord, match="a remote name"):
        read_record(name)
    with pytest.raises(UnreadableRecord, match="a remote name"):
        find_records(name)


def test_names_that_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    cases = {
        tmp_path / "absent": "no such file",
        tmp_path: "not a file but a folder",
        tmp_path / "pipe": "not a file but a folder or a device",
        "a\0b": "cannot be opened",
        "x" * 5000: "cannot be opened",
        "<img src=x>.csv": "no such file",
    }
    for name, complaint in cases.items():
        with pytest.raises(UnreadableRecord, match=complaint):
            read_record(name)


def test_a_file_of_two_gigabytes_is_refused_before_reading(tmp_path):
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.truncate(files.MAX_FILE_BYTES * 2)
    with pytest.raises(UnreadableRecord, match=r"2\.1 GB; at most 1\.1 GB is read"):
        read_record(path)


def test_an_endless_header_is_refused(tmp_path):
    header = write_wfdb(tmp_path)
    header.write_text(HEADER + "# more\n" * 20_000)
    with pytest.raises(UnreadableRecord, match="at most 65536"):
        read_record(header)


def test_find_records(tmp_path):
    expected = [write_wfdb(tmp_path, "b"), write_wfdb(tmp_path / "sub", "c"), tmp_path / "a.csv", tmp_path / "t.txt", tmp_path / "b.csv"]
    for name in ("a.csv", "b.csv", "t.txt", ".hidden.csv"):
        (tmp_path / name).write_text(TABLE)
    write_wfdb(tmp_path / ".cache", "d")
    (tmp_path / "labels.csv").write_text("path,split,NORM\na.csv,train,1\n")
    (tmp_path / "README.txt").write_text("Simulated records.\nNothing else.\n")
    (tmp_path / "binary.csv").write_bytes(bytes(100))
    (tmp_path / "empty.csv").touch()
    assert find_records(tmp_path) == sorted([*expected, tmp_path / "empty.csv"])
    assert find_records(tmp_path / "a.csv") == [tmp_path / "a.csv"]
    with pytest.raises(UnreadableRecord, match="no such file"):
        find_records(tmp_path / "absent")


def _mutate(data: st.DataObject, content: bytes) -> bytes:
    """Overwrite, insert, remove or cut at random."""
    mutated = bytearray(content)
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(mutated)))
        length = data.draw(st.integers(0, 8))
        mutated[at : at + length] = data.draw(st.binary(max_size=8))
    return bytes(mutated[: data.draw(st.integers(0, len(mutated)))] if data.draw(st.booleans()) else mutated)


def _read_or_refuse(path: Path) -> None:
    with contextlib.suppress(RecordError):
        record = read_record(path)
        assert np.isfinite(record.signal).all()
        assert record.signal.shape[0] == len(record.lead_names)


@settings(max_examples=150, deadline=2000)
@given(st.data())
def test_mutated_records_are_read_or_refused(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("mutated")
    kind = data.draw(st.sampled_from(["hea", "dat", "csv"]))
    header = write_wfdb(folder)
    table = folder / "t.csv"
    table.write_text(TABLE)
    target = {"hea": header, "dat": folder / "a.dat", "csv": table}[kind]
    target.write_bytes(_mutate(data, target.read_bytes()))
    _read_or_refuse(table if kind == "csv" else header)


@settings(max_examples=100, deadline=2000)
@given(st.binary(max_size=400), st.sampled_from(["a.csv", "a.hea", "a.dat", "a"]))
def test_random_bytes_are_refused(tmp_path_factory, content, name):
    path = tmp_path_factory.mktemp("random") / name
    path.write_bytes(content)
    _read_or_refuse(path)


@pytest.mark.parametrize(
    "content", ["(" * 200_000, "I" * 200_000, "I," * 100_000 + "\n" + "0," * 100_000, "ECG_" * 50_000, "# " + "a=" * 100_000 + "\nI\n0\n"]
)
def test_hostile_text_takes_no_time(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_text(content)
    _read_or_refuse(path)
