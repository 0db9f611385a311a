"""A reading as one page of paper: conclusion, measurements and the whole tracing in true
millimetres, drawn as lines rather than dots.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from heart_reader.data.record import EcgRecord
from heart_reader.diagnosis import NOTICE, Diagnosis

__all__ = ["draw_page"]

# What a row has above and below its median at least: its label and the pulse of 1 mV, and an S
# wave.
LEAST_ABOVE_MM, LEAST_BELOW_MM = 15.0, 6.0
# A4 landscape; 10 s at 25 mm/s are 250 mm.
WIDTH_MM, HEIGHT_MM = 297.0, 210.0
SPEED_MM_S, GAIN_MM_MV = 25.0, 10.0
EDGE_MM = 8.0
TRACE_X_MM, TRACE_WIDTH_MM = 30.0, 250.0
FOOT_MM = 198.0
COLUMNS = (("I", "II", "III"), ("aVR", "aVL", "aVF"), ("V1", "V2", "V3"), ("V4", "V5", "V6"))
RHYTHM_LEADS = ("II", "V1", "V5")
KINDS = {"normal": ("Normal ECG", "#1d5c3f"), "abnormal": ("Abnormal ECG", "#8c1c13"), "undecided": ("Undecided", "#6b4700")}
# Lines of measurements: title, names, unit.
MEASURED = (
    ("Rate", ("heart_rate_bpm",), "/min"),
    ("PR", ("pr_ms",), "ms"),
    ("QRS", ("qrs_ms",), "ms"),
    ("QT / QTc", ("qt_ms", "qtc_fridericia_ms"), "ms"),
    ("P / QRS / T axes", ("p_axis_deg", "qrs_axis_deg", "t_axis_deg"), "°"),
)
THIN, THICK, PAPER = "#ffc9c9", "#e6a3a3", "#fff8f8"
LINE_MM = 4.0
CONCLUSION_X_MM = 78.0
WRAPPED = 118
# Lines of the conclusion that a page has room for; what is left out is counted.
MOST_LINES = 12
POINTS_PER_MM = 72 / 25.4


def draw_page(diagnosis: Diagnosis, record: EcgRecord, path: Path) -> None:
    """Draw a page as PDF.

    Parameters
    ----------
    record
        What was read; the first 10 s of it are drawn.
    path
        Where to write it.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    # Text stays text, which can be searched and copied.
    with mpl.rc_context({"pdf.fonttype": 42, "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(WIDTH_MM / 25.4, HEIGHT_MM / 25.4))
        # One unit of the axes is a millimetre of the paper.
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH_MM), ylim=(HEIGHT_MM, 0))
        axes.axis("off")
        _head(axes, diagnosis)
        _measurements(axes, diagnosis)
        top = max(_conclusion(axes, diagnosis), 14.0 + LINE_MM * (len(MEASURED) + 2))
        _tracing(axes, record, top)
        _foot(axes, diagnosis)
        figure.savefig(path, format="pdf", metadata={"Title": diagnosis.record_id, "Subject": NOTICE, "Creator": "heart_reader"})


def _write(axes: Axes, x: float, y: float, text: str, size_mm: float = 2.9, **style: object) -> None:
    """Text whose baseline stands at a millimetre of the page; a dollar sign in it is no formula."""
    axes.text(x, y, text.replace("$", r"\$"), fontsize=size_mm * POINTS_PER_MM, va="baseline", **style)  # type: ignore[arg-type]


def _head(axes: Axes, diagnosis: Diagnosis) -> None:
    quality = diagnosis.quality
    person = [f"{diagnosis.age:g} years" if diagnosis.age is not None else "", diagnosis.sex or ""]
    facts = [diagnosis.source_format.upper(), f"{diagnosis.fs:g} Hz", f"{diagnosis.duration_s:.1f} s", *filter(None, person)]
    _write(axes, EDGE_MM, 9.5, textwrap.shorten(diagnosis.record_id, 60, placeholder=" …"), 4.4, weight="bold")
    signal = f"signal: {quality.verdict}, {quality.n_usable_leads} of {quality.n_leads} leads usable"
    _write(axes, WIDTH_MM - EDGE_MM, 9.5, "  ·  ".join([*facts, signal]), ha="right")
    axes.plot((EDGE_MM, WIDTH_MM - EDGE_MM), (11, 11), color="black", linewidth=0.8)


