"""Figures of single classes: ROC, precision and recall, decisions, reliability, coverage."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.gridspec import GridSpec
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import precision_recall_curve, roc_curve

from heart_reader.decisions.decision import Thresholds
from heart_reader.evaluation.bootstrap import Estimate
from heart_reader.evaluation.decided import SELECTIVE_METRICS, Selective
from heart_reader.evaluation.figures import FAINT, GRID, INK, new_figure
from heart_reader.metrics import N_BINS
from heart_reader.predictions import Predictions

__all__ = ["draw_confusion", "draw_precision_recall", "draw_reliability", "draw_roc", "draw_selective"]

# Okabe and Ito's colours stay apart for colour-blind people; the dashes keep classes apart in
# print.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_DASHES = ("solid", (0, (5, 1.5)))
_MAX_NAMED = len(_COLORS) * len(_DASHES)
_BLUES = LinearSegmentedColormap.from_list("decisions", ["#FFFFFF", "#B5D8EC", "#5BA3D0"])
_BOX = {"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": GRID}


def draw_roc(predictions: Predictions, aurocs: tuple[Estimate, ...], confidence: float) -> Figure:
    """Draw the ROC curve of every class, its AUROC and interval in the legend.

    Parameters
    ----------
    predictions
        What the curves come from.
    aurocs
        n_classes estimates.
    confidence
        Confidence of their intervals.
    """
    figure = new_figure(6.2, 6.3, layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (1, 2)))
    for position, estimate in enumerate(aurocs):
        if estimate.point is not None:
            false_alarms, sensitivity, _ = roc_curve(predictions.y_true[:, position], predictions.y_prob[:, position])
            axes.plot(false_alarms, sensitivity, **_line(predictions, position, estimate))
    _frame(axes, "1 − specificity", "sensitivity", f"ROC, {_about(predictions)}")
    _legend(axes, "AUROC", confidence, predictions, aurocs)
    return figure


def draw_precision_recall(predictions: Predictions, auprcs: tuple[Estimate, ...], confidence: float) -> Figure:
    """Draw precision against recall of every class; dotted lines mark what chance reaches.

    Parameters
    ----------
    predictions
        What the curves come from.
    auprcs
        n_classes estimates.
    confidence
        Confidence of their intervals.
    """
    figure = new_figure(6.2, 6.3, layout="constrained")
    axes = figure.subplots()
    for position, estimate in enumerate(auprcs):
        if estimate.point is not None:
            true = predictions.y_true[:, position]
            precision, recall, _ = precision_recall_curve(true, predictions.y_prob[:, position])
            line = _line(predictions, position, estimate)
            # The curve's first and last points (nothing called, everything called) are conventions
            # rather than findings.
            axes.step(recall[:-1], precision[:-1], where="pre", **line)
            if len(predictions.class_names) <= _MAX_NAMED:
                axes.axhline(float(true.mean()), color=line["color"], linewidth=0.9, linestyle=(0, (1, 2)), zorder=1)
    _frame(axes, "recall (sensitivity)", "precision (positive predictive value)", f"Precision and recall, {_about(predictions)}")
    _legend(axes, "AUPRC", confidence, predictions, auprcs)
    return figure


def draw_confusion(predictions: Predictions, thresholds: Thresholds) -> Figure:
    """Draw a two-by-two table per class: counts, and shares of the records with and without it.

    Parameters
    ----------
    predictions
        Truth and probabilities.
    thresholds
        One per class; a class without one gets an empty panel.
    """
    n_classes = len(predictions.class_names)
    figure, page = _page(n_classes, width=2.2, height=2.2, between=(0.15, 0.95))
    for position, (name, threshold) in enumerate(zip(predictions.class_names, thresholds.values, strict=True)):
        row, column = divmod(position, page.ncols)
        axes = figure.add_subplot(page[row, column])
        true, prob = predictions.y_true[:, position] > 0.5, predictions.y_prob[:, position]
        _two_by_two(axes, name, true, prob, threshold, first_in_row=column == 0)
    title = f"Decisions, {_about(predictions)}; thresholds: {thresholds.rule} on {thresholds.split}"
    _head(figure, title)
    return figure


def draw_reliability(predictions: Predictions, eces: tuple[Estimate, ...]) -> Figure:
    """Draw how often a class is present against how probable it was said to be.

    Bins have equal mass, bars are Wilson intervals at 95 %, a histogram shows the probabilities.

    Parameters
    ----------
    predictions
        Truth and probabilities.
    eces
        n_classes expected calibration errors, empty where the calibration was fitted on these very
        records.

    References
    ----------
    Wilson E. B. Probable inference, the law of succession, and statistical inference. JASA 22
    (1927) 209-212.
    """
    n_classes = len(predictions.class_names)
    figure, page = _page(n_classes, width=2.3, height=3.0, between=(0.35, 0.95))
    for position, name in enumerate(predictions.class_names):
        row, column = divmod(position, page.ncols)
        cells = page[row, column].subgridspec(2, 1, height_ratios=[3.2, 1], hspace=0.1)
        curve = figure.add_subplot(cells[0])
        histogram = figure.add_subplot(cells[1], sharex=curve)
        _reliability_panel(curve, histogram, predictions.y_true[:, position], predictions.y_prob[:, position])
        ece = eces[position].point
        curve.set_title(name if ece is None else f"{name}   ECE {ece:.3f}", fontsize=10, color=INK)
        if column == 0:
            curve.set_ylabel("share truly present", fontsize=9)
            histogram.set_ylabel("records", fontsize=9)
        histogram.set_xlabel("probability", fontsize=9)
    fitted_here = all(ece.point is None for ece in eces)
    _head(figure, f"Reliability, {_about(predictions)}" + (" (calibration fitted here)" if fitted_here else ""))
    return figure


def draw_selective(predictions: Predictions, selective: Selective, confidence: float) -> Figure:
    """Draw what is reached over the share of records that are read, the surest first.

    A dotted line marks full coverage, which leaving out records at random keeps.

    Parameters
    ----------
    predictions
        What was measured.
    selective
        Its points.
    confidence
        Confidence of the intervals, drawn as a band.
    """
    figure = new_figure(8.6, 3.9, layout="constrained")
    coverages = [100 * point.coverage for point in selective.points]
    for axes, name, label in zip(figure.subplots(1, 2), SELECTIVE_METRICS, ("macro-AUROC", "accuracy, mean over classes"), strict=True):
        estimates = [getattr(point, name) for point in selective.points]
        point, low, high = (np.array([getattr(e, part) for e in estimates], dtype=np.float64) for part in ("point", "low", "high"))
        axes.axhline(point[0], color=FAINT, linewidth=1, linestyle=(0, (1, 2)))
        axes.fill_between(coverages, low, high, color=_COLORS[0], alpha=0.18, linewidth=0)
        axes.plot(coverages, point, color=_COLORS[0], linewidth=1.8, marker="o", markersize=4)
        axes.set_xlim(max(coverages) + 1, min(coverages) - 1)
        axes.set_xlabel("records read, %")
        axes.set_title(label, fontsize=10, color=INK)
        _plain(axes)
    figure.suptitle(f"Selective reading, {_about(predictions)}; {confidence:.0%} intervals", fontsize=11, color=INK)
    return figure


def _page(n_panels: int, *, width: float, height: float, between: tuple[float, float]) -> tuple[Figure, GridSpec]:
    """Panels of a size and distance in inches; a layout engine would take half a minute for 71."""
    n_columns = n_panels if n_panels <= 5 else min(8, math.ceil(math.sqrt(1.5 * n_panels)))
    n_rows = math.ceil(n_panels / n_columns)
    left, right, top, bottom = 0.65, 0.2, 0.85, 0.6
    page_width = left + right + n_columns * width + (n_columns - 1) * between[0]
    page_height = top + bottom + n_rows * height + (n_rows - 1) * between[1]
    figure = new_figure(page_width, page_height)
    return figure, figure.add_gridspec(
        n_rows,
        n_columns,
        left=left / page_width,
        right=1 - right / page_width,
        top=1 - top / page_height,
        bottom=bottom / page_height,
        wspace=between[0] / width,
        hspace=between[1] / height,
    )


def _head(figure: Figure, title: str) -> None:
    """Title at a fixed distance from the upper edge."""
    figure.suptitle(title, y=1 - 0.12 / figure.get_figheight(), va="top", fontsize=11, color=INK)


def _about(predictions: Predictions) -> str:
    return f"{predictions.level}, {predictions.split}, {len(predictions)} records"


def _line(predictions: Predictions, position: int, estimate: Estimate) -> dict[str, Any]:
    """Look and label of one class's curve; beyond a dozen classes no colour can name them."""
    if len(predictions.class_names) > _MAX_NAMED:
        return {"color": _COLORS[0], "linewidth": 0.8, "alpha": 0.35}
    interval = "" if estimate.low is None else f" [{estimate.low:.3f}, {estimate.high:.3f}]"
    label = f"{predictions.class_names[position]}  {estimate.point:.3f}{interval}"
    return {"color": _COLORS[position % len(_COLORS)], "linestyle": _DASHES[position // len(_COLORS)], "linewidth": 1.8, "label": label}


def _legend(axes: Axes, measure: str, confidence: float, predictions: Predictions, estimates: tuple[Estimate, ...]) -> None:
    if len(estimates) > _MAX_NAMED:
        values = [estimate.point for estimate in estimates if estimate.point is not None]
        spread = f"\n{measure} from {min(values):.3f} to {max(values):.3f}" if values else ""
        text = f"{len(values)} of {len(estimates)} classes defined{spread}"
        axes.text(0.97, 0.05, text, transform=axes.transAxes, ha="right", va="bottom", fontsize=9, color=INK, bbox=_BOX)
        return
    for name, estimate in zip(predictions.class_names, estimates, strict=True):
        if estimate.point is None:
            axes.plot([], [], linestyle="none", label=f"{name}  undefined: no positives or no negatives")
    legend = axes.legend(loc="lower right" if measure == "AUROC" else "lower left", fontsize=9, framealpha=0.92, edgecolor=GRID)
    legend.set_title(f"{measure} [{confidence:.0%} interval]", prop=FontProperties(size=9))
    legend.get_title().set_color(FAINT)


def _frame(axes: Axes, x_label: str, y_label: str, title: str) -> None:
    """One look for all square plots of two shares."""
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.01)
    axes.set_aspect("equal")
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.set_title(title, fontsize=11, color=INK)
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.grid(True, color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=8, colors=FAINT)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(side in ("left", "bottom"))
        axes.spines[side].set_color(GRID)


def _two_by_two(
    axes: Axes, name: str, true: NDArray[np.bool_], prob: NDArray[np.float64], threshold: float | None, *, first_in_row: bool
) -> None:
    axes.set_title(f"{name}\n" + ("no threshold" if threshold is None else f"present from {threshold:.3f}"), fontsize=9.5, color=INK)
    axes.set_xticks([0, 1], ["present", "absent"], fontsize=8)
    axes.set_yticks([0, 1], ["present", "absent"] if first_in_row else ["", ""], fontsize=8, rotation=90, va="center")
    axes.tick_params(length=0, colors=FAINT)
    axes.set_xlabel("read as", fontsize=9)
    if first_in_row:
        axes.set_ylabel("truly", fontsize=9)
    for spine in axes.spines.values():
        spine.set_color(GRID)
    if threshold is None:
        axes.imshow(np.zeros((2, 2)), cmap=_BLUES, vmin=0, vmax=1)
        return
    called = prob >= threshold
    counts = np.array([[(true & called).sum(), (true & ~called).sum()], [(~true & called).sum(), (~true & ~called).sum()]])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap=_BLUES, vmin=0, vmax=1)
    for row, column in np.ndindex(2, 2):
        text = f"{counts[row, column]}\n{shares[row, column]:.0%}" if counts[row].any() else "0"
        axes.text(column, row, text, ha="center", va="center", fontsize=10, color=INK, linespacing=1.4)


def _reliability_panel(curve: Axes, histogram: Axes, y_true: NDArray[np.float32], y_prob: NDArray[np.float64]) -> None:
    bins = [part for part in np.array_split(np.argsort(y_prob, kind="stable"), N_BINS) if len(part)]
    said = np.array([y_prob[part].mean() for part in bins])
    found = np.array([y_true[part].mean() for part in bins], dtype=np.float64)
    limits = [binomtest(int(y_true[part].sum()), len(part)).proportion_ci(method="wilson") for part in bins]
    curve.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (1, 2)))
    curve.vlines(said, [low for low, _ in limits], [high for _, high in limits], color=_COLORS[0], alpha=0.35, linewidth=2)
    curve.plot(said, found, color=_COLORS[0], linewidth=1.4, marker="o", markersize=3.5)
    curve.set_xlim(-0.02, 1.02)
    curve.set_ylim(-0.02, 1.02)
    histogram.hist(y_prob, bins=np.linspace(0, 1, 26).tolist(), color=_COLORS[0], alpha=0.75)
    histogram.locator_params(axis="y", nbins=2)
    for axes in (curve, histogram):
        _plain(axes)
    curve.tick_params(labelbottom=False)
