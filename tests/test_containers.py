"""The image and the manifests keep to rules that a builder or a cluster would not check."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
import shutil
import subprocess
import sys
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from packaging.requirements import Requirement

from dependencies.lock import read_lock
from heart_reader.frontend import Settings

ROOT = Path(__file__).resolve().parents[1]
CONTAINERFILE = ROOT / "deploy" / "Containerfile"
KUBERNETES = ROOT / "deploy" / "kubernetes"
LOCK = "dependencies/serve.lock"


class Instruction(NamedTuple):
    name: str
    words: str


def stages(text: str) -> list[list[Instruction]]:
    """Instructions of each stage, those before the first one first."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines()
    found: list[list[Instruction]] = [[]]
    for line in joined:
        name, _, words = line.partition(" ")
        if name == "FROM":
            found.append([])
        found[-1].append(Instruction(name, words.strip()))
    return found


ALL = stages(CONTAINERFILE.read_text(encoding="utf-8"))
BEFORE, BUILD, FINAL = ALL


def of(stage: list[Instruction], name: str) -> list[str]:
    return [instruction.words for instruction in stage if instruction.name == name]


def environment() -> dict[str, str]:
    return dict(word.split("=", 1) for words in of(FINAL, "ENV") for word in shlex.split(words))


def test_the_instructions_are_those_of_a_containerfile() -> None:
    known = {
        "ARG",
        "FROM",
        "WORKDIR",
        "RUN",
        "COPY",
        "LABEL",
        "ENV",
        "EXPOSE",
        "USER",
        "HEALTHCHECK",
        "STOPSIGNAL",
        "ENTRYPOINT",
        "CMD",
    }
    assert {instruction.name for stage in ALL for instruction in stage} <= known  # no ADD, which fetches and unpacks


def test_images_can_be_pinned_and_are_no_latest_ones() -> None:
    given = dict(words.split("=", 1) for words in of(BEFORE, "ARG"))
    assert [of(stage, "FROM") for stage in (BUILD, FINAL)] == [["${BUILD} AS build"], ["${BASE}"]]
    for image in given.values():
        assert re.fullmatch(r"[a-z.]+/[a-z/]+:\d+\.\d+[a-z.-]*", image)
    # The lock holds for both: compiled files of one go into the other.
    assert len({re.search(r":(\d+\.\d+)", image)[1] for image in given.values()}) == 1


def test_it_runs_as_nobody_in_particular_and_says_whether_it_is_well() -> None:
    assert of(FINAL, "USER") == ["10001:10001"]
    user = FINAL.index(Instruction("USER", "10001:10001"))
    assert all(instruction.name not in ("RUN", "COPY") for instruction in FINAL[user:])
    assert of(FINAL, "RUN") == []
    assert of(FINAL, "STOPSIGNAL") == ["SIGTERM"]
    assert json.loads(of(FINAL, "CMD")[0]) == ["serve"]
    (entry,) = json.loads(of(FINAL, "ENTRYPOINT")[0])
    assert Path(entry).name in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]


