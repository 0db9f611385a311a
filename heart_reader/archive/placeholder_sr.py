"""A reading as a plain structured report, until the full one is here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heart_reader.diagnosis import NOTICE, Diagnosis

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["to_dicom_sr"]


def to_dicom_sr(diagnosis: Diagnosis, *, source: Dataset | None = None) -> Dataset:
    """Return a report whose content is the conclusion in words."""
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import EnhancedSRStorage, ExplicitVRLittleEndian

    report = Dataset()
    report.file_meta = FileMetaDataset()
    report.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    report.SOPClassUID, report.Modality, report.ValueType, report.ContinuityOfContent = EnhancedSRStorage, "SR", "CONTAINER", "SEPARATE"
    report.CompletionFlag, report.VerificationFlag = "COMPLETE", "UNVERIFIED"
    report.ConceptNameCodeSequence = [_code("28010-7", "LN", "ECG Report")]
    lines = [diagnosis.conclusion.headline, *(line.text for line in diagnosis.conclusion.lines), NOTICE]
    report.ContentSequence = [_text("121071", "DCM", "Finding", str(line)) for line in lines]
    return report


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    from pydicom import Dataset

    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def _text(value: str, scheme: str, meaning: str, text: str) -> Dataset:
    from pydicom import Dataset

    item = Dataset()
    item.RelationshipType, item.ValueType, item.TextValue = "CONTAINS", "TEXT", text
    item.ConceptNameCodeSequence = [_code(value, scheme, meaning)]
    return item
