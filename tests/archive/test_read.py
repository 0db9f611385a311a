"""Many ECGs of an archive are read, each once, and one that fails does not stop the others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from heart_reader.archive import http
from heart_reader.classifier import EcgClassifier
from heart_reader.commands import main
from heart_reader.reading_report import ReportFolder
from heart_reader.weights import find_reader
from tests.archive.dicomweb_server import Answer, Store, serving
from tests.archive.ecgs import ROOT, ecg_bytes


@pytest.fixture(autouse=True)
def loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load the reader once for all commands."""
    monkeypatch.setattr(EcgClassifier, "load", lambda *args, **options: reader())


LOAD = EcgClassifier.load


@cache
def reader() -> EcgClassifier:
    return LOAD(find_reader(None))


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(http, "_PAUSE_S", 0.0)
    with serving(Store()) as store:
        for number in range(1, 4):
            store.add(ecg_bytes(number))
        yield store


def rows(folder: Path) -> dict[str, str]:
    """Return number to status of what was written, the last row of each."""
    lines = map(json.loads, (folder / "readings.jsonl").read_text().splitlines())
    return {line["sop_instance_uid"].rpartition(".")[2]: line["status"] for line in lines}


def no_waveform(dataset: pydicom.Dataset) -> None:
    del dataset.WaveformSequence


def posts(store: Store) -> int:
    return sum(method == "POST" for method, _, _ in store.asked)


def retrievals(store: Store) -> list[str]:
    return [path.rpartition(".")[2] for method, path, _ in store.asked if method == "GET" and "/instances/" in path]


