"""Figures of many explanations: leads by class, the mean beat, measurements, curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from heart_reader.diagnosis import NOTICE
from heart_reader.evaluation.figures import FAINT, GRID, INK, POINT, dress_rows, new_figure, write_texts
from heart_reader.explain.summary import Beats, CurveMeans, LeadImportance, Measured, Summary

__all__ = ["compare_curves", "draw_summary"]

Array = NDArray[np.float64]

RANDOM = "#8a8a8a"
# Of the methods that are compared.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
# Inches that title and small print need.
LEAST_WIDTH = 5.2
# At most so many classes stand side by side.
COLUMNS = 5


def draw_summary(summary: Summary) -> dict[str, Figure]:
    """Return all figures by the names of their files."""
    figures: dict[str, Figure] = {}
    if any(one.point for shares in summary.leads.shares.values() for one in shares):  # trees have no lead
        figures = {"leads": _lead_bars(summary.leads), "leads_heatmap": _lead_heatmap(summary.leads)}
        figures |= {f"beat-{finding}": _beat(finding, beats, summary.leads.lead_names) for finding, beats in summary.beats.items()}
    figures |= {f"measurements-{finding}": _beeswarm(finding, measured) for finding, measured in summary.measured.items()}
    for kind, means in summary.curves.items():
        figures[f"faithfulness-{kind}"] = compare_curves({"by the explanation": means}, kind)
    return figures


def _lead_bars(leads: LeadImportance) -> Figure:
    """Draw a panel of bars for each class."""
    findings, names = list(leads.shares), leads.lead_names
    columns = min(COLUMNS, len(findings))
    rows = -(-len(findings) // columns)
    height = 1.25 + rows * (0.7 + 0.2 * len(names))
    figure = new_figure(max(LEAST_WIDTH, 1.0 + 1.75 * columns), height)
    figure.set_layout_engine("constrained", rect=(0.01, 0.46 / height, 0.98, 1 - 0.86 / height))
    highest = max(one.high or 0.0 for shares in leads.shares.values() for one in shares)
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes, finding in zip(panels.flat, findings, strict=False):
        y = np.arange(len(names))
        dress_rows(axes, f"{finding} (n = {leads.n_records[finding]})")
        for place, one in zip(y, leads.shares[finding], strict=True):
            axes.barh(place, one.point or 0.0, height=0.68, color=POINT, alpha=0.55, linewidth=0)
            axes.plot([one.low or 0.0, one.high or 0.0], [place, place], color=INK, linewidth=1.1)
        axes.set_yticks(y, names)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlim(0, 1.05 * highest)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    for axes in panels.flat[len(findings) :]:
        axes.set_visible(False)
    write_texts(figure, "Share of each lead in the relevance", f"Means with 95% intervals over patients.\n{NOTICE}")
    return figure


def _lead_heatmap(leads: LeadImportance) -> Figure:
    """Draw classes by leads."""
    shares = np.array([[one.point for one in row] for row in leads.shares.values()], dtype=np.float64)
    longest = max(map(len, leads.shares))
    left = 0.3 + 0.085 * longest
    width, height = max(LEAST_WIDTH, left + 0.56 * shares.shape[1] + 0.4), 1.2 + 0.42 * len(shares)
    figure = new_figure(width, height)
    axes = figure.add_axes((left / width, 0.42 / height, 0.56 * shares.shape[1] / width, 0.42 * len(shares) / height))
    axes.imshow(shares, aspect="auto", cmap="Blues", vmin=0.0, vmax=max(shares.max(), 1e-9) * 1.15)
    for (row, column), value in np.ndenumerate(shares):
        dark = value > 0.7 * shares.max()
        axes.text(column, row, f"{value:.0%}", ha="center", va="center", fontsize=8, color="white" if dark else INK)
    axes.set_yticks(range(len(shares)), list(leads.shares))
    axes.set_xticks(range(shares.shape[1]), leads.lead_names)
    axes.xaxis.tick_top()
    _plain(axes)
    write_texts(figure, "Share of each lead in the relevance, by class", NOTICE)
    return figure


def _beat(finding: str, beats: Beats, lead_names: Sequence[str]) -> Figure:
    """Draw leads by time from the R wave, the mean beat over each row."""
    n_leads, n_times = beats.share.shape
    height = 1.4 + 0.46 * n_leads
    figure = new_figure(6.4, height)
    axes = figure.add_axes((0.085, 0.9 / height, 0.8, 0.46 * n_leads / height))
    scale = float(np.quantile(np.abs(beats.share), 0.998)) or 1.0
    first, last = -beats.before / beats.fs, (n_times - beats.before) / beats.fs
    image = axes.imshow(
        beats.share,
        aspect="auto",
        cmap="RdBu_r",
        vmin=-scale,
        vmax=scale,
        extent=(first, last, n_leads - 0.5, -0.5),
        interpolation="nearest",
    )
    times = first + (np.arange(n_times) + 0.5) / beats.fs
    for row, trace in enumerate(beats.mv):
        reach = max(float(np.abs(trace).max()), 0.3)
        axes.plot(times, row - 0.42 * trace / reach, color=INK, linewidth=0.9)
    for row in range(1, n_leads):
        axes.axhline(row - 0.5, color="white", linewidth=1.2)
    axes.set_yticks(range(n_leads), lead_names)
    axes.set_xlim(first, last)
    axes.set_xlabel("time from the R wave in s; each lead's mean beat at a scale of its own", fontsize=8, color=FAINT)
    _plain(axes)
    bar = figure.colorbar(image, cax=figure.add_axes((0.9, 0.9 / height, 0.018, 0.46 * n_leads / height)))
    bar.ax.tick_params(length=0, labelsize=7, colors=FAINT)
    bar.ax.yaxis.set_major_formatter(lambda value, _: f"{value:+.2%}")
    bar.outline.set_visible(False)
    text = f"Red speaks for {finding}, blue against it: share of a record's relevance in {1000 / beats.fs:g} ms.\n{NOTICE}"
    write_texts(figure, f"{finding}: relevance by lead and moment of the beat, mean of {_count(beats.n_records, 'record')}", text)
    return figure


def _beeswarm(finding: str, measured: Measured) -> Figure:
    """Draw a row of points for each measurement, one point a record."""
    n_shown, n_records = measured.contributions.shape
    height = 1.35 + 0.36 * n_shown
    figure = new_figure(7.6, height)
    axes = figure.add_axes((0.38, 0.85 / height, 0.51, 0.36 * n_shown / height))
    dress_rows(axes, "")
    axes.axvline(0, color=FAINT, linewidth=0.8, zorder=1)
    for row, (adds, values) in enumerate(zip(measured.contributions, measured.values, strict=True)):
        known = np.isfinite(values)
        rank = np.full(n_records, np.nan)
        rank[known] = (values[known][:, None] > values[known]).mean(axis=1) + (values[known][:, None] == values[known]).mean(axis=1) / 2
        y = row + _spread(adds, measured.contributions)
        axes.scatter(adds[~known], y[~known], s=9, color="#c8c8c8", linewidths=0, zorder=2)
        axes.scatter(adds[known], y[known], s=11, c=rank[known], cmap="coolwarm", vmin=0, vmax=1, linewidths=0, zorder=3)
    axes.set_yticks(range(n_shown), measured.names)
    axes.set_ylim(n_shown - 0.4, -0.6)
    axes.set_xlabel("log-odds that the measurement adds", fontsize=8, color=FAINT)
    axes.tick_params(axis="y", labelcolor=INK)
    scale = figure.add_axes((0.92, 0.85 / height, 0.015, 0.36 * n_shown / height))
    scale.imshow(np.linspace(1, 0, 64)[:, None], aspect="auto", cmap="coolwarm", extent=(0, 1, 0, 1))
    scale.set_xticks([])
    scale.set_yticks([0, 1], ["low", "high"], fontsize=7)
    scale.yaxis.tick_right()
    _plain(scale)
    text = f"A point is a record; its colour is the rank of the value, grey where not known.\n{NOTICE}"
    write_texts(figure, f"{finding}: the measurements that add most, {_count(n_records, 'record')}", text)
    return figure


def _spread(values: Array, of_all: Array) -> Array:
    """Return (n,) heights that keep points of nearly equal values apart."""
    width = float(np.ptp(of_all)) / 90 or 1.0
    heights = np.zeros(len(values))
    bins = np.round(values / width).astype(int)
    for place in np.unique(bins):
        members = np.flatnonzero(bins == place)
        offsets = np.arange(len(members))
        heights[members] = np.where(offsets % 2, -1, 1) * ((offsets + 1) // 2)
    answer: Array = 0.38 * heights / max(4.0, float(np.abs(heights).max()))
    return answer


def compare_curves(methods: Mapping[str, CurveMeans], kind: str) -> Figure:
    """Draw deletion and insertion of one or more explanations of the same records.

    Parameters
    ----------
    kind
        What is taken away: ``signal`` or ``measurements``.
    """
    figure = new_figure(8.6, 4.0)
    figure.set_layout_engine("constrained", rect=(0, 0.09, 1, 0.82))
    panels = figure.subplots(1, 2, sharey=True)
    first = next(iter(methods.values()))
    what = {"signal": "stretches of leads", "measurements": "measurements"}[kind]
    for axes, name, title in zip(panels, ("deletion", "insertion"), ("taken away", "put back"), strict=True):
        _band(axes, first.share, first.curves[f"random_{name}"], RANDOM, f"random order, area {_area(first, f'random_{name}')}")
        for colour, (method, means) in zip(COLOURS, methods.items(), strict=False):
            _band(axes, means.share, means.curves[name], colour, f"{method}, area {_area(means, name)}")
        axes.set_title(f"{name}: {what} {title}", fontsize=9, color=INK)
        axes.set_xlabel(f"share that was {title}", fontsize=8, color=FAINT)
        axes.grid(True, color=GRID, linewidth=0.7)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        axes.set_xlim(0, 1)
        axes.legend(fontsize=7.5, frameon=False, loc="upper right" if name == "deletion" else "lower right")
        axes.tick_params(length=0, labelsize=8, colors=FAINT)
        for spine in axes.spines.values():
            spine.set_visible(False)
    panels[0].set_ylabel("log-odds of the class", fontsize=8, color=FAINT)
    text = "Means and 95% intervals over patients. A true explanation takes the log-odds down early and brings them up early."
    write_texts(figure, f"Is the explanation true? {_count(first.n, 'explanation')}", text)
    return figure


def _band(axes: Axes, share: Array, curve: tuple[Array, Array, Array], colour: str, label: str) -> None:
    mean, low, high = curve
    axes.fill_between(share, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.plot(share, mean, color=colour, linewidth=1.6, label=label)


def _area(means: CurveMeans, name: str) -> str:
    of = means.areas[name]
    return f"{of.point:.2f} ({of.low:.2f} to {of.high:.2f})"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _plain(axes: Axes) -> None:
    axes.tick_params(length=0, labelsize=8, colors=INK)
    for spine in axes.spines.values():
        spine.set_visible(False)
