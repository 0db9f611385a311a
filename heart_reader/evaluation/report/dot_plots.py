"""Figures of points with intervals, one row each: AUROC by group of people, and of statements."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from heart_reader.evaluation.bootstrap import Estimate
from heart_reader.evaluation.report.plots import FAINT, GRID, INK, new_figure
from heart_reader.evaluation.statements import Statements
from heart_reader.evaluation.subgroups import AUROC, EVERYBODY, SubgroupRow

__all__ = ["draw_statements", "draw_subgroups"]

_POINT = "#0072B2"
_ROW_IN, _GAP = 0.22, 0.6
_LABELS_IN, _PANEL_IN, _BETWEEN_IN, _RIGHT_IN, _TOP_IN, _BOTTOM_IN = 2.3, 1.75, 0.18, 0.25, 0.75, 0.65


def draw_subgroups(rows: Sequence[SubgroupRow], about: str, confidence: float) -> Figure:
    """Draw the AUROC of every group of people, one panel for the mean over classes and one per
    class.

    A filled point differs from the other records of its grouping (the interval of the difference
    leaves out 0). The line and its band are everybody.

    Parameters
    ----------
    rows
        Of one level, at least one of everybody.
    about
        What was measured on what, for the title.
    confidence
        Of the intervals.
    """
    groups = list(dict.fromkeys((row.grouping, row.group) for row in rows))
    names = list(dict.fromkeys(row.name for row in rows))
    of = {(row.grouping, row.group, row.name): row for row in rows}
    y = _places([grouping for grouping, _ in groups])
    figure, panels = _panels(len(names), float(y[-1]))
    lows = [row.metrics[AUROC].low for row in rows if AUROC in row.metrics]
    left = min([low for low in lows if low is not None], default=0.5)
    for axes, name in zip(panels, names, strict=True):
        _everybody(axes, of["", EVERYBODY, name].metrics.get(AUROC))
        for place, group in zip(y, groups, strict=True):
            row = of[(*group, name)]
            filled = row.difference is not None and row.difference.leaves_out_zero
            _point(axes, float(place), row.metrics.get(AUROC), filled=filled or group[1] == EVERYBODY, ink=group[1] == EVERYBODY)
            if AUROC not in row.metrics:
                box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
                where: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "center", "zorder": 4}
                axes.annotate(_few(row), (0.97, place), fontsize=7, color=FAINT, bbox=box, **where)
        _dress(axes, name, y, max(0.0, left - 0.02))
    labels = [f"{group}  ({of[grouping, group, names[0]].n_records})" for grouping, group in groups]
    panels[0].set_yticks(y, labels, fontsize=8, color=INK)
    _group_names(panels[0], y, [grouping for grouping, _ in groups])
    footer = (
        f"Lines: {confidence:.0%} intervals. Filled: the interval of the difference from the others of the grouping leaves out 0.\n"
        "Numbers: too few records of the group have the class, or lack it."
    )
    _title(figure, f"AUROC by group, {about}", footer)
    return figure


def draw_statements(statements: Statements, about: str, confidence: float) -> Figure:
    """Draw the AUROC of groups of statements and of every statement with enough positives, the best
    first.

    Parameters
    ----------
    statements
        With at least one group that is stated.
    about, confidence
        As in :func:`draw_subgroups`.
    """
    rows = [("groups", f"{group.name}  ({len(group.statements)})", group.auroc) for group in statements.groups]
    ranked = sorted(statements.auroc.items(), key=lambda item: -(item[1].point or 0.0))
    rows += [("statements", f"{name}  ({statements.n_positive[name]})", auroc) for name, auroc in ranked]
    y = _places([part for part, _, _ in rows])
    figure, (axes,) = _panels(1, float(y[-1]), width=4.2)
    for place, (part, _, auroc) in zip(y, rows, strict=True):
        _point(axes, float(place), auroc, filled=part == "groups", ink=part == "groups")
    lows = [auroc.low for _, _, auroc in rows if auroc.low is not None]
    _dress(axes, "AUROC", y, max(0.0, min(lows, default=0.5) - 0.02))
    axes.set_yticks(y, [label for _, label, _ in rows], fontsize=8, color=INK)
    footer = f"Lines: {confidence:.0%} intervals. In brackets: statements of a group, positives of a statement."
    _title(figure, f"Statements, {about}", footer)
    return figure


def _places(parts: Sequence[str]) -> NDArray[np.float64]:
    """Height of every row, with a gap between parts."""
    places, at = [], 0.0
    for _, members in groupby(parts):
        n_rows = len(list(members))
        places += [at + row for row in range(n_rows)]
        at += n_rows + _GAP
    return np.array(places)


def _panels(n_panels: int, last: float, width: float = _PANEL_IN) -> tuple[Figure, list[Axes]]:
    height = last * _ROW_IN + _TOP_IN + _BOTTOM_IN
    total = _LABELS_IN + n_panels * width + (n_panels - 1) * _BETWEEN_IN + _RIGHT_IN
    figure = new_figure(total, height)
    bottom, tall = _BOTTOM_IN / height, 1 - (_TOP_IN + _BOTTOM_IN) / height
    starts = [(_LABELS_IN + panel * (width + _BETWEEN_IN)) / total for panel in range(n_panels)]
    return figure, [figure.add_axes((start, bottom, width / total, tall)) for start in starts]


def _few(row: SubgroupRow) -> str:
    """What a group has too few of."""
    if row.n_positive is None:
        return "too few"
    n_negative = row.n_records - row.n_positive
    return f"{row.n_positive} with" if row.n_positive <= n_negative else f"{n_negative} without"


def _everybody(axes: Axes, estimate: Estimate | None) -> None:
    if estimate is not None and estimate.point is not None and estimate.low is not None and estimate.high is not None:
        axes.axvspan(estimate.low, estimate.high, color=_POINT, alpha=0.09, linewidth=0, zorder=1)
        axes.axvline(estimate.point, color=_POINT, linewidth=1, zorder=1)


def _point(axes: Axes, place: float, estimate: Estimate | None, *, filled: bool, ink: bool) -> None:
    if estimate is None or estimate.point is None or estimate.low is None or estimate.high is None:
        return
    color = INK if ink else _POINT
    axes.plot([estimate.low, estimate.high], [place, place], color=color, linewidth=1.3, solid_capstyle="round", zorder=2)
    face = color if filled else "white"
    axes.plot(
        estimate.point, place, "o", markersize=5, markerfacecolor=face, markeredgecolor=color, markeredgewidth=1.2, zorder=3, clip_on=False
    )


def _dress(axes: Axes, title: str, y: NDArray[np.float64], left: float) -> None:
    axes.set_title(title, fontsize=9, color=INK, pad=6)
    axes.set_xlim(left, 1.005)
    axes.set_ylim(y[-1] + 0.8, y[0] - 0.8)
    axes.set_yticks([])
    axes.grid(True, axis="x", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(axis="both", length=0, labelsize=8, colors=FAINT)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(GRID)


def _group_names(axes: Axes, y: NDArray[np.float64], groupings: Sequence[str]) -> None:
    """Name every grouping once, beside its first row."""
    for position, (place, name) in enumerate(zip(y, groupings, strict=True)):
        if name and (position == 0 or groupings[position - 1] != name):
            offset = (-(_LABELS_IN - 0.12) * 72, 0)
            where: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "xytext": offset, "textcoords": "offset points"}
            axes.annotate(name, (0, place), va="center", fontsize=8.2, fontweight="bold", color=INK, **where)


def _title(figure: Figure, title: str, footer: str) -> None:
    width, height = figure.get_figwidth(), figure.get_figheight()
    figure.text(0.12 / width, 1 - 0.14 / height, title, va="top", fontsize=11, color=INK)
    figure.text(0.12 / width, 0.1 / height, footer, va="bottom", fontsize=7.5, color=FAINT)
