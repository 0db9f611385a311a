"""The DICOM object that a reading was made of, without its samples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from heart_reader.diagnosis import Diagnosis

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["IDENTIFIERS", "OF_PATIENT", "OF_STUDY", "source_of"]

# What a report refers to its ECG by, and what it shares with it: the study it belongs to and, only
# where identity is asked for, the patient.
IDENTIFIERS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
OF_STUDY = ("StudyDate", "StudyTime", "StudyID")
OF_PATIENT = ("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "AccessionNumber", "ReferringPhysicianName")


def source_of(diagnosis: Diagnosis, path: Path) -> Dataset | None:
    """Return what a report refers to; None for other formats and objects without identifiers."""
    if diagnosis.source_format != "dicom":
        return None
    import pydicom

    source = pydicom.dcmread(path, specific_tags=["SpecificCharacterSet", *IDENTIFIERS, *OF_STUDY, *OF_PATIENT])
    return source if all(source.get(keyword) for keyword in IDENTIFIERS) else None
