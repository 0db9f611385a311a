"""A reading as other systems read it: DICOM Structured Report and FHIR R4 bundle."""

from __future__ import annotations

from heart_reader.exchange.dicom_sr import to_dicom_sr
from heart_reader.exchange.fhir import to_fhir

__all__ = ["to_dicom_sr", "to_fhir"]