def test_packages_come_from_the_lock_alone() -> None:
    installs = [words for stage in ALL for words in of(stage, "RUN") if "install" in words]
    of_lock, of_us = (shlex.split(words) for words in installs)
    assert {"--require-hashes", "--no-deps", "-r", LOCK} <= set(of_lock)
    assert {"--no-index", "--no-deps", "--no-build-isolation", "."} <= set(of_us)
    pins = read_lock("serve")
    assert "torch" not in pins
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    for requirement in map(Requirement, needed):
        assert requirement.specifier.contains(pins[requirement.name].version)


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    lines = (ROOT / "deploy" / "Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and line[0] != "#"]
    assert rules[0] == "*"
    let_through = {rule[1:] for rule in rules if rule[0] == "!"}
    copied = {source for words in of(BUILD, "COPY") for source in words.split()[:-1]}
    assert copied == let_through
    for source in copied:
        assert (ROOT / source).exists()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {project["readme"], *project["license-files"], "pyproject.toml"} <= copied
    assert any(fnmatch.fnmatch("heart_reader/__pycache__", rule) for rule in rules[1:])


def test_the_environment_sets_what_there_is_and_no_secret() -> None:
    own = {name.removeprefix("HEART_READER_").lower() for name in environment() if name.startswith("HEART_READER_")}
    assert own == {"host", "port"}
    assert own <= set(Settings.model_fields)
    assert of(FINAL, "EXPOSE") == [environment()["HEART_READER_PORT"]]
    with pytest.raises(ValueError, match="no API key is set"):
        Settings(host=environment()["HEART_READER_HOST"])


@pytest.mark.parametrize(("status", "well"), [(200, True), (503, False)])
def test_the_health_check_does_what_it_should(status: int, well: bool) -> None:
    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/ready" else 404)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    (words,) = of(FINAL, "HEALTHCHECK")
    program, *arguments = json.loads(words.partition(" CMD ")[2])
    assert program == "/opt/heart-reader/bin/python"
    with HTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            done = subprocess.run(
                [sys.executable, *arguments],
                env={"HEART_READER_PORT": str(server.server_port)},
                capture_output=True,
                timeout=20,
                check=False,
            )
        finally:
            server.shutdown()
            thread.join()
    assert (done.returncode == 0) is well


MANIFESTS = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(KUBERNETES.glob("*.yaml"))}
POD = MANIFESTS["deployment"]["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
LABELS = MANIFESTS["deployment"]["spec"]["template"]["metadata"]["labels"]


def test_the_kustomization_names_every_manifest() -> None:
    assert sorted(MANIFESTS["kustomization"]["resources"]) == sorted(f"{name}.yaml" for name in MANIFESTS if name != "kustomization")
    assert [image["name"] for image in MANIFESTS["kustomization"]["images"]] == [CONTAINER["image"]]


def test_whoever_selects_pods_selects_these() -> None:
    selecting = [
        MANIFESTS["deployment"]["spec"]["selector"]["matchLabels"],
        MANIFESTS["service"]["spec"]["selector"],
        MANIFESTS["disruption"]["spec"]["selector"]["matchLabels"],
        MANIFESTS["network"]["spec"]["podSelector"]["matchLabels"],
        POD["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
    ]
    for selector in selecting:
        assert selector.items() <= LABELS.items()
    scaled = MANIFESTS["autoscaler"]["spec"]["scaleTargetRef"]
    assert (scaled["kind"], scaled["name"]) == ("Deployment", MANIFESTS["deployment"]["metadata"]["name"])
    assert "replicas" not in MANIFESTS["deployment"]["spec"]
    assert MANIFESTS["disruption"]["spec"]["minAvailable"] < MANIFESTS["autoscaler"]["spec"]["minReplicas"]
    assert POD["serviceAccountName"] == MANIFESTS["serviceaccount"]["metadata"]["name"]


def test_pods_may_do_as_little_as_the_restricted_profile_wants() -> None:
    assert MANIFESTS["namespace"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    user, _, group = of(FINAL, "USER")[0].partition(":")
    security = POD["securityContext"]
    assert (security["runAsNonRoot"], security["runAsUser"], security["runAsGroup"]) == (True, int(user), int(group))
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    own = CONTAINER["securityContext"]
    assert (own["allowPrivilegeEscalation"], own["readOnlyRootFilesystem"]) == (False, True)
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert POD["automountServiceAccountToken"] is MANIFESTS["serviceaccount"]["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & POD.keys()
    assert MANIFESTS["network"]["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert MANIFESTS["network"]["spec"]["egress"] == []


def test_probes_ports_and_settings_are_those_of_the_server() -> None:
    from heart_reader.frontend import create_app

    paths = set(create_app(Settings()).openapi()["paths"])
    (port,) = CONTAINER["ports"]
    assert str(port["containerPort"]) == environment()["HEART_READER_PORT"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert CONTAINER[probe]["httpGet"]["path"] in paths
        assert CONTAINER[probe]["httpGet"]["port"] == port["name"]
    # A server that is busy or has a damaged checkpoint is not made better by an end.
    assert CONTAINER["livenessProbe"]["httpGet"]["path"] == "/health"
    assert MANIFESTS["service"]["spec"]["ports"][0]["targetPort"] == port["name"]
    given = {one["name"].removeprefix("HEART_READER_").lower(): one["value"] for one in CONTAINER["env"]}
    settings = Settings(host=environment()["HEART_READER_HOST"], **given)
    assert settings.max_concurrency == int(CONTAINER["resources"]["requests"]["cpu"])
    mounts = {one["mountPath"] for one in CONTAINER["volumeMounts"]}
    assert str(settings.api_keys_file.parent) in mounts
    # A volume that the image declared would put recordings on a disk.
    assert of(FINAL, "VOLUME") == []
    assert environment()["HOME"] in mounts
    assert {one["name"] for one in CONTAINER["volumeMounts"]} == {one["name"] for one in POD["volumes"]}


def test_the_schema_of_kubernetes_takes_them() -> None:
    program = shutil.which("kubernetes-validate")
    if program is None:
        pytest.skip("kubernetes-validate is not installed: pip install kubernetes-validate, in an environment of its own")
    files = [KUBERNETES / f"{name}.yaml" for name in MANIFESTS if name != "kustomization"]
    done = subprocess.run([program, "--strict", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
