"""A new format is one module: with it alone, its files are read, found, listed and served."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from heart_reader.data import formats
from heart_reader.data.formats import FORMATS, find_records, format_titles, read_record
from heart_reader.data.formats.registry import formats_in_order
from heart_reader.errors import ConfigError, UnreadableRecord
from heart_reader.frontend import Settings, create_app
from heart_reader.frontend.samples import SampleFolder

SHIPPED = {
    "aecg", "bdf", "contec", "csv", "dicom", "edf", "hdf5", "ishne", "matlab", "mortara", "muse", "numpy", "philips", "schiller",
    "scp", "wfdb",
}  # fmt: skip
TITLES = [
    "HL7 aECG", "Contec", "CSV", "DICOM", "EDF", "BDF", "HDF5", "ISHNE", "MATLAB", "Mortara XML", "GE MUSE XML", "NumPy", "Philips XML",
    "Schiller XML", "SCP-ECG", "WFDB",
]  # fmt: skip
DUMMY = """
import os
import numpy as np
from heart_reader.data.formats.registry import register_format
from heart_reader.data.record import build_record

@register_format("dummy", title="Dummy", suffixes=(".dmy",), sniff=lambda head, path: head[:5] == b"DUMMY", states="leads")
def read_dummy(path, head, given):
    values = np.fromfile(path, "<f4", offset=8).reshape(2, -1)
    return build_record(os.path.basename(path)[:-4], values, given.fs or 250.0, ("I", "II"), source_format="dummy")
"""
NEEDY = """
from heart_reader.data.formats.registry import register_format

@register_format("needy", title="Needy", suffixes=(".ndy",), sniff=lambda head, path: head[:5] == b"NEEDY", package="no_such_package")
def read_needy(path, head, given):
    import no_such_package
"""


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package with two more modules."""
    folder = tmp_path / "more_formats"
    folder.mkdir()
    (folder / "dummy_format.py").write_text(DUMMY)
    (folder / "needy_format.py").write_text(NEEDY)
    before = dict(FORMATS)
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(folder)])
    monkeypatch.setattr(FORMATS, "_entries", before)
    monkeypatch.setattr(FORMATS, "_complete", False)
    yield
    for name in ("dummy_format", "needy_format"):
        sys.modules.pop(f"heart_reader.data.formats.{name}", None)
        vars(formats).pop(name, None)


def write_dummy(folder: Path) -> Path:
    values = np.sin(np.arange(2500) / 40.0) * (np.arange(2500) % 200 < 20)
    path = folder / "a.dmy"
    path.write_bytes(b"DUMMY\0\0\0" + np.stack([values, values]).astype("<f4").tobytes())
    return path


@pytest.mark.usefixtures("added")
def test_a_file_of_a_new_format_is_read_found_and_served(tmp_path: Path) -> None:
    path = write_dummy(tmp_path)
    record = read_record(path)
    assert (record.source_format, record.lead_names, record.n_times) == ("dummy", ("I", "II"), 2500)
    assert find_records(tmp_path) == [path]
    assert [sample.source_format for sample in SampleFolder(tmp_path).list().samples] == ["dummy"]
    settings = Settings(checkpoint=Path(__file__).resolve().parents[3] / "results" / "ptbxl-nano-int8" / "checkpoint", processes=False)
    with TestClient(create_app(settings)) as client:
        answer = client.post("/api/v1/predict", files=[("file", ("a.dmy", path.read_bytes()))]).json()
        assert answer["source_format"] == "dummy"
        reported = {entry["name"]: entry for entry in client.get("/api/v1/model").json()["formats"]}
    dummy = {"name": "dummy", "title": "Dummy", "suffixes": [".dmy"], "companions": [], "states": "leads"}
    assert reported["dummy"] == dummy
    assert set(reported) == {*SHIPPED, "dummy", "needy"}


@pytest.mark.usefixtures("added")
def test_a_missing_package_is_named_with_its_extra(tmp_path: Path) -> None:
    path = tmp_path / "a.ndy"
    path.write_bytes(b"NEEDY")
    with pytest.raises(UnreadableRecord, match=r"a\.ndy: reading Needy needs no_such_package.*pip install 'heart-reader\[formats\]'"):
        read_record(path)
    path.write_bytes(b"\0else")
    listed = re.escape(f"({', '.join([*TITLES, 'Dummy'])}, Needy (after pip install 'heart-reader[formats]'))")
    with pytest.raises(UnreadableRecord, match=listed):
        read_record(path)


def test_dicom_without_pydicom_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydicom", None)
    path = tmp_path / "a.dcm"
    path.write_bytes(bytes(128) + b"DICM" + bytes(100))
    with pytest.raises(UnreadableRecord, match=r"reading DICOM needs pydicom.*heart-reader\[formats\]"):
        read_record(path)


def test_every_format_says_what_people_need_to_know() -> None:
    assert set(FORMATS) == SHIPPED
    assert format_titles() == TITLES
    for name, entry in FORMATS.items():
        assert entry.name == name
        assert entry.states
        assert all(suffix.startswith(".") and suffix.islower() for suffix in (*entry.suffixes, *entry.companions))
    # Any text may be a table, so tables come last.
    assert [entry.name for entry in formats_in_order()][-1] == "csv"
    with pytest.raises(ConfigError, match=f"no file format is called 'wav'; there is {', '.join(sorted(SHIPPED))}"):
        FORMATS["wav"]
