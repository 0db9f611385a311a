"""What of a record a format has no place for, as sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from heart_reader.data.device_report import DeviceReport
from heart_reader.data.record import EcgRecord
from heart_reader.messages import Message, message

__all__ = ["acquired_at", "lost_parts"]

_Part = Callable[[EcgRecord, DeviceReport], Message | None]


def lost_parts(record: EcgRecord, kept: Iterable[str] = ()) -> list[Message]:
    """Say which parts of a record are not written.

    Parameters
    ----------
    kept
        Those that the format has a place for: ``acquired``, ``device``, ``filters``, ``identity``,
        ``measurements``, ``medians``, ``statements``.

    Examples
    --------
    >>> from heart_reader.data.record import build_record
    >>> report = DeviceReport(measurements={"qrs_ms": 96.0}, notch_hz=50.0)
    >>> record = build_record("a", [[0.0, 1.0]], 500.0, ("II",), device_report=report)
    >>> [said.code for said in lost_parts(record, kept=("filters",))]
    ['lost_measurements']
    """
    report = record.device_report or DeviceReport()
    kept = frozenset(kept)
    found = [say(record, report) for part, say in _PARTS.items() if part not in kept]
    return [said for said in found if said is not None]


def acquired_at(record: EcgRecord) -> datetime | None:
    """Return when the recording began; None where nobody says so, or not as a date and a time."""
    report = record.device_report
    if report is None or report.acquired is None:
        return None
    try:
        return datetime.fromisoformat(report.acquired)
    except ValueError:
        return None


def _acquired(_: EcgRecord, report: DeviceReport) -> Message | None:
    return message("lost_acquired") if report.acquired else None


def _device(_: EcgRecord, report: DeviceReport) -> Message | None:
    return message("lost_device") if report.device else None


def _features(record: EcgRecord, _: DeviceReport) -> Message | None:
    return None if record.published_features is None else message("lost_features")


def _filters(_: EcgRecord, report: DeviceReport) -> Message | None:
    known = any(value is not None for value in (report.low_hz, report.high_hz, report.notch_hz))
    return message("lost_filters") if known else None


def _identity(_: EcgRecord, report: DeviceReport) -> Message | None:
    patient = report.patient
    known = patient is not None and any((patient.name, patient.patient_id, patient.birth_date))
    return message("lost_identity") if known else None


def _measurements(_: EcgRecord, report: DeviceReport) -> Message | None:
    return message("lost_measurements", names=list(report.measurements)) if report.measurements else None


def _medians(_: EcgRecord, report: DeviceReport) -> Message | None:
    return None if report.medians is None else message("lost_medians")


def _statements(_: EcgRecord, report: DeviceReport) -> Message | None:
    return message("lost_statements") if report.statements else None


_PARTS: dict[str, _Part] = {
    "acquired": _acquired,
    "device": _device,
    "features": _features,
    "filters": _filters,
    "identity": _identity,
    "measurements": _measurements,
    "medians": _medians,
    "statements": _statements,
}
