"""An unforeseen failure in one record of many is the error of that record only."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import heart_reader.data.cache
import heart_reader.data.row_reader
from heart_reader.classifier import EcgClassifier
from heart_reader.data.build import build_table
from heart_reader.data.cache import open_or_build
from heart_reader.data.formats import read_record
from heart_reader.data.one_record import one_record
from heart_reader.errors import DataError, LeadError, UnexpectedError, UnreadableRecord
from heart_reader.evaluation.whole.readings import read_whole
from heart_reader.messages import Message
from heart_reader.reading import Reading, read_all

ROOT = Path(__file__).resolve().parents[2]
GOOD = ROOT / "test_files" / "norm.hea"
BAD = ROOT / "test_files" / "noisy.hea"


def _recurse() -> None:
    _recurse()


def _raise(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


class _Unpicklable(Exception):
    def __init__(self, *, place: str) -> None:
        super().__init__()
        self.place = place


FAILURES: dict[str, Callable[[], None]] = {
    "IndexError": _raise(IndexError("list index out of range")),
    "MemoryError": _raise(MemoryError()),
    "RecursionError": _recurse,
    "StopIteration": _raise(StopIteration()),
    "OSError": _raise(OSError(5, "the disk")),
    "_Unpicklable": _raise(_Unpicklable(place="here")),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_the_error_names_the_record_and_the_kind_and_can_travel(kind: str) -> None:
    with pytest.raises(UnexpectedError) as caught, one_record("a/b.csv"):
        FAILURES[kind]()
    error = pickle.loads(pickle.dumps(caught.value))
    assert error.code == "unexpected_error"
    assert error.message.startswith("a/b.csv: ")
    assert kind in error.message
    assert "--debug" in error.message
    assert isinstance(error.args[0], Message)
    assert type(caught.value.__cause__).__name__ == kind


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), LeadError("b: no lead")])
def test_what_ends_a_program_and_what_was_foreseen_pass(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, one_record("a"):
        raise error
    assert caught.value is error


@pytest.fixture
def failing(tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> EcgClassifier:
    """A classifier that fails on the record ``noisy``."""
    classifier = EcgClassifier.load(tiny_checkpoint)
    predict = EcgClassifier.predict

    def fail(self, record, **more):
        if record.record_id == "noisy":
            raise RuntimeError("nobody foresaw that")
        return predict(self, record, **more)

    monkeypatch.setattr(EcgClassifier, "predict", fail)
    return classifier


def test_the_others_are_still_read(failing: EcgClassifier) -> None:
    first, second, third = read_all(failing, [GOOD, BAD, GOOD])
    assert (first.error, third.error) == (None, None)
    assert second.error is not None
    assert second.error.code == "unexpected_error"
    said = json.loads(second.to_json_line())
    assert said["record_id"] == "noisy"
    assert said["error"]["code"] == "unexpected_error"
    assert "RuntimeError" in second.to_text()


def test_a_reading_that_cannot_be_written_is_an_error_too(failing: EcgClassifier) -> None:
    (reading,) = read_all(failing, [GOOD])
    assert reading.diagnosis is not None
    endless = replace(reading, diagnosis=replace(reading.diagnosis, duration_s=float("nan")))
    text, error = endless.text(as_json=True)
    assert json.loads(text)["error"]["code"] == "unexpected_error"
    assert isinstance(error, UnexpectedError)
    assert reading.text(as_json=True) == (reading.to_json_line(), None)
    assert reading.text(as_json=False) == (reading.to_text(), None)


def test_a_path_that_no_system_takes_is_one_error(failing: EcgClassifier) -> None:
    names = [Path("a" * 5000), Path("a\0b"), Path("\udcff")]
    readings = list(read_all(failing, [*names, GOOD]))
    assert [reading.error and reading.error.code for reading in readings] == ["unreadable_record"] * 3 + [None]


def test_whole_readings_of_a_split_go_on(failing: EcgClassifier, tiny_config, monkeypatch) -> None:
    table = build_table(tiny_config)
    few = table.select(np.arange(3))
    read = heart_reader.data.row_reader.read_record

    def fail(path):
        if str(path) == str(few.paths[1]):
            raise RuntimeError("nobody foresaw that")
        return read(path)

    monkeypatch.setattr(heart_reader.data.row_reader, "read_record", fail)
    readings = read_whole(failing, few)
    assert len(readings) == len(few) - 1
    assert "RuntimeError" in readings.failed[str(few.record_ids[1])]


def test_a_data_set_names_the_record_and_is_not_built(failing: EcgClassifier, tiny_config, monkeypatch, tmp_path: Path) -> None:
    table = build_table(tiny_config)
    read = heart_reader.data.cache.read_record

    def fail(path):
        if str(path) == str(table.paths[2]):
            raise RuntimeError("nobody foresaw that")
        return read(path)

    monkeypatch.setattr(heart_reader.data.cache, "read_record", fail)
    with pytest.raises(DataError, match=rf"1 of {len(table)} records cannot be read: {table.record_ids[2]} .*RuntimeError"):
        open_or_build(table, failing.preprocessor, tmp_path, progress=False)


PATCHED = """
import sys, runpy
from heart_reader.classifier import EcgClassifier
import heart_reader.reading_page as page
predict, draw = EcgClassifier.predict, page.draw_page
def fail(self, record, **more):
    if record.record_id == "noisy":
        raise {error}
    return predict(self, record, **more)
