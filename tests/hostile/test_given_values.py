"""Whatever a user states about a file is used or refused in words, by command and server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from heart_reader.classifier import EcgClassifier
from heart_reader.errors import RecordError
from heart_reader.frontend import Settings, create_app
from heart_reader.reading import read_all
from tests.hostile.mutations import EDGE_NUMBERS, EDGE_TEXTS
from tests.hostile.seeds import FORMATS, seed_files

ROOT = Path(__file__).resolve().parents[2]
QUICK = ROOT / "results" / "ptbxl-nano-int8" / "checkpoint"
RATES = (0.0, -0.0, -1.0, 1e-320, 1e308, float("inf"), -float("inf"), float("nan"), 9.99, 10.0, 11.0, 250.0, 2.0**31, 100_001.0)
LEADS = (
    *[(text,) for text in EDGE_TEXTS],
    *[(text,) * 12 for text in ("", "I", "\0", "A" * 10_000)],
    tuple(map(str, range(12))),
    tuple("\u202e" * (place + 1) for place in range(12)),
    ("I",) * 5000,
    (),
)


@pytest.fixture(scope="module")
def classifier() -> EcgClassifier:
    return EcgClassifier.load(QUICK)


@pytest.fixture(scope="module", params=FORMATS)
def record(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("record")
    files = seed_files(request.param, 0)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder / next(iter(files))


@pytest.mark.parametrize(
    "given",
    [
        *({"fs": fs} for fs in RATES),
        *({"unit": unit} for unit in (*EDGE_TEXTS, *EDGE_NUMBERS)),
        *({"leads": leads} for leads in LEADS),
        {"fs": float("nan"), "unit": "\0", "leads": ("",)},
    ],
    ids=lambda given: ascii(given)[:40],
)
def test_a_record_is_read_or_refused_in_words(classifier: EcgClassifier, record: Path, given: dict) -> None:
    (reading,) = read_all(classifier, [record], measure=False, **given)
    assert reading.error is None or isinstance(reading.error, RecordError), reading.error
    for as_json in (True, False):
        text, error = reading.text(as_json=as_json)
        assert error is reading.error
        assert not as_json or json.loads(text)


ARGUMENTS = [
    *(("--fs", text) for text in ("nan", "inf", "-inf", "1e400", "-1e400", "0", "1e-400", "5_00", "٥٠٠", "\u00b2", "", "x" * 9999)),
    *(("--unit", text) for text in ("", "nan", "uv\n", "\u202emV", "V" * 9999)),
    *(("--leads", text) for text in ("", ",", ",,,,,,,,,,,", "I," * 5000, "I,\u0000,".replace("\0", "\u200b"), "é" * 9999)),
]


@pytest.mark.slow
def test_the_command_line_answers_each_with_one_line() -> None:
    """All in one process: starting one takes longer than reading."""
    script = (
        "import io, json, sys, contextlib\n"
        "from heart_reader.commands import main\n"
        "for arguments in json.load(sys.stdin):\n"
        "    out, err = io.StringIO(), io.StringIO()\n"
        "    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):\n"
        "        try:\n"
        "            status = main(['read', *arguments])\n"
        "        except SystemExit as end:\n"
        "            status = end.code\n"
        "    print(json.dumps([status, out.getvalue(), err.getvalue()]))\n"
    )
    file = str(ROOT / "test_files" / "norm.csv")
    commands = [[file, f"{name}={value}", "--json", "--checkpoint", str(QUICK)] for name, value in ARGUMENTS]
    command = [sys.executable, "-c", script]
    answer = subprocess.run(command, input=json.dumps(commands), cwd=ROOT, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in answer.stdout.splitlines()]
    assert len(answers) == len(ARGUMENTS)
    for given, (status, out, err) in zip(ARGUMENTS, answers, strict=True):
        if status == 2:
            assert "usage: " in err or len(err.splitlines()) == 1, given
            assert "Traceback" not in err
            continue
        assert err == "", given
        (line,) = out.splitlines()
        assert ("error" in json.loads(line)) == (status == 1), given
        assert json.loads(line).get("error", {}).get("code") != "unexpected_error", given


@pytest.fixture(scope="module")
def server() -> Iterator[TestClient]:
    with TestClient(create_app(Settings(checkpoint=QUICK, processes=False)), raise_server_exceptions=False) as client:
        yield client


@pytest.mark.slow
@pytest.mark.parametrize("field", ["fs", "unit", "leads", "waveform", "other"])
@pytest.mark.parametrize("where", ["query", "form"])
def test_the_server_answers_each_in_the_one_shape(server: TestClient, field: str, where: str) -> None:
    content = (ROOT / "test_files" / "norm.csv").read_bytes()
    for value in (*EDGE_NUMBERS, *EDGE_TEXTS):
        upload = {"files": [("file", ("norm.csv", content))]}
        # An address has a length; what is too long for one is for the form alone.
        more = {"params": {field: value[:2000]}} if where == "query" else {"data": {field: value}}
        answer = server.post("/api/v1/predict", **upload, **more)
        said = answer.json()
        if answer.status_code == 200:
            assert said["levels"]
        else:
            assert 400 <= answer.status_code < 500, (value, said)
            assert set(said) == {"code", "message", "detail", "request_id"}
            assert len(said["message"]) < 3000
