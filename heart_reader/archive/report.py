"""A reading as a structured report that an archive files beside the ECG.

References
----------
DICOM PS3.3, A.35.2 Enhanced SR, C.17.2 SR Document General Module; PS3.16, TID 3700 ECG Report.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from heart_reader.archive.names import checked_uid, derived_uid
from heart_reader.data.formats.dicom import DEFLATED
from heart_reader.diagnosis import Diagnosis
from heart_reader.errors import ArchiveError
from heart_reader.exchange.dicom_source import IDENTIFIERS, OF_PATIENT, OF_STUDY
from heart_reader.exchange.dicom_sr import to_dicom_sr

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["encoded", "facts_of", "report_of"]

# What a report shares with the ECG, so that it is filed with it.
_SHARED = (*OF_STUDY, *OF_PATIENT, "PatientSex")
SERIES_NUMBER = 3700
HEAD_BYTES = 4096


def facts_of(content: bytes) -> Dataset:
    """Return patient, study and identifiers of an ECG, without its signal.

    Parameters
    ----------
    content
        A file of DICOM.

    Raises
    ------
    ArchiveError
        If it is none, or lacks an identifier.
    """
    import pydicom

    # Its complaints about lawful but odd objects quote values of the patient.
    warnings.filterwarnings("ignore", module="pydicom")
    if DEFLATED in content[:HEAD_BYTES]:
        raise ArchiveError("a deflated object, whose size nobody knows: store it without compression")
    facts = pydicom.Dataset()
    try:
        found = pydicom.dcmread(io.BytesIO(content), specific_tags=["SpecificCharacterSet", *_SHARED, *IDENTIFIERS])
        for keyword in IDENTIFIERS:
            setattr(facts, keyword, checked_uid(found[keyword].value, keyword))
        for keyword in (name for name in _SHARED if name in found and name not in facts):
            setattr(facts, keyword, str(found[keyword].value or ""))  # in Unicode, whatever it was
    except ArchiveError:
        raise
    except Exception as error:  # a damaged object may fail in any way
        raise ArchiveError(f"no DICOM object with patient, study and identifiers ({type(error).__name__})") from None
    return facts


def report_of(diagnosis: Diagnosis, facts: Dataset) -> Dataset:
    """Return the structured report of a reading, of the ECG's patient and study.

    The same reading of the same ECG by the same checkpoint has the same identifier.

    Parameters
    ----------
    facts
        Of the ECG that was read, from :func:`facts_of`.
    """
    report = to_dicom_sr(diagnosis, source=facts, identity=True)
    report.PatientSex = facts.get("PatientSex", "")  # also where it is neither male nor female
    instance, checkpoint = str(facts.SOPInstanceUID), diagnosis.model["checkpoint_sha256"]
    report.SOPInstanceUID = derived_uid(instance, checkpoint, "report")
    report.SeriesInstanceUID = derived_uid(str(facts.StudyInstanceUID), checkpoint, "series of reports")
    report.SeriesNumber = SERIES_NUMBER
    report.file_meta.MediaStorageSOPInstanceUID = report.SOPInstanceUID
    return report


def encoded(report: Dataset) -> bytes:
    """Return a report as the bytes of a file."""
    import pydicom

    stream = io.BytesIO()
    pydicom.dcmwrite(stream, report, enforce_file_format=True)
    return stream.getvalue()
