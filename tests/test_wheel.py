"""The wheel in an empty folder: the core reads, measures, streams; extras serve and install."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from dependencies.wheelhouse import build_wheel, wheelhouse
from heart_reader import read_record
from heart_reader.classifier import EcgClassifier
from heart_reader.weights import find_reader
from heart_reader.weights.cards import push

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "test_files" / "norm.csv"
LARGEST_WHEEL = 4_500_000
READ = """
import json, sys
from heart_reader.classifier import EcgClassifier
from heart_reader.data.formats import read_record
from heart_reader.edge.stream import StreamReader
from heart_reader.weights import find_reader
import heart_reader

classifier, record = EcgClassifier.load(find_reader()), read_record(sys.argv[1])
stream = StreamReader(EcgClassifier.load(find_reader("ptbxl-nano-int8")), record.fs, record.lead_names)
updates = stream.push(record.signal)
installed = {name.split(".")[0] for name in sys.modules} & {"torch", "pandas", "pydantic", "matplotlib", "sklearn", "tqdm", "yaml"}
print(json.dumps({"file": heart_reader.__file__, "reading": classifier.predict(record).to_json(), "updates": len(updates),
    "installed": sorted(installed)}))
"""
SERVE = """
from heart_reader.frontend import Settings, serve
serve(Settings(port=0))
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that a machine without a network needs."""
    out = tmp_path_factory.mktemp("wheelhouse")
    try:
        wheelhouse(out)
    except subprocess.CalledProcessError:
        pytest.skip("no network, and the wheels are not in pip's cache")
    return out


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return build_wheel(tmp_path_factory.mktemp("wheel"))
    except subprocess.CalledProcessError:
        pytest.skip("no network: the build backend cannot be fetched")


def install(wheels: Path, folder: Path, extras: str = "") -> tuple[Path, dict[str, str]]:
    """Install into an empty environment without a network, and return its Python and variables."""
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "HEART_READER_WEIGHTS")}
    environment["XDG_CACHE_HOME"] = str(folder / "cache")
    command = [python, "-m", "pip", "install", "-q", "--no-index", "--find-links", wheels, f"heart-reader{extras}"]
    subprocess.run(list(map(str, command)), check=True, env=environment, cwd=folder)
    return python, environment


def run(python: Path, environment: Mapping[str, str], folder: Path, code: str, *words: object) -> str:
    command = [str(python), "-c", code, *map(str, words)]
    return subprocess.run(command, check=True, env=environment, cwd=folder, capture_output=True, text=True).stdout


def test_the_wheel_holds_all_of_the_package_and_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size < LARGEST_WHEEL
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if name.startswith("heart_reader/")}
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "heart_reader").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert inside == package


def test_samples_are_those_of_test_files() -> None:
    samples = {path.name: path.read_bytes() for path in (ROOT / "heart_reader" / "samples").iterdir() if path.suffix not in ("", ".py")}
    files = {path.name: path.read_bytes() for path in (ROOT / "test_files").iterdir()}
    assert samples.items() <= files.items(), "copy test_files anew"
    # What is left out is a second form of a sample that is there.
    left = files.keys() - samples.keys()
    assert all(name.endswith(".csv") and f"{Path(name).stem}.hea" in samples for name in left)


@pytest.mark.slow
def test_the_core_alone_reads_measures_and_streams(wheels: Path, tmp_path: Path) -> None:
    python, environment = install(wheels, tmp_path)
    push([find_reader("ptbxl-nano-int8")], tmp_path / "weights")
    environment["HEART_READER_WEIGHTS"] = str(tmp_path / "weights")
    answer = json.loads(run(python, environment, tmp_path, READ, RECORD))
    assert Path(answer["file"]).is_relative_to(tmp_path)
    assert answer["installed"] == []
    assert answer["updates"] > 0
    here = EcgClassifier.load(find_reader()).predict(read_record(RECORD)).to_json()
    assert answer["reading"]["measurements"] == json.loads(json.dumps(here["measurements"]))
    assert answer["reading"]["conclusion"] == json.loads(json.dumps(here["conclusion"]))


@pytest.mark.slow
def test_with_the_server_the_page_reads_a_file(wheels: Path, tmp_path: Path) -> None:
    python, environment = install(wheels, tmp_path, "[serve,scale,formats]")
    server = subprocess.Popen(
        [str(python), "-c", SERVE], env=environment, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        connection = http.client.HTTPConnection("127.0.0.1", _port(server), timeout=60)
        connection.request("GET", "/")
        assert b"<html" in connection.getresponse().read()
        connection.request("GET", "/api/v1/samples")
        assert len(json.loads(connection.getresponse().read())["samples"]) == 14
        boundary = "0123456789"
        body = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="norm.csv"\r\n\r\n'.encode()
        body += RECORD.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
        connection.request("POST", "/api/v1/predict", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
        response = connection.getresponse()
        reading = json.loads(response.read())
        assert (response.status, reading["record_id"]) == (200, "norm")
        connection.close()
    finally:
        server.terminate()
        server.communicate(timeout=30)


def _port(server: subprocess.Popen[str]) -> int:
    """Return the port that the server says it listens on."""
    stream = server.stdout
    assert stream is not None
    for line in stream:
        if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
            return int(found[1])
    raise AssertionError(server.communicate()[1])
