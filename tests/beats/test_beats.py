from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from heart_reader.beats import classify_beats
from heart_reader.beats.classify import FEWEST_BEATS, SHARED, share_among_alike
from heart_reader.beats.forest import Forest, shipped_forest
from heart_reader.beats.intervals import PREMATURITY, interval_features
from heart_reader.data.annotations import AAMI_CLASSES
from heart_reader.data.record import EcgRecord, build_record
from heart_reader.data.synthetic import SimulatedEcg, simulate_rhythm
from heart_reader.data.synthetic.noise import NoiseLevels
from heart_reader.errors import ConfigError

QUIET = NoiseLevels(0.0, 0.0, 0.0, 0.0)


def simulated(name: str, duration_s: float = 120.0, seed: int = 1) -> SimulatedEcg:
    return simulate_rhythm(name, rng=np.random.default_rng(seed), fs=250.0, duration_s=duration_s, noise=QUIET)


def at_beats(ecg: SimulatedEcg) -> NDArray[np.int64]:
    """Where the R peaks are, about: two fifths into the QRS complex."""
    middle_s = 0.6 * ecg.truth.qrs_onset_s + 0.4 * ecg.truth.qrs_offset_s
    return np.rint(middle_s[middle_s < ecg.record.duration_s - 0.01] * ecg.record.fs).astype(np.int64)


def two_leads(record: EcgRecord, *names: str) -> EcgRecord:
    return build_record("two", np.stack([record.lead(name) for name in names]), record.fs, names)


@pytest.mark.parametrize("seed", range(3))
def test_ventricular_beats_are_told_from_normal_ones(seed: int) -> None:
    ecg = simulated("premature_ventricular", seed=seed)
    samples = at_beats(ecg)
    truth = np.array(ecg.truth.beat_kinds)[: len(samples)]
    read = classify_beats(two_leads(ecg.record, "II", "V1"), samples).classes
    assert (read[truth == "ventricular"] == "V").mean() > 0.8
    assert (read[truth == "normal"] == "N").mean() > 0.9


@pytest.mark.parametrize("seed", range(3))
def test_early_narrow_beats_are_supraventricular(seed: int) -> None:
    ecg = simulated("premature_supraventricular", seed=seed)
    samples = at_beats(ecg)
    truth = np.array(ecg.truth.beat_kinds)[: len(samples)]
    read = classify_beats(two_leads(ecg.record, "II", "V1"), samples).classes
    assert (read[truth == "supraventricular"] == "S").mean() > 0.7
    assert (read[truth == "normal"] == "N").mean() > 0.95


def test_in_fibrillation_few_beats_are_called_early() -> None:
    ecg = simulated("atrial_fibrillation")
    read = classify_beats(two_leads(ecg.record, "II", "V1"), at_beats(ecg)).classes
    assert (read == "S").mean() < 0.05


def test_beats_are_detected_where_nobody_says_where_they_are() -> None:
    ecg = simulated("premature_ventricular")
    given, found = classify_beats(ecg.record, at_beats(ecg)), classify_beats(ecg.record)
    assert abs(len(found.samples) - len(given.samples)) <= 2
    assert (np.diff(found.samples) > 0).all()
    assert abs((found.classes == "V").sum() - (given.classes == "V").sum()) <= 3


def test_one_lead_is_enough_and_the_order_of_leads_does_not_matter() -> None:
    ecg = simulated("premature_ventricular")
    samples = at_beats(ecg)
    truth = np.array(ecg.truth.beat_kinds)[: len(samples)]
    alone = classify_beats(two_leads(ecg.record, "II"), samples)
    assert (alone.classes[truth == "ventricular"] == "V").mean() > 0.6
    one, other = (classify_beats(two_leads(ecg.record, *names), samples) for names in (("II", "V5"), ("V5", "II")))
    np.testing.assert_array_equal(one.probabilities, other.probabilities)


def test_with_few_beats_nothing_is_told() -> None:
    ecg = simulated("sinus", duration_s=8.0)
    samples = at_beats(ecg)[: FEWEST_BEATS - 1]
    assert set(classify_beats(ecg.record, samples).classes.tolist()) == {"Q"}


