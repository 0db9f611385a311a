"""Several readers on one server: asked for by name, each with its classes, facts and counters."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from heart_reader.checkpoint import load_checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.commands import main
from heart_reader.data.formats import read_record
from heart_reader.errors import ConfigError
from heart_reader.frontend import Settings, create_app
from heart_reader.frontend.audit import audit_into
from heart_reader.frontend.schemas import Reading
from heart_reader.frontend.served_readers import name_readers
from heart_reader.samples import sample
from heart_reader.weights import DEFAULT_READER
from tests.own_readers import LONG_NAMES, OWN_READERS

PREDICT, EXPLAIN = "/api/v1/predict", "/api/v1/explain"


@pytest.fixture(scope="module")
def checkpoints(tiny_checkpoint: Path, own_checkpoints: dict[str, Path], screen_checkpoint: Path) -> dict[str, Path]:
    return {"usual": tiny_checkpoint, **own_checkpoints, "screen": screen_checkpoint}


@pytest.fixture(scope="module")
def several(settings: Settings, checkpoints: dict[str, Path]) -> Iterator[TestClient]:
    """A server of six readers."""
    named = tuple(f"{name}={path}" for name, path in checkpoints.items())
    changed = settings.model_copy(update={"checkpoint": None, "readers": named})
    with TestClient(create_app(changed), raise_server_exceptions=False) as started:
        yield started


def read(client: TestClient, ecg_csv: bytes, **params: Any) -> Any:
    return client.post(PREDICT, params=params, files={"file": ("a.csv", ecg_csv)})


def test_the_readers_are_listed_the_default_first(several: TestClient, checkpoints: dict[str, Path]) -> None:
    listed = several.get("/api/v1/readers").json()
    assert [one["name"] for one in listed] == list(checkpoints)
    for one in listed:
        classifier = EcgClassifier.load(checkpoints[one["name"]])
        assert (one["level"], one["leads"]) == (classifier.level, list(classifier.preprocessor.leads))
        assert one["levels"][one["level"]] == list(classifier.space.levels[classifier.level].class_names)
        assert (one["checkpoint_sha256"], one["intact"], one["title"]) == (classifier.checkpoint.sha256, True, None)


@pytest.mark.parametrize("name", ["usual", *OWN_READERS, "screen"])
def test_each_reads_as_its_classifier_does_and_shows_its_own_card(
    several: TestClient, checkpoints: dict[str, Path], ecg_csv: bytes, name: str
) -> None:
    answer = read(several, ecg_csv, reader=name)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert Reading.model_validate(body).model_dump(mode="json", exclude_unset=True) == body
    sha256 = load_checkpoint(checkpoints[name]).sha256
    card = several.get("/api/v1/model", params={"reader": name}).json()
    assert body["model"]["checkpoint_sha256"] == card["checkpoint_sha256"] == sha256
    assert (card["reader"], card["readers"]) == (name, list(checkpoints))
    level = next(iter(body["levels"]))
    assert (level, list(body["levels"][level])) == (card["level"], card["levels"][level])
    assert body["conclusion"]["kind"] != "normal"
    sample = several.get("/api/v1/samples/pair", params={"reader": name}).json()
    assert (sample["model"]["checkpoint_sha256"], "waveform" in sample) == (sha256, True)


def test_classes_come_with_their_titles_and_words(several: TestClient) -> None:
    meanings = {name: several.get("/api/v1/model", params={"reader": name}).json()["class_meanings"] for name in OWN_READERS}
    assert meanings["cpsc"]["cpsc2018"]["LBBB"] == {"title": "Left bundle branch block", "words": "CLBBB"}
    assert meanings["beats"]["aami"]["V"]["words"] == "beat_V"
    assert meanings["single"]["fibrillation"] == {"AFIB": {"title": "Atrial fibrillation, as our ward calls it", "words": None}}
    assert meanings["names"]["<b>ward</b>"] == {name: {"title": name, "words": None} for name in LONG_NAMES}
    usual = several.get("/api/v1/model").json()["class_meanings"]
    assert usual["frequent"]["LBBB"]["words"] == "CLBBB"
    assert "superdiagnostic" not in usual


def test_the_first_reads_where_nobody_is_asked_for_and_the_form_may_ask(several: TestClient, ecg_csv: bytes) -> None:
    assert "superdiagnostic" in read(several, ecg_csv).json()["levels"]
    asked = several.post(PREDICT, data={"reader": "beats"}, files={"file": ("a.csv", ecg_csv)})
    assert list(asked.json()["levels"]) == ["aami"]


@pytest.mark.parametrize(
    "address",
    [
        f"{PREDICT}?reader=nobody",
        f"{EXPLAIN}?finding=MI&reader=nobody",
        "/api/v1/samples/pair?reader=nobody",
        "/api/v1/model?reader=nobody",
    ],
)
def test_an_unknown_reader_is_refused_with_the_names_there_are(several: TestClient, ecg_csv: bytes, address: str) -> None:
    upload = {"file": ("a.csv", ecg_csv)}
    answer = several.post(address, files=upload) if address.startswith((PREDICT, EXPLAIN)) else several.get(address)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_reader")
    assert "usual, cpsc, beats, single, names, screen" in answer.json()["message"]


@pytest.mark.parametrize(("name", "finding"), [("names", LONG_NAMES[0]), ("names", LONG_NAMES[2]), ("beats", "V"), ("screen", "MI")])
def test_explanations_follow_the_reader(several: TestClient, ecg_csv: bytes, name: str, finding: str) -> None:
    answer = several.post(EXPLAIN, params={"finding": finding, "reader": name}, files={"file": ("a.csv", ecg_csv)})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    levels = read(several, ecg_csv, reader=name).json()["levels"]
    assert (body["finding"], body["level"]) == (finding, next(iter(levels)))
    assert body["probability"] == pytest.approx(levels[body["level"]][finding]["probability"], abs=1e-5)
    assert several.post(EXPLAIN, params={"finding": finding}, files={"file": ("a.csv", ecg_csv)}).status_code == (
        200 if finding == "MI" else 422
    )


def test_counters_and_audit_lines_name_who_read(several: TestClient, checkpoints: dict[str, Path], ecg_csv: bytes, tmp_path: Path) -> None:
    level = logging.getLogger("heart_reader").level
    logging.getLogger("heart_reader").setLevel(logging.INFO)
    audit_into(tmp_path / "audit.log")
    try:
        read(several, ecg_csv, reader="cpsc")
        several.get("/api/v1/samples/pair/explanation", params={"finding": "V", "reader": "beats"})
        read(several, ecg_csv, reader="nobody")
    finally:
        audit_into(None)
        logging.getLogger("heart_reader").setLevel(level)
    lines = [json.loads(line) for line in (tmp_path / "audit.log").read_text(encoding="utf-8").splitlines()]
    hashes = [load_checkpoint(checkpoints[name]).sha256 for name in ("cpsc", "beats")]
    assert [line["model_sha256"] for line in lines] == [*hashes, None]
    assert re.search(r'heart_reader_readings_total\{outcome="read",reader="cpsc"\} [1-9]', several.get("/metrics").text)


def test_one_changed_checkpoint_is_seen_and_named_in_the_list(settings: Settings, tiny_checkpoint: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_checkpoint, tmp_path / "other")
    changed = settings.model_copy(update={"checkpoint": None, "readers": (str(tiny_checkpoint), str(tmp_path / "other"))})
    with TestClient(create_app(changed), raise_server_exceptions=False) as client:
        assert client.get("/ready").status_code == 200
        (tmp_path / "other" / "manifest.json").write_text("{}", encoding="utf-8")
        assert (client.get("/ready").status_code, client.get("/ready").json()["code"]) == (503, "checkpoint_changed")
        assert [(one["name"], one["intact"]) for one in client.get("/api/v1/readers").json()] == [("tiny", True), ("other", False)]


def test_a_reader_is_called_after_its_folder_its_run_or_as_asked(tiny_checkpoint: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_checkpoint, tmp_path / "a=b")
    assert name_readers(()) == {DEFAULT_READER: name_readers((DEFAULT_READER,))[DEFAULT_READER]}
    assert list(name_readers((str(tiny_checkpoint), "mine=ptbxl-int8", f"also={tiny_checkpoint}"))) == ["tiny", "mine", "also"]
    assert name_readers((f"it={tmp_path / 'a=b'}",)) == {"it": tmp_path / "a=b"}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("ptbxl-int8", "ptbxl-int8"), "two readers are called ptbxl-int8"),
        (("<b>=ptbxl-int8",), "cannot be called '<b>'"),
        (("nobody-knows",), "nobody-knows"),
    ],
)
def test_readers_that_cannot_be_served_are_refused(asked: tuple[str, ...], words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        name_readers(asked)


def test_the_command_hands_on_every_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Settings] = []
    monkeypatch.setattr("heart_reader.frontend.server.serve", served.append)
    monkeypatch.setenv("HEART_READER_CHECKPOINT", "elsewhere")
    assert main(["serve", "ptbxl-int8", "mine=runs/mine/checkpoint", "--port", "8123"]) == 0
    assert main(["serve", "--checkpoint", "runs/mine"]) == 0
    assert main(["serve"]) == 0
    assert [one.asked_readers for one in served] == [("ptbxl-int8", "mine=runs/mine/checkpoint"), ("runs/mine",), ("elsewhere",)]


def test_settings_refuse_both_ways_of_naming_readers() -> None:
    with pytest.raises(ValueError, match="both set"):
        Settings(checkpoint=Path("a"), readers="b")


def test_screens_are_asked_beside_the_levels_with_what_they_presuppose(several: TestClient, ecg_csv: bytes) -> None:
    body = read(several, ecg_csv).json()
    assert list(body["screens"]) == ["mi_vs_norm", "normal_vs_abnormal"]
    assert not body["screens"].keys() & body["levels"].keys()
    superclasses = body["levels"]["superdiagnostic"]
    assert 0 < body["screens"]["mi_vs_norm"]["classes"]["MI"]["probability"] < 1
    sentence = body["screens"]["mi_vs_norm"]["presupposes"]
    assert "Myocardial infarction, against Normal ECG" in sentence
    assert body["messages"][sentence]["code"] == "screen_presupposes"
    assert superclasses["MI"]["probability"] != body["screens"]["mi_vs_norm"]["classes"]["MI"]["probability"]
    explained = several.post(EXPLAIN, params={"finding": "MI", "level": "mi_vs_norm"}, files={"file": ("a.csv", ecg_csv)}).json()
    assert explained["probability"] == pytest.approx(body["screens"]["mi_vs_norm"]["classes"]["MI"]["probability"], abs=1e-5)
    for name in OWN_READERS:
        assert read(several, ecg_csv, reader=name).json()["screens"] == {}


def test_a_binary_reader_reads_its_question_as_its_level(several: TestClient, ecg_csv: bytes) -> None:
    body = read(several, ecg_csv, reader="screen").json()
    assert (list(body["levels"]), body["model"]["name"]) == (["mi_vs_norm"], "hmt_ecgnet")
    assert "screen_presupposes" in {body["messages"][warning]["code"] for warning in body["warnings"]}


def test_a_screen_is_not_decided_where_the_reading_states_neither_side(tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = EcgClassifier.load(tiny_checkpoint)
    record = read_record(sample("norm"))
    sure = np.full(classifier.space.n_outputs, -9.0)
    sides = classifier.space.head_slice("superdiagnostic")
    for stated in ("MI", "STTC"):
        logits = sure.copy()
        logits[sides][classifier.space.levels["superdiagnostic"].class_names.index(stated)] = 9.0
        monkeypatch.setattr(classifier, "logits", lambda batch, row=logits: np.tile(row, (len(batch), 1)))
        reading = classifier.predict(record)
        (screen,) = reading.screens["mi_vs_norm"].classes.values()
        assert reading.levels["superdiagnostic"][stated].probability > 0.5
        assert (screen.decision == "uncertain") == (reading.levels["superdiagnostic"]["MI"].decision != "present")
