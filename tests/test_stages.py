"""Stages are noted where somebody asks, once each, and cost next to nothing elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from heart_reader.classifier import EcgClassifier
from heart_reader.data.formats import read_record
from heart_reader.samples import sample
from heart_reader.stages import Stages, noted, noting, stage, staged
from heart_reader.weights import find_reader


def test_a_reading_goes_through_all_stages() -> None:
    classifier = EcgClassifier.load(find_reader())
    begun = time.time_ns()
    with noting() as stages:
        classifier.predict(read_record(sample("norm")))
    assert set(stages) == {"read", "prepare", "measure", "network", "conclude"}
    assert stages["network"].items == len(classifier.preprocessor.starts(1000))
    for one in stages.values():
        assert begun <= one.begun_ns <= one.ended_ns <= time.time_ns() + 1_000_000
        assert one.busy_ns > 0
    assert sum(one.busy_ns for one in stages.values()) <= time.time_ns() - begun


def test_a_stage_within_itself_counts_once() -> None:
    @staged("outer")
    def outer(depth: int) -> int:
        return outer(depth - 1) + 1 if depth else 0

    with noting() as stages:
        assert outer(3) == 3
        with pytest.raises(ZeroDivisionError), stage("fails"):
            1 / 0  # noqa: B018
    assert (stages["outer"].calls, stages["fails"].calls) == (1, 1)
    assert not stages["outer"].is_open


def test_nobody_else_sees_them() -> None:
    seen: list[Stages | None] = []
    with noting():
        other = threading.Thread(target=lambda: seen.append(noted()))
        other.start()
        other.join()
    assert (seen, noted()) == ([None], None)


def test_stages_of_elsewhere_are_added() -> None:
    with noting() as elsewhere, stage("network", 3):
        pass
    stages = Stages()
    for _ in range(2):
        stages.add(elsewhere.to_json())
    assert (stages["network"].calls, stages["network"].items) == (2, 6)


def test_a_mark_costs_a_look_up_where_nobody_asks() -> None:
    def plain() -> None:
        pass

    def best(function: Callable[[], None]) -> float:
        times = []
        for _ in range(7):
            begun = time.process_time()
            for _ in range(20_000):
                function()
            times.append(time.process_time() - begun)
        return min(times) / 20_000

    # A reading goes through about ten marks, and takes thousands of times as long.
    assert best(staged("anything")(plain)) - best(plain) < 2e-6
