"""A stream gives the windows of the whole record, in memory that does not grow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heart_reader.classifier import EcgClassifier
from heart_reader.data.record import EcgRecord
from heart_reader.data.synthetic import random_parameters, simulate
from heart_reader.edge.stream import StreamReader, WindowReading
from heart_reader.errors import LeadError, NotServable, SignalTooShort, UnitError


@pytest.fixture(scope="module")
def reader(variants: Path) -> EcgClassifier:
    return EcgClassifier.load(variants / "int8")


def ecg(fs: float, duration_s: float) -> EcgRecord:
    rng = np.random.default_rng(5)
    return simulate(random_parameters("MI", rng), rng=rng, fs=fs, duration_s=duration_s)


def feed(stream: StreamReader, record: EcgRecord, longest: int) -> list[WindowReading]:
    rng, start, readings = np.random.default_rng(0), 0, []
    while start < record.n_times:
        n = int(rng.integers(1, longest))
        readings += stream.push(record.signal[:, start : start + n])
        start += n
    return readings + stream.finish()


@pytest.mark.parametrize("fs", [100.0, 500.0, 257.0, 360.0])
def test_every_window_is_read_as_in_the_whole_record(reader: EcgClassifier, fs: float) -> None:
    record = ecg(fs, 17.3)
    diagnosis = reader.predict(record)
    stream = StreamReader(reader, fs, record.lead_names)
    readings = feed(stream, record, longest=round(3 * fs))
    assert [(one.start_s, one.end_s) for one in readings] == [(one["start_s"], one["end_s"]) for one in diagnosis.timeline]
    for one, other in zip(readings, diagnosis.timeline, strict=True):
        for name, value in other["probabilities"].items():
            assert one.probabilities[reader.level][name] == pytest.approx(value, abs=1e-9)
    for level, answers in stream.mean().items():
        for name, value in answers.items():
            assert diagnosis.levels[level][name].probability == pytest.approx(value, abs=1e-9)


def test_memory_does_not_grow(reader: EcgClassifier) -> None:
    record = ecg(500.0, 60.0)
    stream = StreamReader(reader, 500.0, record.lead_names)
    held = []
    for start in range(0, record.n_times, 250):
        stream.push(record.signal[:, start : start + 250])
        held.append(stream._buffer.shape[1] / 500.0)
    assert max(held) < 4.0
    assert stream.n_windows > 40


def test_other_leads_are_derived_and_missing_ones_said(reader: EcgClassifier) -> None:
    record = ecg(100.0, 5.0)
    rows = [record.lead_names.index(name) for name in ("I", "II")]
    stream = StreamReader(reader, 100.0, ("I", "II"))
    readings = stream.push(record.signal[rows])
    assert readings[0].quality.missing_leads == ("V1", "V2", "V3", "V4", "V5", "V6")
    assert readings[0].quality.n_usable_leads == 6


def test_wrong_feeds_are_refused(reader: EcgClassifier) -> None:
    stream = StreamReader(reader, 100.0, ("I", "II"))
    with pytest.raises(LeadError, match=r"\(2, n_times\) is needed"):
        stream.push(np.zeros((3, 10)))
    with pytest.raises(SignalTooShort, match="no window"):
        stream.mean()
    with pytest.raises(SignalTooShort, match="wait for more"):
        stream.finish()
    with pytest.raises(UnitError):
        StreamReader(reader, 100.0, ("I", "II")).push(np.random.default_rng(0).normal(0, 900, (2, 400)))


def test_a_band_pass_is_refused(reader: EcgClassifier) -> None:
    manifest = dict(reader.checkpoint.manifest)
    manifest["preprocessor"] = {**manifest["preprocessor"], "low_hz": 0.5}
    checkpoint = type(reader.checkpoint)(reader.checkpoint.directory, manifest)
    with pytest.raises(NotServable, match="band-pass"):
        StreamReader(EcgClassifier(checkpoint, reader._logits), 100.0, ("I",))


def test_the_last_ten_seconds_are_diagnosed_as_a_record(reader: EcgClassifier) -> None:
    record = ecg(500.0, 17.3)
    stream = StreamReader(reader, 500.0, record.lead_names)
    feed(stream, record, longest=1500)
    last = EcgRecord("feed", record.signal[:, -5000:], 500.0, record.lead_names)
    said, wanted = stream.diagnose(), reader.predict(last)
    assert said.conclusion == wanted.conclusion
    assert {level: {name: one.decision for name, one in of.items()} for level, of in said.levels.items()} == {
        level: {name: one.decision for name, one in of.items()} for level, of in wanted.levels.items()
    }


@pytest.mark.parametrize("what", ["flat", "noise"])
def test_a_feed_without_an_ecg_is_not_decided(reader: EcgClassifier, what: str) -> None:
    record = ecg(500.0, 12.0)
    signal = np.random.default_rng(3).normal(0.0, 0.0 if what == "flat" else 0.5, record.signal.shape)
    stream = StreamReader(reader, 500.0, record.lead_names)
    stream.push(signal)
    diagnosis = stream.diagnose()
    assert (diagnosis.quality.verdict, diagnosis.conclusion.kind) == ("poor", "undecided")
    assert {one.decision for of in diagnosis.levels.values() for one in of.values()} == {"uncertain"}


def test_a_reading_without_measurements_is_no_diagnosis(reader: EcgClassifier) -> None:
    conclusion = reader.predict(ecg(500.0, 10.0), measure=False).conclusion
    assert (conclusion.kind, conclusion.headline) == ("undecided", "No diagnosis: nothing was measured.")
