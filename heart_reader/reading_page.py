"""Draw a reading on one page of paper: conclusion, measurements, the tracing in true mm."""

from __future__ import annotations

import textwrap
from datetime import datetime
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.patches import Rectangle

from heart_reader.data.paper import Sheet, draw_tracing, new_page, write
from heart_reader.data.record import EcgRecord
from heart_reader.diagnosis import NOTICE, Diagnosis
from heart_reader.messages import clock
from heart_reader.reading_page_excerpts import excerpt_pages
from heart_reader.reading_page_long import long_page
from heart_reader.recorder import beside, statement_lines

__all__ = ["draw_page"]

# A4 landscape; 10 s at 25 mm/s are 250 mm.
WIDTH_MM, HEIGHT_MM = 297.0, 210.0
EDGE_MM, TRACE_X_MM = 8.0, 30.0
FOOT_MM = 198.0
KINDS = {"normal": ("Normal ECG", "#1d5c3f"), "abnormal": ("Abnormal ECG", "#8c1c13"), "undecided": ("Undecided", "#6b4700")}
# Lines of measurements: title, names, unit.
MEASURED = (
    ("Rate", ("heart_rate_bpm",), "/min"),
    ("PR", ("pr_ms",), "ms"),
    ("QRS", ("qrs_ms",), "ms"),
    ("QT / QTc", ("qt_ms", "qtc_fridericia_ms"), "ms"),
    ("P / QRS / T axes", ("p_axis_deg", "qrs_axis_deg", "t_axis_deg"), "°"),
)
LINE_MM = 4.0
CONCLUSION_X_MM = 78.0
WRAPPED = 118
# Lines of the conclusion that a page has room for; what is left out is counted.
MOST_LINES = 12
RECORDER_LINE_MM, RECORDER_WRAPPED, MOST_RECORDER_LINES = 3.2, 150, 4


