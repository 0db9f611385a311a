"""The table and the figure of all comparisons, from what was kept of them as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from heart_reader.evaluation.figures import FAINT, INK, POINT, dress_rows, new_figure, place_rows, save_figure
from heart_reader.evaluation.markdown import lines, markdown_table

__all__ = ["CLOCKS", "draw", "figures_of", "ratios", "to_markdown"]

Row = Mapping[str, Any]
CLOCKS = ("processor", "wall")
GROUPS = {
    "torch": "torch eager", "onnx": "ONNX Runtime alone", "measuring": "Measurements", "serving": "Server",
    "files": "Reading files", "bootstrap": "Bootstrap", "against": "Earlier commit",
}  # fmt: skip
OTHER = "python3 -m venv OTHER && OTHER/bin/pip install neurokit2==0.3.0 ecgdatakit==2.0.3 wfdb pydicom"


def ratios(row: Row, clock: str) -> list[float]:
    """Return how many times heart_reader's time the other took, of each pair of rounds."""
    return [other / own for own, other in zip(row["own"][clock], row["other"][clock], strict=True)]


def number(value: float) -> str:
    """Return a number to three digits.

    Examples
    --------
    >>> number(0.1234), number(12.345), number(1234.5)
    ('0.123', '12.3', '1234')
    """
    return f"{value:.{max(0, 2 - int(np.floor(np.log10(value)))) if value > 0 else 0}f}"


def spread(values: Sequence[float]) -> str:
    """Return the median, and the smallest and the largest value in brackets."""
    return f"{number(statistics.median(values))} [{number(min(values))}, {number(max(values))}]"


def to_markdown(kept: Mapping[str, Any]) -> str:
    """Return the page: the table of times, what is compared with what, and how it was done."""
    rows = kept["rows"]
    sides = [f"{side}, {clock}" for clock in CLOCKS for side in ("heart_reader", "other", "ratio")]
    times = [
        (row["name"], row["unit"], *(spread(values) for clock in CLOCKS for values in (*_both(row, clock), ratios(row, clock))))
        for row in rows
    ]
    equal = [(row["name"], row["work"], row["own"]["title"], row["other"]["title"], row["agreement"], row["unlike"]) for row in rows]
    parts = [
        "# Side by side",
        f"Made by `{kept['command']}` with heart_reader at commit {kept['commit']}, {_machine(kept)}.",
        "![How many times heart_reader's time others take](side_by_side.png)",
        "## Times",
        "Median of the rounds [smallest, largest]. *Ratio* is the other's time over heart_reader's, of each pair of rounds: above 1 "
        "heart_reader is quicker. Processor time counts all cores that a side keeps busy and hardly depends on what else the machine "
        "does; wall time does.",
        markdown_table(("heart_reader beside", "ms per", *sides), times),
        "## What is compared",
        markdown_table(("heart_reader beside", "work", "heart_reader", "other", "answers", "what one side leaves out"), equal),
        "## How",
        lines(_how(kept)),
    ]
    if kept["left_out"]:
        parts += ["## Left out", lines(kept["left_out"])]
    return "\n\n".join(parts) + "\n"


def _both(row: Row, clock: str) -> tuple[Sequence[float], Sequence[float]]:
    return row["own"][clock], row["other"][clock]


def _machine(kept: Mapping[str, Any]) -> str:
    machine, (before, after) = kept["machine"], kept["load"]
    return f"on {machine['cores']} cores of {machine['cpu']} (load of the machine {before:.1f} before and {after:.1f} after)"


def _how(kept: Mapping[str, Any]) -> list[str]:
    options = kept["options"]
    versions, ours = [], kept["versions"].get("heart_reader", {})
    for side, installed in kept["versions"].items():
        own = {name: version for name, version in installed.items() if side == "heart_reader" or ours.get(name) != version}
        versions += [f"{side}: {', '.join(map(' '.join, own.items()))}"] if own else []
    return [
        f"Both sides of a comparison are started, each in a process of its own, and take turns for {options['rounds']} rounds; each comes "
        "first as often as the other. Before that each answers everything once, which warms it up and is what answers are compared by.",
        "Every side has one thread, except the servers: heart_reader reads in one process more than there are cores, the plain server in "
        "threads of one process with one thread per call of torch, which was quicker than torch's own choice.",
        f"{options['records']} simulated ECGs of 10 s, 12 leads and 500 Hz; {options['predictions']} simulated predictions of five "
        "classes, one patient in ten with two records. MUSE and SCP files are written by the tests' writers, the others by the package's.",
        f"Versions. {'; '.join(versions)}.",
        f"neurokit2 and ecgdatakit: `{OTHER}`, then `--other-python OTHER/bin/python`.",
    ]


def figures_of(rows: Sequence[Row]) -> dict[str, tuple[float, str]]:
    """Return heart_reader's medians and the ratios, for ``benchmarks/figures.py`` to compare."""
    own = {row["name"]: (statistics.median(row["own"]["processor"]), "ms") for row in rows}
    return own | {f"{row['name']}, ratio": (statistics.median(ratios(row, "processor")), "x") for row in rows}


def draw(kept: Mapping[str, Any], path: Path) -> None:
    """Draw the ratios of every row, each as a point with its range."""
    rows = kept["rows"]
    groups = [GROUPS[row["group"]] for row in rows]
    places = place_rows(groups, 0.6)
    figure = new_figure(9.2, 0.9 + 0.26 * (places.max() + 1), "constrained")
    axes = figure.add_subplot()
    dress_rows(axes, "times heart_reader's time (median and range of rounds); right of 1 heart_reader is quicker")
    axes.axvline(1.0, color=INK, linewidth=1)
    for clock, color, offset in (("wall", FAINT, 0.17), ("processor", POINT, -0.17)):
        for place, row in zip(places, rows, strict=True):
            values = ratios(row, clock)
            axes.plot([min(values), max(values)], [place + offset] * 2, color=color, linewidth=1.3, zorder=2)
            axes.plot(statistics.median(values), place + offset, "o", color=color, markersize=4.5, zorder=3)
        axes.plot([], [], "o-", color=color, markersize=4.5, label=f"{clock} time")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_yticks(places, [row["name"] for row in rows], color=INK)
    axes.set_ylim(places.max() + 0.8, -0.8)
    axes.legend(loc="lower right", frameon=False, fontsize=8)
    save_figure(figure, path)
