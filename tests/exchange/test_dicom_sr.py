"""The structured report of a reading: its tree, its codes, whose it is, and what it refers to."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset

from heart_reader.classifier import EcgClassifier
from heart_reader.diagnosis import NOTICE, Diagnosis
from heart_reader.exchange import to_dicom_sr
from heart_reader.exchange.codes import DEMANDED
from tests.exchange.readings import REPORT, dicom_source, reading_of


@pytest.fixture(scope="module")
def classifier(tiny_checkpoint: Path) -> EcgClassifier:
    return EcgClassifier.load(tiny_checkpoint)


@pytest.fixture(scope="module")
def diagnosis(classifier: EcgClassifier) -> Diagnosis:
    return reading_of(classifier)


def read_back(report: Dataset) -> Dataset:
    """What another program reads of the file."""
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, report, enforce_file_format=True)
    return pydicom.dcmread(io.BytesIO(stream.getvalue()))


def items(node: Dataset) -> Iterator[Dataset]:
    """Every content item below one, in order."""
    for item in node.get("ContentSequence", []):
        yield item
        yield from items(item)


def named(report: Dataset, code: str) -> list[Dataset]:
    return [item for item in items(report) if item.ConceptNameCodeSequence[0].CodeValue == code]


def test_it_is_a_report_of_template_3700_that_nobody_has_verified(diagnosis: Diagnosis) -> None:
    report = read_back(to_dicom_sr(diagnosis, written=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)))
    assert (report.SOPClassUID, report.Modality) == ("1.2.840.10008.5.1.4.1.1.88.22", "SR")
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "3700"
    assert (report.VerificationFlag, report.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    assert (report.ContentDate, report.ContentTime, report.TimezoneOffsetFromUTC) == ("20260102", "030405", "+0000")
    sections = [item.ConceptNameCodeSequence[0].CodeValue for item in report.ContentSequence if item.ValueType == "CONTAINER"]
    assert sections == ["121118", "55111-9", "122144", "122145", "55112-7"]
    assert NOTICE in [item.TextValue for item in items(report) if item.ValueType == "TEXT"]


def test_measurements_have_their_codes_units_and_values(diagnosis: Diagnosis) -> None:
    report = read_back(to_dicom_sr(diagnosis))
    assert diagnosis.measurements is not None
    for code, name, unit in (("2:16016", "heart_rate_bpm", "{H.B.}/min"), ("2:16156", "qrs_ms", "ms"), ("2:16132", "qrs_axis_deg", "deg")):
        (item,) = named(report, code)
        (measured,) = item.MeasuredValueSequence
        assert float(measured.NumericValue) == pytest.approx(diagnosis.measurements.values[name].value, abs=0.05)
        assert measured.MeasurementUnitsCodeSequence[0].CodeValue == unit
    formulas = [item.ContentSequence[0].ConceptCodeSequence[0].CodeValue for item in named(report, "2:15876")]
    assert formulas == ["122732", "122730"]


def test_what_the_template_demands_and_could_not_be_measured_says_so(classifier: EcgClassifier) -> None:
    fibrillating = reading_of(classifier, "rhythm_afib")
    assert fibrillating.measurements is not None
    assert fibrillating.measurements.values["pr_ms"].value is None
    (item,) = named(read_back(to_dicom_sr(fibrillating)), "2:15872")
    assert list(item.MeasuredValueSequence) == []
    assert item.NumericValueQualifierCodeSequence[0].CodeValue == "114006"
    assert "pr_ms" in DEMANDED
    assert named(read_back(to_dicom_sr(fibrillating)), "2:16184") == []


def test_nothing_of_the_recorders_measurements_and_statements_is_in_it(diagnosis: Diagnosis) -> None:
    texts = [item.TextValue for item in items(read_back(to_dicom_sr(diagnosis))) if item.ValueType == "TEXT"]
    assert not any(statement in text for statement in REPORT.statements for text in texts)
    assert "Cardiograph 12, 3.1" in texts


def test_whose_ecg_it_is_is_said_only_where_it_was_asked_for(diagnosis: Diagnosis) -> None:
    for source in (None, dicom_source()):
        report = read_back(to_dicom_sr(diagnosis, source=source))
        assert [report[name].value for name in ("PatientName", "PatientID", "PatientBirthDate", "AccessionNumber")] == ["", "", "", ""]
        # Not in identifiers of objects, whose random digits may be any.
        said = "\n".join(line for line in str(report).splitlines() if " UI: " not in line)
        assert not any(name in said for name in ("Erika", "ID-4711-X", "Müller", "0815"))
    report = read_back(to_dicom_sr(diagnosis, identity=True))
    assert (str(report.PatientName), report.PatientID, report.PatientBirthDate) == ("Testperson^Erika", "ID-4711-X", "19600102")


def test_it_joins_the_study_of_its_source_and_refers_to_it(diagnosis: Diagnosis) -> None:
    report = read_back(to_dicom_sr(diagnosis, source=dicom_source(), identity=True))
    assert (report.StudyInstanceUID, report.AccessionNumber, report.StudyDate) == ("2.25.1", "A17", "20240506")
    assert (str(report.PatientName), report.PatientID) == ("Müller^Änne", "0815")
    (waveform,) = [item for item in items(report) if item.ValueType == "WAVEFORM"]
    assert waveform.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "2.25.3"
    (study,) = report.CurrentRequestedProcedureEvidenceSequence
    assert study.ReferencedSeriesSequence[0].SeriesInstanceUID == "2.25.2"
    assert report.SeriesInstanceUID != "2.25.2"


def test_without_a_source_it_is_a_study_of_its_own_that_names_the_file(diagnosis: Diagnosis) -> None:
    first, second = to_dicom_sr(diagnosis), to_dicom_sr(diagnosis)
    assert len({first.SOPInstanceUID, second.SOPInstanceUID, first.StudyInstanceUID, second.StudyInstanceUID}) == 4
    assert any(f"Read from {diagnosis.record_id}" in item.TextValue for item in items(first) if item.ValueType == "TEXT")
    assert first.StudyDate == "20240506"


def test_a_finding_has_its_code_our_words_and_its_probability(classifier: EcgClassifier) -> None:
    reading = reading_of(classifier, "rhythm_afib")
    lines = {line.codes: line for line in reading.conclusion.lines}
    findings = [item for item in named(to_dicom_sr(reading), "271921002") if item.ValueType == "CODE"]
    if ("AFIB",) in lines:
        (found,) = [item for item in findings if item.ConceptCodeSequence[0].CodeValue == "164889003"]
        assert found.ContentSequence[0].TextValue == lines[("AFIB",)].text
    stated = [item for item in named(to_dicom_sr(reading), "271921002") if item.ValueType == "TEXT"]
    assert len(stated) + len(findings) >= len(reading.conclusion.lines)