def draw_page(diagnosis: Diagnosis, record: EcgRecord, path: Path) -> None:
    """Draw a page as PDF, and more of a recording that was read as a whole: hours and episodes.

    Parameters
    ----------
    record
        What was read; its first 10 s are drawn, of a recording that was read as a whole a quiet
        stretch and, on pages of their own, episodes.
    path
        Where to write it.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    # Text stays text, which can be searched and copied.
    with mpl.rc_context({"pdf.fonttype": 42, "font.family": "DejaVu Sans"}):
        figure, axes = new_page(WIDTH_MM, HEIGHT_MM)
        _head(axes, diagnosis)
        measured = _measurements(axes, diagnosis)
        top = np.ceil(max(_recorder(axes, diagnosis, _conclusion(axes, diagnosis)), measured))
        sheet = Sheet()
        excerpts = diagnosis.excerpts
        start_s = excerpts[0].start_s if excerpts else 0.0
        shown = record.part(start_s, start_s + sheet.duration_s)
        draw_tracing(axes, shown, sheet, x=TRACE_X_MM, top=top, bottom=top + 5 * np.floor((FOOT_MM - 6 - top) / 5))
        caption = f"{excerpts[0].title}   {sheet.caption}" if excerpts else sheet.caption
        write(axes, EDGE_MM, FOOT_MM, caption, 2.7)
        _foot(axes, diagnosis)
        with PdfPages(path, metadata={"Title": diagnosis.record_id, "Subject": NOTICE, "Creator": "heart_reader"}) as pages:
            pages.savefig(figure)
            if diagnosis.long is not None:
                pages.savefig(long_page(diagnosis.record_id, diagnosis.long))
            for page in excerpt_pages(record, excerpts[1:]):
                pages.savefig(page)


def _head(axes: Axes, diagnosis: Diagnosis) -> None:
    quality = diagnosis.quality
    person = [f"{diagnosis.age:g} years" if diagnosis.age is not None else "", diagnosis.sex or ""]
    length = f"{diagnosis.duration_s:.1f} s" if diagnosis.long is None else clock(diagnosis.duration_s)
    facts = [diagnosis.source_format.upper(), f"{diagnosis.fs:g} Hz", length, *filter(None, person)]
    write(axes, EDGE_MM, 9.5, textwrap.shorten(diagnosis.record_id, 60, placeholder=" …"), 4.4, weight="bold")
    signal = f"signal: {quality.verdict}, {quality.n_usable_leads} of {quality.n_leads} leads usable"
    write(axes, WIDTH_MM - EDGE_MM, 9.5, "  ·  ".join([*facts, signal]), ha="right")
    axes.plot((EDGE_MM, WIDTH_MM - EDGE_MM), (11, 11), color="black", linewidth=0.8)


def _measurements(axes: Axes, diagnosis: Diagnosis) -> float:
    """What was measured; returns the lower edge in mm."""
    values = {} if diagnosis.measurements is None else diagnosis.measurements.values
    y = 16.0
    for title, names, unit in MEASURED:
        measured = [values[name].value if name in values else None for name in names]
        write(axes, EDGE_MM, y, title, color="0.35")
        numbers = " / ".join("–" if value is None else f"{value:.0f}" for value in measured)
        write(axes, CONCLUSION_X_MM - 8, y, f"{numbers} {unit}", 3.1, ha="right", weight="bold")
        y += LINE_MM
    if diagnosis.measurements is not None and diagnosis.long is not None:
        first, last = diagnosis.measurements.fiducials.stretch_s
        write(axes, EDGE_MM, y, f"measured from {clock(first)} to {clock(last)}", 2.7, color="0.35")
        y += LINE_MM
    rhythm = None if diagnosis.measurements is None else diagnosis.measurements.rhythm
    if rhythm is not None:
        name = "not decided" if rhythm.name is None else rhythm.name.replace("_", " ")
        write(axes, EDGE_MM, y, "Rhythm, as measured", color="0.35")
        write(axes, CONCLUSION_X_MM - 8, y, name, 3.1, ha="right", weight="bold")
        if rhythm.findings:
            write(axes, EDGE_MM, y + LINE_MM, textwrap.shorten(", ".join(rhythm.findings).replace("_", " "), 40, placeholder=" …"), 2.7)
    return 14.0 + LINE_MM * (len(MEASURED) + 2)


def _recorder(axes: Axes, diagnosis: Diagnosis, y: float) -> float:
    """What the recorder stated, smaller and in grey below ours; returns the lower edge in mm."""
    report = diagnosis.device_report
    rows = beside(diagnosis)
    if report is None or not (rows or report.statements):
        return y
    numbers = ", ".join(f"{row.title} {row.recorder:.0f}{'°' if row.unit == 'degrees' else ''}" for row in rows)
    words = "; ".join(statement_lines(report)).replace("; (", " (")
    lines = [part for text in (numbers, words) for part in textwrap.wrap(text, RECORDER_WRAPPED)]
    if len(lines) > MOST_RECORDER_LINES:
        lines[MOST_RECORDER_LINES - 1 :] = ["… and more: heart-reader read without --report prints all of it"]
    y += 1.0
    write(axes, CONCLUSION_X_MM, y, "The recorder said", 2.5, weight="bold", color="0.35")
    for line in lines:
        y += RECORDER_LINE_MM
        write(axes, CONCLUSION_X_MM, y, line, 2.5, color="0.35")
    return y + 1.0


def _conclusion(axes: Axes, diagnosis: Diagnosis) -> float:
    """Kind, headline, lines and what yielded; returns the lower edge in mm."""
    conclusion = diagnosis.conclusion
    word, colour = KINDS[conclusion.kind]
    write(axes, CONCLUSION_X_MM, 16.5, word, 4.2, weight="bold", color=colour)
    write(axes, WIDTH_MM - EDGE_MM, 16.5, "probabilities that labels apply, no confirmed diagnosis", 2.5, ha="right", color="0.35")
    y = 21.5
    for text in textwrap.wrap(conclusion.headline, 100):
        write(axes, CONCLUSION_X_MM, y, text, 3.3, weight="bold")
        y += LINE_MM + 0.3
    lines = [" ".join([str(line.text), *line.codes, *_share(line.probability)]) for line in conclusion.lines]
    lines += [f"{text} {probability:.0%}" for _, probability, text in conclusion.yielded]
    lines += [f"! {text}" for text in dict.fromkeys((*diagnosis.quality.findings, *diagnosis.warnings))]
    wrapped = [part for text in lines for part in textwrap.wrap(text, WRAPPED, subsequent_indent="   ")]
    if len(wrapped) > MOST_LINES:
        wrapped[MOST_LINES - 1 :] = [f"… and {len(wrapped) - MOST_LINES + 1} more lines: heart-reader read without --report prints them"]
    for text in wrapped:
        write(axes, CONCLUSION_X_MM, y, text)
        y += LINE_MM
    axes.add_patch(Rectangle((CONCLUSION_X_MM - 4, 12.5), 1.2, y - 15.5, color=colour, linewidth=0))
    return y


def _share(probability: float | None) -> list[str]:
    return [] if probability is None else [f"{probability:.0%}"]


def _foot(axes: Axes, diagnosis: Diagnosis) -> None:
    axes.plot((EDGE_MM, WIDTH_MM - EDGE_MM), (FOOT_MM + 1.5, FOOT_MM + 1.5), color="black", linewidth=0.8)
    write(axes, EDGE_MM, FOOT_MM + 5.5, NOTICE, weight="bold")
    model = f"heart_reader  ·  {diagnosis.model['name']}  ·  {diagnosis.model['checkpoint_sha256'][:16]}"
    printed = f"{datetime.now().astimezone():%Y-%m-%d %H:%M}"
    write(axes, WIDTH_MM - EDGE_MM, FOOT_MM + 5.5, f"{model}  ·  {printed}", ha="right")
