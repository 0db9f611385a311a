"""Levels that are read together say what each says alone."""

import numpy as np
import pytest

from heart_reader.data.labels import Level
from heart_reader.decisions.decision import Calibration, Decisions, Thresholds, Uncertainty
from heart_reader.decisions.joined import JoinedDecisions
from heart_reader.diagnosis import Quality, decide

LEVELS = [Level("plain", ("a", "b")), Level("calibrated", ("c", "d", "e")), Level("zoned", ("f", "g"))]
DECISIONS = {
    "plain": Decisions(),
    "calibrated": Decisions(
        Calibration("platt", "val", (0.5, 2.0, 1.0), (0.1, -0.2, 0.0), (True, True, False)), Thresholds("youden", "val", (0.3, None, 0.01))
    ),
    "zoned": Decisions(
        None, Thresholds("youden", "val", (0.5, 0.2)), Uncertainty("conformal", "val", 0.1, (0.4, None), (0.6, None), (9, 0), (9, 0))
    ),
}


def _probabilities(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {level.name: rng.random(len(level.class_names)) ** 2 for level in LEVELS}


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("poor", [False, True])
def test_every_level_reads_as_if_alone(seed: int, poor: bool) -> None:
    mean, highest = _probabilities(seed), _probabilities(100 + seed)
    quality = Quality((), (), 1 if poor else 12, 12)

    read = JoinedDecisions(LEVELS, DECISIONS).read(mean, highest, poor=poor)

    assert list(read) == [level.name for level in LEVELS]
    for level in LEVELS:
        of = DECISIONS[level.name]
        thresholds, zones = of.limits(len(level.class_names))
        rows = zip(of.calibrate(mean[level.name]).tolist(), thresholds, zones, of.calibrate(highest[level.name]).tolist(), strict=True)
        expected = [(p, threshold, decide(p, threshold, quality, zone), zone, top) for p, threshold, zone, top in rows]
        assert list(read[level.name]) == list(level.class_names)
        assert list(map(tuple, read[level.name].values())) == expected


def test_the_highest_window_is_left_out_where_nobody_asks() -> None:
    read = JoinedDecisions(LEVELS[:1], DECISIONS).read(_probabilities(0), None, poor=False)
    assert {one.maximum for one in read["plain"].values()} == {None}


def test_limits_of_a_zone_belong_to_it() -> None:
    joined = JoinedDecisions(LEVELS[2:], DECISIONS)
    said = [joined.read({"zoned": np.array([p, 0.0])}, None, poor=False)["zoned"]["f"].decision for p in (0.39, 0.4, 0.6, 0.61)]
    assert said == ["absent", "uncertain", "uncertain", "present"]
