"""An ECG on paper, in true millimetres and drawn as lines: what a clinician looks at first.

Axes that are drawn on have the millimetre as their unit, with y growing downwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from heart_reader.data.leads import STANDARD_LEADS

if TYPE_CHECKING:
    from heart_reader.data.record import EcgRecord

__all__ = ["Sheet", "draw_tracing", "new_page", "plot_record", "write"]

MM_PER_INCH, POINTS_PER_INCH = 25.4, 72
THIN, THICK, PAPER = "#ffc9c9", "#e6a3a3", "#fff8f8"
COLUMNS = (("I", "II", "III"), ("aVR", "aVL", "aVF"), ("V1", "V2", "V3"), ("V4", "V5", "V6"))
RHYTHM_LEADS = ("II", "V1", "V5")
# Room in front of the traces for the pulse of 1 mV, and behind them.
BEFORE_MM, BEHIND_MM = 15.0, 5.0
# What a row needs above and below its median at least, for its label, the pulse and an S wave.
LEAST_ABOVE_MM, LEAST_BELOW_MM = 15.0, 6.0
STRIP_MM = (9.0, 5.0)
# Columns of the colours under a trace: their width, and how far they reach beyond it.
COLUMN_MM, BEYOND_MM = 0.5, 1.1
TITLE_MM, CAPTION_MM, MARGIN_MM = 10.0, 9.0, 4.0
# No row of a picture grows beyond this, so that one artefact does not make a poster of it.
MOST_ROW_MM = 60.0
# A lead of one row: its name and the part of time that is drawn, in s from the start.
Cell = tuple[str, float, float]


@dataclass(frozen=True)
class Sheet:
    """How a tracing is drawn.

    Parameters
    ----------
    speed_mm_s, gain_mm_mv
        Scale in time and in amplitude.
    start_s, duration_s
        The part that is drawn.
    strips
        Whether every lead has a low row of its own, over the whole length.
    """

    speed_mm_s: float = 25.0
    gain_mm_mv: float = 10.0
    start_s: float = 0.0
    duration_s: float = 10.0
    strips: bool = False

    @property
    def width_mm(self) -> float:
        """Length of the longest row."""
        return self.speed_mm_s * self.duration_s

    def rows(self, record: EcgRecord) -> list[list[Cell]]:
        """Divide the part: four columns and a rhythm strip, or a row each for few leads."""
        end_s = self.start_s + self.duration_s
        if self.strips or len(set(record.lead_names) & set(STANDARD_LEADS)) <= len(STANDARD_LEADS) // 2:
            return [[(name, self.start_s, end_s)] for name in record.lead_names]
        column_s = self.duration_s / len(COLUMNS)
        starts = [self.start_s + column_s * column for column in range(len(COLUMNS))]
        columns = [[(name, start, start + column_s) for name in names] for names, start in zip(COLUMNS, starts, strict=True)]
        rhythm = next((name for name in RHYTHM_LEADS if name in record.lead_names), record.lead_names[0])
        return [*(list(row) for row in zip(*columns, strict=True)), [(rhythm, self.start_s, end_s)]]

    def heights(self, record: EcgRecord) -> list[tuple[float, float]]:
        """Return what each row needs above and below its median, in mm."""
        needs, (least_above, least_below) = [], self.least_mm
        for cells in self.rows(record):
            leads = [record.lead(name) for name, _, _ in cells if name in record.lead_names]
            traces = [self.gain_mm_mv * (values - np.median(values)) for values in leads]
            above = max([least_above, *(float(trace.max()) for trace in traces)])
            needs.append((above, max([least_below, *(float(-trace.min()) for trace in traces)])))
        return needs

    @property
    def least_mm(self) -> tuple[float, float]:
        """What a row needs above and below its median whatever its traces are."""
        return STRIP_MM if self.strips else (LEAST_ABOVE_MM, LEAST_BELOW_MM)

    def levels(self, record: EcgRecord, top: float, bottom: float) -> list[float]:
        """Place the median of each row between two heights of a page, in mm."""
        return _levels(self.heights(record), top, bottom)

    @property
    def caption(self) -> str:
        """What a person must know to measure on the paper."""
        return f"{self.speed_mm_s:g} mm/s   {self.gain_mm_mv:g} mm/mV   no display filter   print at 100% for true millimetres"


def new_page(width_mm: float, height_mm: float) -> tuple[Figure, Axes]:
    """Return a page and its axes, in millimetres from its upper left corner."""
    figure = Figure(figsize=(width_mm / MM_PER_INCH, height_mm / MM_PER_INCH))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width_mm), ylim=(height_mm, 0))
    axes.axis("off")
    return figure, axes


def write(axes: Axes, x: float, y: float, text: str, size_mm: float = 2.9, **style: object) -> None:
    """Write text at a millimetre of the page; a dollar sign in it begins no formula."""
    size = size_mm * POINTS_PER_INCH / MM_PER_INCH
    axes.text(x, y, text.replace("$", r"\$"), fontsize=size, va="baseline", **style)  # type: ignore[arg-type]


def plot_record(record: EcgRecord, sheet: Sheet) -> Figure:
    """Draw a record on a page of its own, as high as its traces need."""
    # The stretch alone: the rest of a long recording bears neither on baseline nor on height.
    first, last = (round(at_s * record.fs) for at_s in (sheet.start_s, sheet.start_s + sheet.duration_s))
    record, sheet = replace(record, signal=record.signal[:, first : last + 1]), replace(sheet, start_s=0.0)
    top = TITLE_MM
    heights = [min(MOST_ROW_MM, above + below) for above, below in sheet.heights(record)]
    bottom = top + 5 * np.ceil(sum(heights) / 5)
    x = MARGIN_MM + BEFORE_MM
    figure, axes = new_page(x + sheet.width_mm + BEHIND_MM + MARGIN_MM, bottom + CAPTION_MM)
    write(axes, MARGIN_MM, 7.0, record.record_id, 4.0, weight="bold")
    draw_tracing(axes, record, sheet, x=x, top=top, bottom=bottom)
    write(axes, MARGIN_MM, bottom + 5.0, sheet.caption, 2.7)
    return figure


def draw_tracing(
    axes: Axes,
    record: EcgRecord,
    sheet: Sheet,
    *,
    x: float,
    top: float,
    bottom: float,
    underlay: Mapping[str, NDArray[np.float64]] | None = None,
) -> None:
    """Draw paper and traces between ``top`` and ``bottom``; traces begin at ``x``.

    Parameters
    ----------
    x, top, bottom
        Millimetres of the page; ``top`` to ``bottom`` in multiples of 5.
    underlay
        By lead the (n_times, 4) colours that lie under its trace as a broad band.
    """
    left, right = x - BEFORE_MM, x + sheet.width_mm + BEHIND_MM
    axes.add_patch(Rectangle((left, top), right - left, bottom - top, facecolor=PAPER, linewidth=0))
    for step, colour, width in ((1, THIN, 0.25), (5, THICK, 0.5)):
        upright = [((at, top), (at, bottom)) for at in np.arange(left, right + 0.5, step)]
        level = [((left, at), (right, at)) for at in np.arange(top, bottom + 0.5, step)]
        axes.add_collection(LineCollection([*upright, *level], colors=colour, linewidths=width))
    for cells, y in zip(sheet.rows(record), sheet.levels(record, top, bottom), strict=True):
        pulse = np.array([0.0, 0.0, sheet.gain_mm_mv, sheet.gain_mm_mv, 0.0, 0.0])
        axes.plot(x - 11 + np.array([0, 2, 2, 7, 7, 9]), y - pulse, color="black", linewidth=0.7)
        for cell in cells:
            _draw_cell(axes, record, sheet, cell, x=x, y=y, limits=(top, bottom), colours=(underlay or {}).get(cell[0]))


def _levels(needs: Sequence[tuple[float, float]], top: float, bottom: float) -> list[float]:
    """Place the median of each row: rows get the room their traces need and share what is left."""
    needed = sum(above + below for above, below in needs)
    # More than the paper has: all rows are moved together, and what leaves the paper is cut off.
    scale = min(1.0, (bottom - top) / needed)
    spare = max(0.0, bottom - top - needed) / len(needs)
    levels, edge = [], top
    for above, below in needs:
        levels.append(edge + spare / 2 + scale * above)
        edge += spare + scale * (above + below)
    return levels


def _draw_cell(
    axes: Axes,
    record: EcgRecord,
    sheet: Sheet,
    cell: Cell,
    *,
    x: float,
    y: float,
    limits: tuple[float, float],
    colours: NDArray[np.float64] | None = None,
) -> None:
    name, start_s, end_s = cell
    begin, label = x + sheet.speed_mm_s * (start_s - sheet.start_s), y - sheet.least_mm[0] + 4
    if name not in record.lead_names:
        write(axes, begin + 1.5, label + 3, f"{name} not recorded", 2.7, color="0.35")
        return
    values = record.lead(name)
    first, last = round(start_s * record.fs), min(round(end_s * record.fs) + 1, values.size)
    times = np.arange(first, last) / record.fs - sheet.start_s
    heights = np.clip(y - sheet.gain_mm_mv * (values[first:last] - np.median(values)), *limits)
    width = 0.28 * POINTS_PER_INCH / MM_PER_INCH
    if colours is not None:
        _draw_underlay(axes, x + sheet.speed_mm_s * times, heights, colours[first:last], limits)
    axes.plot(x + sheet.speed_mm_s * times, heights, color="black", linewidth=width, solid_joinstyle="round")
    if start_s > sheet.start_s:
        axes.plot((begin, begin), (y - 5, y - 2), (begin, begin), (y + 2, y + 5), color="black", linewidth=0.5)
    write(axes, begin + 1.5, label, name, 3.2, weight="bold")


def _draw_underlay(
    axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64], colours: NDArray[np.float64], limits: tuple[float, float]
) -> None:
    """Draw columns of colour that reach beyond a trace on all sides, each in its mean colour."""
    column = ((x - x[0]) / COLUMN_MM).astype(int)
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    counts = np.diff([*starts, len(x)])
    # At every column the trace as far as the colour reaches to either side.
    near = np.searchsorted(x, x[starts] - BEYOND_MM), np.searchsorted(x, x[starts] + BEYOND_MM, side="right")
    low = np.array([y[first:last].min() for first, last in zip(*near, strict=True)]) - BEYOND_MM
    high = np.array([y[first:last].max() for first, last in zip(*near, strict=True)]) + BEYOND_MM
    left, right = x[starts], np.append(x[starts[1:]], x[-1])
    corners = np.stack([np.stack(pair, axis=1) for pair in ((left, low), (right, low), (right, high), (left, high))], axis=1)
    corners[..., 1] = corners[..., 1].clip(*limits)
    means = np.add.reduceat(colours, starts, axis=0) / counts[:, None]
    axes.add_collection(PolyCollection(list(corners), facecolors=means, edgecolors="none", antialiaseds=False, rasterized=True))
