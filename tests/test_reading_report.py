"""Pages of readings: one each, never over another record's, and an error that says what to do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pydicom
import pytest

from heart_reader.classifier import EcgClassifier
from heart_reader.data.formats import read_record
from heart_reader.errors import ConfigError
from heart_reader.reading import Reading, read_all
from heart_reader.reading_report import ReportFolder
from tests.data.formats.long_files import WRITERS, tiled

SAMPLE = Path(__file__).resolve().parent.parent / "test_files" / "norm.hea"


@pytest.fixture(scope="module")
def reading(tiny_checkpoint: Path) -> Reading:
    return next(read_all(EcgClassifier.load(tiny_checkpoint), [SAMPLE]))


def test_a_page_is_one_sheet_of_a4_and_never_replaces_another(reading: Reading, tmp_path: Path) -> None:
    folder = ReportFolder(tmp_path / "new" / "pages")
    first, second = folder.write(reading), folder.write(reading)
    assert first is not None
    assert second is not None
    assert (first.name, second.name) == ("norm.pdf", "norm-2.pdf")
    content = first.read_bytes()
    assert len(re.findall(rb"/Type\s*/Page\b", content)) == 1
    width, height = (float(value) for value in re.search(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", content).groups())  # type: ignore[union-attr]
    assert (width, height) == pytest.approx((297 / 25.4 * 72, 210 / 25.4 * 72), abs=0.1)


def test_a_record_that_could_not_be_read_has_no_page(tmp_path: Path) -> None:
    folder = ReportFolder(tmp_path)
    assert folder.write(Reading(SAMPLE, None, None)) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("kind", "name"), [("json", "norm.json"), ("fhir", "norm.fhir.json"), ("dicom-sr", "norm.sr.dcm")])
def test_a_reading_is_written_in_every_form_and_never_over_another(reading: Reading, tmp_path: Path, kind: str, name: str) -> None:
    folder = ReportFolder(tmp_path, kind)
    first, second = folder.write(reading), folder.write(reading)
    assert first is not None
    assert second is not None
    assert first.name == name
    assert first.name != second.name
    if kind == "dicom-sr":
        assert pydicom.dcmread(first).Modality == "SR"
    else:
        assert json.loads(first.read_text(encoding="utf-8"))


def test_a_folder_that_is_a_file_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(ConfigError, match="give --report or --out a folder"):
        ReportFolder(tmp_path / "taken")


def test_the_signal_on_the_page_is_the_one_that_was_read(reading: Reading) -> None:
    assert reading.record is not None
    assert reading.record.record_id == read_record(SAMPLE).record_id


def test_a_long_recording_has_a_second_page(tiny_checkpoint: Path, tmp_path: Path) -> None:
    path = WRITERS["wfdb"](tmp_path / "long", tiled(2, 250.0, 70.0), 250.0, ("II", "V5"))
    page = ReportFolder(tmp_path / "pages").write(next(read_all(EcgClassifier.load(tiny_checkpoint), [path])))
    assert page is not None
    assert len(re.findall(rb"/Type\s*/Page\b", page.read_bytes())) == 2
