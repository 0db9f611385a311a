"""The road through a real archive, Orthanc, by DICOMweb and by DICOM, there and back."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
import pytest
from pynetdicom import AE

from heart_reader.commands import main
from tests.archive.conftest import PASSWORD, USER, Orthanc, free_port
from tests.archive.ecgs import ROOT, ecg, ecg_bytes

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[2]
GENERAL, CT = "1.2.840.10008.5.1.4.1.1.9.1.2", "1.2.840.10008.5.1.4.1.1.2"


@pytest.fixture(autouse=True)
def let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEART_READER_ARCHIVE_USER", USER)
    monkeypatch.setenv("HEART_READER_ARCHIVE_PASSWORD", PASSWORD)


def reports(archive: Orthanc) -> list[pydicom.Dataset]:
    """All structured reports in the archive."""
    found = (pydicom.dcmread(io.BytesIO(archive.rest(f"/instances/{one}/file"))) for one in archive.instances())
    return [one for one in found if one.Modality == "SR"]


def until(true: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.2)


def read_of(report: pydicom.Dataset) -> str:
    """Return the identifier of the ECG that a report refers to."""
    series = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    return str(series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID)


def check_report(report: pydicom.Dataset, of: pydicom.Dataset) -> None:
    """It is filed with the ECG, refers to it, and says something."""
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "AccessionNumber"):
        assert report[keyword].value == of[keyword].value, keyword
    assert report.SeriesInstanceUID != of.SeriesInstanceUID
    assert read_of(report) == of.SOPInstanceUID
    assert len(report.ContentSequence) > 2
    texts = [element.value for element in report.iterall() if element.keyword == "TextValue"]
    assert any("Research use only" in text for text in texts)


def test_ecgs_of_an_archive_are_read_and_reports_stored_there_once(
    orthanc: Orthanc, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_waveform(dataset: pydicom.Dataset) -> None:
        del dataset.WaveformSequence

    sent = [ecg(1), ecg(2, name="rhythm_afib", implicit=True), ecg(3, study=2, patient="Q", sop_class=GENERAL, date="20240220")]
    for one in sent:
        stream = io.BytesIO()
        pydicom.dcmwrite(stream, one)
        orthanc.rest("/instances", stream.getvalue())
    orthanc.rest("/instances", ecg_bytes(4, change=no_waveform))
    orthanc.rest("/instances", ecg_bytes(5, sop_class=CT, change=no_waveform))

    assert main(["archive", "find", orthanc.url, "--json"]) == 0
    listed = capsys.readouterr().out
    assert {json.loads(line)["sop_instance_uid"] for line in listed.splitlines()} == {f"{ROOT}.1.1.{n}" for n in (1, 2, 4)} | {
        f"{ROOT}.2.1.3"
    }
    assert "Nimrod" not in listed
    assert "P-0042" not in listed
    assert main(["archive", "find", orthanc.url, "--from", "2024-02-01", "--to", "2024-03-01", "--patient", "Q", "--identity"]) == 0
    assert "Q  Nimrod^Zacharias" in capsys.readouterr().out

    out = tmp_path / "out"
    command = ["archive", "read", orthanc.url, "--out", str(out), "--sr", "--pdf", "--stow"]
    assert main(command) == 1  # one has no waveform
    said = capsys.readouterr().err
    assert "3 ECGs read, 0 read before, 1 refused, 0 failed, 3 reports stored" in said
    rows = (out / "readings.jsonl").read_text()
    assert "Nimrod" not in rows
    assert "P-0042" not in rows
    assert sorted(json.loads(row)["status"] for row in rows.splitlines()) == ["read", "read", "read", "refused"]
    stored = reports(orthanc)
    assert len(stored) == 3
    by_ecg = {read_of(one): one for one in stored}
    for one in sent:
        check_report(by_ecg[str(one.SOPInstanceUID)], one)
        assert (out / f"{one.SOPInstanceUID}.pdf").read_bytes()[:4] == b"%PDF"
        assert pydicom.dcmread(out / f"{one.SOPInstanceUID}.sr.dcm").SOPInstanceUID == by_ecg[str(one.SOPInstanceUID)].SOPInstanceUID

    assert main(command) == 0
    assert "0 ECGs read, 4 read before" in capsys.readouterr().err
    assert (out / "readings.jsonl").read_text() == rows
    assert main([*command[:4], str(tmp_path / "anew"), "--stow"]) == 1
    assert len(reports(orthanc)) == 3  # the same reading has the same identifier


def test_fetched_files_are_the_archives(orthanc: Orthanc, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    orthanc.rest("/instances", ecg_bytes(1))
    assert main(["archive", "fetch", orthanc.url, "--out", str(tmp_path / "in")]) == 0
    assert (tmp_path / "in" / f"{ROOT}.1.1.1.dcm").read_bytes() == orthanc.rest(f"/instances/{orthanc.instances()[0]}/file")
    assert main(["archive", "fetch", orthanc.url, "--out", str(tmp_path / "in")]) == 0
    assert "0 ECGs fetched, 1 were there, 0 failed" in capsys.readouterr().out


def test_a_wrong_password_is_said(orthanc: Orthanc, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("HEART_READER_ARCHIVE_PASSWORD", "wrong words")
    assert main(["archive", "find", orthanc.url]) == 1
    said = capsys.readouterr().err
    assert "status 401" in said
    assert "wrong words" not in said


@contextmanager
def listening(port: int, folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Run the receiver as a process, and see it end well on SIGTERM."""
    command = [sys.executable, "-m", "heart_reader", "archive", "listen", "--port", str(port), "--spool", str(folder / "spool"), *options]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        assert f"listens as HEART_READER on 127.0.0.1:{port}" in process.stdout.readline()
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert not [path for path in (folder / "spool").rglob(".*") if path.is_file()]
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def store(port: int, dataset: pydicom.Dataset, title: str = "CART") -> int:
    entity = AE(title)
    entity.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
    association = entity.associate("127.0.0.1", port, ae_title="HEART_READER")
    assert association.is_established
    status = association.send_c_store(dataset)
    association.release()
    return int(status.Status)


