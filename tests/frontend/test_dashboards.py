"""Dashboard and alerts ask for metrics and labels that the server has, and those say what is so."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path

import pytest
import yaml
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from heart_reader.checkpoint import load_checkpoint
from heart_reader.frontend import Settings, create_app
from heart_reader.frontend import memory as memory_module
from heart_reader.frontend.memory import ProcessMemory

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana-dashboard.json").read_text(encoding="utf-8"))
ALERTS = yaml.safe_load((DEPLOY / "prometheus-alerts.yaml").read_text(encoding="utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
QUERIES = {f"panel {panel['title']}": target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]}
QUERIES |= {f"alert {rule['alert']}": rule["expr"] for rule in RULES}
# What Prometheus itself adds.
ADDED = {"job", "instance"}


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[TestClient]:
    """A client of a server with one process that reads."""
    with TestClient(create_app(settings.model_copy(update={"processes": True, "max_concurrency": 1}))) as started:
        yield started


def samples(client: TestClient) -> dict[str, list[tuple[Mapping[str, str], float]]]:
    """Name to labels and value of what the server exports."""
    found: dict[str, list[tuple[Mapping[str, str], float]]] = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for one in family.samples:
            found.setdefault(one.name, []).append((one.labels, one.value))
    return found


@pytest.fixture(scope="module")
def exported(client: TestClient, ecg_csv: bytes) -> dict[str, list[tuple[Mapping[str, str], float]]]:
    """The same after a reading, a refusal and a closed connection."""
    assert client.post("/api/v1/predict", files={"file": ("a.csv", ecg_csv)}).status_code == 200
    assert client.post("/api/v1/predict?reader=nobody", files={"file": ("a.csv", ecg_csv)}).status_code == 404
    client.app.state.metrics.count_closed("idle")
    return samples(client)


@pytest.mark.parametrize("query", list(QUERIES))
def test_every_metric_and_label_is_exported(query: str, exported: Mapping[str, list[tuple[Mapping[str, str], float]]]) -> None:
    expression = QUERIES[query]
    names = set(re.findall(r"\bheart_reader_\w+", expression))
    assert names or expression.startswith("up{")
    assert names <= exported.keys()
    known = {label for name in names for labels, _ in exported[name] for label in labels} | ADDED
    asked = {label for group in re.findall(r"by \(([^)]*)\)", expression) for label in re.split(r",\s*", group)}
    asked |= set(re.findall(r"(\w+)=~?\"", expression))
    assert asked <= known


def test_every_metric_of_the_server_is_on_the_dashboard(exported: Mapping[str, object]) -> None:
    shown = " ".join(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"])
    of_it = {re.sub(r"_(bucket|sum|count|created)$", "", name) for name in exported if not name.endswith("_created")}
    assert {name for name in of_it if name not in shown} == set()


def test_routes_and_statuses_that_are_asked_for_exist(client: TestClient) -> None:
    routes = {route for expression in QUERIES.values() for route in re.findall(r'route="([^"]*)"', expression)}
    assert routes
    assert routes <= set(client.app.openapi()["paths"])


def test_panels_lie_beside_each_other() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for first, second in combinations((panel["gridPos"] for panel in panels), 2):
        apart = first["x"] + first["w"] <= second["x"] or second["x"] + second["w"] <= first["x"]
        assert apart or first["y"] + first["h"] <= second["y"] or second["y"] + second["h"] <= first["y"]
    assert max(panel["gridPos"]["x"] + panel["gridPos"]["w"] for panel in panels) == 24


def test_alerts_say_what_is_the_matter() -> None:
    for rule in RULES:
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_prometheus_reads_the_rules() -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    done = subprocess.run([program, "check", "rules", DEPLOY / "prometheus-alerts.yaml"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_stages_windows_refusals_queue_readers_and_processes_are_counted(
    exported: Mapping[str, list[tuple[Mapping[str, str], float]]], settings: Settings, tiny_checkpoint: Path
) -> None:
    stages = {labels["stage"]: value for labels, value in exported["heart_reader_stage_seconds_count"]}
    assert stages == dict.fromkeys(("receive", "wait", "read", "prepare", "measure", "network", "conclude"), 1.0)
    assert exported["heart_reader_network_windows_count"] == [({}, 1.0)]
    assert exported["heart_reader_refused_total"] == [({"code": "unknown_reader"}, 1.0)]
    assert exported["heart_reader_readings_waiting"] == [({}, 0.0)]
    assert exported["heart_reader_queue_places"] == [({}, settings.queue_limit)]
    assert exported["heart_reader_reader_info"] == [({"reader": "tiny", "checkpoint_sha256": load_checkpoint(tiny_checkpoint).sha256}, 1.0)]
    assert ({"process": "server"}, 1.0) in exported["heart_reader_processes"]
    assert {labels["process"]: value for labels, value in exported["heart_reader_processes"]}["worker"] >= 1
    held = {labels["process"]: value for labels, value in exported["heart_reader_resident_bytes"]}
    assert min(held.values()) > 30e6


def test_what_waits_is_what_has_no_thread(client: TestClient) -> None:
    service = client.app.state.service
    service.n_in_flight += 5
    try:
        assert samples(client)["heart_reader_readings_waiting"] == [({}, 5.0)]
    finally:
        service.n_in_flight -= 5


def test_what_a_started_process_starts_counts_too() -> None:
    def workers() -> float:
        number, _ = ProcessMemory().collect()
        return {one.labels["process"]: one.value for one in number.samples}["worker"]

    before = workers()
    with subprocess.Popen(["sh", "-c", "cat; true"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as shell:
        assert shell.stdin is not None
        assert shell.stdout is not None
        shell.stdin.write(b"x")
        shell.stdin.flush()
        shell.stdout.read1(1)  # the shell and what it started run
        assert workers() == before + 2
        shell.stdin.close()


def test_where_the_system_does_not_say_memory_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory_module, "PROC", tmp_path)
    number, held = ProcessMemory().collect()
    assert [one.value for one in number.samples] == [1, 0]
    assert [one for one in held.samples if one.labels["process"] == "server"] == []
