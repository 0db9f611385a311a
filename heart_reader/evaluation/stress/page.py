"""A stress report as a page, a figure, a CSV and JSON, written beside the evaluation report."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from heart_reader.evaluation.bootstrap import Difference
from heart_reader.evaluation.figures import (
    FAINT,
    INK,
    draw_band,
    draw_point,
    dress_rows,
    name_groups,
    new_figure,
    place_rows,
    save_figure,
    write_texts,
)
from heart_reader.evaluation.markdown import interval, lines, markdown_table, number
from heart_reader.evaluation.report.write import write_csv
from heart_reader.evaluation.stress.stress import AUROC, StressReport, StressRow
from heart_reader.folders import write_whole
from heart_reader.metrics import METRICS

__all__ = ["FILES", "draw_stress", "remove_other_stress", "stress_csv_rows", "stress_markdown", "write_stress"]

FILES = ("stress.json", "stress.md", "stress.csv", "stress.png")
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


def stress_markdown(report: StressReport) -> str:
    """Return a page: what was done, the tables, the caveats.

    Readings without one lead are shown as their mean and the worst.
    """
    parts = [f"# Stress test of {report.config_name} on {report.split}", lines(_provenance(report)), "## macro-AUROC", _aurocs(report)]
    if len(report.class_names) <= MAX_CLASSES:
        parts += ["## Change of every class's AUROC from the clean reading", _changes(report)]
    if len(report.rows[0].metrics) > 1:
        parts += ["## What the fixed thresholds decide, means over classes", _decisions(report)]
    if report.left_out:
        parts += ["## Conditions left out", lines(f"{name}: {reason}" for name, reason in report.left_out.items())]
    parts += ["## Caveats", lines((*report.caveats, *_own_caveats(report))), "Research use only. Not a medical device."]
    return "\n\n".join(parts) + "\n"


def stress_csv_rows(report: StressReport) -> list[dict[str, object]]:
    """Return a row per condition: metrics and classes with intervals and differences."""
    rows = []
    for condition in report.rows:
        row: dict[str, object] = {"condition": condition.name, "group": condition.group, "title": condition.title}
        row["usable"] = condition.usable
        columns = [(name, estimate, condition.differences[name]) for name, estimate in condition.metrics.items()]
        of_class = zip(report.class_names, condition.classes, condition.class_differences, strict=True)
        columns += [(f"auroc_{name}", estimate, change) for name, estimate, change in of_class]
        for name, estimate, change in columns:
            row |= {name: estimate.point, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
            row |= {f"{name}_change": change.difference, f"{name}_change_low": change.low, f"{name}_change_high": change.high}
            row[f"{name}_p"] = change.p_value
        rows.append(row)
    return rows


def write_stress(report: StressReport, out: Path) -> tuple[Path, ...]:
    """Write ``stress.json stress.md stress.csv stress.png``, each file whole or not at all.

    Parameters
    ----------
    out
        Folder, made where it does not exist.

    Raises
    ------
    HeartReaderError
        If a file cannot be written.
    """
    text = json.dumps(asdict(report), indent=2, ensure_ascii=False, allow_nan=False)
    writers: tuple[Callable[[Path], object], ...] = (
        lambda path: path.write_text(text + "\n", encoding="utf-8"),
        lambda path: path.write_text(stress_markdown(report), encoding="utf-8"),
        partial(write_csv, stress_csv_rows(report)),
        lambda path: save_figure(draw_stress(report), path),
    )
    for name, write in zip(FILES, writers, strict=True):
        write_whole(out / name, write)
    return tuple(out / name for name in FILES)


def remove_other_stress(out: Path, *, checkpoint_sha256: str, split: str, level: str) -> None:
    """Remove a stress test of another checkpoint, split or level than the report beside it."""
    try:
        found = json.loads((out / "stress.json").read_text(encoding="utf-8"))
        same = all(found[key] == value for key, value in (("checkpoint_sha256", checkpoint_sha256), ("split", split), ("level", level)))
    except (OSError, ValueError, KeyError, TypeError):
        same = False
    if not same:
        for name in FILES:
            (out / name).unlink(missing_ok=True)


def _provenance(report: StressReport) -> list[str]:
    noise = ", ".join(f"{ratio} dB is {mv:.3f} mV" for ratio, mv in report.noise_mv.items())
    return [
        f"Level: {report.level}, {len(report.class_names)} classes; label rule: {report.label_rule}",
        f"Split: {report.split}, {report.n_records} records, each read under {len(report.rows)} conditions",
        f"Checkpoint: `{report.checkpoint_sha256}`; calibration and thresholds as validation chose them",
        f"Intervals: {report.confidence:.0%}, {report.draws} bootstrap draws over patients (records where the patient is not known), "
        f"seed {report.seed}; differences are paired: the same draws, condition minus clean",
        "Noise: simulated at the electrodes; dB of the squared QRS height over 8 to the squared rms of the noise within seconds, both "
        f"averaged over the leads, at 500 Hz; rms for the median record: {noise}; noise seed {report.noise_seed}",
    ]


def _own_caveats(report: StressReport) -> list[str]:
    caveats = [
        "Conditions come on top of what the recordings already have. Noise is simulated: real noise comes in bursts and mixtures.",
        f"{len(report.rows) - 1} comparisons without correction: one in {1 / (1 - report.confidence):.0f} would differ by chance alone.",
        "The worst of the leads to miss was found on these records; its interval does not know that.",
        "Of 50 Hz mains a model that reads 100 Hz sees less than half: the rest is gone with the anti-aliasing filter.",
    ]
    undefined = report.rows[0].metrics[AUROC].undefined
    if undefined:
        caveats.append(f"Without positives or without negatives, so left out of the means: {', '.join(undefined)}.")
    if report.split == "val":
        caveats.append("The model was selected on this split: its AUROC is optimistic, and decisions are not measured here.")
    if any(row.usable < 1 for row in report.summary):
        caveats.append(
            "Where fewer than half of the leads carry a signal the model makes no decision (column: usable), whatever its AUROC."
        )
    return caveats


def _aurocs(report: StressReport) -> str:
    rows = []
    for row in report.summary:
        estimate, change = row.metrics[AUROC], row.differences[AUROC]
        changed = ("", "") if row is report.summary[0] else (number(change.difference, 3, "+"), interval(change, 3, "+"))
        rows.append((row.group, row.title, number(estimate.point, 3), interval(estimate, 3), *changed, f"{row.usable:.0%}"))
    heading = f"{report.confidence:.0%} interval"
    return markdown_table(("", "condition", "macro-AUROC", heading, "change from clean", heading, "usable"), rows)


def _changes(report: StressReport) -> str:
    """Point and change per class; a change whose interval leaves out 0 is bold."""
    clean = report.summary[0]
    rows: list[tuple[object, ...]] = [(clean.group, "AUROC", *(number(value.point, 3) for value in clean.classes))]
    rows += [(row.group, row.title, *(_emphasised(change) for change in row.class_differences)) for row in report.summary[1:]]
    return markdown_table(("", "condition", *report.class_names), rows) + "\n\nBold: the paired interval leaves out 0, to three decimals."


def _decisions(report: StressReport) -> str:
    names = [name for name in report.rows[0].metrics if name != AUROC]
    rows = []
    for row in report.summary:
        measured = [f"{number(row.metrics[name].point, 3)} ({number(row.differences[name].difference, 3, '+')})" for name in names]
        rows.append((row.group, row.title, *(measured if row.usable else ["no decision"] * len(names))))
    return markdown_table(("", "condition", *(f"{METRICS[name].title} (change)" for name in names)), rows)


def _emphasised(change: Difference) -> str:
    text = number(change.difference, 3, "+")
    return f"**{text}**" if change.leaves_out_zero else text


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
