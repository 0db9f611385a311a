"""The audit line: one for each reading, with names and hashes, and nothing of the patient."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from heart_reader.errors import ConfigError
from heart_reader.frontend import Settings, create_app
from heart_reader.frontend.audit import audit_into

FIELDS = {
    "time", "level", "event", "request_id", "key", "client", "route", "record_sha256", "model_sha256", "outcome", "status", "answer_sha256",
    "duration_ms",
}  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "audit.log"
    level = logging.getLogger("heart_reader").level
    logging.getLogger("heart_reader").setLevel(logging.INFO)
    audit_into(path)
    yield path
    audit_into(None)
    logging.getLogger("heart_reader").setLevel(level)


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_reading_is_one_line(client: TestClient, file: Path, ecg_csv: bytes) -> None:
    answer = client.post("/api/v1/predict", files={"file": ("Jane_Doe.csv", ecg_csv)})
    (line,) = lines(file)
    assert line.keys() == FIELDS
    assert (line["event"], line["key"], line["client"], line["route"]) == ("audit", "local", "testclient", "/api/v1/predict")
    assert line["record_sha256"] == [sha256(ecg_csv)]
    assert line["model_sha256"] == answer.json()["model"]["checkpoint_sha256"]
    assert (line["outcome"], line["status"], line["answer_sha256"]) == ("answered", 200, sha256(answer.content))
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert "Jane" not in file.read_text(encoding="utf-8")


def test_every_file_of_a_record_has_its_hash(client: TestClient, file: Path, samples_dir: Path) -> None:
    header, signal = ((samples_dir / f"pair.{suffix}").read_bytes() for suffix in ("hea", "dat"))
    sent = client.post("/api/v1/predict", files=[("file", ("pair.hea", header)), ("file", ("pair.dat", signal))])
    client.get("/api/v1/samples/steady_beat")
    assert sent.status_code == 200
    first, second = lines(file)
    assert first["record_sha256"] == [sha256(header), sha256(signal)]
    assert (second["route"], second["record_sha256"]) == (
        "/api/v1/samples/{sample_id}",
        [sha256((samples_dir / "steady_beat.csv").read_bytes())],
    )


def test_a_large_file_is_hashed_whole(client: TestClient, file: Path) -> None:
    large = bytes(range(256)) * 6000
    assert client.post("/api/v1/predict", files={"file": ("a.csv", large)}).status_code == 422
    assert lines(file)[0]["record_sha256"] == [sha256(large)]


def test_what_was_not_read_is_logged_by_its_code(client: TestClient, file: Path, ecg_csv: bytes) -> None:
    client.post("/api/v1/predict", files={"file": ("a.csv", b"")})
    client.post("/api/v1/predict", content=b"")
    client.post("/api/v1/explain?finding=MI", files={"file": ("a.csv", ecg_csv)})
    client.get("/api/v1/samples/pair/explanation?finding=XYZ")
    client.get("/api/v1/samples/Jane_Doe")
    client.post("/api/v1/Jane_Doe")
    assert [(line["route"], line["outcome"], line["status"]) for line in lines(file)] == [
        ("/api/v1/predict", "unreadable_record", 422),
        ("/api/v1/predict", "not_multipart", 415),
        ("/api/v1/explain", "answered", 200),
        ("/api/v1/samples/{sample_id}/explanation", "unknown_finding", 422),
        ("/api/v1/samples/{sample_id}", "unknown_sample", 404),
        ("unmatched", "not_found", 404),
    ]
    assert "Jane" not in file.read_text(encoding="utf-8")


def test_what_is_no_reading_has_no_line(client: TestClient, file: Path) -> None:
    for address in ("/", "/health", "/docs", "/api/v1/model", "/api/v1/samples", "/metrics", "/static/style.css"):
        client.get(address)
    assert lines(file) == []


def test_a_fault_of_the_server_has_its_line(settings: Settings, file: Path, ecg_csv: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:

        def fail(*of: object) -> bytes:
            raise RuntimeError("Jane Doe")

        monkeypatch.setattr(client.app.state.service, "read", fail)
        assert client.post("/api/v1/predict", files={"file": ("a.csv", ecg_csv)}).status_code == 500
    (line,) = lines(file)
    assert (line["outcome"], line["status"], line["answer_sha256"]) == ("internal_error", 500, None)
    assert line["record_sha256"] == [sha256(ecg_csv)]
    assert "Jane" not in json.dumps(line)


def test_the_name_of_the_key_is_in_it_and_the_key_is_not(settings: Settings, file: Path, ecg_csv: bytes) -> None:
    key = "a key of enough letters"
    with TestClient(create_app(settings.model_copy(update={"api_key": Settings(api_key=key).api_key}))) as client:
        for sent in (key, key + "x"):
            client.post("/api/v1/predict", files={"file": ("a.csv", ecg_csv)}, headers={"X-API-Key": sent})
    assert [(line["key"], line["outcome"], line["status"]) for line in lines(file)] == [
        ("default", "answered", 200),
        (None, "unauthorized", 401),
    ]
    assert key not in file.read_text(encoding="utf-8")


def test_a_file_that_was_rotated_is_opened_again(client: TestClient, file: Path, ecg_csv: bytes) -> None:
    client.get("/api/v1/samples/pair")
    file.rename(file.with_suffix(".1"))
    client.get("/api/v1/samples/pair")
    assert len(lines(file)) == len(lines(file.with_suffix(".1"))) == 1


def test_a_file_that_cannot_be_written_is_reported_at_once(tmp_path: Path) -> None:
    try:
        with pytest.raises(ConfigError, match="HEART_READER_AUDIT_LOG"):
            audit_into(tmp_path / "absent" / "audit.log")
    finally:
        audit_into(None)


def test_without_a_file_the_lines_are_among_the_others(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        client.get("/api/v1/samples/pair")
    assert [record.getMessage() for record in caplog.records if record.name.startswith("heart_reader")] == ["audit", "request"]
