"""The benchmark as a table and as a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from heart_reader.evaluation.figures import FAINT, GRID, INK, new_figure
from heart_reader.evaluation.markdown import markdown_table

__all__ = ["draw_figure", "to_markdown"]

Row = Mapping[str, Any]
SPEED_HEAD = (
    "variant", "model", "parameters", "windows", "MACs per ECG", "size", "p50", "p95", "p99", "p50, 2 threads", "ECGs per s",
    "ECGs per s, 2 threads", "file to reading, p50", "peak memory",
)  # fmt: skip
RATIO_HEAD = ("variant", "share of float32 ONNX's size", "times as fast as float32 ONNX", "times as fast as the first row", "gate")
COLORS = {"torch": "#D55E00", "onnx": "#0072B2"}


def to_markdown(stats: Mapping[str, Any]) -> str:
    """Return the tables of a benchmark.

    Parameters
    ----------
    stats
        What ``edge_stats.json`` holds.
    """
    rows: Sequence[Row] = stats["rows"]
    machine = stats["machine"]
    instruction = machine["integer_instruction"] or "no 8-bit dot product"
    classes = list(rows[0]["accuracy"]["test"]["auroc"])
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items() if version)
    machine_line = (
        f"Made by `heart-reader benchmark` on {machine['processor']} ({instruction}, {machine['n_cores']} cores), "
        f"{versions}. All rows are of one run, {stats['rounds']} rounds in turn; the load of the machine was "
        f"{machine['load_average']}. One ECG is ten seconds, all of its windows in one call."
    )
    val, test = (rows[0]["accuracy"][split]["n_records"] for split in ("val", "test"))
    parts = [
        "# Variants for devices",
        machine_line,
        "## Size and speed",
        markdown_table(SPEED_HEAD, [_speed(row) for row in rows]),
        "Times are of the network alone, on one thread unless said otherwise. File to reading is a 500 Hz WFDB record of ten seconds, "
        "parsed, resampled, read and written as JSON on one thread. Peak memory is that of the process, interpreter included.",
        "## Against float32 ONNX and the first row",
        markdown_table(RATIO_HEAD, _ratios(rows)),
        "## Accuracy",
        markdown_table(
            ("variant", "validation macro-AUROC", "test macro-AUROC", *(f"test {name}" for name in classes), "test ECE"),
            [_accuracy(row, rows[0], classes) for row in rows],
        ),
        f"{val} validation records, which chose weights, calibration and thresholds, and {test} test records, which chose nothing. In "
        "brackets the difference to the first row.",
        "Research use only. Not a medical device.",
    ]
    return "\n\n".join(parts) + "\n"


def _speed(row: Row) -> tuple[str, ...]:
    one, two = row["network_ms"]["1"], row["network_ms"]["2"]
    macs = row["macs_per_window"]
    return (
        row["name"],
        row["model"],
        f"{row['n_parameters']:,}",
        str(row["n_windows"]),
        "" if macs is None else f"{macs * row['n_windows'] / 1e6:.0f} M",
        f"{row['weights_bytes'] / 1e3:,.0f} KB",
        *(f"{one[name]:.2f} ms" for name in ("p50", "p95", "p99")),
        f"{two['p50']:.2f} ms",
        *(f"{row['records_per_s'][threads]:,.0f}" for threads in ("1", "2")),
        f"{row['file_to_reading_ms']['p50']:.1f} ms",
        f"{row['peak_memory_mb']:.0f} MB",
    )


def _ratios(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    float32 = next((row for row in rows if row["runtime"] == "onnx" and row["precision"] == "float32"), None)
    lines: list[tuple[str, ...]] = []
    for row in rows:
        p50, gate = row["network_ms"]["1"]["p50"], row["gate"]
        lines.append(
            (
                row["name"],
                "" if float32 is None else f"{row['weights_bytes'] / float32['weights_bytes']:.3f}",
                "" if float32 is None else f"{float32['network_ms']['1']['p50'] / p50:.1f}",
                f"{rows[0]['network_ms']['1']['p50'] / p50:.1f}",
                "" if gate is None else ("passed" if gate["passed"] else f"failed: {'; '.join(gate['problems'])}"),
            )
        )
    return lines


def _accuracy(row: Row, first: Row, classes: Sequence[str]) -> tuple[str, ...]:
    val, test = row["accuracy"]["val"], row["accuracy"]["test"]
    cells = [row["name"]]
    for split, own in (("val", val), ("test", test)):
        cells.append(f"{own['macro_auroc']:.4f} ({own['macro_auroc'] - first['accuracy'][split]['macro_auroc']:+.4f})")
    cells += ["" if test["auroc"][name] is None else f"{test['auroc'][name]:.3f}" for name in classes]
    return (*cells, f"{test['macro_ece']:.4f}")


def draw_figure(rows: Sequence[Row]) -> Figure:
    """Draw test macro-AUROC over size and over latency, a point per variant."""
    figure = new_figure(10.0, 4.2, "constrained")
    size, speed = figure.subplots(1, 2, sharey=True)
    _panel(size, rows, [row["weights_bytes"] / 1e3 for row in rows], "size of the weights, KB")
    _panel(speed, rows, [row["network_ms"]["1"]["p50"] for row in rows], "one ten-second ECG on one thread, ms (p50)")
    size.set_ylabel("test macro-AUROC", color=INK, fontsize=9)
    n_records = rows[0]["accuracy"]["test"]["n_records"]
    figure.suptitle(f"Variants for devices: size and speed against accuracy, {n_records} test records", fontsize=11, color=INK)
    return figure


def _panel(axes: Axes, rows: Sequence[Row], x: Sequence[float], label: str) -> None:
    axes.set_xscale("log")
    for place, (value, row) in enumerate(sorted(zip(x, rows, strict=True), key=lambda pair: pair[0])):
        score = row["accuracy"]["test"]["macro_auroc"]
        axes.plot(value, score, "o", color=COLORS[row["runtime"]], markersize=7)
        # Names of neighbours step up and down, for variants of one network lie side by side.
        offset = 9 if place % 2 else -15
        axes.annotate(row["name"], (value, score), (0, offset), textcoords="offset points", ha="center", fontsize=8, color=FAINT)
    axes.margins(x=0.2, y=0.3)
    axes.set_xlabel(label, color=INK, fontsize=9)
    axes.grid(True, color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=8, colors=FAINT)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(GRID)
