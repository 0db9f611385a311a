"""CPSC2018's original MATLAB files: read exactly, or refused with a reason and what to do."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from heart_reader.data.formats import find_records, listed_format, read_record
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.errors import RecordError, UnreadableRecord
from heart_reader.messages import Message

ADVICE = re.compile(r"copy it again|convert its signal|pass --leads|export")


def signal(n_times: int = 1500, n_leads: int = 12) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.rint(np.cumsum(rng.normal(0, 10, (n_leads, n_times)), axis=1)) / 1000


def write(path: Path, *, compress: bool = True, name: str = "ECG", **fields: Any) -> Path:
    content = {"sex": "Female", "age": np.uint8(61), "data": signal()} | fields
    savemat(path, {name: {key: value for key, value in content.items() if value is not None}}, do_compression=compress)
    return path


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("dtype", ["f8", "f4", "i2", "i4", "u2"])
def test_the_signal_age_and_sex_are_read(tmp_path: Path, compress: bool, dtype: str) -> None:
    values = np.abs(signal()) * 10 if dtype[0] in "iu" else signal()
    path = write(tmp_path / "A0001.mat", compress=compress, data=values.astype(dtype))
    record = read_record(path)
    np.testing.assert_allclose(record.signal, values.astype(dtype).astype(float), atol=1e-6)
    assert (record.record_id, record.fs, record.lead_names) == ("A0001", 500.0, STANDARD_LEADS)
    assert (record.age, record.sex, record.source_format) == (61.0, "female", "matlab")
    assert next(warning.code for warning in record.warnings if isinstance(warning, Message)) == "matlab_assumed"


@pytest.mark.parametrize(
    ("fields", "age", "sex"),
    [
        ({"age": np.nan}, None, "female"),
        ({"age": 200.0}, None, "female"),
        ({"age": np.array([1.0, 2.0])}, None, "female"),
        ({"age": "61"}, None, "female"),
        ({"age": None}, None, "female"),
        ({"age": np.float32(33.5)}, 33.5, "female"),
        ({"age": np.int64(7)}, 7.0, "female"),
        ({"sex": "Male"}, 61.0, "male"),
        ({"sex": "Unknown"}, 61.0, None),
        ({"sex": ""}, 61.0, None),
        ({"sex": 1.0}, 61.0, None),
        ({"sex": None}, 61.0, None),
        ({"note": np.zeros((100, 300))}, 61.0, "female"),
        ({"note": "x" * 9000}, 61.0, "female"),
    ],
)
def test_what_else_the_structure_says_never_stops_the_reading(
    tmp_path: Path, fields: dict[str, Any], age: float | None, sex: str | None
) -> None:
    record = read_record(write(tmp_path / "a.mat", **fields))
    assert (record.age, record.sex) == (age, sex)
    np.testing.assert_allclose(record.signal, signal(), atol=1e-6)


def test_columns_rates_units_and_names_of_the_caller(tmp_path: Path) -> None:
    turned = read_record(write(tmp_path / "t.mat", data=signal().T))
    np.testing.assert_allclose(turned.signal, signal(), atol=1e-6)
    record = read_record(write(tmp_path / "a.mat", data=signal(n_leads=2)), fs=250.0, unit="uV", leads=("II", "V5"))
    assert (record.fs, record.lead_names) == (250.0, ("II", "V5"))
    np.testing.assert_allclose(record.signal, signal(n_leads=2) / 1000, atol=1e-9)
    assert not any(isinstance(warning, Message) and warning.code == "matlab_assumed" for warning in record.warnings)
    other = tmp_path / "o.mat"
    savemat(other, {"first": np.ones(5), "ECG": {"data": signal()}, "last": "x"})
    np.testing.assert_allclose(read_record(other).signal, signal(), atol=1e-6)


def test_big_endian_files_are_read(tmp_path: Path) -> None:
    def element(kind: int, content: bytes) -> bytes:
        return struct.pack(">II", kind, len(content)) + content + bytes(-len(content) % 8)

    def array(kind: int, name: bytes, shape: tuple[int, int], content: bytes) -> bytes:
        head = element(6, struct.pack(">II", kind, 0)) + element(5, struct.pack(">ii", *shape)) + element(1, name)
        return element(14, head + content)

    data = array(6, b"", (12, 1500), element(9, signal().T.astype(">f8").tobytes()))
    ecg = array(2, b"ECG", (1, 1), element(5, struct.pack(">i", 8)) + element(1, b"data\0\0\0\0") + data)
    path = tmp_path / "b.mat"
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\1\0MI" + ecg)
    np.testing.assert_allclose(read_record(path).signal, signal(), atol=1e-6)


def damaged(change: Callable[[bytearray], bytes | bytearray | None], *, compress: bool = False) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = write(folder / "a.mat", compress=compress)
        content = bytearray(path.read_bytes())
        path.write_bytes(change(content) or content)
        return path

    return make


def at(position: int, word: int) -> Callable[[bytearray], None]:
    """Overwrite four bytes behind the header."""

    def change(content: bytearray) -> None:
        content[128 + position : 132 + position] = struct.pack("<I", word)

    return change


def saved(**variables: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        savemat(folder / "a.mat", variables)
        return folder / "a.mat"

    return make


def replaced(old: bytes, new: bytes) -> Callable[[bytearray], bytes]:
    return lambda content: bytes(content).replace(old, new, 1)


def bomb(folder: Path) -> Path:
    """Compressed zeros that declare a signal of a gigabyte."""
    n_times = 10_000_000
    head = struct.pack("<IIIIIIiiI", 14, 0xFFFFFFF0, 6, 8, 2, 0, 5, 8, 1) + struct.pack("<i", 1)
    head += struct.pack("<HH4s", 1, 3, b"ECG") + struct.pack("<HHi", 5, 4, 8) + struct.pack("<II8s", 1, 8, b"data")
    head += struct.pack("<IIIIIIiiii", 14, 0xFFFFFF00, 6, 8, 6, 0, 5, 8, 12, n_times) + struct.pack("<IIII", 1, 0, 9, 96 * n_times)
    packed = zlib.compress(head + bytes(1 << 22))
    path = folder / "bomb.mat"
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + struct.pack("<II", 15, len(packed)) + packed)
    return path


# The start of the data's dimensions: 12 and 1500 as two 32-bit numbers.
DIMENSIONS = struct.pack("<iiii", 5, 8, 12, 1500)
REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no ECG": (saved(signal=signal()), "array_facts"),
    "another name": (saved(ecg={"data": signal()}), "matlab_file"),
    "ECG is no structure": (saved(ECG=signal()), "array_facts"),
    "ECG is a cell": (saved(ECG=np.array([[signal()]], dtype=object)), "matlab_file"),
    "ECG is text": (saved(ECG="ecg"), "matlab_file"),
    "no variable": (damaged(lambda content: content[:128]), "matlab_file"),
    "two recordings": (saved(ECG=np.array([[(signal(),), (signal(),)]], dtype=[("data", object)])), "matlab_damaged"),
    "no data": (saved(ECG={"sex": "Male"}), "matlab_damaged"),
    "data is text": (saved(ECG={"data": "12"}), "matlab_damaged"),
    "data is a cell": (saved(ECG={"data": np.array([signal(), 1], dtype=object)}), "matlab_damaged"),
    "data is a structure": (saved(ECG={"data": {"x": 1.0}}), "matlab_damaged"),
    "data is complex": (saved(ECG={"data": signal() + 1j}), "matlab_damaged"),
    "eight leads": (saved(ECG={"data": signal(n_leads=8)}), "matlab_leads"),
    "three dimensions": (saved(ECG={"data": np.zeros((12, 10, 10))}), "matlab_leads"),
    "one number": (saved(ECG={"data": 1.0}), "matlab_leads"),
    "no sample": (saved(ECG={"data": np.zeros((12, 0))}), "no_signal"),
    "cut in the header": (damaged(lambda content: content[:100]), "matlab_damaged"),
    "no byte order": (damaged(replaced(b"\0\1IM", b"\0\1XX")), "matlab_damaged"),
    "the other byte order": (damaged(replaced(b"\0\1IM", b"\0\1MI")), "matlab_damaged"),
    "cut in the tag": (damaged(lambda content: content[:132]), "matlab_file"),
    "cut in the structure": (damaged(lambda content: content[:180]), "matlab_damaged"),
    "cut in the signal": (damaged(lambda content: content[:-5000]), "matlab_damaged"),
    "cut, compressed": (damaged(lambda content: content[:-100], compress=True), "matlab_damaged"),
    "a variable of 4 GB": (damaged(at(4, 0xFFFFFFF8)), "matlab_damaged"),
    "an unknown element": (damaged(at(0, 99)), "matlab_damaged"),
    "element of type 0": (damaged(at(0, 0)), "matlab_damaged"),
    "flags of 7 bytes": (damaged(at(12, 7)), "matlab_damaged"),
    "flags of 4 GB": (damaged(at(12, 0xFFFFFFF0)), "matlab_damaged"),
    "1000 dimensions": (damaged(at(28, 4000)), "matlab_damaged"),
    "dimensions of 2 GB": (damaged(at(28, 1 << 31)), "matlab_damaged"),
    "a negative size": (damaged(replaced(DIMENSIONS, struct.pack("<iiii", 5, 8, 12, -1500))), "matlab_damaged"),
    "more samples declared": (damaged(replaced(DIMENSIONS, struct.pack("<iiii", 5, 8, 12, 1501))), "matlab_damaged"),
    "fewer samples declared": (damaged(replaced(DIMENSIONS, struct.pack("<iiii", 5, 8, 12, 1499))), "matlab_damaged"),
    "a billion samples declared": (damaged(replaced(DIMENSIONS, struct.pack("<iiii", 5, 8, 12, 10**9))), "record_too_long"),
    "100 million samples declared": (damaged(replaced(DIMENSIONS, struct.pack("<iiii", 5, 8, 12, 10**8))), "matlab_damaged"),
    "numbers of an unknown type": (damaged(replaced(struct.pack("<II", 9, 144000), struct.pack("<II", 14, 144000))), "matlab_damaged"),
    "numbers of another width": (damaged(replaced(struct.pack("<II", 9, 144000), struct.pack("<II", 7, 144000))), "matlab_damaged"),
    "4 GB of numbers": (damaged(replaced(struct.pack("<II", 9, 144000), struct.pack("<II", 9, 0xFFFFFFF0))), "matlab_damaged"),
    "damaged compression": (damaged(lambda c: bytes(c[:200]) + bytes(50) + bytes(c[250:]), compress=True), "matlab_damaged"),
    "nothing compressed": (damaged(lambda c: bytes(c[:136]) + b"garbage" * 40, compress=True), "matlab_damaged"),
    "a bomb": (bomb, "matlab_damaged"),
    "MATLAB 7.3": (damaged(replaced(b"MATLAB 5.0", b"MATLAB 7.3")), "matlab_file"),
    "not finite": (saved(ECG={"data": np.full((12, 1500), np.nan)}), "all_leads_missing"),
    "microvolts": (saved(ECG={"data": signal() * 1000 + 40 * np.sign(signal())}), "implausible_amplitude"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_or_damaged_file_is_refused_with_its_reason(name: str, tmp_path: Path) -> None:
    make, code = REFUSED[name]
    with pytest.raises(RecordError) as caught:
        read_record(make(tmp_path))
    said = caught.value.args[0]
    assert isinstance(said, Message)
    assert said.code == code, str(said)
    if code.startswith("matlab"):
        assert isinstance(caught.value, UnreadableRecord)
        assert ADVICE.search(str(said)), str(said)


@pytest.mark.parametrize("seed", range(40))
def test_no_damage_raises_anything_else(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    path = write(tmp_path / "a.mat", compress=bool(seed % 2))
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    # Where sizes and names stand, and anywhere.
    for position in (rng.integers(124, 500, 3), rng.integers(0, len(content), 3))[seed // 2 % 2]:
        content[position] = rng.integers(256)
    path.write_bytes(content.tobytes()[: None if seed % 3 else int(rng.integers(128, len(content)))])
    try:
        record = read_record(path)
    except RecordError:
        return
    assert record.signal.shape[0] == 12


def test_a_record_longer_than_allowed_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(UnreadableRecord, match="1000"):
        read_record(write(tmp_path / "a.mat"), max_values=1000)


def test_folders_list_original_files_and_pass_over_signal_files(tmp_path: Path) -> None:
    original = write(tmp_path / "A1.mat")
    savemat(tmp_path / "other.mat", {"x": 1.0}, format="4")
    (tmp_path / "B1.hea").write_text("B1 1 500 2\nB1.mat 16 1000/mV 16 0 0 0 0 II\n")
    write(tmp_path / "B1.mat")
    assert find_records(tmp_path) == [original, tmp_path / "B1.hea"]
    assert listed_format(tmp_path / "other.mat") is None