def test_no_beats_are_none() -> None:
    record = build_record("flat", np.random.default_rng(0).normal(0, 0.002, (2, 5000)), 250.0, ("II", "V1"))
    nothing = classify_beats(record, np.zeros(0, dtype=np.int64))
    assert nothing.probabilities.shape == (0, len(AAMI_CLASSES))


@pytest.mark.parametrize("samples", [[5, 5], [9, 3], [-1, 4], [10, 10**9], [[1, 2]]])
def test_beats_that_cannot_be_are_refused(samples: list[int]) -> None:
    with pytest.raises(ConfigError, match="rising samples"):
        classify_beats(simulated("sinus", duration_s=20.0).record, np.array(samples))


def test_probabilities_are_shares() -> None:
    beats = classify_beats(simulated("premature_ventricular").record)
    np.testing.assert_allclose(beats.probabilities.sum(axis=1), 1.0, atol=1e-9)
    assert (beats.probabilities >= 0).all()
    assert beats.classes.tolist() == [AAMI_CLASSES[place] for place in beats.probabilities.argmax(axis=1)]


def test_intervals_do_not_depend_on_the_heart_rate() -> None:
    times = np.cumsum(np.random.default_rng(0).uniform(0.6, 0.9, 80))
    slow, fast = interval_features(times * 1.2), interval_features(times)
    for name in ("before_to_mean", PREMATURITY, "irregularity_20", "compensation"):
        np.testing.assert_allclose(slow[name], fast[name], atol=1e-9)


def test_an_early_beat_is_early() -> None:
    gaps = np.full(60, 0.8)
    gaps[30], gaps[31] = 0.5, 1.1
    features = interval_features(np.concatenate([[0.0], np.cumsum(gaps)]))
    assert features[PREMATURITY].argmin() == 31
    assert features["compensation"][31] == pytest.approx(0, abs=1e-9)


def test_a_forest_descends_to_its_leaves(tmp_path) -> None:
    # If a <= 1 then mostly x, else y; the second tree is one leaf.
    forest = Forest(
        names=np.array(["a"]),
        classes=np.array(["x", "y"]),
        roots=np.array([0, 3], dtype=np.int32),
        feature=np.zeros(4, dtype=np.int16),
        threshold=np.array([1, 0, 0, 0], dtype=np.float32),
        left=np.array([1, 1, 2, 3], dtype=np.int32),
        right=np.array([2, 1, 2, 3], dtype=np.int32),
        leaf=np.array([[0, 0], [0.8, 0.2], [0, 1], [0.5, 0.5]], dtype=np.float32),
        depth=np.array(1, dtype=np.int32),
    )
    forest.save(tmp_path / "forest.npz")
    again = Forest.load(tmp_path / "forest.npz")
    np.testing.assert_allclose(again.probabilities(np.array([[1.0], [1.5]], dtype=np.float32)), [[0.65, 0.35], [0.25, 0.75]], atol=1e-6)


def test_the_shipped_forest_asks_what_is_measured() -> None:
    forest = shipped_forest()
    ecg = simulated("sinus", duration_s=30.0)
    assert len(classify_beats(ecg.record).samples) > FEWEST_BEATS  # every name is found
    assert set(forest.classes.tolist()) < set(AAMI_CLASSES)
    leaves = forest.left == np.arange(len(forest.left))
    np.testing.assert_allclose(forest.leaf[leaves].sum(axis=1), 1.0, atol=1e-5)


def test_beats_that_look_alike_agree() -> None:
    probabilities = np.zeros((6, 5))
    probabilities[:, AAMI_CLASSES.index("V")] = [0.9, 0.9, 0.9, 0.9, 0.9, 0.2]
    probabilities[:, 0] = 1 - probabilities[:, 2]
    everywhere = np.ones((6, 6)), np.arange(6)
    nowhere = np.eye(6), np.arange(6)
    assert share_among_alike(probabilities, everywhere)[5, 2] > 0.5
    assert SHARED < 1
    np.testing.assert_allclose(share_among_alike(probabilities, nowhere), probabilities)