def _measurements(axes: Axes, diagnosis: Diagnosis) -> None:
    values = {} if diagnosis.measurements is None else diagnosis.measurements.values
    y = 16.0
    for title, names, unit in MEASURED:
        measured = [values[name].value if name in values else None for name in names]
        _write(axes, EDGE_MM, y, title, color="0.35")
        numbers = " / ".join("–" if value is None else f"{value:.0f}" for value in measured)
        _write(axes, CONCLUSION_X_MM - 8, y, f"{numbers} {unit}", 3.1, ha="right", weight="bold")
        y += LINE_MM
    rhythm = None if diagnosis.measurements is None else diagnosis.measurements.rhythm
    if rhythm is not None:
        name = "not decided" if rhythm.name is None else rhythm.name.replace("_", " ")
        _write(axes, EDGE_MM, y, "Rhythm, as measured", color="0.35")
        _write(axes, CONCLUSION_X_MM - 8, y, name, 3.1, ha="right", weight="bold")
        if rhythm.findings:
            _write(axes, EDGE_MM, y + LINE_MM, textwrap.shorten(", ".join(rhythm.findings).replace("_", " "), 40, placeholder=" …"), 2.7)


def _conclusion(axes: Axes, diagnosis: Diagnosis) -> float:
    """Kind, headline, lines and what yielded; returns the lower edge in mm."""
    conclusion = diagnosis.conclusion
    word, colour = KINDS[conclusion.kind]
    _write(axes, CONCLUSION_X_MM, 16.5, word, 4.2, weight="bold", color=colour)
    _write(axes, WIDTH_MM - EDGE_MM, 16.5, "probabilities that labels apply, no confirmed diagnosis", 2.5, ha="right", color="0.35")
    y = 21.5
    for text in textwrap.wrap(conclusion.headline, 100):
        _write(axes, CONCLUSION_X_MM, y, text, 3.3, weight="bold")
        y += LINE_MM + 0.3
    lines = [" ".join([str(line.text), *line.codes, *_share(line.probability)]) for line in conclusion.lines]
    lines += [f"{text} {probability:.0%}" for _, probability, text in conclusion.yielded]
    lines += [f"! {text}" for text in dict.fromkeys((*diagnosis.quality.findings, *diagnosis.warnings))]
    wrapped = [part for text in lines for part in textwrap.wrap(text, WRAPPED, subsequent_indent="   ")]
    if len(wrapped) > MOST_LINES:
        wrapped[MOST_LINES - 1 :] = [f"… and {len(wrapped) - MOST_LINES + 1} more lines: heart-reader read without --report prints them"]
    for text in wrapped:
        _write(axes, CONCLUSION_X_MM, y, text)
        y += LINE_MM
    axes.add_patch(Rectangle((CONCLUSION_X_MM - 4, 12.5), 1.2, y - 15.5, color=colour, linewidth=0))
    return y


def _share(probability: float | None) -> list[str]:
    return [] if probability is None else [f"{probability:.0%}"]


def _tracing(axes: Axes, record: EcgRecord, top: float) -> None:
    """Three rows of four columns and a rhythm strip between ``top`` and the foot."""
    top = np.ceil(top)
    bottom = top + 5 * np.floor((FOOT_MM - 6 - top) / 5)
    left, right = TRACE_X_MM - 15, TRACE_X_MM + TRACE_WIDTH_MM + 5
    axes.add_patch(Rectangle((left, top), right - left, bottom - top, facecolor=PAPER, linewidth=0))
    for step, colour, width in ((1, THIN, 0.25), (5, THICK, 0.5)):
        upright = [((x, top), (x, bottom)) for x in np.arange(left, right + 0.5, step)]
        level = [((left, y), (right, y)) for y in np.arange(top, bottom + 0.5, step)]
        axes.add_collection(LineCollection([*upright, *level], colors=colour, linewidths=width))
    rhythm = next((name for name in RHYTHM_LEADS if name in record.lead_names), record.lead_names[0])
    column_s = TRACE_WIDTH_MM / SPEED_MM_S / len(COLUMNS)
    rows = [*zip(*COLUMNS, strict=True), (rhythm,)]
    for row, y in enumerate(_row_levels(record, rows, top, bottom)):
        _pulse(axes, y)
        if row == len(COLUMNS[0]):
            _strip(axes, record, rhythm, (0.0, column_s * len(COLUMNS)), y, (top, bottom))
            continue
        for column, names in enumerate(COLUMNS):
            _strip(axes, record, names[row], (column * column_s, (column + 1) * column_s), y, (top, bottom))
    setting = f"{SPEED_MM_S:g} mm/s   {GAIN_MM_MV:g} mm/mV   no display filter   print at 100% for true millimetres"
    _write(axes, EDGE_MM, FOOT_MM, setting, 2.7)


