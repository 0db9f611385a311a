"""The benchmark of damaged files continues where it stopped, and keeps harmful files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from benchmarks import robustness
from heart_reader.classifier import EcgClassifier


@pytest.fixture
def classifier() -> EcgClassifier:
    return EcgClassifier.load(robustness.QUICK)


def test_a_run_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []

    def answer(todo, n_workers, seed):
        asked.extend(todo)
        for fmt, number in todo:
            failed = {"outcome": "failed", "why": "IndexError", "traceback": "here"} if number == 2 else {"outcome": "read"}
            yield fmt, {"number": number, "s": 0.5, "mb": 12.3, "warned": [], **failed}

    monkeypatch.setattr(robustness, "_read_all", answer)
    robustness.run(tmp_path, ("wfdb", "csv"), 2, 0, 1)
    log = tmp_path / "csv-0.jsonl"
    log.write_text(log.read_text() + '{"number": 7, "cut')
    answers = robustness.run(tmp_path, ("wfdb", "csv"), 4, 0, 1)
    assert asked == [(fmt, number) for number in range(4) for fmt in ("wfdb", "csv")]
    assert robustness.mutated_table(answers).splitlines()[2:] == [
        "| wfdb | 4 | 0 | 3 | 1 | 0.50 | 12 |",
        "| csv | 4 | 0 | 3 | 1 | 0.50 | 12 |",
    ]
    kept = tmp_path / "failures" / "csv-2"
    assert (kept / "why.txt").read_text() == "IndexError\n\nhere"
    assert (kept / "seed.csv").read_bytes() == robustness.mutated_record("csv", 2, 0)["seed.csv"]


def test_what_a_file_costs_and_does_is_measured(classifier: EcgClassifier, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = robustness._read_one(classifier, "edf", 3, 0, robustness._status_mb("VmRSS"))
    assert usual["outcome"] in {"read", "refused"}
    assert "why" not in usual

    def swell(*_: object) -> None:
        assert len(b"x" * 400_000_000)

    monkeypatch.setattr(robustness, "_whole_way", swell)
    greedy = robustness._read_one(classifier, "edf", 3, 0, robustness._status_mb("VmRSS"))
    assert greedy["mb"] > 390
    assert greedy["why"] == "more than 300 MB"

    def crash(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr(robustness, "_whole_way", crash)
    crashed = robustness._read_one(classifier, "edf", 3, 0, 0.0)
    assert (crashed["outcome"], crashed["why"].split()[0]) == ("failed", "RecursionError")


@pytest.mark.slow
def test_processes_that_hang_or_die_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robustness, "work", _odd_work)
    monkeypatch.setattr(robustness, "KILL_AFTER_S", 0.5)
    answers = dict(robustness._read_all([("die", 0), ("hang", 1), ("fine", 2)], 1, 0))
    assert {fmt: answer["outcome"] for fmt, answer in answers.items()} == {"die": "failed", "hang": "failed", "fine": "read"}
    assert answers["die"]["why"] == "the process died (3)"
    assert answers["hang"]["why"] == "no answer in 0.5 s"
    json.dumps(answers)


def _odd_work(tasks, seed: int) -> None:
    tasks.send(None)
    while (task := tasks.recv()) is not None:
        if task[0] == "die":
            os._exit(3)
        if task[0] == "hang":
            tasks.recv()
        tasks.send({"number": task[1], "outcome": "read", "s": 0.0, "mb": 0.0, "warned": []})
