"""Draw an explanation: the tracing on ECG paper over its relevance, leads and measurements.

The page is in true millimetres, so that the tracing can be measured like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from heart_reader.data.leads import placed_leads
from heart_reader.data.paper import BEFORE_MM, BEHIND_MM, MARGIN_MM, MOST_ROW_MM, Sheet, draw_tracing, new_page, write
from heart_reader.data.record import EcgRecord
from heart_reader.diagnosis import NOTICE
from heart_reader.explain.explanation import Explanation, MeasurementShare, largest

__all__ = ["AGAINST", "FOR", "explanation_page", "plot_explanation", "smooth", "waterfall"]

# About the width of a QRS complex: the eye looks for waves, relevance is given by the sample.
SMOOTHING_S = 0.08
FOR, AGAINST = "#d1152a", "#1467c8"
# More leads than this have low rows at half the usual gain, to keep the page on one sheet.
USUAL_ROWS = 6
TITLE_MM, FOOT_MM, SHARES_MM, LINE_MM = 16.0, 15.0, 34.0, 5.5
# The two lines below a tracing need it.
LEAST_WIDTH_MM = 235.0
# Space for the name of a measurement beside its bar.
NAMES_MM = 74.0


def plot_explanation(explanation: Explanation, record: EcgRecord, path: Path) -> None:
    """Draw the explained stretch, one row per lead, the leads' shares and the measurements.

    Parameters
    ----------
    record
        The explained record; leads it lacks are left out.
    path
        Its suffix determines the format.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    explanation_page(explanation, record).savefig(path, dpi=200)


def explanation_page(explanation: Explanation, record: EcgRecord) -> Figure:
    """Return the page that :func:`plot_explanation` writes."""
    recorded = placed_leads(record.lead_names) | {name: name for name in record.lead_names}
    shown = [row for row, name in enumerate(explanation.lead_names) if name in recorded]
    names, shares = [recorded[explanation.lead_names[row]] for row in shown], list(explanation.lead_shares.values())
    part = _explained_part(explanation, record, names)
    few = len(names) <= USUAL_ROWS
    sheet = Sheet(gain_mm_mv=10.0 if few else 5.0, duration_s=part.duration_s, strips=not few)
    x = MARGIN_MM + BEFORE_MM
    right = x + sheet.width_mm + BEHIND_MM
    heights = [min(MOST_ROW_MM, above + below) for above, below in sheet.heights(part)]
    bottom = TITLE_MM + 5 * np.ceil(sum(heights) / 5)
    named = largest(explanation.measurements)
    steps_mm = LINE_MM * (len(named) + 3) + 6 if named else 0.0
    figure, axes = new_page(max(right + SHARES_MM, LEAST_WIDTH_MM), bottom + FOOT_MM + steps_mm)
    _write_title(axes, explanation, record)
    colours = _colours(explanation, part)
    draw_tracing(
        axes, part, sheet, x=x, top=TITLE_MM, bottom=bottom, underlay={name: colours[row] for row, name in zip(shown, names, strict=True)}
    )
    _draw_shares(axes, [shares[row] for row in shown], sheet.levels(part, TITLE_MM, bottom), right + 3)
    _draw_legend(axes, explanation, right + 3, TITLE_MM - 8)
    write(axes, MARGIN_MM, bottom + 5, f"{sheet.caption}   from {explanation.start_s:g} s on", 2.5)
    write(axes, MARGIN_MM, bottom + 9.5, f"{explanation.method}.  {NOTICE}", 2.5)
    if named:
        _draw_waterfall(axes, explanation, named, bottom + FOOT_MM)
    return figure


def _explained_part(explanation: Explanation, record: EcgRecord, names: list[str]) -> EcgRecord:
    """Return the stretch of the record and the leads that are explained."""
    first, last = (round(at_s * record.fs) for at_s in (explanation.start_s, explanation.start_s + explanation.duration_s))
    signal = np.stack([record.lead(name)[first:last] for name in names])
    return replace(record, signal=signal.astype(np.float32), lead_names=tuple(names), masked_leads=())


def _colours(explanation: Explanation, part: EcgRecord) -> NDArray[np.float64]:
    """Return (n_leads, n_times, 4) colours at the record's rate: red for, blue against."""
    strength = smooth(explanation.relevance.astype(np.float64), explanation.fs)
    at = np.minimum((np.arange(part.n_times) / part.fs * explanation.fs).astype(int), strength.shape[1] - 1)
    strength = strength[:, at] / (np.quantile(np.abs(strength), 0.995) or 1.0)
    colours = np.empty((*strength.shape, 4))
    for sign, colour in ((strength >= 0, FOR), (strength < 0, AGAINST)):
        colours[sign, :3] = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    # The power lets weak relevance be seen at all.
    colours[..., 3] = 0.85 * np.abs(strength).clip(max=1.0) ** 0.55
    return colours


