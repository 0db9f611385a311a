"""The report's figure: how often what is stated, and what drifts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heart_reader.bulk.report.cohort import Cohort, wilson
from heart_reader.bulk.report.drift import LARGE, SMALL

__all__ = ["draw"]

_INK, _FAINT, _POINT = "#222222", "#767676", "#0072B2"
_ROWS = 20


def draw(path: Path, cohort: Cohort, indices: Mapping[str, float]) -> None:
    """Draw the most frequent statements, and the largest stability index of each number.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5.5), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    common = cohort.lists["statements"].most_common(_ROWS)
    for row, (_, n) in enumerate(common):
        share, low, high = (100 * value for value in wilson(n, cohort.n_read))
        left.plot([low, high], [row, row], color=_POINT, linewidth=1.3)
        left.plot(share, row, "o", color=_POINT, markersize=5)
    _dress(left, [code for code, _ in common], f"Stated, % of {cohort.n_read} records")
    drifting = sorted(indices.items(), key=lambda item: -item[1])[:_ROWS]
    right.barh(range(len(drifting)), [value for _, value in drifting], color=_POINT, height=0.6)
    for limit in (SMALL, LARGE):
        right.axvline(limit, color=_FAINT, linewidth=0.8, linestyle="--")
    _dress(right, [name for name, _ in drifting], "Population stability index")
    figure.savefig(path, dpi=150, format="png")


def _dress(axes: Any, names: list[str], title: str) -> None:
    axes.set_title(title, fontsize=9, color=_INK, loc="left")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.tick_params(axis="both", length=0, labelsize=8, colors=_FAINT)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
