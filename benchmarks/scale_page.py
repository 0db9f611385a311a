"""The page and the figure of benchmarks/scale.py: what was measured, and what is arithmetic."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

MILLION = 1_000_000
TARGET = 10 * MILLION
# Title, and the stage and part that measured it; the figure draws those with a colour.
SERIES: dict[str, tuple[str, str, str, str | None]] = {
    "simulate": ("simulating a PTB-XL (all cores)", "simulate", "cpu_s", None),
    "recombine": ("recombining a PTB-XL (all cores)", "simulate", "cpu_s", None),
    "shards": ("writing shards (all cores)", "shards", "cpu_s", None),
    "table": ("reading the table", "cache", "cpu_s", "#7f7f7f"),
    "build": ("building the cache", "cache", "build_cpu_s", "#1f4e79"),
    "open": ("opening the cache", "cache", "open_cpu_s", "#5b9bd5"),
    "train": ("training one epoch", "train", "train_cpu_s", "#b03a2e"),
    "evaluate": ("evaluating a test fold", "evaluate", "cpu_s", "#b9770e"),
    "bootstrap": ("1,000 bootstraps, 5 classes", "evaluate", "five_classes_cpu_s", "#6c3483"),
    "bulk": ("bulk reading, with measurements", "bulk", "cpu_s", "#1e8449"),
    "bulk_signal": ("bulk reading, --no-measure", "bulk-signal", "cpu_s", "#82c99a"),
}
GPUS = 8
EXAMPLE_RATES = (2_000, 5_000, 10_000)
EFFICIENCY = 0.9
# A line starts where several processes work and fixed costs no longer count.
FROM = 8_000


@dataclass(frozen=True)
class Point:
    """One part at one number of records."""

    n_records: int
    cpu_s: float
    wall_s: float
    anonymous_mb: float
    largest_mb: float
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """A straight line through the two largest numbers of records."""

    fixed: float
    per_record: float

    def at(self, n: float) -> float:
        """Return the value at n records."""
        return self.fixed + self.per_record * n


def points(known: Mapping[str, Any], part: str) -> list[Point]:
    """Return what is known of a part, by number of records."""
    _, stage, seconds, _ = SERIES[part]
    found = []
    for entry in known["stages"].get(stage, {}).values():
        figures = entry["parts"].get(part)
        if figures is not None:
            found.append(
                Point(
                    figures["n_records"],
                    figures[seconds],
                    figures["wall_s"],
                    figures["anonymous_mb"],
                    figures["largest_process_mb"],
                    figures,
                )
            )
    return sorted(found, key=lambda point: point.n_records)


def line(pairs: list[tuple[float, float]]) -> Line | None:
    """Return the line through the last two of some pairs of n and value; None of fewer.

    Examples
    --------
    >>> line([(1, 50.0), (10, 2.0), (20, 3.0)])
    Line(fixed=1.0, per_record=0.1)
    >>> line([(10, 2.0)]) is None
    True
    """
    if len(pairs) < 2:
        return None
    (n0, y0), (n1, y1) = pairs[-2:]
    slope = (y1 - y0) / (n1 - n0)
    return Line(y0 - slope * n0, slope)


def paragraph(text: str) -> str:
    """Break a text into lines as the other pages have them."""
    return fill(text, 100, break_long_words=False, break_on_hyphens=False)


def growth(known: Mapping[str, Any], part: str) -> float | None:
    """Return the power of n by which processor time grows at the end, 1 for linear."""
    found = points(known, part)
    if len(found) < 2 or found[-2].cpu_s <= 0:
        return None
    return math.log(found[-1].cpu_s / found[-2].cpu_s) / math.log(found[-1].n_records / found[-2].n_records)


def draw(known: Mapping[str, Any], path: Path) -> None:
    """Draw processor time, processor time per record and memory over the number of records."""
    figure = Figure(figsize=(12.5, 4.6), layout="constrained")
    time_axes, each_axes, memory_axes = figure.subplots(1, 3)
    for part, (title, _, _, colour) in SERIES.items():
        found = points(known, part)
        if colour is None or not found:
            continue
        n = [point.n_records for point in found]
        style: dict[str, Any] = {"color": colour, "marker": "o", "markersize": 4, "linewidth": 1.4, "label": title}
        time_axes.plot(n, [point.cpu_s for point in found], **style)
        each_axes.plot(n, [point.cpu_s / point.n_records * 1e3 for point in found], **style)
        memory_axes.plot(n, [point.anonymous_mb for point in found], **style)
    low, high = time_axes.get_xlim()
    guide = [max(low, 100), high]
    time_axes.plot(guide, [value / 1e4 for value in guide], color="#bbbbbb", linestyle=":", linewidth=1)
    time_axes.text(guide[0] * 1.5, guide[0] / 1e4, " linear", color="#888888", ha="left", va="bottom", fontsize=8)
    for axes, label in (
        (time_axes, "seconds of one core"),
        (each_axes, "milliseconds of one core per record"),
        (memory_axes, "memory that cannot be dropped (MB, all processes)"),
    ):
        axes.set(xscale="log", yscale="log", xlabel="records", ylabel=label)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25, which="major")
    memory_axes.yaxis.set_minor_formatter(NullFormatter())
    memory_axes.set_ylim(10, 1.3 * memory_axes.get_ylim()[1])
    memory_axes.yaxis.set_major_formatter("{x:,.0f}")
    handles, labels = time_axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    figure.savefig(path, dpi=130)


def page(known: Mapping[str, Any]) -> str:
    """Return the page in Markdown."""
    parts = (_head(known), _measured(known), _bytes(known), _said(known), _extrapolated(known), _gpus(known))
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(known: Mapping[str, Any]) -> str:
    entries = [entry for stage in known["stages"].values() for entry in stage.values()]
    machines = sorted({f"{entry['machine']['cpu']}, {entry['machine']['cores']} cores" for entry in entries})
    loads = [figures["load_before"] for entry in entries for figures in entry["parts"].values()]
    said = (
        "Simulated ECGs only: nothing here says anything about accuracy. All records are 12 leads of 10 s at 100 Hz. A PTB-XL of up to "
        "21,799 records is `heart-reader data simulate ptbxl`, every record simulated on its own; a larger one, and the biobank in "
        f"WebDataset shards of 1,000, recombine those records, each with a gain of its own. Measured on: {'; '.join(machines)}. Other "
        f"work ran on it meanwhile (load {min(loads, default=0):.1f} to {max(loads, default=0):.1f}): times are processor time, that of "
        "child processes included. Everything but simulating, recombining, writing shards, building and opening the cache, and bulk "
        "reading ran on one thread. What is missing in a table was not measured."
    )
    made = (
        "Made by `python benchmarks/scale.py`, stage by stage; all figures are in `results/scale.json`. An epoch is one of the default "
        "recipe (`configs/default.yaml`) with validation and checkpoint, an evaluation that of `ptbxl-nano-int8` with 1,000 bootstraps "
        "and without whole readings."
    )
    picture = "![Processor time, processor time per record and memory over the number of records](scale.png)"
    return "\n\n".join(("# Growth with the number of records", paragraph(said), picture, paragraph(made)))


def _measured(known: Mapping[str, Any]) -> str:
    rows = [
        "## Measured",
        "",
        "| stage | records | core seconds | ms a record | memory that cannot be dropped, MB | largest process, MB | growth |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for part, (title, *_) in SERIES.items():
        found = points(known, part)
        power = growth(known, part)
        for place, point in enumerate(found):
            last = "" if power is None or place < len(found) - 1 else f"{power:.2f}"
            rows.append(
                f"| {title} | {point.n_records:,} | {point.cpu_s:.1f} | {point.cpu_s / point.n_records * 1e3:.2f} | "
                f"{point.anonymous_mb:.0f} | {point.largest_mb:.0f} | {last} |"
            )
    rows += [
        "",
        paragraph(
            "*Growth* is the power of n between the two largest numbers: 1 is linear, less means that a fixed start still counts. The "
            "table and cache rows are all records, training the training split, evaluating the test fold (a tenth). *Largest process* "
            "includes pages of the mapped cache, which the system drops when memory is short; *memory that cannot be dropped* does not."
        ),
    ]
    return "\n".join(rows)


def _bytes(known: Mapping[str, Any]) -> str:
    rows = ["## Bytes a record", "", "| what | records | bytes a record |", "|---|---:|---:|"]
    for part, title in (
        ("simulate", "PTB-XL folder, WFDB, two files a record"),
        ("shards", "shards of WebDataset, WFDB"),
        ("build", "signal cache, int16 microvolts, with its index"),
        ("bulk", "Parquet of readings"),
    ):
        rows += [
            f"| {title} | {point.n_records:,} | {point.figures['bytes'] / point.n_records:,.0f} |" for point in points(known, part)[-1:]
        ]
    rows += [
        "",
        paragraph(
            "The signal itself is 12 x 1,000 x 2 bytes = 24,000. Whole microvolts in int16 lose nothing of what preprocessing gives; "
            "float32 would be 48,000, and float16 would round beyond 2 mV to 2 microvolts."
        ),
    ]
    return "\n".join(rows)


def _said(known: Mapping[str, Any]) -> str:
    """What is not in the table: what training needs of the disk, and of a core to be fed."""
    fed = points_of(known, "cache", "feed")
    drawn = points_of(known, "evaluate", "bootstrap")
    lines = []
    if fed:
        last = fed[-1]
        crops, statistics = last["crops_cpu_s"] / last["n_crops"] * 1e6, last["statistics_cpu_s"] / last["n_records"] * 1e6
        lines += [
            f"- A random crop with augmentation takes {crops:.0f} microseconds of a core; the mean and spread of the",
            f"  leads, once per run, {statistics:.0f} a record (of {last['n_records']:,}).",
        ]
    if drawn:
        last = drawn[-1]
        lines += [
            f"- 1,000 bootstraps of {last['n_records']:,} records: {last['five_classes_cpu_s']:.0f} s of a core for all metrics of five",
            f"  classes, {last['statements_cpu_s']:.0f} s for the AUROC of 71 statements; held were {last['anonymous_mb']:,.0f} MB.",
        ]
    return "\n".join(["## Parts of it", "", *lines]) if lines else ""


def points_of(known: Mapping[str, Any], stage: str, part: str) -> list[Mapping[str, Any]]:
    """Return the figures of any part, by number of records."""
    found = [entry["parts"][part] for entry in known["stages"].get(stage, {}).values() if part in entry["parts"]]
    return sorted(found, key=lambda figures: figures["n_records"])


def _extrapolated(known: Mapping[str, Any]) -> str:
    rows = [
        "## Arithmetic: ten million records",
        "",
        paragraph(
            "Nothing in this section was measured at this size. Each row continues the straight line through the two largest measured "
            f"numbers of at least {FROM:,} records; it assumes that processor time and memory stay linear, that the disk is fast enough, "
            "and that work in several processes divides by the number of cores. Memory is that of one program that does the stage on all "
            "ten million; bulk reading works partition by partition, and an evaluation rarely has a test set of that size."
        ),
        "",
        "| stage | from | core hours at 10,000,000 | hours on 64 cores | memory at 10,000,000, GB |",
        "|---|---|---:|---:|---:|",
    ]
    n_rows = len(rows)
    for part, (title, *_) in SERIES.items():
        found = [point for point in points(known, part) if point.n_records >= FROM]
        time_line = line([(point.n_records, point.cpu_s) for point in found])
        memory_line = line([(point.n_records, point.anonymous_mb) for point in found])
        if time_line is None or memory_line is None or part in {"simulate", "recombine", "evaluate"}:
            continue
        hours = time_line.at(TARGET) / 3600
        parallel = f"{hours / 64:.2f}" if part in {"shards", "build", "open", "bulk", "bulk_signal"} else "one core"
        memory = max(memory_line.at(TARGET), found[-1].anonymous_mb) / 1024
        rows.append(f"| {title} | {found[-2].n_records:,} and {found[-1].n_records:,} | {hours:.1f} | {parallel} | {memory:.1f} |")
    if len(rows) == n_rows:
        return ""
    built = points(known, "build")
    if built:
        each = built[-1].figures["bytes"] / built[-1].n_records
        rows += ["", f"The cache would be {each:,.0f} x 10,000,000 bytes = {each * TARGET / 1e9:,.0f} GB on disk, mapped, not held."]
    return "\n".join(rows)


def _gpus(known: Mapping[str, Any]) -> str:
    fed = points_of(known, "cache", "feed")
    if not fed:
        return ""
    crop_s = fed[-1]["crops_cpu_s"] / fed[-1]["n_crops"]
    trained = points(known, "train")
    lines = [
        "## Arithmetic: eight GPUs",
        "",
        paragraph(
            f"No GPU was measured. Let r be the records that one GPU trains a second, e the share that remains of {GPUS} times one "
            f"(assumed {EFFICIENCY}), N the training records and c the core seconds of one crop (measured: {crop_s * 1e6:.0f} "
            f"microseconds, from {fed[-1]['n_crops']:,} crops). An epoch takes N / ({GPUS} r e); cores that prepare crops at that pace: "
            f"{GPUS} r e c; reads of {GPUS} r e x 24 kB a second. Whether e is reached depends on the network between the GPUs, which "
            "is not part of this."
        ),
        "",
        "| r, an example and no measurement | an epoch of 8,000,000 records | cores for crops | reads |",
        "|---:|---:|---:|---:|",
    ]
    for rate in EXAMPLE_RATES:
        together = GPUS * rate * EFFICIENCY
        minutes, cores, reads = 8 * MILLION / together / 60, together * crop_s, together * 24e3 / 1e9
        lines.append(f"| {rate:,} a second | {minutes:.1f} min | {cores:.1f} | {reads:.1f} GB/s |")
    if trained:
        last = trained[-1]
        each = last.cpu_s / last.n_records
        lines += [
            "",
            paragraph(
                f"One core of the machine above took {each * 1e3:.1f} ms a training record (measured at {last.n_records:,} records, "
                f"validation and checkpoint included): an epoch of 8,000,000 would be {each * 8 * MILLION / 3600:,.0f} core hours."
            ),
        ]
    return "\n".join(lines)
