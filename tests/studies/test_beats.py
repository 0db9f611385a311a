from __future__ import annotations

import numpy as np
import pytest

from heart_reader.beats import Beats
from heart_reader.data.annotations import AAMI_CLASSES
from heart_reader.studies.beat_examples import AnnotatedBeats, gather
from heart_reader.studies.beat_fit import grow
from heart_reader.studies.beats import BeatScores, estimates, score, score_detected
from tests.beats.test_beats import at_beats, simulated, two_leads


def test_the_published_index_follows_from_its_parts() -> None:
    # Of Mar et al.: half of kappa and an eighth of the sum of four shares.
    scores = BeatScores(((80, 5, 5, 0), (2, 8, 0, 0), (1, 0, 9, 0), (0, 0, 0, 0)))
    assert scores.accuracy == pytest.approx(97 / 110)
    assert scores.sensitivity["S"] == pytest.approx(0.8)
    assert scores.predictivity["V"] == pytest.approx(9 / 14)
    assert scores.j_kappa == pytest.approx(scores.kappa / 2 + (0.8 + 0.9 + 8 / 13 + 9 / 14) / 8)


def test_chance_is_no_agreement() -> None:
    assert BeatScores(((50, 50, 0, 0), (50, 50, 0, 0), (0,) * 4, (0,) * 4)).kappa == pytest.approx(0)


def test_beats_that_nobody_can_tell_do_not_count() -> None:
    assert score(np.array(list("NQV")), np.array(list("QNV"))).confusion == ((1, 0, 0, 0), (0,) * 4, (0, 0, 1, 0), (0,) * 4)


def annotated(name: str, seed: int) -> AnnotatedBeats:
    from heart_reader.beats.features import PREPROCESSOR

    ecg = simulated(name, duration_s=90.0, seed=seed)
    samples = at_beats(ecg)
    classes = np.array(
        [{"normal": "N", "ventricular": "V", "supraventricular": "S"}[kind] for kind in ecg.truth.beat_kinds[: len(samples)]]
    )
    record = two_leads(ecg.record, "II", "V1")
    return AnnotatedBeats(record, PREPROCESSOR.prepare(record), samples, samples, classes)


def test_detections_are_paired_with_annotations() -> None:
    of = annotated("premature_ventricular", 3)
    # One beat is missed, another one invented a third of a second behind the first that is found.
    samples = np.sort(np.append(of.samples[1:], of.samples[1] + 90))
    read = np.insert(of.classes[1:], 1, "N")
    scores = score_detected(of, Beats(samples, read, np.zeros((len(read), 5))))
    assert (scores.missed, scores.invented) == (1, 1)
    assert scores.accuracy == 1.0


@pytest.mark.slow
def test_a_forest_grown_from_few_patients_reads_another() -> None:
    recordings = {
        f"{name}-{seed}": annotated(name, seed) for name in ("premature_ventricular", "premature_supraventricular") for seed in range(4)
    }
    forest = grow(gather(recordings, 0))
    from heart_reader.beats.classify import classify_prepared

    other = annotated("premature_ventricular", 9)
    read = np.array(AAMI_CLASSES)[classify_prepared(other.prepared, other.peaks, forest).argmax(axis=1)]
    assert (read == other.classes).mean() > 0.9


def test_intervals_are_over_patients_and_only_of_many() -> None:
    rng = np.random.default_rng(0)
    parts = {str(name): score(rng.choice(list("NSV"), 200), rng.choice(list("NSV"), 200)) for name in range(12)}
    accuracy = estimates(parts)["accuracy"]
    assert accuracy.low is not None
    assert accuracy.high is not None
    assert accuracy.point is not None
    assert accuracy.low < accuracy.point < accuracy.high
    # Patients who are all alike leave nothing to chance.
    alike = estimates(dict.fromkeys(parts, parts["0"]))["j-kappa"]
    assert alike.low == pytest.approx(alike.point) == pytest.approx(alike.high)
    assert estimates(dict(list(parts.items())[:2]))["accuracy"].low is None
