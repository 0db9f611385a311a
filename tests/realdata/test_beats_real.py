"""Classes of beats on two patients of DS2 that the forest never saw, and how many a second."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heart_reader.beats import classify_beats
from heart_reader.studies.beat_examples import read_beats
from heart_reader.studies.beats import beats_per_second, score

pytestmark = pytest.mark.realdata


@pytest.mark.parametrize("name", ["100", "103"])
def test_of_an_unseen_patient(real_data: Path, name: str) -> None:
    of = read_beats(real_data / "mitbih" / name)
    scores = score(of.classes, classify_beats(of.record, of.samples).classes)
    assert scores.accuracy > 0.99
    if scores.counts[1:3].sum() > 10:
        assert np.trace(scores.counts[1:3, 1:3]) > 0.8 * scores.counts[1:3].sum()


def test_many_beats_a_second(real_data: Path) -> None:
    # Four times slower than the machine that it was written on: no tight limit.
    assert beats_per_second(read_beats(real_data / "mitbih" / "100")) > 2500
