"""Long recordings made of simulated rhythms whose episodes are known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from heart_reader.beats import Beats
from heart_reader.classifier import EcgClassifier
from heart_reader.data.formats import read_record
from heart_reader.data.record import EcgRecord
from heart_reader.data.stored_signal import StoredSignal
from heart_reader.data.synthetic import simulate_rhythm
from heart_reader.data.synthetic.heart import SimulatedEcg
from heart_reader.long.episodes import Episode
from heart_reader.long.read import read_long
from heart_reader.long.reading import LongReading
from heart_reader.long.summary import to_lines
from heart_reader.weights import find_reader
from tests.data.formats.long_files import WRITERS, tiled

FS = 250.0
LEADS = ("II", "V1")


def classified(samples: NDArray[np.int64], classes: list[str]) -> Beats:
    return Beats(samples, np.array(classes, dtype="<U1"), np.zeros((len(samples), 5)))


def simulated(*rhythms: tuple[str, float]) -> EcgRecord:
    """Rhythms one after the other, two leads."""
    parts = [simulate_rhythm(name, rng=np.random.default_rng(7), fs=FS, duration_s=length_s).record for name, length_s in rhythms]
    rows = [parts[0].lead_names.index(name) for name in LEADS]
    return EcgRecord("simulated", np.concatenate([part.signal[rows] for part in parts], axis=1), FS, LEADS)


def of_kind(reading: LongReading, kind: str) -> list[Episode]:
    return [one for one in reading.episodes if one.kind == kind]


def truthful(ecg: SimulatedEcg):
    """Give each beat the class of the true beat nearest to it."""
    letters = {"normal": "N", "supraventricular": "S", "ventricular": "V"}

    def classify(record: EcgRecord, peaks: NDArray[np.int64]) -> Beats:
        nearest = np.abs(peaks[:, None] / record.fs - ecg.truth.beat_s).argmin(axis=1)
        return classified(peaks, [letters[ecg.truth.beat_kinds[place]] for place in nearest])

    return classify


@pytest.fixture(scope="module")
def fibrillating() -> LongReading:
    return read_long(simulated(("sinus", 240.0), ("atrial_fibrillation", 120.0), ("sinus", 200.0)))


def test_fibrillation_between_sinus_rhythm_is_one_episode(fibrillating: LongReading) -> None:
    (episode,) = of_kind(fibrillating, "atrial_fibrillation")
    assert episode.start_s == pytest.approx(240.0, abs=20.0)
    assert episode.end_s == pytest.approx(360.0, abs=20.0)
    assert fibrillating.longest["atrial_fibrillation"] == fibrillating.episodes.index(episode)
    assert fibrillating.trend.rhythm[5] == "sinus_rhythm"
    assert fibrillating.trend.rhythm[30] == "atrial_fibrillation"
    assert fibrillating.hours[0].atrial_fibrillation_s == episode.duration_s
    assert any(sentence.code == "long_fibrillation" for sentence in fibrillating.summary)


def test_in_fibrillation_no_beat_is_premature_but_a_ventricular_one(fibrillating: LongReading) -> None:
    (episode,) = of_kind(fibrillating, "atrial_fibrillation")
    times = fibrillating.beats.times_s
    within = (times >= episode.start_s) & (times < episode.end_s)
    assert within.sum() > 100
    assert not fibrillating.beats.of("S")[within].any()
    assert of_kind(fibrillating, "supraventricular_run") == of_kind(fibrillating, "bigeminy") == []


@pytest.mark.parametrize("rhythm", ["sinus", "bigeminy", "trigeminy", "premature_ventricular", "av_block_2_mobitz_1"])
def test_other_rhythms_are_no_fibrillation(rhythm: str) -> None:
    assert of_kind(read_long(simulated((rhythm, 150.0))), "atrial_fibrillation") == []


def test_pauses_are_found_and_measured() -> None:
    ecg = simulate_rhythm("pause", rng=np.random.default_rng(3), fs=FS, duration_s=180.0)
    there = np.diff(ecg.truth.beat_s)
    there = there[there > 2.05]
    found = of_kind(read_long(ecg.record), "pause")
    assert len(there) > 5
    assert len(found) == len(there)
    assert max(one.duration_s for one in found) == pytest.approx(there.max(), abs=0.05)


def test_runs_and_the_fastest_of_them() -> None:
    ecg = simulate_rhythm("ventricular_run", rng=np.random.default_rng(3), fs=FS, duration_s=120.0)
    reading = read_long(ecg.record, truthful(ecg))
    found = of_kind(reading, "ventricular_run")
    assert len(found) > 3
    assert all(one.n_beats >= 3 and one.bpm is not None and one.bpm > 100 for one in found)
    fastest = reading.episodes[reading.longest["fastest_run"]]
    assert fastest.bpm == max(one.bpm for one in found)
    assert sum(hour.counts["V"] for hour in reading.hours) == reading.beats.counts["V"] > 10


def test_bigeminy_is_found() -> None:
    ecg = simulate_rhythm("bigeminy", rng=np.random.default_rng(3), fs=FS, duration_s=90.0)
    assert of_kind(read_long(ecg.record, truthful(ecg)), "bigeminy")
    assert of_kind(read_long(ecg.record), "bigeminy")


def test_a_ventricle_that_fibrillates_is_no_pause() -> None:
    record = simulated(("sinus", 120.0))
    times = np.arange(round(15 * FS)) / FS
    record.signal[:, round(60 * FS) : round(60 * FS) + len(times)] = (0.8 * np.sin(2 * np.pi * 4.7 * times)).astype(np.float32)
    reading = read_long(record)
    assert not any(57 < one.start_s < 75 for one in of_kind(reading, "pause"))


def test_a_lead_that_comes_off_is_noise_and_no_pause() -> None:
    record = simulated(("sinus", 180.0))
    record.signal[:, round(60 * FS) : round(100 * FS)] = 0.0
    reading = read_long(record)
    assert [(one.start_s, one.end_s) for one in of_kind(reading, "noise")] == [(60.0, 100.0)]
    assert of_kind(reading, "pause") == []
    assert reading.hours[0].noise_s == 40.0
    assert np.isnan(reading.trend.mean_bpm[7])


def test_a_recording_without_any_signal_is_read() -> None:
    reading = read_long(EcgRecord("flat", np.zeros((2, round(90 * FS)), np.float32), FS, LEADS))
    assert reading.to_json()["heart_rate"] == {"mean": None, "lowest": None, "highest": None}
    assert reading.n_episodes == {"noise": 1}
    json.dumps(reading.to_json(), allow_nan=False)
    assert to_lines(reading)


def test_the_json_is_what_was_agreed(fibrillating: LongReading) -> None:
    found = json.loads(json.dumps(fibrillating.to_json(), allow_nan=False))
    assert {*found} == {
        "duration_s", "n_beats", "heart_rate", "beats", "trend", "envelope", "episodes", "n_episodes", "longest", "hours", "summary",
    }  # fmt: skip
    assert {*found["heart_rate"]} == {"mean", "lowest", "highest"}
    assert {*found["heart_rate"]["lowest"]} == {"bpm", "start_s"}
    assert {*found["beats"]} == {"times_s", "classes", "counts"}
    assert len(found["beats"]["times_s"]) == len(found["beats"]["classes"]) == found["n_beats"] == sum(found["beats"]["counts"].values())
    assert {*found["trend"]} == {"step_s", "mean_bpm", "lowest_bpm", "highest_bpm", "rmssd_ms", "rhythm", "noisy"}
    assert {len(values) for name, values in found["trend"].items() if name != "step_s"} == {56}
    assert {*found["envelope"]} == {"step_s", "leads", "lowest_mv", "highest_mv"}
    assert found["envelope"]["leads"] == list(LEADS)
    for name in ("lowest_mv", "highest_mv"):
        assert [len(row) for row in found["envelope"][name]] == [1000, 1000]
    assert {*found["episodes"][0]} == {"kind", "start_s", "end_s", "n_beats", "bpm", "title"}
    assert {*found["longest"]} == {"atrial_fibrillation", "pause", "fastest_run"}
    assert {*found["hours"][0]} == {
        "start_s", "n_beats", "mean_bpm", "lowest_bpm", "highest_bpm", "N", "S", "V", "F", "Q",
        "pauses", "atrial_fibrillation_s", "noise_s",
    }  # fmt: skip
    assert all(isinstance(sentence, str) for sentence in found["summary"])


def test_the_envelope_holds_every_value(fibrillating: LongReading) -> None:
    record = simulated(("sinus", 240.0), ("atrial_fibrillation", 120.0), ("sinus", 200.0))
    envelope = fibrillating.envelope
    np.testing.assert_array_equal(envelope.highest_mv.max(axis=1), record.signal.max(axis=1))
    np.testing.assert_array_equal(envelope.lowest_mv.min(axis=1), record.signal.min(axis=1))
    first = round(envelope.step_s * FS)
    np.testing.assert_array_equal(envelope.highest_mv[:, 0], record.signal[:, :first].max(axis=1))


@pytest.mark.parametrize("kind", ["wfdb", "edf"])
def test_a_file_that_stays_on_disk_is_read_alike(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = WRITERS[kind](tmp_path / "long", tiled(2, FS, 700.0), FS, ("II", "V5"))
    held = read_record(path)
    monkeypatch.setattr("heart_reader.data.record.STORED_VALUES", 0)
    monkeypatch.setattr("heart_reader.data.signal.PART_VALUES", 50_000)
    stored = read_record(path)
    assert isinstance(held.signal, np.ndarray)
    assert isinstance(stored.signal, StoredSignal)
    assert (stored.warnings, stored.n_times, stored.lead_names) == (held.warnings, held.n_times, held.lead_names)
    np.testing.assert_array_equal(np.asarray(stored.signal), held.signal)
    np.testing.assert_array_equal(stored.signal[1:, 12_345:98_765:3], held.signal[1:, 12_345:98_765:3])
    np.testing.assert_array_equal(stored.signal[:, -5], held.signal[:, -5])
    assert stored.waveform() == held.waveform()
    classifier = EcgClassifier.load(find_reader())
    assert json.dumps(classifier.predict(stored).to_json()) == json.dumps(classifier.predict(held).to_json())


@pytest.mark.parametrize("damage", [np.nan, 40.0])
def test_a_file_that_needs_repair_is_held_in_memory(damage: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    microvolts = tiled(2, FS, 30.0)
    microvolts[0, 100] = -32768 if np.isnan(damage) else 32767
    path = WRITERS["wfdb"](tmp_path / "long", microvolts, FS, ("II", "V5"))
    held = read_record(path)
    monkeypatch.setattr("heart_reader.data.record.STORED_VALUES", 0)
    again = read_record(path)
    assert isinstance(again.signal, np.ndarray)
    np.testing.assert_array_equal(again.signal, held.signal)
    assert again.warnings == held.warnings


def test_beats_that_are_classified_in_parts_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    ecg = simulate_rhythm("premature_ventricular", rng=np.random.default_rng(5), fs=FS, duration_s=200.0)
    wide = replace(ecg.record, signal=ecg.record.signal[:2], lead_names=ecg.record.lead_names[:2])

    def by_height(record: EcgRecord, peaks: NDArray[np.int64]) -> Beats:
        heights = np.array([np.abs(record.signal[0, max(0, at - 10) : at + 10]).max() for at in peaks])
        return classified(peaks, ["V" if height > 1.0 else "N" for height in heights])

    whole = read_long(wide, by_height).to_json()
    monkeypatch.setattr("heart_reader.long.read._PART_S", 50.0)
    monkeypatch.setattr("heart_reader.long.scan._STEPS_AT_ONCE", 3)
    shares: list[float] = []
    parts = read_long(wide, by_height, progress=shares.append).to_json()
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert parts == whole


@pytest.fixture(scope="module")
def classifier() -> EcgClassifier:
    return EcgClassifier.load(find_reader())


def test_only_more_than_a_minute_is_long(classifier: EcgClassifier) -> None:
    record = simulated(("sinus", 61.0))
    assert classifier.predict(record).to_json()["long"]["duration_s"] == 61.0
    minute = replace(record, signal=np.ascontiguousarray(record.signal[:, : round(60 * FS)]))
    assert classifier.predict(minute).to_json()["long"] is None
    assert classifier.predict(record, measure=False).long is None


def test_a_very_long_recording_is_bounded_and_says_so(classifier: EcgClassifier) -> None:
    record = EcgRecord("long", tiled(2, FS, 2400.0).astype(np.float32) / np.float32(1000), FS, ("II", "V5"))
    shares: list[float] = []
    reading = classifier.predict(record, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(reading.timeline) <= 721
    assert reading.timeline[-1]["end_s"] == 2400.0
    codes = {warning.code for warning in reading.warnings}
    assert {"long_minute", "long_network", "long_few_leads"} <= codes
    assert reading.measurements is not None
    first, last = reading.measurements.fiducials.stretch_s
    assert last - first == pytest.approx(60.0)
    assert all(first <= time <= last for time in reading.measurements.fiducials.r_peaks_s)
    assert reading.long is not None
    assert reading.long.mean_bpm == pytest.approx(75.0, abs=3.0)
    assert set(map(str, reading.long.summary)) <= reading.to_json()["messages"].keys()


def test_the_windows_of_a_very_long_recording_are_those_of_the_whole(classifier: EcgClassifier) -> None:
    """Prepared one by one they are the same as cut from the prepared whole, but for its edges."""
    from heart_reader.long.sampling import network_starts, network_windows

    record = EcgRecord("long", tiled(2, FS, 700.0).astype(np.float32) / np.float32(1000), FS, ("II", "V5"))
    starts = network_starts(classifier.preprocessor, record)
    windows = np.concatenate(list(network_windows(classifier.preprocessor, record, starts)))
    whole = classifier.preprocessor.windows(classifier.preprocessor.prepare(record), starts)
    assert len(starts) == 280
    np.testing.assert_allclose(windows, whole, atol=0.00101)


def test_lines_for_a_terminal_name_summary_hours_and_the_longest_episodes(fibrillating: LongReading) -> None:
    many = tuple(Episode("pause", 10.0 * n, 10.0 * n + 2.1 + 0.01 * n, 2, None) for n in range(8))
    lines = to_lines(replace(fibrillating, episodes=many, n_episodes={"pause": 8}))
    assert lines[0].strip() == "Whole recording, 0:09:20:"
    assert [line.split()[0] for line in lines if "Pause," in line] == ["0:00:30", "0:00:40", "0:00:50", "0:01:00", "0:01:10"]
    assert lines[-1].strip() == "and 3 more"
    assert any(line.split()[:2] == ["0:00:00", str(len(fibrillating.beats.times_s))] for line in lines)
