"""What all figures share: an empty page, colours, and rows of points with intervals.

Figures are made without pyplot, so nothing global is touched and nothing stays open.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from heart_reader.evaluation.bootstrap import Estimate

__all__ = [
    "FAINT",
    "GRID",
    "INK",
    "POINT",
    "draw_band",
    "draw_point",
    "dress_rows",
    "name_groups",
    "new_figure",
    "place_rows",
    "save_figure",
    "write_texts",
]

INK, FAINT, GRID, POINT = "#222222", "#767676", "#E3E3E3", "#0072B2"


def new_figure(width: float, height: float, layout: Literal["constrained"] | None = None) -> Figure:
    """Return an empty white figure of a size in inches, without pyplot."""
    figure = Figure(figsize=(width, height), layout=layout, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    figure.savefig(path, dpi=150, format="png")


def place_rows(groups: Sequence[str], gap: float) -> NDArray[np.float64]:
    """Return the height of every row, (n_rows,), with a gap between groups."""
    places, at = [], 0.0
    for _, members in groupby(groups):
        n_rows = len(list(members))
        places += [at + row for row in range(n_rows)]
        at += n_rows + gap
    return np.array(places)


def draw_band(axes: Axes, estimate: Estimate | None) -> None:
    """Draw what all rows are compared with: a line, and its interval as a band."""
    if estimate is not None and estimate.point is not None and estimate.low is not None and estimate.high is not None:
        axes.axvspan(estimate.low, estimate.high, color=POINT, alpha=0.09, linewidth=0, zorder=1)
        axes.axvline(estimate.point, color=POINT, linewidth=1, zorder=1)


def draw_point(axes: Axes, place: float, estimate: Estimate | None, *, filled: bool, ink: bool, size: float = 5.0) -> None:
    """Draw the point and interval of one row, nothing where it is undefined."""
    if estimate is None or estimate.point is None or estimate.low is None or estimate.high is None:
        return
    color = INK if ink else POINT
    axes.plot([estimate.low, estimate.high], [place, place], color=color, linewidth=1.3, solid_capstyle="round", zorder=2)
    look: dict[str, Any] = {"markerfacecolor": color if filled else "white", "markeredgecolor": color, "markeredgewidth": 1.2}
    axes.plot(estimate.point, place, "o", markersize=size, zorder=3, clip_on=False, **look)


def dress_rows(axes: Axes, title: str) -> None:
    """Give a panel of rows its title and its vertical grid."""
    axes.set_title(title, fontsize=9, color=INK, pad=6)
    axes.grid(True, axis="x", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(axis="both", length=0, labelsize=8, colors=FAINT)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(GRID)


def name_groups(axes: Axes, y: NDArray[np.float64], groups: Sequence[str], labels_in: float) -> None:
    """Name every group once, beside its first row, ``labels_in`` inches left of the panel."""
    where: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "xytext": (-(labels_in - 0.12) * 72, 0), "textcoords": "offset points"}
    before = None
    for place, name in zip(y, groups, strict=True):
        if name and name != before:
            axes.annotate(name, (0, place), va="center", fontsize=8.2, fontweight="bold", color=INK, **where)
        before = name


def write_texts(figure: Figure, title: str, footer: str) -> None:
    """Write the title into the upper left corner and the small print into the lower one."""
    width, height = figure.get_figwidth(), figure.get_figheight()
    figure.text(0.12 / width, 1 - 0.14 / height, title, va="top", fontsize=11, color=INK)
    figure.text(0.12 / width, 0.1 / height, footer, va="bottom", fontsize=7.5, color=FAINT, linespacing=1.4)