@pytest.mark.parametrize("way", ["C-STORE", "STOW"])
def test_an_ecg_that_is_sent_to_the_receiver_comes_back_as_a_report(orthanc: Orthanc, tmp_path: Path, way: str) -> None:
    to = ["--send-to", f"ORTHANC@127.0.0.1:{orthanc.dicom}"] if way == "C-STORE" else ["--stow", orthanc.url]
    with listening(orthanc.receiver, tmp_path, *to, "--allow", "ORTHANC", "--allow", "CART"):
        # From a cart, and from the archive itself, which forwards what it has.
        assert store(orthanc.receiver, ecg(1)) == 0
        until(lambda: len(reports(orthanc)) == 1)
        check_report(reports(orthanc)[0], ecg(1))
        first = json.loads(orthanc.rest("/instances", ecg_bytes(2, name="rhythm_afib")))["ID"]
        assert orthanc.rest("/modalities/reader/echo", b"{}") == b"{}"
        orthanc.rest("/modalities/reader/store", first.encode())
        until(lambda: len(reports(orthanc)) == 2)
        until(lambda: not list((tmp_path / "spool").rglob("*.dcm")))
    log = (tmp_path / "log").read_text()
    assert [json.loads(line)["event"] for line in log.splitlines()].count("report sent") == 2
    assert "Nimrod" not in log
    assert "P-0042" not in log


def test_reports_wait_for_an_archive_that_is_away(orthanc: Orthanc, tmp_path: Path) -> None:
    port = free_port()
    with listening(port, tmp_path, "--send-to", f"ORTHANC@127.0.0.1:{free_port()}"):
        assert store(port, ecg(1)) == 0
        until(lambda: list((tmp_path / "spool" / "reports").glob("*.dcm")))
    assert "out of reach" in (tmp_path / "log").read_text()
    with listening(port, tmp_path, "--send-to", f"ORTHANC@127.0.0.1:{orthanc.dicom}"):
        until(lambda: len(reports(orthanc)) == 1)
        until(lambda: not list((tmp_path / "spool").rglob("*.dcm")))