def fail_to_draw(diagnosis, record, path):
    if record.record_id == "rhythm_afib":
        raise ZeroDivisionError("on paper")
    return draw(diagnosis, record, path)
EcgClassifier.predict, page.draw_page = fail, fail_to_draw
sys.argv = ["predict.py", *sys.argv[1:]]
runpy.run_path("predict.py", run_name="__main__")
"""


def run(error: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PATCHED.format(error=error), *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("error", ["MemoryError()", "ValueError('x' * 9999)"])
def test_the_command_reads_on_and_shows_the_traceback_if_asked(error: str, tiny_checkpoint: Path) -> None:
    answer = run(error, BAD, GOOD, "--checkpoint", tiny_checkpoint, "--json")
    assert answer.returncode == 1
    first, second = map(json.loads, answer.stdout.splitlines())
    assert first["error"]["code"] == "unexpected_error"
    assert second["levels"]
    assert answer.stderr == ""
    shown = run(error, BAD, GOOD, "--checkpoint", tiny_checkpoint, "--json", "--debug")
    assert shown.returncode == 1
    assert len(shown.stdout.splitlines()) == 2
    assert error.partition("(")[0] in shown.stderr
    assert "in fail\n" in shown.stderr


@pytest.mark.slow
def test_the_command_can_be_stopped(tiny_checkpoint: Path) -> None:
    answer = run("KeyboardInterrupt()", BAD, GOOD, "--checkpoint", tiny_checkpoint, "--json")
    assert (answer.returncode, answer.stdout, answer.stderr) == (1, "", "stopped\n")


@pytest.mark.slow
def test_a_page_that_cannot_be_drawn_is_no_end_either(tiny_checkpoint: Path, tmp_path: Path) -> None:
    afib = ROOT / "test_files" / "rhythm_afib.hea"
    answer = run("OSError()", afib, GOOD, "--checkpoint", tiny_checkpoint, "--json", "--report", tmp_path)
    assert answer.returncode == 1
    assert all("levels" in json.loads(line) for line in answer.stdout.splitlines())
    assert "ZeroDivisionError" in answer.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["norm.pdf"]


@pytest.mark.slow
def test_a_name_that_no_terminal_shows_is_no_end_either(tiny_checkpoint: Path, tmp_path: Path) -> None:
    odd = tmp_path / "a\udcff.hea"
    odd.write_bytes(GOOD.read_bytes())
    (tmp_path / "norm.dat").write_bytes(GOOD.with_suffix(".dat").read_bytes())
    answer = run("OSError()", odd, GOOD, "--checkpoint", tiny_checkpoint, "--json")
    assert answer.returncode == 0, answer.stderr
    assert len([json.loads(line) for line in answer.stdout.splitlines()]) == 2


def test_an_error_of_its_own_is_a_reading_like_any(tmp_path: Path) -> None:
    with pytest.raises(UnexpectedError) as caught, one_record(tmp_path):
        FAILURES["IndexError"]()
    assert "cannot be read" in Reading(tmp_path, None, caught.value).to_text()


def test_a_file_that_cannot_be_read_is_named_once(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.touch()
    with pytest.raises(UnreadableRecord) as caught:
        read_record(path)
    assert Reading(path, None, caught.value).to_text() == f"{path}: cannot be read: the file is empty (0 bytes): copy or export it again\n"


def test_files_that_are_called_alike_are_distinguished_by_their_folders(tiny_checkpoint: Path, tmp_path: Path) -> None:
    for patient in ("p1", "p2"):
        (tmp_path / "ward" / patient).mkdir(parents=True)
        (tmp_path / "ward" / patient / "ecg.csv").write_bytes(GOOD.with_suffix(".csv").read_bytes())
    (tmp_path / "ward" / "p2" / "ecg.csv").write_bytes(b"")
    (tmp_path / "ward" / "p2" / "other.csv").write_bytes(GOOD.with_suffix(".csv").read_bytes())
    classifier = EcgClassifier.load(tiny_checkpoint)
    for given in ([tmp_path / "ward"], [tmp_path / "ward" / "p1", tmp_path / "ward" / "p2"]):
        lines = [json.loads(reading.to_json_line()) for reading in read_all(classifier, given)]
        assert [line["record_id"] for line in lines] == ["p1/ecg", "p2/ecg", "other"]
        assert ["error" in line for line in lines] == [False, True, False]
