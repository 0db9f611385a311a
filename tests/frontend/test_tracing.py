"""One trace from the client's span to the stages in another process, and no patient in it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from heart_reader.errors import ConfigError, HeartReaderError
from heart_reader.frontend import Settings, create_app
from heart_reader.frontend.tracing import provider_of_environment

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
NAME = "Jane_Doe_1970.csv"
PREDICT = "/api/v1/predict"
IN_PROCESS = ["read", "prepare", "measure", "network", "conclude"]


@pytest.fixture(scope="module", params=[False, True], ids=["threads", "processes"])
def server(request: pytest.FixtureRequest, settings: Settings) -> Iterator[tuple[TestClient, InMemorySpanExporter]]:
    """A client of a server, and where its spans are kept."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    asked = settings.model_copy(update={"processes": request.param, "max_concurrency": 1})
    with TestClient(create_app(asked, traces=provider), raise_server_exceptions=False) as started:
        yield started, exporter


@pytest.fixture
def client(server: tuple[TestClient, InMemorySpanExporter]) -> TestClient:
    return server[0]


@pytest.fixture
def spans(server: tuple[TestClient, InMemorySpanExporter]) -> InMemorySpanExporter:
    """The spans of one test."""
    server[1].clear()
    return server[1]


def by_name(spans: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans.get_finished_spans()}


def test_a_reading_is_a_child_of_the_clients_span_and_its_stages_are_below(
    client: TestClient, spans: InMemorySpanExporter, ecg_csv: bytes
) -> None:
    answer = client.post(f"{PREDICT}?waveform=true", files={"file": (NAME, ecg_csv)}, headers={"traceparent": TRACEPARENT})
    assert answer.status_code == 200
    found = by_name(spans)
    root = found.pop(f"POST {PREDICT}")
    assert format(root.context.trace_id, "032x") == TRACE
    assert format(root.parent.span_id, "016x") == PARENT
    assert root.kind is SpanKind.SERVER
    assert root.attributes["http.response.status_code"] == 200
    assert root.attributes["heart_reader.request_id"] == answer.headers["X-Request-ID"]
    order = sorted(found.values(), key=lambda span: span.start_time)
    assert {span.name for span in order} == {"receive", "wait", *IN_PROCESS}
    assert [span.name for span in order][:3] == ["receive", "wait", "read"]
    for span in order:
        assert span.parent.span_id == root.context.span_id
        # Clocks of two processes of one machine, and of two kinds.
        assert root.start_time - 1_000_000 <= span.start_time <= span.end_time <= root.end_time + 1_000_000
    assert found["network"].attributes["heart_reader.windows"] >= 1


def test_nothing_of_the_patient_or_the_client_is_in_a_span(client: TestClient, spans: InMemorySpanExporter, ecg_csv: bytes) -> None:
    client.post(f"{PREDICT}?leads=secret", files={"file": (NAME, ecg_csv)}, headers={"User-Agent": "Ward 7", "baggage": "patient=Doe"})
    client.post(PREDICT, files={"file": (NAME, ecg_csv)})
    client.get("/api/v1/samples/pair")
    allowed = {"http.request.method", "http.route", "http.response.status_code", "heart_reader.request_id", "heart_reader.model_sha256"}
    allowed |= {"heart_reader.calls", "heart_reader.busy_ms", "heart_reader.windows"}
    finished = spans.get_finished_spans()
    assert len(finished) > 10
    assert {key for span in finished for key in span.attributes} <= allowed
    text = " ".join(span.to_json() for span in finished)
    for word in ("Jane", "Doe", "Ward", "secret", "testclient", "127.0.0.1", "/samples/pair"):
        assert word not in text


def test_a_refused_recording_has_the_stages_up_to_there(client: TestClient, spans: InMemorySpanExporter) -> None:
    assert client.post(PREDICT, files={"file": (NAME, b"1,2\n")}).status_code == 422
    found = by_name(spans)
    assert found[f"POST {PREDICT}"].attributes["http.response.status_code"] == 422
    assert found[f"POST {PREDICT}"].status.status_code is StatusCode.UNSET
    assert {"receive", "wait", "read"} <= set(found)
    assert "network" not in found


def test_probes_and_pages_have_no_span(client: TestClient, spans: InMemorySpanExporter) -> None:
    for path in ("/", "/health", "/ready", "/metrics", "/v2/health/ready", "/static/main.js"):
        assert client.get(path).status_code == 200
    assert spans.get_finished_spans() == ()


def test_a_client_that_does_not_sample_is_obeyed_and_a_wrong_header_ignored(client: TestClient, spans: InMemorySpanExporter) -> None:
    client.get("/api/v1/model", headers={"traceparent": TRACEPARENT.replace("-01", "-00")})
    assert spans.get_finished_spans() == ()
    client.get("/api/v1/model", headers={"traceparent": "00-nonsense"})
    (span,) = spans.get_finished_spans()
    assert span.parent is None


def test_without_a_word_in_the_environment_there_is_none(settings: Settings) -> None:
    assert provider_of_environment({}) is None
    assert provider_of_environment({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}) is None
    assert provider_of_environment({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"}) is None
    assert create_app(settings).state.traces is None
    with pytest.raises(ConfigError, match=re.escape("http/protobuf")):
        provider_of_environment({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(HeartReaderError, match=re.escape("heart-reader[tracing]")):
        provider_of_environment({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})


def test_spans_reach_a_collector(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    received: list[tuple[str, str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, self.headers["Content-Type"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as collector:
        thread = threading.Thread(target=collector.serve_forever)
        thread.start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
        try:
            with TestClient(create_app(settings)) as client:
                assert client.get("/api/v1/model", headers={"traceparent": TRACEPARENT}).status_code == 200
            # Stopping the server sends what was not sent.
        finally:
            collector.shutdown()
            thread.join()
    ((path, kind, body),) = received
    assert (path, kind) == ("/v1/traces", "application/x-protobuf")
    assert bytes.fromhex(TRACE) in body
    assert b"GET /api/v1/model" in body
    assert b"heart-reader" in body
    assert json.dumps(str(settings.checkpoint)).encode() not in body
