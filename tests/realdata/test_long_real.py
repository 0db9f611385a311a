"""What half an hour of real patients is called, against what cardiologists annotated."""

from __future__ import annotations

from pathlib import Path

import pytest

from heart_reader.classifier import EcgClassifier
from heart_reader.data.formats import read_record
from heart_reader.diagnosis import Diagnosis
from heart_reader.studies.long_recordings import compare_episodes
from heart_reader.weights import find_reader

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def read(real_data: Path):
    classifier = EcgClassifier.load(find_reader())
    return lambda name: classifier.predict(read_record(real_data / "mitbih" / f"{name}.hea"))


def slowest_run(reading: Diagnosis) -> float:
    assert reading.long is not None
    return min(
        (one.bpm or 0.0 for one in reading.long.episodes if one.kind in ("ventricular_run", "idioventricular_rhythm")), default=999.0
    )


def test_noise_in_one_lead_is_no_ventricular_run(real_data: Path) -> None:
    """Record 103: two atrial premature beats, none ventricular, and V2 shaken for minutes."""
    counts = compare_episodes(real_data / "mitbih" / "103.hea")
    assert counts.runs_found == 0
    assert counts.beats_missed == 0
    assert counts.beats_invented < 15


@pytest.mark.parametrize(("name", "runs", "invented"), [("205", 6, 0), ("215", 2, 0), ("124", 3, 2), ("223", 5, 2)])
def test_true_runs_are_found(real_data: Path, name: str, runs: int, invented: int) -> None:
    counts = compare_episodes(real_data / "mitbih" / f"{name}.hea")
    assert counts.runs_both >= runs
    assert counts.beats_invented <= invented


def test_flutter_of_the_ventricles_is_no_slow_run_and_no_tachycardia_of_34(read) -> None:
    reading = read("207")
    assert slowest_run(reading) > 40.0
    lost = [one.duration_s for one in reading.long.episodes if one.kind == "no_beats"]
    assert len(lost) <= 4
    assert sum(lost) == pytest.approx(144.0, abs=35.0)
    assert all((one.bpm or 0.0) > 100.0 for one in reading.long.episodes if one.kind == "tachycardia")
    assert reading.long.extreme("highest")[0] < 140.0


def test_one_rhythm_for_the_whole(read) -> None:
    """Record 208: 992 ventricular beats, 373 fusion beats (read as N or V), 2 supraventricular."""
    reading = read("208")
    rhythm = reading.measurements.rhythm
    assert rhythm.beats.count("supraventricular") == 0
    assert "trigeminy" in rhythm.findings
    text = reading.conclusion.headline
    assert text.startswith("Sinus rhythm, ")
    assert "Ventricular premature complex: 9" in text
    assert reading.conclusion.kind == "abnormal"


def test_fibrillation_that_comes_and_goes_is_stated(read) -> None:
    text = read("201").conclusion.headline
    assert text.startswith("Sinus rhythm, ")
    assert "Atrial fibrillation for 37% of the time" in text
    assert "7 pauses, the longest 3.8 s" in text


def test_a_reader_by_place_is_not_told_that_a_modified_lead_was_left_out(real_data: Path) -> None:
    from heart_reader.beats.features import PREPROCESSOR

    warnings = read_record(real_data / "mitbih" / "100.hea").warnings
    assert [one.code for one in warnings] == ["modified_lead"]
    assert list(PREPROCESSOR.concerning(warnings)) == []
