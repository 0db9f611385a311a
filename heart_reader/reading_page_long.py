"""Draw what the reading of a long recording holds on a page: rate over time, and its lines."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from heart_reader.data.paper import new_page, write
from heart_reader.diagnosis import NOTICE
from heart_reader.long.reading import LongReading
from heart_reader.long.summary import to_lines

__all__ = ["long_page"]

WIDTH_MM, HEIGHT_MM, EDGE_MM = 297.0, 210.0, 8.0
# Left, bottom, width and height of the trend, shares of the page.
TREND = (0.06, 0.70, 0.90, 0.20)
LINE_MM, FIRST_LINE_MM, WRAPPED = 3.6, 74.0, 150
MARKED = {"atrial_fibrillation": "#b5179e", "ventricular_run": "#d00000", "pause": "#1d3557", "no_beats": "#ff7b00", "noise": "0.8"}


def long_page(title: str, reading: LongReading) -> Figure:
    """Return a page.

    Parameters
    ----------
    title
        Name of the recording.
    """
    figure, axes = new_page(WIDTH_MM, HEIGHT_MM)
    write(axes, EDGE_MM, 9.5, textwrap.shorten(title, 60, placeholder=" …"), 4.4, weight="bold")
    axes.plot((EDGE_MM, WIDTH_MM - EDGE_MM), (11, 11), color="black", linewidth=0.8)
    _trend(figure.add_axes(TREND), reading)
    room = int((HEIGHT_MM - EDGE_MM - FIRST_LINE_MM) / LINE_MM)
    lines = [part for line in to_lines(reading) for part in _wrapped(line)]
    if len(lines) > room:
        lines[room - 1 :] = [f"    … and {len(lines) - room + 1} more lines: heart-reader read without --report prints them"]
    for number, line in enumerate(lines):
        write(axes, EDGE_MM, FIRST_LINE_MM + number * LINE_MM, line, 2.5, family="DejaVu Sans Mono")
    write(axes, EDGE_MM, HEIGHT_MM - 4.0, NOTICE, weight="bold")
    return figure


def _trend(axes: Axes, reading: LongReading) -> None:
    """Draw the mean rate, the range around it, and where episodes are."""
    trend = reading.trend
    hours = (np.arange(len(trend.mean_bpm)) + 0.5) * trend.step_s / 3600.0
    axes.fill_between(hours, trend.lowest_bpm, trend.highest_bpm, color="0.85", linewidth=0)
    axes.plot(hours, trend.mean_bpm, color="black", linewidth=0.6)
    for kind, colour in MARKED.items():
        least_s = reading.duration_s / 1000.0
        spans = [(one.start_s / 3600.0, max(one.duration_s, least_s) / 3600.0) for one in reading.episodes if one.kind == kind]
        if spans:
            axes.broken_barh(spans, (0.0, 0.06), transform=axes.get_xaxis_transform(), color=colour, label=kind.replace("_", " "))
    axes.set(xlim=(0.0, reading.duration_s / 3600.0), xlabel="hours", ylabel="heart rate /min")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper right", fontsize=7, ncols=len(MARKED), frameon=False)


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, WRAPPED, initial_indent="    ", subsequent_indent="      ") if len(line) > WRAPPED else [line]
