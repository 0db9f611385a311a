"""What the recorder said: beside ours in every form of a reading, and never mixed with it."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from heart_reader.classifier import EcgClassifier
from heart_reader.data.device_report import DeviceReport
from heart_reader.reading import Reading
from heart_reader.reading_report import ReportFolder
from heart_reader.recorder import Beside, recorder_lines
from tests.exchange.readings import REPORT, record_with_report


@pytest.fixture(scope="module")
def classifier(tiny_checkpoint: Path) -> EcgClassifier:
    return EcgClassifier.load(tiny_checkpoint)


@pytest.fixture(scope="module")
def reading(classifier: EcgClassifier) -> Reading:
    record = record_with_report()
    return Reading(Path("norm.xml"), classifier.predict(record), None, record)


def test_it_changes_nothing_of_the_reading(classifier: EcgClassifier, reading: Reading) -> None:
    assert reading.diagnosis is not None
    without = classifier.predict(record_with_report(report=None)).to_json()
    said = reading.diagnosis.to_json()
    assert without.pop("device_report") is None
    assert said.pop("device_report") == REPORT.to_json()
    assert said == without


def test_json_and_terminal_name_nobody(reading: Reading) -> None:
    for as_json in (False, True):
        text, _ = reading.text(as_json=as_json)
        assert REPORT.statements[0] in text
        assert not any(word in text for word in ("Erika", "ID-4711-X", "1960-01-02"))


def test_numbers_stand_beside_ours_with_their_difference(reading: Reading) -> None:
    assert reading.diagnosis is not None
    assert reading.diagnosis.measurements is not None
    ours = reading.diagnosis.measurements.values["heart_rate_bpm"].value
    assert ours is not None
    (row,) = [line for line in recorder_lines(reading.diagnosis) if line.split()[0] == "rate"]
    assert row.split() == ["rate", f"{ours:.0f}", "70", f"{ours - 70:+.0f}", "/min"]


def test_a_recorder_that_says_nothing_has_no_lines(reading: Reading) -> None:
    assert reading.diagnosis is not None
    assert recorder_lines(replace(reading.diagnosis, device_report=None)) == []
    assert recorder_lines(replace(reading.diagnosis, device_report=DeviceReport())) == []


@pytest.mark.parametrize(
    ("report", "words"), [(True, "(confirmed by a physician)"), (False, "(not confirmed by a physician)"), (None, None)]
)
def test_whether_a_physician_confirmed_it_is_said_where_it_is_known(reading: Reading, report: bool | None, words: str | None) -> None:
    assert reading.diagnosis is not None
    lines = recorder_lines(replace(reading.diagnosis, device_report=DeviceReport(statements=("A",), confirmed=report)))
    assert [line.strip() for line in lines[1:]] == ["A", *([words] if words else [])]


@pytest.mark.parametrize(
    ("ours", "recorder", "difference"), [(-170, 175, 15), (175, -170, -15), (10, 30, -20), (90, -90, 180), (None, 3, None)]
)
def test_angles_differ_by_the_shorter_way_round(ours: float | None, recorder: float, difference: float | None) -> None:
    assert Beside("QRS axis", "degrees", ours, recorder).difference == difference


def test_the_page_of_pdf_states_it_and_stays_one_page(reading: Reading, tmp_path: Path) -> None:
    long = replace(REPORT, statements=tuple(f"Statement number {number} of the recorder" for number in range(40)))
    assert reading.diagnosis is not None
    sizes = []
    for report in (None, REPORT, long):
        page = ReportFolder(tmp_path).write(replace(reading, diagnosis=replace(reading.diagnosis, device_report=report)))
        assert page is not None
        content = page.read_bytes()
        assert len(re.findall(rb"/Type\s*/Page\b", content)) == 1
        sizes.append(sum(len(_inflated(stream)) for stream in re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL)))
    assert sizes[0] < min(sizes[1:])


def _inflated(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return b""
