"""The figure of a stress test: macro-AUROC under every condition, and where the classes lose."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

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
from heart_reader.evaluation.stress.stress import AUROC, StressReport, StressRow

__all__ = ["MAX_CLASSES", "draw_stress"]

# Beyond so many classes a column for each cannot be read.
MAX_CLASSES = 12
_BAND = "#F5F6F8"
# Vermilion where a class loses, blue where it gains: apart for colour-blind people too.
_CHANGES = LinearSegmentedColormap.from_list("changes", ["#C24A00", "#F0A678", "#FFFFFF", "#8CC3E3", "#0072B2"])
# A change of so much AUROC has the full colour; more is no redder, or single leads would bleach all
# the rest.
_FULL_COLOR = 0.25
_ROW_IN, _GAP = 0.205, 0.45
_LABELS_IN, _CURVE_IN, _CELL_IN, _RIGHT_IN, _TOP_IN, _BOTTOM_IN = 2.45, 3.5, 0.62, 0.25, 0.82, 1.0


def draw_stress(report: StressReport) -> Figure:
    """Draw the summary rows: macro-AUROC, and every class's change from the clean reading.

    A filled point or bold number differs from the clean reading (the interval of the paired
    difference leaves out 0). Classes are shown up to a dozen.
    """
    rows = report.summary
    groups = [row.group for row in rows]
    y = place_rows(groups, _GAP)
    n_columns = len(report.class_names) if len(report.class_names) <= MAX_CLASSES else 0
    height = y[-1] * _ROW_IN + _TOP_IN + _BOTTOM_IN
    table_in = n_columns * _CELL_IN
    width = _LABELS_IN + _CURVE_IN + table_in + _RIGHT_IN + (0.15 if n_columns else 0)
    figure = new_figure(width, height)
    bottom, tall = _BOTTOM_IN / height, 1 - (_TOP_IN + _BOTTOM_IN) / height
    curve = figure.add_axes((_LABELS_IN / width, bottom, _CURVE_IN / width, tall))
    draw_band(curve, rows[0].metrics[AUROC])
    for place, row in zip(y, rows, strict=True):
        clean = row is rows[0]
        draw_point(curve, place, row.metrics[AUROC], filled=clean or row.differences[AUROC].leaves_out_zero, ink=clean, size=5.2)
    dress_rows(curve, "macro-AUROC")
    curve.set_yticks(y, [row.title for row in rows], fontsize=8, color=INK)
    name_groups(curve, y, groups, _LABELS_IN)
    panels = [curve]
    if n_columns:
        left = (_LABELS_IN + _CURVE_IN + 0.15) / width
        panels.append(figure.add_axes((left, bottom, table_in / width, tall)))
        _draw_changes(panels[1], report.class_names, rows, y)
    bands = [[float(place) for place, _ in members] for _, members in groupby(zip(y, groups, strict=True), key=lambda pair: pair[1])]
    for axes in panels:
        axes.set_ylim(y[-1] + 0.8, y[0] - 0.8)
        for places in bands[::2]:
            axes.axhspan(places[0] - 0.5 - _GAP / 2, places[-1] + 0.5 + _GAP / 2, color=_BAND, linewidth=0, zorder=0)
    title = f"Stress test of {report.config_name}: {report.level}, {report.split}, {report.n_records} records"
    noise = ", ".join(f"{ratio} dB: {mv:.2f} mV" for ratio, mv in report.noise_mv.items())
    footer = (
        f"Lines: {report.confidence:.0%} intervals. Filled points, bold numbers: "
        "the interval of the paired difference from the clean reading leaves out 0.\n"
        f"Noise in dB of QRS power to noise power (median record, {noise} rms).\n"
        f"Checkpoint {report.checkpoint_sha256[:12]}, {report.label_rule}, {report.draws} draws, seed {report.seed}, "
        f"noise seed {report.noise_seed}"
    )
    write_texts(figure, title, footer)
    return figure


def _draw_changes(axes: Axes, class_names: tuple[str, ...], rows: tuple[StressRow, ...], y: NDArray[np.float64]) -> None:
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
    axes.set_xlim(-0.5, len(class_names) - 0.5)
    axes.set_xticks(range(len(class_names)), class_names, fontsize=8.5)
    axes.xaxis.tick_top()
    axes.set_yticks([])
    axes.tick_params(length=0, labelcolor=INK, pad=1)
    axes.set_xlabel("change of AUROC from clean", fontsize=8, color=FAINT)
    for spine in axes.spines.values():
        spine.set_visible(False)
