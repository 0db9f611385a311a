"""Parts of a signal: the same values as the whole, of samples and uploads, never too much."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from heart_reader.data.record import build_record
from heart_reader.frontend import signal_cuts
from heart_reader.frontend.signal_cuts import PartOptions, first_part, part_of


def values(answer: dict[str, Any]) -> NDArray[np.int16]:
    """Return the microvolts of an answer, (n_leads, n_held)."""
    return np.frombuffer(base64.b64decode(answer["data"]), "<i2").reshape(len(answer["lead_names"]), -1)


def test_a_part_of_a_sample_is_that_part_of_its_signal(client: TestClient) -> None:
    whole = client.get("/api/v1/samples/steady_beat").json()["waveform"]
    part = client.get("/api/v1/samples/steady_beat/signal", params={"start_s": 2.0, "duration_s": 3.0}).json()
    assert (whole["start"], part["start"]) == (0, 500)
    assert part["n_times"] == whole["n_times"] == 2500
    assert (values(part) == values(whole)[:, 500:1250]).all()
    assert {"fs", "lead_names", "encoding"} <= part.keys()


def test_a_part_of_an_upload_is_that_part_and_nothing_is_read(client: TestClient, ecg_csv: bytes) -> None:
    files = {"file": ("a.csv", ecg_csv, "text/csv")}
    whole = client.post("/api/v1/predict", params={"waveform": True}, files=files).json()["waveform"]
    part = client.post("/api/v1/signal", params={"start_s": 9.0}, files=files).json()
    assert (values(part) == values(whole)[:, 4500:]).all()
    assert "levels" not in part


def test_beyond_the_end_there_is_nothing(client: TestClient) -> None:
    part = client.get("/api/v1/samples/steady_beat/signal", params={"start_s": 60.0}).json()
    assert values(part).shape == (12, 0)


@pytest.mark.parametrize(
    ("wrong", "status"), [({"start_s": -1}, 422), ({"duration_s": 0}, 422), ({"start_s": "nan"}, 422), ({"length": 1}, 422)]
)
def test_a_part_that_cannot_be_is_refused(client: TestClient, wrong: dict[str, Any], status: int) -> None:
    assert client.get("/api/v1/samples/steady_beat/signal", params=wrong).status_code == status


def test_an_unknown_sample_and_a_damaged_file_are_refused_as_for_a_reading(client: TestClient) -> None:
    assert client.get("/api/v1/samples/nothing/signal").json()["code"] == "unknown_sample"
    answer = client.post("/api/v1/signal", files={"file": ("a.csv", b"Dear colleague", "text/csv")})
    assert answer.status_code == 422
    assert str(Path("/tmp")) not in answer.text


def test_of_a_very_long_recording_the_beginning_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    record = build_record("a", np.sin(np.arange(4000).reshape(2, 2000) / 50.0), 100.0, ["I", "II"])
    assert first_part(record) == record.waveform()
    monkeypatch.setattr(signal_cuts, "MOST_AT_ONCE", 3999)
    monkeypatch.setattr(signal_cuts, "PART_VALUES", 1000)
    first = first_part(record)
    assert (first["start"], first["n_times"], values(first).shape) == (0, 2000, (2, 500))
    assert values(part_of(record, PartOptions(start_s=0, duration_s=20))).shape == (2, 1999)
