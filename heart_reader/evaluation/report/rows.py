"""Figures with a row per group: AUROC by group of people, and of statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from heart_reader.evaluation.figures import (
    FAINT,
    INK,
    draw_band,
    draw_point,
    dress_rows,
    name_groups,
    new_figure,
    place_rows,
    write_texts,
)
from heart_reader.evaluation.statements import Statements
from heart_reader.evaluation.subgroups import AUROC, EVERYBODY, SubgroupRow

__all__ = ["draw_statements", "draw_subgroups"]

_ROW_IN, _GAP = 0.22, 0.6
_LABELS_IN, _PANEL_IN, _BETWEEN_IN, _RIGHT_IN, _TOP_IN, _BOTTOM_IN = 2.3, 1.75, 0.18, 0.25, 0.75, 0.65


def draw_subgroups(rows: Sequence[SubgroupRow], about: str, confidence: float) -> Figure:
    """Draw the AUROC of every group of people: the mean over classes, then each class.

    A filled point differs from the other records of its grouping (the interval of the difference
    leaves out 0). The line and its band are everybody.

    Parameters
    ----------
    rows
        Of one level, at least one of everybody.
    about
        What was measured on what, for the title.
    confidence
        Confidence of the intervals.
    """
    groups = list(dict.fromkeys((row.grouping, row.group) for row in rows))
    names = list(dict.fromkeys(row.name for row in rows))
    of = {(row.grouping, row.group, row.name): row for row in rows}
    y = place_rows([grouping for grouping, _ in groups], _GAP)
    figure, panels = _panels(len(names), float(y[-1]))
    left = _left([row.metrics[AUROC].low for row in rows if AUROC in row.metrics])
    for axes, name in zip(panels, names, strict=True):
        draw_band(axes, of["", EVERYBODY, name].metrics.get(AUROC))
        for place, group in zip(y, groups, strict=True):
            row = of[(*group, name)]
            everybody = group[1] == EVERYBODY
            filled = everybody or (row.difference is not None and row.difference.leaves_out_zero)
            draw_point(axes, float(place), row.metrics.get(AUROC), filled=filled, ink=everybody)
            if AUROC not in row.metrics:
                box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
                where: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "center", "zorder": 4}
                axes.annotate(_few(row), (0.97, place), fontsize=7, color=FAINT, bbox=box, **where)
        _dress(axes, name, float(y[-1]), left)
    labels = [f"{group}  ({of[grouping, group, names[0]].n_records})" for grouping, group in groups]
    panels[0].set_yticks(y, labels, fontsize=8, color=INK)
    name_groups(panels[0], y, [grouping for grouping, _ in groups], _LABELS_IN)
    footer = (
        f"Lines: {confidence:.0%} intervals. Filled: the interval of the difference from the others of the grouping leaves out 0.\n"
        "Numbers: too few records of the group have the class, or lack it."
    )
    write_texts(figure, f"AUROC by group, {about}", footer)
    return figure


def draw_statements(statements: Statements, about: str, confidence: float) -> Figure:
    """Draw the AUROC of groups of statements, then of the single statements, the best first.

    Parameters
    ----------
    statements
        Results with at least one group that is stated.
    about, confidence
        As in :func:`draw_subgroups`.
    """
    rows = [("groups", f"{group.name}  ({len(group.statements)})", group.auroc) for group in statements.groups]
    ranked = sorted(statements.auroc.items(), key=lambda item: -(item[1].point or 0.0))
    rows += [("statements", f"{name}  ({statements.n_positive[name]})", auroc) for name, auroc in ranked]
    y = place_rows([part for part, _, _ in rows], _GAP)
    figure, (axes,) = _panels(1, float(y[-1]), width=4.2)
    for place, (part, _, auroc) in zip(y, rows, strict=True):
        draw_point(axes, float(place), auroc, filled=part == "groups", ink=part == "groups")
    _dress(axes, "AUROC", float(y[-1]), _left([auroc.low for _, _, auroc in rows]))
    axes.set_yticks(y, [label for _, label, _ in rows], fontsize=8, color=INK)
    footer = f"Lines: {confidence:.0%} intervals. In brackets: statements of a group, positives of a statement."
    write_texts(figure, f"Statements, {about}", footer)
    return figure


def _panels(n_panels: int, last: float, width: float = _PANEL_IN) -> tuple[Figure, list[Axes]]:
    height = last * _ROW_IN + _TOP_IN + _BOTTOM_IN
    total = _LABELS_IN + n_panels * width + (n_panels - 1) * _BETWEEN_IN + _RIGHT_IN
    figure = new_figure(total, height)
    bottom, tall = _BOTTOM_IN / height, 1 - (_TOP_IN + _BOTTOM_IN) / height
    starts = [(_LABELS_IN + panel * (width + _BETWEEN_IN)) / total for panel in range(n_panels)]
    return figure, [figure.add_axes((start, bottom, width / total, tall)) for start in starts]


def _left(lows: Sequence[float | None]) -> float:
    return max(0.0, min([low for low in lows if low is not None], default=0.5) - 0.02)


def _few(row: SubgroupRow) -> str:
    """What a group has too few of."""
    if row.n_positive is None:
        return "too few"
    n_negative = row.n_records - row.n_positive
    return f"{row.n_positive} with" if row.n_positive <= n_negative else f"{n_negative} without"


def _dress(axes: Axes, title: str, last: float, left: float) -> None:
    dress_rows(axes, title)
    axes.set_xlim(left, 1.005)
    axes.set_ylim(last + 0.8, -0.8)
    axes.set_yticks([])
