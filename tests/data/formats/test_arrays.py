"""Plain arrays of NumPy, HDF5 and MATLAB: what they state is obeyed, what is missing asked for."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from heart_reader.data import record as record_module
from heart_reader.data import signal as signal_module
from heart_reader.data.formats import find_records, read_record
from heart_reader.data.stored_signal import StoredSignal
from heart_reader.errors import LeadError, RecordError, UnitError, UnreadableRecord

LEADS = ("I", "II", "V5")
TOLD: dict[str, Any] = {"fs": 250.0, "unit": "mV", "leads": LEADS}
SIGNAL = np.round(np.sin(np.arange(3 * 1000).reshape(3, 1000) / 17.0) * 1.2, 3)


def npy(path: Path, **arrays: Any) -> Path:
    np.save(path.with_suffix(".npy"), arrays["signal"])
    return path.with_suffix(".npy")


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path.with_suffix(".npz"), **arrays)
    return path.with_suffix(".npz")


def packed_npz(path: Path, **arrays: Any) -> Path:
    np.savez_compressed(path.with_suffix(".npz"), **arrays)
    return path.with_suffix(".npz")


def h5(path: Path, *, attributes: bool = False, deep: bool = False, **arrays: Any) -> Path:
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        signal = file.create_dataset("a/b/ecg" if deep else "signal", data=arrays.pop("signal"), compression="gzip" if deep else None)
        for name, value in arrays.items():
            if attributes:
                signal.attrs[name] = value
            else:
                file.create_dataset(name, data=value, dtype=h5py.string_dtype() if isinstance(value, tuple | list) else None)
    return path.with_suffix(".h5")


def mat(path: Path, *, compress: bool = False, **arrays: Any) -> Path:
    savemat(path.with_suffix(".mat"), arrays, do_compression=compress)
    return path.with_suffix(".mat")


WRITERS: dict[str, Callable[..., Path]] = {
    "npy": npy,
    "npz": npz,
    "packed npz": packed_npz,
    "h5": h5,
    "h5, attributes": lambda path, **arrays: h5(path, attributes=True, **arrays),
    "h5, deep": lambda path, **arrays: h5(path, attributes=True, deep=True, **arrays),
    "mat": mat,
    "packed mat": lambda path, **arrays: mat(path, compress=True, **arrays),
}
STATING = sorted(set(WRITERS) - {"npy"})


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("dtype", ["<f8", "<f4", ">f4", "<i2", ">i4"])
@pytest.mark.parametrize("kind", WRITERS)
def test_what_the_caller_states(tmp_path, kind, dtype, turned):
    values = (SIGNAL * 1000 if "i" in dtype else SIGNAL).astype(dtype)
    path = WRITERS[kind](tmp_path / "a", signal=values.T if turned else values)
    record = read_record(path, fs=250.0, leads=LEADS, unit="uV" if "i" in dtype else "mV")
    np.testing.assert_allclose(record.signal, SIGNAL, atol=1e-3)
    assert (record.lead_names, record.fs, record.warnings) == (LEADS, 250.0, ())
    assert find_records(tmp_path) == [path]


@pytest.mark.parametrize("kind", STATING)
def test_what_the_file_states(tmp_path, kind):
    facts = {"fs": 250.0, "unit": "uV", "leads": "I,II,V5", "age": 61.0, "sex": "F"}
    path = WRITERS[kind](tmp_path / "a", signal=1000 * SIGNAL, **facts)
    record = read_record(path)
    np.testing.assert_allclose(record.signal, SIGNAL, atol=1e-6)
    assert (record.lead_names, record.fs, record.age, record.sex, record.warnings) == (LEADS, 250.0, 61.0, "female", ())
    assert any("read as nV as requested" in text for text in read_record(path, unit="nV").warnings)
    with pytest.raises(UnreadableRecord, match="the header says 250 Hz, but 500 Hz was requested"):
        read_record(path, fs=500.0)
    with pytest.raises(LeadError, match="signal 3 is V5 in the file, but V6 was requested"):
        read_record(path, leads=("I", "II", "V6"))


@pytest.mark.parametrize("kind", ["npz", "packed npz", "h5", "h5, attributes"])
def test_lists_of_names_and_other_keys(tmp_path, kind):
    path = WRITERS[kind](tmp_path / "a", signal=SIGNAL.T, sampling_rate=250, units="mV", lead_names=list(LEADS))
    np.testing.assert_allclose(read_record(path).signal, SIGNAL, atol=1e-6)


def test_rows_of_characters_in_matlab(tmp_path):
    path = mat(tmp_path / "a", signal=SIGNAL, fs=250, unit="mV", leads=np.array(["I", "II", "V5"]))
    assert read_record(path).lead_names == LEADS


def test_matlab_73_is_hdf5_behind_a_header(tmp_path):
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        file["signal"] = SIGNAL.T
        file["fs"] = np.array([[250.0]])
        for name, text in (("unit", "mV"), ("leads", "I,II,V5")):
            file[name] = np.array([[ord(letter)] for letter in text], np.uint16)
            file[name].attrs["MATLAB_class"] = np.bytes_(b"char")
    content = (tmp_path / "a.mat").read_bytes()
    (tmp_path / "a.mat").write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512, b"\0") + content[512:])
    record = read_record(tmp_path / "a.mat")
    np.testing.assert_allclose(record.signal, SIGNAL, atol=1e-6)
    assert (record.lead_names, record.source_format) == (LEADS, "hdf5")


@pytest.mark.parametrize("missing", [("fs",), ("unit",), ("leads",), ("fs", "unit", "leads")])
@pytest.mark.parametrize("kind", WRITERS)
def test_what_is_missing_is_asked_for(tmp_path, kind, missing):
    path = WRITERS[kind](tmp_path / "a", signal=SIGNAL)
    told = {name: value for name, value in TOLD.items() if name not in missing}
    with pytest.raises(UnreadableRecord) as caught:
        read_record(path, **told)
    said = caught.value.args[0]
    assert said.code == "array_facts"
    assert f"comes without {' and '.join(missing)}: pass {' '.join(f'--{name}' for name in missing)}, or store" in said


@pytest.mark.parametrize("kind", WRITERS)
def test_which_axis_the_leads_are(tmp_path, kind):
    path = WRITERS[kind](tmp_path / "a", signal=SIGNAL)
    for leads, code in ((("I", "II"), "array_shape"), (LEADS[:1], "array_shape")):
        with pytest.raises(UnreadableRecord) as caught:
            read_record(path, **{**TOLD, "leads": leads})
        assert caught.value.args[0].code == code
    square = WRITERS[kind](tmp_path / "b", signal=SIGNAL[:, :3])
    with pytest.raises(UnreadableRecord, match="which axis holds the leads cannot be told: export more"):
        read_record(square, **TOLD)
    cube = WRITERS[kind](tmp_path / "c", signal=SIGNAL.reshape(3, 10, 100))
    with pytest.raises(UnreadableRecord, match="no array of numbers with leads and times"):
        read_record(cube, **TOLD)


@pytest.mark.parametrize("kind", WRITERS)
def test_one_lead_alone(tmp_path, kind):
    path = WRITERS[kind](tmp_path / "a", signal=SIGNAL[0])
    np.testing.assert_allclose(read_record(path, fs=250, unit="mV", leads=("II",)).signal, SIGNAL[:1], atol=1e-6)


@pytest.mark.parametrize("kind", STATING)
def test_several_arrays(tmp_path, kind):
    path = WRITERS[kind](tmp_path / "a", signal=SIGNAL, other=2 * SIGNAL) if "attributes" not in kind and "deep" not in kind else None
    if path is None:
        return
    np.testing.assert_allclose(read_record(path, **TOLD).signal, SIGNAL, atol=1e-6)
    if "npz" in kind or "mat" in kind:
        path = WRITERS[kind](tmp_path / "b", one=SIGNAL, other=2 * SIGNAL)
        with pytest.raises(UnreadableRecord, match=r"several arrays .*: name it signal, or export it alone"):
            read_record(path, **TOLD)


@pytest.mark.parametrize("kind", ["npz", "h5", "h5, attributes", "mat"])
def test_a_scale_that_is_not_applied_is_not_passed_over(tmp_path, kind):
    path = WRITERS[kind](tmp_path / "a", signal=SIGNAL, fs=250, unit="mV", leads="I,II,V5", gain=200.0)
    with pytest.raises(UnitError, match="may mean that the values need scaling"):
        read_record(path)
    assert read_record(path, unit="mV").lead_names == LEADS


def test_objects_are_never_opened(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"signal": 1}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "b.npz", signal=np.array([SIGNAL, None], dtype=object))
    for path in find_records(tmp_path):
        with pytest.raises(UnreadableRecord, match="Python objects in a file are not opened"):
            read_record(path, **TOLD)


def test_sizes_are_compared_before_memory_is_taken(tmp_path):
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": (3, 10**12)})
    (tmp_path / "a.npy").write_bytes(head.getvalue() + bytes(1000))
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("signal.npy", head.getvalue() + bytes(1000))
    for name in ("a.npy", "b.npz"):
        with pytest.raises(UnreadableRecord, match="an array of 3 x 1000000000000 float64 is declared, 1000 bytes follow"):
            read_record(tmp_path / name, **TOLD)
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file.create_dataset("signal", (3, 10**9), "f4", chunks=(3, 1000))
    with pytest.raises(UnreadableRecord) as caught:
        read_record(tmp_path / "c.h5", **TOLD)
    assert caught.value.args[0].code == "record_too_long"


def test_a_bomb_of_zeros_is_not_inflated(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", signal=np.zeros((3, 10_000_000), "i1"))
    with pytest.raises(UnreadableRecord) as caught:
        read_record(tmp_path / "a.npz", **TOLD, max_values=1_000_000)
    assert caught.value.args[0].code == "record_too_long"


def test_hdf5_follows_no_link_to_another_file(tmp_path):
    h5(tmp_path / "secret", signal=SIGNAL)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["signal"] = h5py.ExternalLink("secret.h5", "/signal")
        layout = h5py.VirtualLayout((3, 1000), "f8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "signal", (3, 1000))
        file.create_virtual_dataset("ecg", layout)
    with pytest.raises(UnreadableRecord, match="no array of numbers"):
        read_record(tmp_path / "a.h5", **TOLD)


@pytest.mark.parametrize("kind", WRITERS)
def test_damage_is_one_sentence(tmp_path, kind):
    path = WRITERS[kind](tmp_path / "a", signal=SIGNAL)
    content = path.read_bytes()
    for cut in (9, 40, 130, 300, len(content) // 2, len(content) - 30):
        path.write_bytes(content[:cut])
        with pytest.raises(RecordError):
            read_record(path, **TOLD)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_long_array_stays_on_disk(tmp_path, monkeypatch, order):
    np.save(tmp_path / "a.npy", np.asarray(SIGNAL, order=order))
    monkeypatch.setattr(record_module, "STORED_VALUES", 100)
    monkeypatch.setattr(signal_module, "PART_VALUES", 99)
    record = read_record(tmp_path / "a.npy", **TOLD)
    assert isinstance(record.signal, StoredSignal)
    np.testing.assert_allclose(record.signal[:, 101:503], SIGNAL[:, 101:503], atol=1e-6)


def test_arrays_of_other_kinds(tmp_path):
    for number, values in enumerate(
        (SIGNAL > 0, SIGNAL * 1j, np.array([["a", "b"]]), np.zeros(3, "i4,f4"), np.zeros((3, 0)), np.float64(3))
    ):
        np.save(tmp_path / f"{number}.npy", values)
        with pytest.raises(UnreadableRecord):
            read_record(tmp_path / f"{number}.npy", **TOLD)
    savemat(tmp_path / "a.mat", {"signal": SIGNAL * 1j})
    with pytest.raises(UnreadableRecord, match="no array of numbers"):
        read_record(tmp_path / "a.mat", **TOLD)


@pytest.mark.parametrize(
    ("fact", "value"), [("fs", 0), ("fs", np.nan), ("fs", [250, 500]), ("fs", "quick"), ("unit", "furlong"), ("leads", "")]
)
def test_facts_that_are_none(tmp_path, fact, value):
    path = npz(tmp_path / "a", signal=SIGNAL, **{"fs": 250, "unit": "mV", "leads": "I,II,V5", fact: value})
    with pytest.raises(RecordError) as caught:
        read_record(path)
    assert caught.value.args[0].code in {"array_facts", "rate_impossible", "unit_unknown"}
