"""Explanations through the server: uploads, samples, ONNX with and without its origin."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.edge.variants import build_variants
from heart_reader.frontend import Settings, create_app

EXPLAIN = "/api/v1/explain"
SAMPLE = "/api/v1/samples/pair/explanation"


@pytest.fixture(scope="module")
def onnx_checkpoint(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("edge") / "variants"  # beside no checkpoint of another test
    build_variants(tiny_checkpoint, out, overrides=["export.variants=[fp32]"])
    return out / "fp32"


def relevance(answer: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(answer["relevance"]), np.uint8).reshape(len(answer["lead_names"]), answer["n_times"])


def test_an_upload_is_explained(client: TestClient, ecg_csv: bytes) -> None:
    answer = client.post(EXPLAIN, params={"finding": "MI"}, files={"file": ("a.csv", ecg_csv)})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["record_id"], body["level"], body["finding"], body["encoding"]) == ("a", "superdiagnostic", "MI", "base64-uint8")
    assert (tuple(body["lead_names"]), body["fs"], body["n_times"]) == (STANDARD_LEADS, 100.0, 1000)
    assert relevance(body).max() == 255
    assert sum(body["lead_shares"].values()) == pytest.approx(1)
    assert sum(window["share"] for window in body["windows"]) == pytest.approx(1)
    assert (body["windows"][0]["start_s"], body["windows"][-1]["end_s"]) == (0.0, 10.0)
    read = client.post("/api/v1/predict", files={"file": ("a.csv", ecg_csv)}).json()
    assert body["probability"] == pytest.approx(read["levels"]["superdiagnostic"]["MI"]["probability"], abs=1e-6)


def test_a_sample_and_a_stretch_of_it(client: TestClient) -> None:
    body = client.get(SAMPLE, params={"finding": "CLBBB", "level": "all", "start_s": 2.5, "duration_s": 5}).json()
    assert (body["level"], body["start_s"], body["duration_s"], body["n_times"]) == ("all", 2.5, 5.0, 500)
    assert "The explanation covers only the reading of 2.5 to 7.5 s." in body["note"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({}, 422, "invalid_request"),
        ({"finding": ""}, 422, "invalid_request"),
        ({"finding": "XYZ"}, 422, "unknown_finding"),
        ({"finding": "MI", "level": "rhythm"}, 422, "unknown_finding"),
        ({"finding": "MI", "level": "weather"}, 422, "unknown_finding"),
        ({"finding": "MI", "start_s": -1}, 422, "invalid_request"),
        ({"finding": "MI", "start_s": "nan"}, 422, "invalid_request"),
        ({"finding": "MI", "start_s": 11}, 422, "signal_too_short"),
        ({"finding": "MI", "duration_s": 31}, 422, "invalid_request"),
        ({"finding": "MI", "colour": "red"}, 422, "invalid_request"),
    ],
)
def test_what_cannot_be_explained_is_said(client: TestClient, query: dict[str, Any], status: int, code: str) -> None:
    answer = client.get(SAMPLE, params=query)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_file_that_cannot_be_read_is_not_explained(client: TestClient) -> None:
    answer = client.post(EXPLAIN, params={"finding": "MI"}, files={"file": ("a.csv", b"prose")})
    assert answer.status_code == 422
    assert "/tmp" not in answer.text
    assert client.post(EXPLAIN, params={"finding": "MI"}).status_code == 415
    assert client.get("/api/v1/samples/nothing/explanation", params={"finding": "MI"}).json()["code"] == "unknown_sample"


def test_an_exported_reader_is_explained_by_its_origin(settings: Settings, onnx_checkpoint: Path, tiny_checkpoint: Path) -> None:
    named = settings.model_copy(update={"checkpoint": onnx_checkpoint, "explain_checkpoint": tiny_checkpoint})
    with TestClient(create_app(named)) as client:
        body = client.get(SAMPLE, params={"finding": "MI"}).json()
        read = client.get("/api/v1/samples/pair").json()
    assert body["probability"] == pytest.approx(read["levels"]["superdiagnostic"]["MI"]["probability"], abs=1e-5)


def test_without_its_origin_it_is_not_explainable(settings: Settings, onnx_checkpoint: Path) -> None:
    with TestClient(create_app(settings.model_copy(update={"checkpoint": onnx_checkpoint}))) as client:
        answer = client.get(SAMPLE, params={"finding": "MI"})
        assert (answer.status_code, answer.json()["code"]) == (409, "not_explainable")
        assert "HEART_READER_EXPLAIN_CHECKPOINT" in answer.json()["message"]
        assert client.get("/api/v1/samples/pair").status_code == 200


def test_another_model_is_no_witness(settings: Settings, onnx_checkpoint: Path) -> None:
    other = Path(__file__).resolve().parents[2] / "results" / "ptbxl-nano" / "checkpoint"
    named = settings.model_copy(update={"checkpoint": onnx_checkpoint, "explain_checkpoint": other})
    with TestClient(create_app(named)) as client:
        answer = client.get(SAMPLE, params={"finding": "MI"})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_explainable")


def test_measurements_have_their_part_in_the_answer(settings: Settings, trees_checkpoint: Path) -> None:
    with TestClient(create_app(settings.model_copy(update={"checkpoint": trees_checkpoint}))) as client:
        body = client.get(SAMPLE, params={"finding": "CD"}).json()
    listed = body["measurements"]
    assert [item.keys() for item in listed] == [{"name", "lead", "value", "unit", "contribution"}] * len(listed)
    sizes = [abs(item["contribution"]) for item in listed if item["name"] != "others"]
    assert 0 < len(sizes) <= 8
    assert sizes == sorted(sizes, reverse=True)
    assert sum(item["contribution"] for item in listed) == pytest.approx(body["measurement_contribution"])
    total = body["baseline_log_odds"] + body["signal_contribution"] + body["measurement_contribution"]
    assert 1 / (1 + np.exp(-total)) == pytest.approx(body["probability"], abs=1e-5)
