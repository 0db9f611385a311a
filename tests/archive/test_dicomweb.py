"""The client of DICOMweb, with a small archive that behaves and misbehaves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from heart_reader.archive import http
from heart_reader.archive.access import Access
from heart_reader.archive.dicomweb import Archive, Wanted
from heart_reader.errors import ArchiveError, ConfigError
from tests.archive.dicomweb_server import Answer, Store, serving
from tests.archive.ecgs import ROOT, ecg_bytes

JSON = {"Content-Type": "application/dicom+json"}
CT = "1.2.840.10008.5.1.4.1.1.2"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(http, "_PAUSE_S", 0.01)
    with serving(Store()) as store:
        yield store


@pytest.fixture
def archive(store: Store) -> Iterator[Archive]:
    with Archive(Access(store.url, {"Authorization": "Bearer secret"}, timeout_s=5, retries=2, max_bytes=1 << 20)) as archive:
        yield archive


def found(archive: Archive, **wanted: object) -> list[str]:
    return [one.instance.removeprefix(f"{ROOT}.") for one in archive.find(Wanted(**wanted))]  # type: ignore[arg-type]


def test_a_search_is_narrowed_and_finds_each_ecg_once(store: Store, archive: Archive) -> None:
    for content in (
        ecg_bytes(1), ecg_bytes(2), ecg_bytes(3, study=2, patient="Q", date="20240220"), ecg_bytes(4, sop_class=CT),
        ecg_bytes(5, study=3, change=lambda dataset: setattr(dataset, "Modality", "HD")),
    ):  # fmt: skip
        store.add(content)
    assert found(archive) == ["1.1.1", "1.1.2", "2.1.3"]
    assert found(archive, patient="Q") == ["2.1.3"]
    assert found(archive, first=date(2024, 2, 1)) == ["2.1.3"]
    assert found(archive, last=date(2024, 2, 1)) == ["1.1.1", "1.1.2"]
    assert found(archive, studies=(f"{ROOT}.2",)) == ["2.1.3"]
    assert found(archive, modalities=("ECG", "HD")) == ["1.1.1", "1.1.2", "2.1.3", "3.1.5"]
    assert found(archive, limit=2) == ["1.1.1", "1.1.2"]
    queries = [path for _, path, _ in store.asked]
    assert any("StudyDate=20240201-" in path for path in queries)
    assert any("StudyDate=-20240201" in path for path in queries)


@pytest.mark.parametrize("knows_offsets", [True, False])
def test_pages_are_turned_and_end(store: Store, archive: Archive, knows_offsets: bool) -> None:
    store.page, store.knows_offsets = 2, knows_offsets
    for number in range(5):
        store.add(ecg_bytes(number))
    assert len(found(archive)) == (5 if knows_offsets else 2)


def test_who_was_recorded_is_shown_on_request_only(store: Store, archive: Archive) -> None:
    store.add(ecg_bytes(1))
    (one,) = archive.find(Wanted())
    assert "Nimrod" not in json.dumps(one.to_json())
    assert "P-0042" not in json.dumps(one.to_json())
    assert one.to_json(identity=True)["patient_name"] == "Nimrod^Zacharias"


@pytest.mark.parametrize(
    "wanted",
    [{"patient": "*"}, {"patient": "4?"}, {"patient": " "}, {"patient": "a\\b"}, {"modalities": ("ecg&x",)}, {"studies": ("1.2/../3",)},
     {"first": date(2024, 2, 1), "last": date(2024, 1, 1)}],
)  # fmt: skip
def test_what_would_be_another_question_is_refused(wanted: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        Wanted(**wanted)  # type: ignore[arg-type]


def test_an_ecg_comes_as_the_archive_has_it(store: Store, archive: Archive) -> None:
    store.add(ecg_bytes(1, implicit=True))
    (one,) = archive.find(Wanted())
    assert archive.retrieve(one) == ecg_bytes(1, implicit=True)
    store.answer = lambda method, path: (200, {"Content-Type": "application/dicom"}, ecg_bytes(1))  # bare, as some send it
    assert archive.retrieve(one) == ecg_bytes(1)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, {}, b""), "who asks"),
        ((403, {}, b"Nimrod"), "does not allow"),
        ((404, {}, b""), "no DICOMweb at this address"),
        ((500, {}, b""), "status 500: it failed"),
        ((503, {}, b""), "status 503"),
        ((302, {"Location": "https://elsewhere.example/x?token=1"}, b""), r"moved \(status 302, to https://elsewhere.example/x\)"),
        ((200, JSON, b"<html>"), "is this DICOMweb"),
        ((200, JSON, b"[1]"), "is this DICOMweb"),
        ((200, JSON, b'[{"0020000D": {"Value": ["../x"]}}]'), "identifies no study"),
        ((200, JSON, b'[{"0020000D": {}}]'), "identifies no study"),
        ((200, JSON, b"[" + b" " * (1 << 20) + b"]"), "more than 1 MB"),
    ],
)
def test_an_archive_that_misbehaves_is_an_error_that_says_why(store: Store, archive: Archive, answer: Answer, said: str) -> None:
    store.answer = lambda method, path: answer
    with pytest.raises(ArchiveError, match=said) as error:
        found(archive)
    assert "secret" not in error.value.message
    assert "Nimrod" not in error.value.message
    assert len(store.asked) == (3 if answer[0] == 503 else 1)


@pytest.mark.parametrize("content", [b"", b"no DICOM", b"\0" * 140])
def test_what_is_no_dicom_file_is_an_error(store: Store, archive: Archive, content: bytes) -> None:
    store.add(ecg_bytes(1))
    (one,) = archive.find(Wanted())
    store.answer = lambda method, path: (200, {"Content-Type": "multipart/related; boundary=x"}, content)
    with pytest.raises(ArchiveError, match="no DICOM file"):
        archive.retrieve(one)


def test_a_busy_archive_is_asked_again(store: Store, archive: Archive) -> None:
    store.add(ecg_bytes(1))
    store.answer = lambda method, path: (503, {"Retry-After": "0"}, b"") if len(store.asked) < 3 else None
    assert found(archive) == ["1.1.1"]
    store.answer = lambda method, path: (429, {}, b"") if method == "POST" and sum(one[0] == "POST" for one in store.asked) < 2 else None
    archive.store(ecg_bytes(7))
    assert f"{ROOT}.1.1.7" in store.objects


def test_a_report_that_is_refused_is_an_error(store: Store, archive: Archive) -> None:
    refused = {"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [0xA900]}}]}}
    for answer, said in (
        ((200, JSON, json.dumps(refused).encode()), "A900"),
        ((202, JSON, json.dumps(refused).encode()), "A900"),
        ((409, JSON, b"{}"), "refuses the object"),
        ((200, JSON, b"[]"), "is this DICOMweb"),
    ):
        store.answer = lambda method, path, answer=answer: answer
        with pytest.raises(ArchiveError, match=said):
            archive.store(ecg_bytes(1))


def test_nothing_but_our_own_secret_is_sent(store: Store, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    found(archive)
    assert store.asked[-1][2]["Authorization"] == "Bearer secret"
    assert store.asked[-1][2]["Host"] == store.url.split("/")[2]
    with Archive(Access(store.url)) as stranger:
        found(stranger)
    assert "Authorization" not in store.asked[-1][2]


def test_an_archive_that_is_away_is_an_error() -> None:
    with Archive(Access("http://127.0.0.1:9", retries=0)) as archive, pytest.raises(ArchiveError, match="Connection refused") as error:
        found(archive, patient="P-0042")
    assert "P-0042" not in error.value.message


def test_a_certificate_is_trusted_only_when_it_is_named(tmp_path: Path) -> None:
    certificate = own_certificate(tmp_path)
    with serving(Store(), certificate) as store:
        url = store.url.replace("http://", "https://")
        with Archive(Access(url, retries=0)) as archive, pytest.raises(ArchiveError, match=r"not trusted .*--ca"):
            found(archive)
        assert store.asked == []
        with Archive(Access(url, retries=0, ca=certificate)) as archive:
            assert found(archive) == []


def own_certificate(folder: Path) -> Path:
    """Write a certificate of 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "tests")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "own.pem"
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain) + made.public_bytes(serialization.Encoding.PEM))
    return path