def _write_title(axes: Axes, explanation: Explanation, record: EcgRecord) -> None:
    said = f"{record.record_id}: why {explanation.finding}, probability {explanation.probability:.0%}"
    write(axes, MARGIN_MM, 6.0, said, 4.0, weight="bold")
    total = f"log-odds {explanation.log_odds:+.2f} = baseline {explanation.baseline_log_odds:+.2f}"
    total += f", signal {explanation.signal_contribution:+.2f}"
    if explanation.measurements:
        total += f", measurements {explanation.measurement_contribution:+.2f}"
    write(axes, MARGIN_MM, 11.0, f"{total}", 2.7, color="0.3")


def _draw_legend(axes: Axes, explanation: Explanation, x: float, y: float) -> None:
    for line, (colour, text) in enumerate(((FOR, f"for {explanation.finding}"), (AGAINST, f"against {explanation.finding}"))):
        axes.add_patch(Rectangle((x, y + 4 * line - 2.2), 4, 2.4, color=colour, alpha=0.75, linewidth=0))
        write(axes, x + 5.5, y + 4 * line, text, 2.6)


def _draw_shares(axes: Axes, shares: Sequence[float], levels: Sequence[float], x: float) -> None:
    """Draw the share of each lead in the relevance beside its row."""
    room, highest = SHARES_MM - 16, max([*shares, 1e-9])
    for share, y in zip(shares, levels, strict=True):
        axes.add_patch(Rectangle((x, y - 2), room * share / highest, 4, color="0.45", linewidth=0))
        write(axes, x + room * share / highest + 1, y + 1, f"{share:.0%}", 2.7)


def _draw_waterfall(page: Axes, explanation: Explanation, named: Sequence[MeasurementShare], top: float) -> None:
    """Draw the way from the baseline to the log-odds below a tracing."""
    figure = page.figure
    width, height = page.get_xlim()[1], page.get_ylim()[0]
    tall = LINE_MM * (len(named) + 2)
    axes = figure.add_axes((NAMES_MM / width, 1 - (top + tall) / height, (width - NAMES_MM - 30) / width, tall / height))
    waterfall(axes, explanation, named)


def waterfall(axes: Axes, explanation: Explanation, named: Sequence[MeasurementShare]) -> None:
    """Draw how the log-odds come about: the baseline, the signal, each measurement.

    Parameters
    ----------
    axes
        Empty.
    named
        The measurements that have a bar; those of :func:`~heart_reader.explain.explanation.largest`
        leave nothing out.
    """
    steps = [("signal", explanation.signal_contribution)] if explanation.relevance.any() else []
    steps += [(str(share).rpartition(" ")[0], share.contribution) for share in named]
    at, places = explanation.baseline_log_odds, np.arange(len(steps))
    ends = at + np.cumsum([step for _, step in steps])
    span = float(np.ptp([at, *ends])) or 1.0
    for place, (_, step), end in zip(places, steps, ends, strict=True):
        axes.barh(place, step, left=end - step, height=0.62, color=FOR if step > 0 else AGAINST, alpha=0.85)
        axes.plot([end, end], [place - 0.31, place + 1.31], color="0.6", linewidth=0.6)
        beyond = max(end, end - step) + 0.012 * span
        axes.text(beyond, float(place), f"{step:+.2f}", va="center", fontsize=7)
    axes.axvline(at, color="0.6", linewidth=0.6, linestyle=(0, (3, 2)))
    axes.set_yticks(places, [name for name, _ in steps], fontsize=7.5)
    axes.set_ylim(len(steps) - 0.3, -0.7)
    axes.set_xlim(min([at, *ends]) - 0.06 * span, max([at, *ends]) + 0.12 * span)
    axes.tick_params(axis="both", length=0, labelsize=7.5)
    axes.set_xlabel(f"log-odds: from {at:+.2f}, the baseline, to {explanation.log_odds:+.2f}", fontsize=7.5)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def smooth(strength: NDArray[np.float64], fs: float) -> NDArray[np.float64]:
    """Average (n_leads, n_times) at ``fs`` Hz over 80 ms along time.

    Examples
    --------
    >>> smooth(np.array([[0.0, 0.0, 9.0, 0.0, 0.0]]), 37.5).tolist()
    [[0.0, 3.0, 3.0, 3.0, 0.0]]
    """
    width = max(1, round(SMOOTHING_S * fs))
    kernel = np.full(width, 1.0 / width)
    return np.stack([np.convolve(row, kernel, mode="same") for row in strength])
