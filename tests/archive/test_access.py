"""Who is let into an archive, and that secrets stay secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from heart_reader.archive.access import Access, headers_of_environment, headers_of_file
from heart_reader.archive.names import AeAddress, checked_ae, checked_uid, derived_uid
from heart_reader.errors import ArchiveError, ConfigError

URL = "https://archive.example/dicom-web"


def test_secrets_come_from_the_environment() -> None:
    assert headers_of_environment({}) == {}
    assert headers_of_environment({"HEART_READER_ARCHIVE_TOKEN": "abc"}) == {"Authorization": "Bearer abc"}
    both = {"HEART_READER_ARCHIVE_USER": "ward", "HEART_READER_ARCHIVE_PASSWORD": "p:w"}
    assert headers_of_environment(both) == {"Authorization": "Basic d2FyZDpwOnc="}


@pytest.mark.parametrize(
    "environment",
    [
        {"HEART_READER_ARCHIVE_USER": "ward"},
        {"HEART_READER_ARCHIVE_PASSWORD": "secret-words"},
        {"HEART_READER_ARCHIVE_TOKEN": "secret-words", "HEART_READER_ARCHIVE_USER": "a", "HEART_READER_ARCHIVE_PASSWORD": "b"},
        {"HEART_READER_ARCHIVE_TOKEN": "secret-words\r\nX-Other: 1"},
        {"HEART_READER_ARCHIVE_TOKEN": "secret-wörds"},
        {"HEART_READER_ARCHIVE_USER": "a:b", "HEART_READER_ARCHIVE_PASSWORD": "secret-words"},
    ],
)
def test_half_or_broken_secrets_are_refused_without_saying_them(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as error:
        headers_of_environment(environment)
    assert "secret" not in error.value.message


def test_secrets_come_from_a_file_that_not_everyone_reads(tmp_path: Path) -> None:
    file = tmp_path / "headers"
    file.write_text("# of the ward\nAuthorization: Bearer abc.def==\n\nX-API-Key: 12 34\n")
    file.chmod(0o640)
    assert headers_of_file(file) == {"Authorization": "Bearer abc.def==", "X-API-Key": "12 34"}
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod o-r"):
        headers_of_file(file)
    file.chmod(0o600)
    for text in ("hidden", "Name : hidden", "A: b\x00hidden", "", "# nothing\n", "A: hiddén"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError) as error:
            headers_of_file(file)
        assert "hidd" not in error.value.message
    with pytest.raises(ConfigError, match="cannot be read"):
        headers_of_file(tmp_path / "none")


NO_ADDRESSES = (
    "archive.example", "ftp://archive.example", "https://", "https://a:b", "http://[::1", "https://a/b?c=d", "https://a/#b", "",
)  # fmt: skip


@pytest.mark.parametrize("url", NO_ADDRESSES)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="no address of DICOMweb"):
        Access(url)


def test_an_address_has_no_password_in_it() -> None:
    with pytest.raises(ConfigError) as error:
        Access("https://ward:secret@archive.example/dicom-web")
    assert "secret" not in error.value.message


def test_a_secret_travels_in_the_clear_on_this_machine_only() -> None:
    headers = {"Authorization": "Bearer secret"}
    for url in ("http://127.0.0.1:8042/x", "http://localhost/x", "http://[::1]:1/x", URL):
        assert "secret" not in repr(Access(url, headers))
    with pytest.raises(ConfigError, match="--insecure"):
        Access("http://10.0.0.7/dicom-web", headers)
    Access("http://10.0.0.7/dicom-web", headers, insecure=True)
    Access("http://10.0.0.7/dicom-web")


def test_certificates_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file of certificates"):
        Access(URL, ca=tmp_path / "none.pem")


@pytest.mark.parametrize("text", ["../../etc", "1.2/3", "1..2", ".1", "1.", "", "1" * 65, "1.2\n", "１.２", "a.b", "1.2%2f3"])
def test_what_is_no_identifier_never_becomes_a_path(text: str) -> None:
    with pytest.raises(ArchiveError, match="identifies no study"):
        checked_uid(text, "study")


def test_identifiers_and_titles() -> None:
    assert checked_uid("1.2.3\0", "study") == "1.2.3"
    assert derived_uid("a", "b") == derived_uid("a", "b") != derived_uid("a", "c")
    assert len(derived_uid("a")) <= 64
    assert AeAddress.of("A B@::1:104") == AeAddress("A B", "::1", 104)
    assert str(AeAddress.of("A@[::1]:104")) == "A@[::1]:104"
    for wrong in ("", "A", "A@b", "A@b:0", "A@b:65536", "@b:1", "A" * 17 + "@b:1", "A@b:1x", "A\\@b:1", "Ä@b:1"):
        with pytest.raises(ConfigError):
            AeAddress.of(wrong)
    with pytest.raises(ConfigError):
        checked_ae("A\n")
