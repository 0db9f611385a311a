"""A long recording has one rhythm: that of the whole, whatever its quietest minute shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from heart_reader.classifier import EcgClassifier
from heart_reader.conclusion.reconcile import ClassReading
from heart_reader.conclusion.whole import without_contradicted
from heart_reader.data.record import EcgRecord
from heart_reader.data.synthetic import simulate_rhythm
from heart_reader.features.measured import measure
from heart_reader.features.measurement import Measurements
from heart_reader.features.rhythm import Rhythm
from heart_reader.long.episodes import Episode
from heart_reader.long.excerpts import EXCERPT_S, excerpts
from heart_reader.long.reading import BeatList, Envelope, LongReading, Trend
from heart_reader.long.statement import state, with_whole_rhythm
from heart_reader.weights import find_reader

FS, LEADS = 250.0, ("II", "V1")
HOUR = 360


def whole_of(classes: str, rhythm: Iterable[str | None] = ("sinus_rhythm",) * HOUR, episodes: tuple[Episode, ...] = ()) -> LongReading:
    """An hour at 75 per minute with some classes of beats first."""
    n_beats = 4500
    letters = np.array(list(classes.ljust(n_beats, "N")), dtype="<U1")
    even, nothing = np.full(HOUR, 75.0), np.zeros(HOUR, bool)
    trend = Trend(10.0, even, even, even, even, tuple(rhythm), nothing)
    beats = BeatList(0.8 * np.arange(n_beats), letters)
    envelope = Envelope(3.6, LEADS, np.zeros((2, 1000)), np.ones((2, 1000)))
    return LongReading(3600.0, beats, trend, envelope, episodes, Counter(one.kind for one in episodes), (), ())


@pytest.fixture(scope="module")
def minute() -> Measurements:
    """A minute with extrasystoles."""
    ecg = simulate_rhythm("premature_ventricular", rng=np.random.default_rng(3), fs=FS, duration_s=60.0)
    measured = measure(ecg.record)
    assert "premature_ventricular" in measured.rhythm.findings
    return measured


def lines(whole: LongReading, minute: Measurements) -> list[str]:
    return [str(line.text) for line in state(whole, with_whole_rhythm(minute, whole, 120.0).rhythm).lines.lines]


def test_what_the_minute_has_and_the_whole_has_not_is_not_stated(minute: Measurements) -> None:
    whole = whole_of("")
    rhythm = with_whole_rhythm(minute, whole, 120.0).rhythm
    assert "premature_ventricular" not in rhythm.findings
    assert set(rhythm.beats) <= {"normal", "unknown"}
    assert len(rhythm.beats) == len(minute.rhythm.beats)
    assert rhythm.values == minute.rhythm.values
    assert "from 0:02:00" in rhythm.reason
    assert lines(whole, minute) == ["Sinus rhythm, 75/min on average, 75 to 75/min over 10 s"]


def test_what_the_whole_has_is_stated_with_its_numbers(minute: Measurements) -> None:
    run = Episode("ventricular_run", 0.0, 1.2, 4, 150.0)
    pause = Episode("pause", 600.0, 603.4, 2, 17.6)
    said = lines(whole_of("V" * 900 + "S" * 9, episodes=(run, pause)), minute)
    assert said[1:] == [
        "Ventricular premature complex: 900 (20% of all beats)",
        "Atrial premature complex: 9 (<1% of all beats)",
        "1 ventricular run of 4 beats at 150/min",
        "1 pause of 3.4 s",
    ]


def test_few_extrasystoles_are_no_abnormality_and_many_are(minute: Measurements) -> None:
    for classes, normal in (("V" * 9, True), ("V" * 11, False), ("S" * 29, True), ("S" * 31, False)):
        whole = whole_of(classes)
        assert state(whole, with_whole_rhythm(minute, whole, None).rhythm).lines.normal is normal, classes


def test_fibrillation_is_the_rhythm_or_an_episode_of_it(minute: Measurements) -> None:
    part = Episode("atrial_fibrillation", 0.0, 1800.0, 2250, 75.0)
    said = lines(whole_of("", ["atrial_fibrillation"] * 180 + ["sinus_rhythm"] * 180, (part,)), minute)
    assert said == [
        "Sinus rhythm, 75/min on average, 75 to 75/min over 10 s",
        "Atrial fibrillation for 50% of the time (1 episode, 0:30:00)",
    ]
    whole = whole_of("", ["atrial_fibrillation"] * HOUR, (replace(part, end_s=3600.0),))
    assert lines(whole, minute) == ["Atrial fibrillation, 75/min on average, 75 to 75/min over 10 s"]


def test_a_rhythm_without_a_name_says_why(minute: Measurements) -> None:
    whole = whole_of("", [None] * HOUR)
    unnamed = replace(minute, rhythm=Rhythm(None, "too noisy"))
    assert lines(whole, unnamed) == ["Rhythm undetermined: too noisy"]


def test_the_reader_does_not_contradict_the_whole(minute: Measurements) -> None:
    codes = ("SR", "PVC", "AFIB", "IMI")
    answers = {code: ClassReading(0.9, 0.5, "present") for code in codes}
    whole = whole_of("V" * 100)
    kept, why = without_contradicted(answers, state(whole, with_whole_rhythm(minute, whole, None).rhythm))
    assert [code for code, answer in kept.items() if answer.decision == "present"] == ["SR", "PVC", "IMI"]
    assert [(code, text.code) for code, _, text in why] == [("AFIB", "not_stated_whole")]


def test_excerpts_are_a_quiet_stretch_and_the_gravest_of_each_kind() -> None:
    found = (
        Episode("pause", 10.0, 12.5, 2, 24.0),
        Episode("pause", 1000.0, 1003.5, 2, 17.0),
        Episode("ventricular_run", 500.0, 501.0, 3, 130.0),
        Episode("ventricular_run", 3599.0, 3600.0, 4, 190.0),
        Episode("atrial_fibrillation", 0.0, 1800.0, 2000, 70.0),
        Episode("bigeminy", 50.0, 80.0, 30, 70.0),
    )
    shown = list(excerpts(whole_of("", episodes=found), 2000.0))
    assert [one.kind for one in shown] == ["quiet", "ventricular_run", "atrial_fibrillation", "pause"]
    assert [one.start_s for one in shown] == [2000.0, 3600.0 - EXCERPT_S, 0.0, 996.75]
    assert shown[3].title == "Pause, 3.5 s from 0:16:40"


def test_two_leads_are_enough_for_the_rhythm() -> None:
    """The reader of twelve leads says nothing, and the recording all the same has a rhythm."""
    ecg = simulate_rhythm("sinus", rng=np.random.default_rng(7), fs=FS, duration_s=120.0)
    rows = [ecg.record.lead_names.index(lead) for lead in LEADS]
    record = EcgRecord("two", ecg.record.signal[rows], FS, LEADS)
    reading = EcgClassifier.load(find_reader()).predict(record)
    assert reading.quality.verdict == "poor"
    assert reading.conclusion.headline.startswith("Sinus rhythm, ")
    assert "Nothing beyond rhythm, beats and intervals is stated (only 2 of 12 leads" in reading.conclusion.headline
    assert reading.conclusion.kind == "undecided"
    said = reading.to_json()
    assert {line["text"] for line in said["conclusion"]["lines"]} <= said["messages"].keys()
    assert said["rhythm"]["reason"] in said["messages"]
    assert said["long"]["excerpts"][0]["kind"] == "quiet"


def test_a_recording_that_cannot_be_trusted_has_no_diagnosis() -> None:
    record = EcgRecord("noise", np.random.default_rng(0).normal(0, 2.0, (2, round(FS * 120))).astype(np.float32), FS, LEADS)
    reading = EcgClassifier.load(find_reader()).predict(record)
    assert reading.conclusion.headline.startswith("No diagnosis")
