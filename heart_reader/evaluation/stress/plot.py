"""The figure of a stress test: macro-AUROC under every condition, and where the classes lose."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from heart_reader.evaluation.report.plots import FAINT, GRID, INK, new_figure
from heart_reader.evaluation.stress.stress import AUROC, StressReport, StressRow

__all__ = ["MAX_CLASSES", "draw_stress"]

# Beyond so many classes a column for each cannot be read.
MAX_CLASSES = 12
_POINT, _BAND = "#0072B2", "#F5F6F8"
# Vermilion where a class loses, blue where it gains: apart for colour-blind readers too.
_CHANGES = LinearSegmentedColormap.from_list("changes", ["#C24A00", "#F0A678", "#FFFFFF", "#8CC3E3", "#0072B2"])
# A change of so much AUROC has the full colour; more is no redder, or single leads would bleach all
# the rest.
_FULL_COLOR = 0.25
_ROW_IN, _GAP = 0.205, 0.45
_LABELS_IN, _CURVE_IN, _CELL_IN, _RIGHT_IN, _TOP_IN, _BOTTOM_IN = 2.45, 3.5, 0.62, 0.25, 0.82, 1.0


def draw_stress(report: StressReport) -> Figure:
    """Draw a row per condition: macro-AUROC with its interval, and the change of every class from
    the clean reading.

    A filled point or bold number differs from the clean reading (the interval of the paired
    difference leaves out 0). Classes are shown up to a dozen.

    Parameters
    ----------
    report
        Its summary rows are drawn.
    """
    rows = report.summary
    y, bands = _places(rows)
    n_columns = len(report.class_names) if len(report.class_names) <= MAX_CLASSES else 0
    height = y[-1] * _ROW_IN + _TOP_IN + _BOTTOM_IN
    table_in = n_columns * _CELL_IN
    width = _LABELS_IN + _CURVE_IN + table_in + _RIGHT_IN + (0.15 if n_columns else 0)
    figure = new_figure(width, height)
    bottom, tall = _BOTTOM_IN / height, 1 - (_TOP_IN + _BOTTOM_IN) / height
    curve = figure.add_axes((_LABELS_IN / width, bottom, _CURVE_IN / width, tall))
    _draw_points(curve, report, rows, y)
    panels = [curve]
    if n_columns:
        left = (_LABELS_IN + _CURVE_IN + 0.15) / width
        panels.append(figure.add_axes((left, bottom, table_in / width, tall)))
        _draw_changes(panels[1], report, rows, y)
    for axes in panels:
        axes.set_ylim(y[-1] + 0.8, y[0] - 0.8)
        for low, high in bands[::2]:
            axes.axhspan(low, high, color=_BAND, linewidth=0, zorder=0)
    _label(curve, rows, y)
    title = f"Stress test of {report.config_name}: {report.level}, {report.split}, {report.n_records} records"
    figure.text(0.12 / width, 1 - 0.14 / height, title, va="top", fontsize=12, color=INK)
    figure.text(0.12 / width, 0.1 / height, _footer(report), va="bottom", fontsize=7.5, color=FAINT, linespacing=1.5)
    return figure


def _places(rows: tuple[StressRow, ...]) -> tuple[NDArray[np.float64], list[tuple[float, float]]]:
    """Height of every row, and the band of every group."""
    places: list[float] = []
    bands = []
    at = 0.0
    for _, group in groupby(rows, key=lambda row: row.group):
        n_rows = len(list(group))
        places += [at + row for row in range(n_rows)]
        bands.append((at - 0.5 - _GAP / 2, at + n_rows - 0.5 + _GAP / 2))
        at += n_rows + _GAP
    return np.array(places), bands


def _draw_points(axes: Axes, report: StressReport, rows: tuple[StressRow, ...], y: NDArray[np.float64]) -> None:
    clean = rows[0].metrics[AUROC]
    if clean.point is not None and clean.low is not None and clean.high is not None:
        axes.axvspan(clean.low, clean.high, color=_POINT, alpha=0.09, linewidth=0, zorder=1)
        axes.axvline(clean.point, color=_POINT, linewidth=1, zorder=1)
    for place, row in zip(y, rows, strict=True):
        estimate = row.metrics[AUROC]
        if estimate.point is None or estimate.low is None or estimate.high is None:
            continue
        color = INK if row is rows[0] else _POINT
        axes.plot([estimate.low, estimate.high], [place, place], color=color, linewidth=1.3, solid_capstyle="round", zorder=2)
        face = color if row.differences[AUROC].leaves_out_zero or row is rows[0] else "white"
        axes.plot(estimate.point, place, "o", markersize=5.2, markerfacecolor=face, markeredgecolor=color, markeredgewidth=1.2, zorder=3)
    axes.set_title("macro-AUROC", fontsize=9.5, color=INK, pad=6)
    axes.grid(True, axis="x", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(axis="both", length=0, labelsize=8, colors=FAINT)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(GRID)


def _draw_changes(axes: Axes, report: StressReport, rows: tuple[StressRow, ...], y: NDArray[np.float64]) -> None:
    changes = np.array([[np.nan if d.difference is None else d.difference for d in row.class_differences] for row in rows])
    norm = Normalize(-_FULL_COLOR, _FULL_COLOR, clip=True)
    for (row, column), change in np.ndenumerate(changes):
        if row == 0:
            text, color = ("–" if np.isnan(change) else f"{rows[0].classes[column].point:.3f}"), INK
        else:
            axes.fill_between([column - 0.48, column + 0.48], y[row] - 0.46, y[row] + 0.46, color=_CHANGES(norm(change)), linewidth=0)
            text = "–" if np.isnan(change) else f"{round(change, 3) + 0.0:+.3f}".replace("-", "−")
            color = "white" if abs(change) > 0.7 * _FULL_COLOR else INK
        weight = "bold" if rows[row].class_differences[column].leaves_out_zero and row else "normal"
        axes.text(column, float(y[row]), text, ha="center", va="center", fontsize=7.2, color=color, fontweight=weight)
    axes.set_xlim(-0.5, len(report.class_names) - 0.5)
    axes.set_xticks(range(len(report.class_names)), report.class_names, fontsize=8.5)
    axes.xaxis.tick_top()
    axes.set_yticks([])
    axes.tick_params(length=0, labelcolor=INK, pad=1)
    axes.set_xlabel("change of AUROC from clean", fontsize=8, color=FAINT)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _label(axes: Axes, rows: tuple[StressRow, ...], y: NDArray[np.float64]) -> None:
    """Name of the group once, then of every condition."""
    axes.set_yticks(y, [row.title for row in rows], fontsize=8, color=INK)
    before = None
    for place, row in zip(y, rows, strict=True):
        if row.group != before:
            axes.annotate(
                row.group,
                (0, place),
                xycoords=("axes fraction", "data"),
                xytext=(-(_LABELS_IN - 0.12) * 72, 0),
                textcoords="offset points",
                va="center",
                fontsize=8.2,
                fontweight="bold",
                color=INK,
            )
        before = row.group


def _footer(report: StressReport) -> str:
    noise = ", ".join(f"{ratio} dB: {mv:.2f} mV" for ratio, mv in report.noise_mv.items())
    return (
        f"Lines: {report.confidence:.0%} intervals. Filled points, bold numbers: "
        "the interval of the paired difference from the clean reading leaves out 0.\n"
        f"Noise in dB of QRS power to noise power (median record, {noise} rms).\n"
        f"Checkpoint {report.checkpoint_sha256[:12]}, {report.label_rule}, {report.draws} draws, seed {report.seed}, "
        f"noise seed {report.noise_seed}"
    )
