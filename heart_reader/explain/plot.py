"""Draw an explanation: the tracing over ribbons of relevance, and the measurements."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from heart_reader.data.record import EcgRecord
from heart_reader.diagnosis import NOTICE
from heart_reader.explain.explanation import Explanation, MeasurementShare, largest

__all__ = ["plot_explanation", "smooth"]

# About the width of a QRS complex: the eye looks for waves, relevance is given by the sample.
SMOOTHING_S = 0.08
# Half of the height of a row of the tracing, in mV.
HALF_ROW_MV = 1.5


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
    shown = [row for row, name in enumerate(explanation.lead_names) if name in record.lead_names]
    names = [explanation.lead_names[row] for row in shown]
    named = largest(explanation.measurements)
    heights = (1.0 + 0.8 * len(shown), 0.6 + 0.25 * len(named)) if named else (1.0 + 0.8 * len(shown),)
    figure = Figure(figsize=(12.0, sum(heights)), layout="constrained")
    grid = figure.add_gridspec(len(heights), 2, width_ratios=(6, 1), height_ratios=heights)
    tracing, bars = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1])
    if named:
        _draw_measurements(figure.add_subplot(grid[1, :]), named)
    strength = smooth(np.abs(explanation.relevance, dtype=np.float64), explanation.fs)
    _draw_tracing(tracing, explanation, record, strength[shown], names)
    shares = explanation.lead_shares
    bars.barh(range(len(names), 0, -1), [shares[name] for name in names], color="0.3")
    bars.set_yticks(range(len(names), 0, -1), names)
    bars.set_ylim(0.4, len(shown) + 0.6)
    bars.xaxis.set_major_formatter(mpl.ticker.PercentFormatter(1.0, decimals=0))
    bars.set_xlabel("share of relevance")
    figure.suptitle(
        f"{record.record_id}: what moved {explanation.finding} (probability {explanation.probability:.0%}). {NOTICE}", fontsize=9
    )
    figure.savefig(path, dpi=150)


def _draw_measurements(axes: Axes, named: Sequence[MeasurementShare]) -> None:
    """Draw a bar for each measurement, to the right where it raised the probability."""
    places = range(len(named), 0, -1)
    axes.barh(
        places, [share.contribution for share in named], color=["tab:red" if share.contribution > 0 else "tab:blue" for share in named]
    )
    axes.set_yticks(places, [str(share) for share in named], fontsize=8)
    axes.axvline(0.0, color="black", linewidth=0.6)
    axes.set_xlabel("contribution of measurements to the log-odds")


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


def _draw_tracing(axes: Axes, explanation: Explanation, record: EcgRecord, strength: NDArray[np.float64], names: list[str]) -> None:
    first, last = round(explanation.start_s * record.fs), round((explanation.start_s + explanation.duration_s) * record.fs)
    times = np.arange(first, min(last, record.n_times)) / record.fs
    highest = strength.max() or 1.0
    for row, name in enumerate(names):
        centre = len(names) - row
        extent = (explanation.start_s, explanation.start_s + explanation.duration_s, centre - 0.5, centre + 0.5)
        axes.imshow(strength[row : row + 1] / highest, extent=extent, aspect="auto", cmap="Reds", vmin=0, vmax=1.3, interpolation="nearest")
        values = record.lead(name)[first:last]
        axes.plot(times, centre + (values - np.median(values)) / (2 * HALF_ROW_MV), color="black", linewidth=0.6)
        axes.text(times[0], centre + 0.3, f" {name}", fontsize=8)
    axes.set_xlim(explanation.start_s, explanation.start_s + explanation.duration_s)
    axes.set_ylim(0.4, len(names) + 0.6)
    axes.set_yticks([])
    axes.set_xlabel("s")
