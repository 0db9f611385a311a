"""The receiver takes ECGs of those who may send them, bounds them, and reports back."""

from __future__ import annotations

import gc
import json
import logging
import socket
import struct
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode
from pynetdicom.sop_class import CTImageStorage, Verification

from heart_reader.archive.access import Access
from heart_reader.archive.destination import CStore, Destination, NotTaken, Stow
from heart_reader.archive.dicomweb import Archive
from heart_reader.archive.names import ECG_CLASSES, AeAddress
from heart_reader.archive.receiver import Limits, Receiver
from heart_reader.archive.report import encoded, facts_of, report_of
from heart_reader.archive.service import Service
from heart_reader.archive.spool import Spool
from heart_reader.classifier import EcgClassifier
from heart_reader.errors import ArchiveError, ConfigError
from heart_reader.weights import find_reader
from tests.archive.dicomweb_server import Store, serving
from tests.archive.ecgs import ROOT, TWELVE_LEAD, ecg

# The same, where it is collected at once.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
QUICK = Limits(idle_s=5, room_s=0.1)


@pytest.fixture(scope="module", autouse=True)
def collected() -> Iterator[None]:
    """Collect what pynetdicom leaves: the sockets of callers who were refused or cut off."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


@pytest.fixture(scope="module")
def classifier() -> EcgClassifier:
    return EcgClassifier.load(find_reader(None))


@contextmanager
def receiving(folder: Path, limits: Limits = QUICK, callers: tuple[str, ...] | None = ("CART",), capacity: int = 9) -> Iterator[Receiver]:
    receiver = Receiver("HEART_READER", callers, Spool(folder, capacity), limits)
    receiver.start("127.0.0.1", 0)
    try:
        yield receiver
    finally:
        receiver.stop(0.5)


def associate(port: int, *classes: str, title: str = "CART", called: str = "HEART_READER") -> Association:
    entity = AE(title)
    entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 10
    for one in classes:
        entity.add_requested_context(one)
    return entity.associate("127.0.0.1", port, ae_title=called)


def store(port: int, dataset: pydicom.Dataset) -> int | None:
    association = associate(port, str(dataset.SOPClassUID))
    assert association.is_established
    status = association.send_c_store(dataset).get("Status")
    association.release()
    return status


def store_one(port: int) -> bool:
    """Whether an ECG is taken."""
    association = associate(port, TWELVE_LEAD)
    if association.is_established:
        association.release()
    return bool(association.is_released)


def sent(dataset: pydicom.Dataset) -> pydicom.Dataset:
    """As pynetdicom sends it by default."""
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
    return dataset


def until(true: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def waiting(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "ecgs").iterdir())


def test_every_class_of_ecg_is_taken_and_an_echo_answered(tmp_path: Path) -> None:
    with receiving(tmp_path) as receiver:
        association = associate(receiver.port, Verification)
        assert association.send_c_echo().Status == 0
        association.release()
        for number, sop_class in enumerate(ECG_CLASSES, 1):
            assert store(receiver.port, sent(ecg(number, sop_class=sop_class))) == 0
    assert waiting(tmp_path) == [f"{ROOT}.1.1.{number}.0.dcm" for number in range(1, 5)]
    assert facts_of((tmp_path / "ecgs" / f"{ROOT}.1.1.2.0.dcm").read_bytes()).PatientID == "P-0042"


def test_who_is_not_listed_or_calls_another_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with receiving(tmp_path) as receiver:
        assert associate(receiver.port, TWELVE_LEAD, title="STRANGER").is_rejected
        assert associate(receiver.port, TWELVE_LEAD, called="OTHER").is_rejected
        assert store_one(receiver.port)
    refused = [record for record in caplog.records if record.getMessage() == "connection refused"]
    assert [record.__dict__["caller"] for record in refused] == ["STRANGER@127.0.0.1", "CART@127.0.0.1"]
    with receiving(tmp_path, callers=None) as receiver:
        stranger = associate(receiver.port, TWELVE_LEAD, title="STRANGER")
        assert stranger.is_established
        stranger.release()


def test_what_is_no_ecg_is_not_even_offered_a_place(tmp_path: Path) -> None:
    with receiving(tmp_path) as receiver:
        association = associate(receiver.port, CTImageStorage, TWELVE_LEAD)
        assert [one.abstract_syntax for one in association.accepted_contexts] == [TWELVE_LEAD]
        association.release()


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda one: delattr(one, "StudyInstanceUID"), 0xC000),
        (lambda one: setattr(one, "SeriesInstanceUID", ""), 0xC000),
    ],
)
def test_an_object_that_cannot_be_filed_is_refused_and_the_next_taken(
    tmp_path: Path, change: Callable[[pydicom.Dataset], object], status: int
) -> None:
    with receiving(tmp_path) as receiver:
        assert store(receiver.port, sent(ecg(1, change=change))) == status
        assert store(receiver.port, sent(ecg(2))) == 0
    assert waiting(tmp_path) == [f"{ROOT}.1.1.2.0.dcm"]


def announced(association: Association, uid: str, content: bytes) -> int:
    """Send bytes as the data set of an ECG; return the status."""
    association._reactor_checkpoint.clear()
    until(lambda: association._is_paused)
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = TWELVE_LEAD, uid
    request.DataSet = BytesIO(content)
    association.dimse.send_msg(request, association.accepted_contexts[0].context_id)
    _, answer = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    return int(answer.Status)


def test_an_object_that_is_not_the_one_announced_is_refused(tmp_path: Path) -> None:
    content = encode(ecg(1), True, True) or b""
    with receiving(tmp_path) as receiver:
        association = associate(receiver.port, TWELVE_LEAD)
        assert announced(association, "1.2.3", content) == 0xA900
        for rubbish in (b"\xff" * 999, b"\0" * 8, content[:50]):
            assert announced(association, "1.2.3", rubbish) == 0xC000
        assert announced(association, f"{ROOT}.1.1.1", content) == 0
        association.release()
    assert waiting(tmp_path) == [f"{ROOT}.1.1.1.0.dcm"]


def test_a_full_spool_makes_the_sender_wait_and_then_says_so(tmp_path: Path) -> None:
    with receiving(tmp_path, capacity=1) as receiver:
        assert store(receiver.port, sent(ecg(1))) == 0
        began = time.monotonic()
        assert store(receiver.port, sent(ecg(2))) == 0xA700
        assert time.monotonic() - began >= QUICK.room_s
    assert waiting(tmp_path) == [f"{ROOT}.1.1.1.0.dcm"]


def test_a_full_disk_is_no_reason_to_lose_an_ecg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    with receiving(tmp_path) as receiver:
        monkeypatch.setattr("heart_reader.archive.spool._write", full)
        assert store(receiver.port, sent(ecg(1))) == 0xA700


def test_an_object_beyond_the_limit_ends_its_connection_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def longer(dataset: pydicom.Dataset) -> None:
        dataset.WaveformSequence[0].WaveformData = bytes(3 << 20)

    with receiving(tmp_path, Limits(max_bytes=1 << 20, idle_s=5, room_s=0.1)) as receiver:
        assert store(receiver.port, sent(ecg(1, change=longer))) is None
        assert store(receiver.port, sent(ecg(2))) == 0
    assert waiting(tmp_path) == [f"{ROOT}.1.1.2.0.dcm"]
    assert "an object of more than 1048576 bytes" in [record.__dict__.get("reason") for record in caplog.records]


@pytest.mark.parametrize(
    "first",
    [
        b"\x01\0" + struct.pack(">L", 0xFFFFFFFF),  # a request of 4 GB
        b"\x04\0" + struct.pack(">L", 1 << 30),
        b"\x01\0" + struct.pack(">L", 68) + bytes(68),
        b"\x09\0\0\0\0\0",
        b"GET / HTTP/1.1\r\n\r\n",
        b"",
    ],
)
def test_rubbish_ends_its_connection_only(tmp_path: Path, first: bytes) -> None:
    with receiving(tmp_path) as receiver, socket.create_connection(("127.0.0.1", receiver.port), timeout=10) as raw:
        raw.sendall(first)
        if first:
            while raw.recv(100):
                pass
        assert store(receiver.port, sent(ecg(1))) == 0


def test_a_unit_that_is_longer_than_agreed_ends_its_connection(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with receiving(tmp_path) as receiver:
        association = associate(receiver.port, TWELVE_LEAD)
        assert association.is_established
        raw = association.dul.socket.socket
        raw.sendall(b"\x04\0" + struct.pack(">L", QUICK.max_pdu + 7))
        until(lambda: "a unit of" in str([record.__dict__.get("reason") for record in caplog.records]))
        until(lambda: not association.is_established)


def test_connections_are_bounded_also_of_those_who_say_nothing(tmp_path: Path) -> None:
    with receiving(tmp_path, Limits(connections=2, idle_s=2)) as receiver:
        silent = [socket.create_connection(("127.0.0.1", receiver.port), timeout=10) for _ in range(8)]
        closed = 0
        for one in silent[4:]:
            closed += one.recv(1) == b""
        assert closed == 4
        for one in silent:
            one.close()
        until(lambda: store_one(receiver.port))


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    with receiving(tmp_path / "a") as receiver:
        other = Receiver("OTHER", None, Spool(tmp_path / "b", 1))
        with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConfigError, match="cannot listen"):
            other.start("127.0.0.1", taken.getsockname()[1])
        assert receiver.port


class Remembering:
    """A destination that keeps what it gets, and first fails as it is told."""

    def __init__(self, *failures: ArchiveError) -> None:
        self.failures, self.got = list(failures), list[bytes]()

    def send(self, report: bytes) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.got.append(report)


@contextmanager
def serving_reports(folder: Path, classifier: EcgClassifier, to: Destination | None, out: Path | None = None) -> Iterator[Service]:
    spool = Spool(folder, 9)
    service = Service(Receiver("HEART_READER", None, spool, QUICK), spool, classifier, to, out)
    service.start("127.0.0.1", 0)
    try:
        yield service
    finally:
        service.stop(5)
        assert not [thread for thread in threading.enumerate() if thread.name in ("reads", "sends", "receiver")]


def test_an_ecg_comes_back_as_a_report(tmp_path: Path, classifier: EcgClassifier, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "heart_reader")
    to = Remembering()
    with serving_reports(tmp_path / "spool", classifier, to, tmp_path) as service:
        broken = sent(ecg(1, change=lambda one: delattr(one, "WaveformSequence")))
        assert store(service.receiver.port, broken) == 0
        assert store(service.receiver.port, sent(ecg(2))) == 0
        until(lambda: to.got and not len(service.spool))
    (report,) = map(facts_of, to.got)
    assert (report.PatientID, report.StudyInstanceUID) == ("P-0042", f"{ROOT}.1")
    reading = json.loads((tmp_path / f"{ROOT}.1.1.2.json").read_text())
    assert reading["conclusion"]
    events = [(record.getMessage(), record.__dict__.get("sop_instance_uid", "")[-1:]) for record in caplog.records]
    assert ("ECG not read", "1") in events
    assert [event for event in events if event[1] == "2"] == [("ECG received", "2"), ("ECG read", "2"), ("report sent", "2")]
    said = " ".join(str(record.__dict__) for record in caplog.records if record.name.startswith("heart_reader"))
    assert "Nimrod" not in said
    assert "P-0042" not in said


def test_a_report_waits_for_an_archive_that_is_away(tmp_path: Path, classifier: EcgClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heart_reader.archive.service._FIRST_PAUSE_S", 0.01)
    to = Remembering(ArchiveError("away"), ArchiveError("still away"))
    with serving_reports(tmp_path, classifier, to) as service:
        assert store(service.receiver.port, sent(ecg(1))) == 0
        until(lambda: to.got and not len(service.spool))


def test_a_report_that_is_refused_is_kept_and_the_next_sent(tmp_path: Path, classifier: EcgClassifier) -> None:
    to = Remembering(NotTaken("no"))
    with serving_reports(tmp_path, classifier, to) as service:
        assert store(service.receiver.port, sent(ecg(1))) == 0
        until(lambda: not to.failures)
        assert store(service.receiver.port, sent(ecg(2))) == 0
        until(lambda: len(to.got) == 1)
    assert [path.name for path in (tmp_path / "reports").iterdir()] == [f"{ROOT}.1.1.1.dcm"]


def test_an_ecg_is_read_again_when_the_disk_was_full(tmp_path: Path, classifier: EcgClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heart_reader.archive.service._FIRST_PAUSE_S", 0.01)
    to, times = Remembering(), list[int]()
    right = Spool.done

    def full_at_first(self: Spool, *args: object) -> None:
        times.append(1)
        if len(times) < 3:
            raise OSError(28, "No space left on device")
        right(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Spool, "done", full_at_first)
    with serving_reports(tmp_path, classifier, to) as service:
        assert store(service.receiver.port, sent(ecg(1))) == 0
        until(lambda: to.got)


def test_a_service_that_stops_leaves_what_waits(tmp_path: Path, classifier: EcgClassifier) -> None:
    with serving_reports(tmp_path, classifier, Remembering(*[ArchiveError("away")] * 9)) as service:
        for number in range(1, 4):
            assert store(service.receiver.port, sent(ecg(number))) == 0
    assert len(Spool(tmp_path, 9)) == 3
    to = Remembering()
    with serving_reports(tmp_path, classifier, to) as service:
        until(lambda: len(to.got) == 3)


@pytest.fixture(scope="module")
def report(classifier: EcgClassifier) -> bytes:
    from heart_reader.data.formats import read_record
    from heart_reader.samples import sample

    stream = BytesIO()
    pydicom.dcmwrite(stream, ecg(1))
    return encoded(report_of(classifier.predict(read_record(sample("norm"))), facts_of(stream.getvalue())))


@pytest.mark.parametrize(
    ("statuses", "error"),
    [([0x0000], None), ([0xB000], None), ([0xA700], ArchiveError), ([0xA900], NotTaken), ([0xC123], NotTaken)],
)
def test_reports_go_by_c_store(report: bytes, statuses: list[int], error: type[Exception] | None) -> None:
    got = []
    entity = AE("PACS")
    entity.add_supported_context(pydicom.dcmread(BytesIO(report)).SOPClassUID)

    def stored(event: evt.Event) -> int:
        got.append(event.dataset)
        return statuses[0]

    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, stored)])
    assert server is not None
    to = CStore("HEART_READER", AeAddress("PACS", "127.0.0.1", server.server_address[1]))
    try:
        if error is None:
            to.send(report)
            assert got[0].PatientID == "P-0042"
        else:
            with pytest.raises(ArchiveError) as raised:
                to.send(report)
            assert type(raised.value) is error
    finally:
        server.shutdown()
    with pytest.raises(ArchiveError, match="out of reach"):
        to.send(report)


def test_an_archive_without_place_for_reports_refuses_for_good(report: bytes) -> None:
    entity = AE("PACS")
    entity.add_supported_context(CTImageStorage)
    entity.require_called_aet = True
    server = entity.start_server(("127.0.0.1", 0), block=False)
    assert server is not None
    port = server.server_address[1]
    try:
        with pytest.raises(NotTaken, match="does not take structured reports"):
            CStore("HEART_READER", AeAddress("PACS", "127.0.0.1", port)).send(report)
        with pytest.raises(ArchiveError, match="does not let us in"):
            CStore("HEART_READER", AeAddress("OTHER", "127.0.0.1", port)).send(report)
    finally:
        server.shutdown()


def test_reports_go_by_stow(report: bytes) -> None:
    with serving(Store()) as there, Archive(Access(there.url, retries=0)) as archive:
        Stow(archive).send(report)
        assert list(there.objects) == [str(facts_of(report).SOPInstanceUID)]
        there.answer = lambda method, path: (500, {}, b"")
        with pytest.raises(ArchiveError):
            Stow(archive).send(report)
