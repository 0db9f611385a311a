"""The DICOM object that a reading was made of, without its samples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from heart_reader.diagnosis import Diagnosis

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["source_of"]

_NEEDED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_SHARED = (
    "SpecificCharacterSet", "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName",
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate",
)  # fmt: skip


def source_of(diagnosis: Diagnosis, path: Path) -> Dataset | None:
    """Return what a report refers to; None for other formats and objects without identifiers."""
    if diagnosis.source_format != "dicom":
        return None
    import pydicom

    source = pydicom.dcmread(path, specific_tags=[*_NEEDED, *_SHARED])
    return source if all(source.get(keyword) for keyword in _NEEDED) else None
