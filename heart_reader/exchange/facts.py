"""Whose ECG it is and when it was recorded, in the spellings of DICOM and FHIR."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from heart_reader.data.device_report import Patient
from heart_reader.diagnosis import Diagnosis

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["acquired_at", "dicom_time", "fhir_time", "is_twelve_leads", "patient_of"]

_ISO_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)?)?")
_DATE_LENGTH = 10


def acquired_at(diagnosis: Diagnosis) -> str | None:
    """Return when the recording began, ISO 8601, a date alone where nothing more is known."""
    stated = None if diagnosis.device_report is None else diagnosis.device_report.acquired
    if stated is None or not _ISO_TIME.fullmatch(stated):
        return None
    try:
        datetime.fromisoformat(stated)
    except ValueError:  # the 30th of February
        return None
    return stated


def dicom_time(iso: str | None) -> str | None:
    """Return a time as DICOM's DT.

    Examples
    --------
    >>> dicom_time("2024-05-06T07:08:09+02:00"), dicom_time("2024-05-06"), dicom_time(None)
    ('20240506070809+0200', '20240506', None)
    """
    if iso is None:
        return None
    if len(iso) == _DATE_LENGTH:
        return iso.replace("-", "")
    when = datetime.fromisoformat(iso)
    return when.strftime("%Y%m%d%H%M%S") + ("" if when.tzinfo is None else when.strftime("%z")[:5])


def fhir_time(iso: str | None) -> str | None:
    """Return a time as FHIR's dateTime: one whose offset from UTC nobody knows is a date alone.

    Examples
    --------
    >>> fhir_time("2024-05-06T07:08:09+02:00"), fhir_time("2024-05-06T07:08:09")
    ('2024-05-06T07:08:09+02:00', '2024-05-06')
    """
    if iso is None or len(iso) == _DATE_LENGTH:
        return iso
    when = datetime.fromisoformat(iso)
    return iso[:_DATE_LENGTH] if when.tzinfo is None else when.isoformat(timespec="seconds")


def patient_of(diagnosis: Diagnosis, source: Dataset | None) -> Patient | None:
    """Return whose ECG it is, as the DICOM object or the record has it; None where neither does."""
    if source is not None:
        birth = str(source.get("PatientBirthDate") or "")
        born = f"{birth[:4]}-{birth[4:6]}-{birth[6:]}" if re.fullmatch(r"\d{8}", birth) else None
        return Patient(str(source.get("PatientName") or "") or None, str(source.get("PatientID") or "") or None, born)
    return None if diagnosis.device_report is None else diagnosis.device_report.patient


def is_twelve_leads(diagnosis: Diagnosis) -> bool:
    """Return whether all of the twelve leads were there or followed from others."""
    return diagnosis.quality.n_leads == 12 and not diagnosis.quality.missing_leads
