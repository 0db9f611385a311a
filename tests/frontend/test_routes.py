"""Every address answers what the design says, with the headers it needs."""

from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pyedflib
import pyedflib.highlevel
import pytest
from fastapi.testclient import TestClient

from heart_reader import __version__
from heart_reader.checkpoint import load_manifest
from heart_reader.classifier import EcgClassifier
from heart_reader.conclusion.table import class_name
from heart_reader.data.formats import FORMATS, read_record
from heart_reader.data.leads import STANDARD_LEADS
from heart_reader.data.scp_statements import statement_tree
from heart_reader.frontend import Settings, create_app
from heart_reader.frontend.middleware import SECURITY_HEADERS
from heart_reader.frontend.routes import STATIC_DIR
from heart_reader.frontend.schemas import ErrorAnswer, ExplanationAnswer, Reading, Sample
from heart_reader.messages import message
from heart_reader.weights import find_reader

PREDICT = "/api/v1/predict"
NOTICE = "Research use only. Not a medical device. Do not use for diagnosis or treatment."
ADDRESSES = [
    "/",
    "/docs",
    "/health",
    "/ready",
    "/metrics",
    "/openapi.json",
    "/api/v1/model",
    "/api/v1/samples",
    "/static/main.js",
    "/nothing",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_answer_carries_the_security_headers_and_its_request_id(client: TestClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == (404 if address == "/nothing" else 200)
    assert {name: answer.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])
    assert "access-control-allow-origin" not in answer.headers


def test_the_policy_allows_no_inline_code_and_no_frame() -> None:
    policy = SECURITY_HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_the_server_is_not_ready_before_its_first_reading(settings: Settings) -> None:
    answer = TestClient(create_app(settings)).get("/ready")  # not started: no model is loaded
    assert answer.status_code == 503
    assert answer.json()["code"] == "not_ready"
    assert answer.headers["Retry-After"]


def test_metrics_count_requests_by_route_and_readings_by_outcome(client: TestClient, ecg_csv: bytes) -> None:
    client.post(PREDICT, files={"file": ("a.csv", ecg_csv)})
    client.post(PREDICT, files={"file": ("a.csv", b"")})
    text = client.get("/metrics").text
    assert re.search(r'heart_reader_requests_total\{method="POST",route="/api/v1/predict",status="200"\} [1-9]', text)
    assert re.search(r'heart_reader_readings_total\{outcome="read",reader="tiny"\} [1-9]', text)
    assert re.search(r'heart_reader_readings_total\{outcome="unreadable_record",reader="tiny"\} [1-9]', text)
    assert "heart_reader_readings_in_flight 0.0" in text


def test_the_model_card_comes_with_the_limits_of_an_upload(client: TestClient, tiny_checkpoint: Path) -> None:
    card = client.get("/api/v1/model").json()
    assert [one["name"] for one in card["formats"]] == list(FORMATS)
    assert card["statement_tree"] == statement_tree()
    assert (card["performance"], card["model_card"]) == (None, None)  # no report lies beside a tiny run
    training = card["training"]
    assert training["n_positive"]["MI"] / training["n_records"] == training["prevalence"]["MI"]
    assert card["checkpoint_sha256"] == EcgClassifier.load(tiny_checkpoint).checkpoint.sha256
    assert card["signature"] == {"state": "unsigned", "by": None, "key": None}
    assert (card["max_upload_bytes"], card["max_files"]) == (2 * 1024 * 1024, 4)


def test_the_shipped_reader_says_how_well_it_did() -> None:
    shipped = find_reader()
    with TestClient(create_app(Settings())) as client:
        card = client.get("/api/v1/model").json()
    assert card["performance"]["split"] == "test"
    owners = {card["checkpoint_sha256"], load_manifest(shipped)["parent"]}
    assert card["performance"]["checkpoint_sha256"] in owners
    for name in card["levels"][card["level"]]:
        measured = card["performance"]["classes"][name]["auroc"]
        assert measured["low"] < measured["point"] < measured["high"]
    assert card["model_card"].startswith("# Model card")
    assert card["version"] == __version__


def test_a_report_of_other_weights_is_left_out(tiny_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    (run / "report-test").mkdir()
    (run / "report-test" / "report.json").write_text(json.dumps({"checkpoint_sha256": "0" * 64, "level": "superdiagnostic"}))
    (run / "MODEL_CARD.md").write_text("# Tiny\n")
    with TestClient(create_app(Settings(checkpoint=run / "checkpoint"))) as client:
        card = client.get("/api/v1/model").json()
    assert (card["performance"], card["model_card"]) == (None, "# Tiny\n")


def test_an_upload_gives_the_reading_of_the_classifier(client: TestClient, tiny_checkpoint: Path, ecg_csv: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(ecg_csv)
    expected = EcgClassifier.load(tiny_checkpoint).predict(read_record(tmp_path / "a.csv")).to_json()
    answer = client.post(PREDICT, files={"file": ("a.csv", ecg_csv)})
    assert answer.status_code == 200
    assert answer.json() == {**json.loads(json.dumps(expected)), "age": None, "sex": None}
    assert answer.json()["notice"] == NOTICE


def test_readings_and_explanations_are_what_the_interface_announces(client: TestClient, ecg_csv: bytes) -> None:
    for address in ("/api/v1/samples/pair", "/api/v1/samples/steady_beat"):
        body = client.get(address).json()
        assert Reading.model_validate(body).model_dump(mode="json", exclude_unset=True) == body
    body = client.post(PREDICT, files={"file": ("a.csv", ecg_csv)}).json()
    assert set(body) <= set(Reading.model_fields)
    assert "waveform" not in body


def test_every_sentence_of_a_reading_comes_with_code_and_values_that_say_it_again(client: TestClient) -> None:
    fs, leads = 100, [name for name in STANDARD_LEADS if name not in {"aVF", "V3"}]
    beat = [np.exp(-(((time / fs % 1 - 0.4) / 0.02) ** 2)) for time in range(12 * fs)]
    cells = {"V1": lambda row, value: "" if row < 9 else f"{value:.3f}", "V5": lambda row, value: "0"}
    of_lead = [cells.get(lead, lambda row, value: f"{value:.3f}") for lead in leads]
    rows = "\n".join(",".join(cell(row, value) for cell in of_lead) + ",7" for row, value in enumerate(beat))
    body = client.post(PREDICT, files={"file": ("a.csv", f"# fs={fs}\n{','.join(leads)},resp\n{rows}\n")}).json()
    reasons = [of["reason"] for of in body["measurements"].values() if of["reason"]]
    sentences = {*body["warnings"], *body["quality"]["findings"], *reasons}
    assert len(sentences) > 8
    assert sentences <= body["messages"].keys()
    for sentence, said in body["messages"].items():
        again = class_name(said["values"]["statement"]) if said["code"] == "class_name" else message(said["code"], **said["values"])
        assert again == sentence


def test_the_waveform_is_the_uploaded_signal_at_its_own_rate(client: TestClient, ecg_csv: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(ecg_csv)
    waveform = client.post(PREDICT, params={"waveform": 1}, files={"file": ("a.csv", ecg_csv)}).json()["waveform"]
    microvolts = np.frombuffer(base64.b64decode(waveform["data"]), dtype="<i2").reshape(len(waveform["lead_names"]), waveform["n_times"])
    assert waveform["fs"] == 500.0
    assert tuple(waveform["lead_names"]) == STANDARD_LEADS
    np.testing.assert_allclose(microvolts / 1000, read_record(tmp_path / "a.csv").signal, atol=0.0006)


def test_samples_are_listed_and_read(client: TestClient) -> None:
    listed = client.get("/api/v1/samples").json()
    assert listed["heading"] == "Simulated ECGs"
    assert listed["samples"] == [
        {"id": "pair", "title": "pair", "description": "", "source_format": "wfdb", "labels": ["MI", "CD"]},
        {"id": "steady_beat", "title": "steady beat", "description": "one beat per second", "source_format": "csv", "labels": []},
    ]
    for sample in listed["samples"]:
        answer = client.get(f"/api/v1/samples/{sample['id']}")
        assert answer.status_code == 200
        assert answer.json()["waveform"]["n_times"] == round(10 * answer.json()["fs"])


@pytest.mark.parametrize("sample_id", ["README", "..", "%2e%2e%2fconftest", "steady_beat.csv", "pair.dat"])
def test_nothing_but_a_listed_sample_can_be_asked_for(client: TestClient, sample_id: str) -> None:
    answer = client.get(f"/api/v1/samples/{sample_id}")
    assert answer.status_code == 404
    assert set(answer.json()) == {"code", "message", "detail", "request_id"}


def test_no_samples_folder_means_no_samples(tiny_checkpoint: Path, tmp_path: Path) -> None:
    app = create_app(Settings(checkpoint=tiny_checkpoint, samples_dir=tmp_path / "absent"))
    assert TestClient(app).get("/api/v1/samples").json()["samples"] == []


def test_what_a_file_does_not_say_may_stand_in_the_form_or_in_the_address(client: TestClient) -> None:
    rows = "\n".join("\t".join(str(round(800 * np.sin(2 * np.pi * t / 250) * (k + 1) / 12)) for k in range(12)) for t in range(2500))
    bare = {"file": ("bare.csv", "\t".join(STANDARD_LEADS) + f"\n{rows}\n")}
    in_form = client.post(PREDICT, data={"fs": "250", "unit": "uV"}, files=bare)
    in_address = client.post(PREDICT, params={"fs": 250, "unit": "uV"}, files=bare)
    assert in_form.status_code == in_address.status_code == 200
    assert in_form.json() == in_address.json()
    assert (in_form.json()["fs"], in_form.json()["duration_s"]) == (250.0, 10.0)


def test_a_record_of_two_files_is_read(client: TestClient, samples_dir: Path) -> None:
    parts = [("file", (name, (samples_dir / name).read_bytes())) for name in ("pair.dat", "pair.hea")]
    answer = client.post(PREDICT, files=parts)
    assert answer.status_code == 200
    assert (answer.json()["record_id"], answer.json()["source_format"]) == ("pair", "wfdb")


def test_an_edf_file_is_read(client: TestClient, tmp_path: Path, ecg_csv: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(ecg_csv)
    signals = list(read_record(tmp_path / "a.csv").signal.astype(np.float64))
    limits = {"physical_max": 5, "physical_min": -5, "sample_frequency": 500}
    headers = [pyedflib.highlevel.make_signal_header(name, dimension="mV", **limits) for name in STANDARD_LEADS]
    pyedflib.highlevel.write_edf(str(tmp_path / "a.edf"), signals, headers)
    answer = client.post(PREDICT, files={"file": ("a.edf", (tmp_path / "a.edf").read_bytes())})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["source_format"], answer.json()["fs"], answer.json()["warnings"]) == ("edf", 500.0, [])


def test_a_reading_is_answered_as_a_fhir_bundle_that_names_nobody(client: TestClient, ecg_csv: bytes) -> None:
    answer = client.post(f"{PREDICT}?form=fhir", files={"file": ("a.csv", ecg_csv)})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/fhir+json")
    resources = [entry["resource"] for entry in answer.json()["entry"]]
    assert {one["resourceType"] for one in resources} == {"DiagnosticReport", "Patient", "Device", "Media", "Observation"}
    (patient,) = [one for one in resources if one["resourceType"] == "Patient"]
    assert patient == {"resourceType": "Patient", "gender": "unknown"}
    assert client.post(f"{PREDICT}?form=xml", files={"file": ("a.csv", ecg_csv)}).status_code == 422
    described = client.get("/openapi.json").json()["paths"][PREDICT]["post"]["responses"]["200"]["content"]
    assert set(described) == {"application/json", "application/fhir+json"}


def test_the_description_of_the_interface_names_the_form_and_the_errors(client: TestClient) -> None:
    operation = client.get("/openapi.json").json()["paths"][PREDICT]["post"]
    form = operation["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert set(form) == {"file", "fs", "unit", "leads", "reader"}
    assert operation["responses"]["default"]["content"]["application/json"]["schema"]["$ref"].endswith("ErrorAnswer")


def test_the_examples_of_the_interface_are_lawful(client: TestClient) -> None:
    models = client.get("/openapi.json").json()["components"]["schemas"]
    for model in (ErrorAnswer, ExplanationAnswer, Reading, Sample):
        (example,) = models[model.__name__]["examples"]
        assert set(example) >= {name for name, field in model.model_fields.items() if field.is_required()}
        assert model.model_validate(example).model_dump(mode="json", exclude_unset=True) == example


def test_the_page_is_small_and_takes_nothing_from_elsewhere() -> None:
    files = {path: path.read_text(encoding="utf-8") for path in STATIC_DIR.rglob("*") if path.is_file()}
    sizes = {path: len(text.encode()) for path, text in files.items()}
    languages = [size for path, size in sizes.items() if path.parent.name == "languages"]
    # A visitor loads the page and one language; what few recordings need, or somebody asks for, is
    # loaded with them.
    on_demand = {"compare.js", "export_reading.js", "markdown.js", "model_panel.js", "reader_choice.js", "reason.js", "recorder.js"}
    first = "\n".join(text for path, text in files.items() if path.suffix == ".js" and path.name not in on_demand)
    assert not {name for name in on_demand if re.search(rf'from "[./]*{name}"', first)}
    later = [size for path, size in sizes.items() if path.parent.name == "long" or path.name in on_demand]
    assert sum(sizes.values()) - sum(languages) - sum(later) + max(languages) < 340_000
    assert sum(later) < 90_000
    for path, text in files.items():
        without_namespace = text.replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", without_namespace), path.name
        assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=\"|\sstyle=\"", text), path.name
    for page in ("index.html", "docs.html"):
        assert NOTICE in re.sub(r"</?strong>", "", files[STATIC_DIR / page])


def test_a_reading_of_a_long_recording_is_described_and_a_later_version_may_say_more(client: TestClient, ecg_csv: bytes) -> None:
    rate = {"mean": 75.6, "lowest": {"bpm": 51, "start_s": 300.0}, "highest": {"bpm": 130, "start_s": 912.0}}
    episode = {"kind": "pause", "start_s": 1.0, "end_s": 3.5, "n_beats": 2, "bpm": None, "title": "Pause of 2.5 s"}
    long = {
        "duration_s": 1805.6,
        "n_beats": 2,
        "heart_rate": rate,
        "beats": {"times_s": [0.4, 1.2], "classes": "NV", "counts": {"N": 1, "S": 0, "V": 1, "F": 0, "Q": 0}},
        "trend": {"step_s": 10.0, "mean_bpm": [75.0, None], "lowest_bpm": [70.0, None], "highest_bpm": [80.0, None],
                  "rmssd_ms": [20.0, None], "rhythm": ["sinus_rhythm", None]},
        "envelope": {"step_s": 1.8, "leads": ["MLII"], "lowest_mv": [[-0.1]], "highest_mv": [[1.0]]},
        "episodes": [episode],
        "longest": {"atrial_fibrillation": None, "pause": 0, "fastest_run": None},
        "hours": [{"start_s": 0, "n_beats": 2, "mean_bpm": 75.0, "lowest_bpm": 70.0, "highest_bpm": 80.0, "N": 1, "V": 1, "noise_s": 0.0}],
        "summary": ["Two beats."],
        "later": 1,
    }  # fmt: skip
    body = client.post(PREDICT, files={"file": ("a.csv", ecg_csv)}).json()
    assert Reading.model_validate({**body, "long": long}).model_dump(mode="json", exclude_unset=True)["long"] == long
    assert Reading.model_validate(body).long is None
    described = client.get("/openapi.json").json()["components"]["schemas"]
    assert {"$ref": "#/components/schemas/LongReading"} in described["Reading"]["properties"]["long"]["anyOf"]
