"""Readings with a recorder's report, and DICOM objects to refer to; all simulated."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from pydicom import Dataset

from heart_reader.classifier import EcgClassifier
from heart_reader.data.device_report import DeviceReport, Patient
from heart_reader.data.formats import read_record
from heart_reader.data.record import EcgRecord
from heart_reader.diagnosis import Diagnosis
from heart_reader.samples import sample

REPORT = DeviceReport(
    device="Cardiograph 12, 3.1",
    acquired="2024-05-06T07:08:09+02:00",
    low_hz=0.05,
    high_hz=150.0,
    notch_hz=50.0,
    measurements={"heart_rate_bpm": 70.0, "qrs_ms": 96.0, "qrs_axis_deg": -170.0},
    statements=("SINUS RHYTHM OF THE RECORDER", "LEFT AXIS OF THE RECORDER"),
    confirmed=False,
    patient=Patient("Testperson^Erika", "ID-4711-X", "1960-01-02"),
)


def record_with_report(name: str = "norm", report: DeviceReport | None = REPORT) -> EcgRecord:
    """One of the samples as if its file had stated a report."""
    return replace(read_record(sample(name)), device_report=report)


@cache
def reading_of(classifier: EcgClassifier, name: str = "norm", report: DeviceReport | None = REPORT) -> Diagnosis:
    """The reading of one of the samples."""
    return classifier.predict(record_with_report(name, report))


def dicom_source() -> Dataset:
    """What identifies a waveform object in an archive."""
    source = Dataset()
    source.SpecificCharacterSet = "ISO_IR 100"
    source.SOPClassUID = "1.2.840.10008.5.1.4.1.1.9.1.1"
    source.SOPInstanceUID, source.SeriesInstanceUID, source.StudyInstanceUID = "2.25.3", "2.25.2", "2.25.1"
    source.StudyDate, source.StudyTime, source.AccessionNumber = "20240506", "070809", "A17"
    source.PatientName, source.PatientID, source.PatientBirthDate = "Müller^Änne", "0815", "19600102"
    return source