def test_what_was_read_is_not_read_again(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store.add(ecg_bytes(4, change=no_waveform))
    command = ["archive", "read", store.url, "--out", str(tmp_path), "--retries", "0"]
    assert main([*command, "--limit", "2"]) == 0
    assert rows(tmp_path) == {"1": "read", "2": "read"}
    with (tmp_path / "readings.jsonl").open("a") as file:
        file.write('{"sop_instance_uid": "1.2')  # killed while it wrote

    def gone(method: str, path: str) -> Answer | None:
        return (500, {}, b"") if path.endswith("1.1.3") else None

    store.answer, store.asked = gone, []
    assert main(command) == 1
    assert rows(tmp_path) == {"1": "read", "2": "read", "3": "failed", "4": "refused"}
    assert retrievals(store) == ["3", "4"]
    store.answer, store.asked = (lambda method, path: None), []
    assert main(command) == 0
    assert rows(tmp_path)["3"] == "read"
    assert retrievals(store) == ["3"]
    said = capsys.readouterr().err
    assert "1 ECGs read, 3 read before, 0 refused, 0 failed" in said
    assert "no ECG waveform" in said or "waveform" in said


def test_rows_and_pages_do_not_say_who_was_recorded(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["archive", "read", store.url, "--limit", "1", "--json"]) == 0
    line = capsys.readouterr().out
    assert json.loads(line)["reading"]["conclusion"]
    assert "Nimrod" not in line
    assert "P-0042" not in line
    assert main(["archive", "read", store.url, "--limit", "1", "--json", "--identity"]) == 0
    assert json.loads(capsys.readouterr().out)["patient_id"] == "P-0042"
    assert main(["archive", "read", store.url, "--limit", "1"]) == 0
    assert capsys.readouterr().out.startswith(f"{ROOT}.1.1.1  (dicom, ")


def test_a_report_that_was_not_stored_is_stored_the_next_time(store: Store, tmp_path: Path) -> None:
    command = ["archive", "read", store.url, "--out", str(tmp_path), "--stow", "--limit", "1", "--retries", "0"]
    store.answer = lambda method, path: (409, {}, b"") if method == "POST" else None
    assert main(command) == 1
    assert rows(tmp_path) == {"1": "read"}
    store.answer = lambda method, path: None
    assert main(command) == 0
    assert main(command) == 0
    assert posts(store) == 2
    stored = [pydicom.Dataset(one) for one in map(store.parsed, store.objects.values()) if one.Modality == "SR"]
    assert [one.PatientID for one in stored] == ["P-0042"]


def test_files_that_are_asked_for_later_are_made(store: Store, tmp_path: Path) -> None:
    command = ["archive", "read", store.url, "--out", str(tmp_path), "--limit", "1"]
    assert main(command) == 0
    assert main([*command, "--sr"]) == 0
    report = pydicom.dcmread(tmp_path / f"{ROOT}.1.1.1.sr.dcm")
    assert report.StudyInstanceUID == f"{ROOT}.1"
    store.asked = []
    assert main([*command, "--sr"]) == 0
    assert retrievals(store) == []


def test_a_page_that_cannot_be_drawn_is_an_error_of_its_row(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from heart_reader.errors import UnexpectedError

    def fails(self: ReportFolder, reading: object) -> None:
        raise UnexpectedError("cannot be drawn")

    monkeypatch.setattr(ReportFolder, "write", fails)
    assert main(["archive", "read", store.url, "--out", str(tmp_path), "--pdf"]) == 1
    assert rows(tmp_path) == {"1": "read", "2": "read", "3": "read"}


def test_an_archive_that_fails_again_and_again_is_asked_no_more(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(4, 12):
        store.add(ecg_bytes(number))
    store.answer = lambda method, path: (500, {}, b"") if "/instances/" in path else None
    assert main(["archive", "read", store.url, "--out", str(tmp_path / "read"), "--retries", "0"]) == 1
    assert "stopped after 5 failures in succession" in capsys.readouterr().err
    assert len(rows(tmp_path / "read")) == 5
    assert main(["archive", "fetch", store.url, "--out", str(tmp_path / "in"), "--retries", "0"]) == 1
    assert "stopped after 5 failures in succession" in capsys.readouterr().err


def deflated(dataset: pydicom.Dataset) -> None:
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (ecg_bytes(1, change=deflated), "refused"),  # not even taken apart
        (ecg_bytes(2), "refused"),  # another ECG than the one that was asked for
        (ecg_bytes(1)[:5000], "refused"),
        (ecg_bytes(1, change=no_waveform), "refused"),
        (bytes(128) + b"DICM" + b"\xff" * 3000, "refused"),
        (ecg_bytes(1, change=lambda one: delattr(one, "StudyInstanceUID")), "refused"),
    ],
)
def test_an_object_that_cannot_be_read_is_a_row(store: Store, tmp_path: Path, content: bytes, status: str) -> None:
    kind = {"Content-Type": "application/dicom"}
    store.answer = lambda method, path: (200, kind, content) if path.endswith("/instances/" + f"{ROOT}.1.1.1") else None
    assert main(["archive", "read", store.url, "--out", str(tmp_path), "--stow"]) == 1
    assert rows(tmp_path) == {"1": status, "2": "read", "3": "read"}
    assert "heart_reader-" not in (tmp_path / "readings.jsonl").read_text()  # the folder it was read in
    assert posts(store) == 2


def test_reports_for_another_archive_do_not_take_our_secret_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEART_READER_ARCHIVE_TOKEN", "secret")
    with serving(Store()) as other:
        assert main(["archive", "read", store.url, "--limit", "1", "--stow", other.url]) == 0
        assert posts(store) == 0
        assert posts(other) == 1
        assert all("Authorization" not in headers for _, _, headers in other.asked)
    assert all(headers["Authorization"] == "Bearer secret" for _, _, headers in store.asked)


@pytest.mark.parametrize(
    "options",
    [
        ("read", "http://127.0.0.1:1", "--pdf"),
        ("read", "http://127.0.0.1:1", "--stow-headers", "x"),
        ("read", "http://127.0.0.1:1", "--headers", "nowhere"),
        ("read", "nonsense"),
        ("find", "http://127.0.0.1:1", "--from", "2024-02-01", "--to", "2024-01-01"),
        ("find", "http://127.0.0.1:1", "--patient", "*"),
        ("fetch", "http://a:b@127.0.0.1:1", "--out", "x"),
        ("listen",),
        ("listen", "--out", "x", "--host", "0.0.0.0"),
        ("listen", "--out", "x", "--max-pdu", "1"),
        ("listen", "--out", "x", "--port", "70000"),
        ("listen", "--send-to", "x"),
        ("listen", "--send-to", "A@b:1", "--aet", "much longer than sixteen"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_said_before_anything_is_done(
    options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["archive", *options]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