def _row_levels(record: EcgRecord, rows: Sequence[Sequence[str]], top: float, bottom: float) -> list[float]:
    """Where the median of each row stands: rows get room as their traces need it, what is left is
    shared alike.
    """
    needs = []
    for names in rows:
        leads = [record.lead(name) for name in names if name in record.lead_names]
        heights = [GAIN_MM_MV * (values - np.median(values)) for values in leads]
        above = max([LEAST_ABOVE_MM, *(float(height.max()) for height in heights)])
        below = max([LEAST_BELOW_MM, *(float(-height.min()) for height in heights)])
        needs.append((above, below))
    needed = sum(above + below for above, below in needs)
    # More than the paper has: all rows are moved together, and what leaves the paper is cut off.
    scale = min(1.0, (bottom - top) / needed)
    spare = max(0.0, bottom - top - needed) / len(needs)
    levels, edge = [], top
    for above, below in needs:
        levels.append(edge + spare / 2 + scale * above)
        edge += spare + scale * (above + below)
    return levels


def _strip(  # noqa: PLR0917
    axes: Axes, record: EcgRecord, name: str, stretch_s: tuple[float, float], y: float, limits: tuple[float, float]
) -> None:
    """One lead over one stretch of time, its median on the row; what leaves the paper is cut off at
    its edge.
    """
    start_s, end_s = stretch_s
    x = TRACE_X_MM + SPEED_MM_S * start_s
    if name not in record.lead_names:
        _write(axes, x + 1.5, y - 8, f"{name} not recorded", 2.7, color="0.35")
        return
    values = record.lead(name)
    first, last = round(start_s * record.fs), min(round(end_s * record.fs) + 1, values.size)
    times = np.arange(first, last) / record.fs
    heights = np.clip(y - GAIN_MM_MV * (values[first:last] - np.median(values)), *limits)
    axes.plot(TRACE_X_MM + SPEED_MM_S * times, heights, color="black", linewidth=0.28 * POINTS_PER_MM, solid_joinstyle="round")
    if start_s > 0:
        axes.plot((x, x), (y - 5, y - 2), (x, x), (y + 2, y + 5), color="black", linewidth=0.5)
    _write(axes, x + 1.5, y - 11, name, 3.2, weight="bold")


def _pulse(axes: Axes, y: float) -> None:
    """1 mV for 200 ms."""
    x = TRACE_X_MM - 11
    axes.plot((x, x + 2, x + 2, x + 7, x + 7, x + 9), (y, y, y - 10, y - 10, y, y), color="black", linewidth=0.7)


def _foot(axes: Axes, diagnosis: Diagnosis) -> None:
    axes.plot((EDGE_MM, WIDTH_MM - EDGE_MM), (FOOT_MM + 1.5, FOOT_MM + 1.5), color="black", linewidth=0.8)
    _write(axes, EDGE_MM, FOOT_MM + 5.5, NOTICE, weight="bold")
    model = f"heart_reader  ·  {diagnosis.model['name']}  ·  {diagnosis.model['checkpoint_sha256'][:16]}"
    printed = f"{datetime.now().astimezone():%Y-%m-%d %H:%M}"
    _write(axes, WIDTH_MM - EDGE_MM, FOOT_MM + 5.5, f"{model}  ·  {printed}", ha="right")
