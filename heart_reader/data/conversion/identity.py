"""Take out of a record what says who was recorded.

References
----------
US Code of Federal Regulations, 45 CFR 164.514(b)(2): names, numbers, dates but for the year, and
ages over 89 tell who somebody is. DICOM PS3.15, annex E, Basic Application Level Confidentiality
Profile.
"""

from __future__ import annotations

from dataclasses import replace

from heart_reader.data.device_report import DeviceReport
from heart_reader.data.record import EcgRecord

__all__ = ["OLDEST_YEARS", "without_identity"]

# Whoever is older is so rare that the age is a name.
OLDEST_YEARS = 90.0


def without_identity(record: EcgRecord, name: str) -> EcgRecord:
    """Return a record that says nothing of the patient but an age up to 90 years and the sex.

    Name, number, date of birth and the time of recording are dropped, and whatever is free text:
    the device's statements, in which names stand, and its own name, which may hold its number.
    Signal, measurements, median beats and filters stay.

    Parameters
    ----------
    name
        What the record is called from now on.

    Examples
    --------
    >>> from heart_reader.data.record import build_record
    >>> report = DeviceReport(acquired="2024-03-02", measurements={"qrs_ms": 96.0})
    >>> record = build_record("Doe", [[0.0, 1.0]], 500.0, ("II",), age=97.0, device_report=report)
    >>> left = without_identity(record, "000001")
    >>> left.record_id, left.age, left.device_report.acquired, left.device_report.measurements
    ('000001', 90.0, None, {'qrs_ms': 96.0})
    """
    report = record.device_report or DeviceReport()
    return replace(
        record,
        record_id=name,
        age=None if record.age is None else min(record.age, OLDEST_YEARS),
        device_report=replace(report, device=None, acquired=None, statements=(), patient=None),
    )
