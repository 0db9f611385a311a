"""What the recorder stated beside what was measured here; neither enters the other."""

from __future__ import annotations

from typing import NamedTuple

from heart_reader.data.device_report import DeviceReport
from heart_reader.diagnosis import Diagnosis

__all__ = ["TITLES", "Beside", "beside", "recorder_facts", "recorder_lines", "statement_lines"]

# In the order of a printout: title and unit.
TITLES = {
    "heart_rate_bpm": ("rate", "/min"),
    "p_ms": ("P", "ms"),
    "pr_ms": ("PR", "ms"),
    "qrs_ms": ("QRS", "ms"),
    "qt_ms": ("QT", "ms"),
    "qtc_fridericia_ms": ("QTc Fridericia", "ms"),
    "qtc_bazett_ms": ("QTc Bazett", "ms"),
    "p_axis_deg": ("P axis", "degrees"),
    "qrs_axis_deg": ("QRS axis", "degrees"),
    "t_axis_deg": ("T axis", "degrees"),
    "rr_mean_ms": ("RR", "ms"),
}
HALF_TURN_DEG = 180.0


class Beside(NamedTuple):
    """One quantity, measured here and stated by the recorder.

    Parameters
    ----------
    title, unit
        In words for a terminal.
    ours
        None where it was not measured.
    recorder
        As the file has it.

    Examples
    --------
    >>> Beside("QRS axis", "degrees", -170.0, 175.0).difference
    15.0
    """

    title: str
    unit: str
    ours: float | None
    recorder: float

    @property
    def difference(self) -> float | None:
        """Ours less the recorder's; of two angles the shorter way round."""
        if self.ours is None:
            return None
        difference = self.ours - self.recorder
        if self.unit != "degrees":
            return difference
        return HALF_TURN_DEG - (HALF_TURN_DEG - difference) % (2 * HALF_TURN_DEG)


def beside(diagnosis: Diagnosis) -> list[Beside]:
    """Return what the recorder measured, with ours beside it."""
    stated = {} if diagnosis.device_report is None else diagnosis.device_report.measurements
    values = {} if diagnosis.measurements is None else diagnosis.measurements.values
    return [
        Beside(title, unit, values[name].value if name in values else None, stated[name])
        for name, (title, unit) in TITLES.items()
        if name in stated
    ]


def recorder_facts(report: DeviceReport) -> str:
    """Return device, time and filters on one line; empty where the file says none of them."""
    low, high = (None if value is None else f"{value:g} Hz" for value in (report.low_hz, report.high_hz))
    parts = (
        report.device,
        f"recorded {report.acquired.replace('T', ' ')}" if report.acquired else None,
        f"{low} to {high} passed" if low and high else None,
        f"above {low} passed" if low and not high else None,
        f"below {high} passed" if high and not low else None,
        f"{report.notch_hz:g} Hz taken out" if report.notch_hz else None,
    )
    return ", ".join(filter(None, parts))


def statement_lines(report: DeviceReport) -> list[str]:
    """Return its statements, and whether a physician has confirmed them."""
    if not report.statements:
        return []
    if report.confirmed is None:
        return list(report.statements)
    return [*report.statements, f"({'' if report.confirmed else 'not '}confirmed by a physician)"]


def recorder_lines(diagnosis: Diagnosis) -> list[str]:
    """Return a block for a terminal: facts, numbers beside ours, statements; empty without any."""
    report = diagnosis.device_report
    if report is None:
        return []
    facts, rows, statements = recorder_facts(report), beside(diagnosis), statement_lines(report)
    if not (facts or rows or statements):
        return []
    lines = [f"  The recorder said{f' ({facts})' if facts else ''}:"]
    if rows:
        lines.append(f"    {'':<16}{'ours':>8}{'recorder':>10}{'difference':>12}")
    lines += [
        f"    {row.title:<16}{_number(row.ours):>8}{_number(row.recorder):>10}{_number(row.difference, signed=True):>12} {row.unit}"
        for row in rows
    ]
    return lines + [f"    {text}" for text in statements]


def _number(value: float | None, *, signed: bool = False) -> str:
    if value is None:
        return "–"
    whole = round(value)  # an integer, which has no zero below zero
    return f"{whole:+d}" if signed and whole else f"{whole:d}"
