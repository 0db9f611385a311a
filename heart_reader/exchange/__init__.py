"""A reading as other systems read it."""

from __future__ import annotations

from heart_reader.exchange.dicom_sr import to_dicom_sr

__all__ = ["to_dicom_sr"]
