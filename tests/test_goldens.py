"""Readings of the shipped ECGs, kept so that no measurement or probability drifts unnoticed.

``python tests/test_goldens.py`` writes them anew: after a change that is meant to move them,
together with a new ``MEASURING_VERSION`` if measurements moved.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heart_reader.classifier import EcgClassifier
from heart_reader.data.formats import find_records, read_record
from heart_reader.features.feature_names import FEATURE_NAMES, MEASURING_VERSION
from heart_reader.features.measured import measure
from heart_reader.weights import find_reader, shipped_readers

ROOT = Path(__file__).resolve().parent.parent
GOLDENS = ROOT / "tests" / "goldens.json"
RECORDS = {path.name: path for path in find_records(ROOT / "test_files")}
CHECKPOINTS = {name: find_reader(name) for name in sorted(shipped_readers())}
# Kernels of other processors add in another order; 8-bit ones may round a value to its neighbour.
# Measurements are decided by comparisons of float32 sums, which hardly ever fall out differently.
TOLERANCE, TOLERANCE_8_BIT = 2e-3, 0.04
SIGNIFICANT = 5


def measured(path: Path) -> dict[str, float | None]:
    values = measure(read_record(path)).vector()
    return {
        name: None if math.isnan(value) else float(f"{value:.{SIGNIFICANT}g}")
        for name, value in zip(FEATURE_NAMES, values.tolist(), strict=True)
    }


def probabilities(classifier: EcgClassifier, path: Path) -> dict[str, list[float]]:
    reading = classifier.predict(read_record(path), measure=False)
    return {
        level: [round(answer.probability, 4) for answer in answers.values()]
        for level, answers in reading.levels.items()
        if level in classifier.space.heads
    }


def take() -> dict[str, Any]:
    """Return all goldens as plain values."""
    classifiers = {name: EcgClassifier.load(path) for name, path in CHECKPOINTS.items()}
    return {
        "measuring_version": MEASURING_VERSION,
        "measurements": {name: measured(path) for name, path in RECORDS.items()},
        "probabilities": {
            name: {record: probabilities(classifier, path) for record, path in RECORDS.items()} for name, classifier in classifiers.items()
        },
        "checkpoints": {name: classifier.checkpoint.sha256 for name, classifier in classifiers.items()},
    }


@pytest.fixture(scope="module")
def goldens() -> dict[str, Any]:
    values: dict[str, Any] = json.loads(GOLDENS.read_text(encoding="utf-8"))
    return values


def test_every_reader_and_record_has_goldens(goldens: dict[str, Any]) -> None:
    assert goldens["probabilities"].keys() == CHECKPOINTS.keys()
    assert goldens["measurements"].keys() == RECORDS.keys()


@pytest.mark.parametrize("record", RECORDS)
def test_measurements_are_those_of_their_version(record: str, goldens: dict[str, Any]) -> None:
    assert goldens["measuring_version"] == MEASURING_VERSION, (
        "the version is new: write the goldens anew and train again what reads measurements"
    )
    was, now = goldens["measurements"][record], measured(RECORDS[record])
    assert was.keys() == now.keys()
    moved = {name: (was[name], now[name]) for name in was if not _same(was[name], now[name])}
    assert not moved, "measurements moved: raise MEASURING_VERSION, write the goldens anew and train again what reads measurements"


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_readers_say_what_they_said(name: str, goldens: dict[str, Any]) -> None:
    classifier = EcgClassifier.load(CHECKPOINTS[name])
    assert classifier.checkpoint.sha256 == goldens["checkpoints"][name], "another checkpoint: write the goldens anew"
    tolerance = TOLERANCE_8_BIT if "int8" in name else TOLERANCE
    for record, path in RECORDS.items():
        now = probabilities(classifier, path)
        for level, was in goldens["probabilities"][name][record].items():
            np.testing.assert_allclose(now[level], was, atol=tolerance, err_msg=f"{record}, {level}")


def _same(was: float | None, now: float | None) -> bool:
    if was is None or now is None:
        return was is now
    return math.isclose(was, now, rel_tol=1e-3, abs_tol=1e-3)


if __name__ == "__main__":
    # A line per list, so that a difference can be read.
    text = re.sub(r"\[[^\[\]{}]*\]", lambda found: " ".join(found[0].split()), json.dumps(take(), indent=1))
    GOLDENS.write_text(text + "\n", encoding="utf-8")
