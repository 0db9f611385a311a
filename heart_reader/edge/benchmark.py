"""Measure checkpoints side by side, behind ``heart-reader benchmark``.

Every measurement of speed and memory has a process of its own. The checkpoints take turns over
several rounds, so that a busy minute of the machine falls on all of them.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tqdm import tqdm

from heart_reader.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.data.build import build_table
from heart_reader.data.synthetic import random_parameters, simulate
from heart_reader.data.synthetic.files import write_wfdb
from heart_reader.edge.device import dot_product
from heart_reader.edge.graph import count_macs
from heart_reader.edge.quantize import write_dynamic
from heart_reader.edge.variants import export_config
from heart_reader.errors import HeartReaderError
from heart_reader.evaluation.figures import FAINT, GRID, INK, new_figure, save_figure
from heart_reader.evaluation.markdown import markdown_table
from heart_reader.features.build import open_dataset
from heart_reader.folders import write_text, write_whole
from heart_reader.manifest import installed_versions
from heart_reader.metrics import class_values, metric_value
from heart_reader.predictions import Predictions
from heart_reader.runtimes import build_torch_network

__all__ = ["benchmark", "draw_figure", "to_markdown"]

THREADS = (1, 2)
ROUNDS = 3
SPLITS = ("val", "test")
SCRIPT = "import time; started = time.perf_counter(); from heart_reader.edge.device import main; main(started)"


def benchmark(directories: Sequence[Path], out: Path, *, overrides: Sequence[str] = ()) -> str:
    """Measure checkpoints and write the table and the figure.

    A checkpoint in float32 ONNX gets a second row for comparison, quantised dynamically.

    Parameters
    ----------
    directories
        Checkpoints of either runtime; the others are compared with the first.
    out
        Directory of the table and the figure.
    overrides
        Settings under ``data.*`` and ``evaluation.*``, where the records are elsewhere.

    Returns
    -------
    str
        The table as Markdown.

    Raises
    ------
    CheckpointError, DataError
        If a checkpoint or the records cannot be used.
    """
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = _with_dynamic([load_checkpoint(path) for path in directories], Path(folder))
        record = _write_record(Path(folder))
        times = _measure_in_turns(checkpoints, record)
        rows = [_row(one, times[row], overrides) for row, one in enumerate(tqdm(checkpoints, "accuracy", disable=None))]
    stats = {"machine": _machine(), "rounds": ROUNDS, "rows": rows}
    table = to_markdown(stats)
    figure = draw_figure(rows)
    write_text(out / "edge_stats.json", json.dumps(stats, indent=2) + "\n")
    write_text(out / "edge_stats.md", table)
    write_whole(out / "edge_stats.png", lambda path: save_figure(figure, path))
    return table


def _with_dynamic(checkpoints: Sequence[Checkpoint], folder: Path) -> list[Checkpoint]:
    answer = list(checkpoints)
    for place, one in enumerate(checkpoints):
        if one.runtime == "onnx" and one.manifest.get("edge", {}).get("precision") == "float32":
            edge = {**one.manifest["edge"], "variant": "int8-dynamic", "precision": "int8, dynamic", "gate": None}
            draft = {**one.draft(), "edge": edge, "parent": one.sha256}
            dynamic = save_checkpoint(folder / f"dynamic-{place}", draft, partial(write_dynamic, one.weights_path), onnx=True)
            answer.insert(place + 1 + len(answer) - len(checkpoints), dynamic)
    return answer


def _write_record(folder: Path) -> Path:
    """Write ten seconds at 500 Hz, as an ECG machine does."""
    rng = np.random.default_rng(0)
    record = simulate(random_parameters("NORM", rng), rng=rng, fs=500.0, duration_s=10.0)
    write_wfdb(record, folder)
    return folder / f"{record.record_id}.hea"


def _measure_in_turns(checkpoints: Sequence[Checkpoint], record: Path) -> list[dict[int, list[dict[str, Any]]]]:
    """Per checkpoint and number of threads the measurements of all rounds."""
    times: list[dict[int, list[dict[str, Any]]]] = [{threads: [] for threads in THREADS} for _ in checkpoints]
    with tqdm(total=ROUNDS * len(THREADS) * len(checkpoints), desc="speed", disable=None) as bar:
        for _ in range(ROUNDS):
            for threads in THREADS:
                for place, one in enumerate(checkpoints):
                    times[place][threads].append(_measure(one, record, threads))
                    bar.update()
    return times


def _measure(checkpoint: Checkpoint, record: Path, threads: int) -> dict[str, Any]:
    # NumPy's own threads would add to those of the network.
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", SCRIPT, str(checkpoint.directory), str(record), str(threads)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603
    if answer.returncode != 0:
        last = (answer.stderr.strip().splitlines() or ["no message"])[-1]
        raise HeartReaderError(f"{checkpoint.directory}: could not be measured: {last}")
    measured: dict[str, Any] = json.loads(answer.stdout)
    return measured


def _row(checkpoint: Checkpoint, times: Mapping[int, Sequence[Mapping[str, Any]]], overrides: Sequence[str]) -> dict[str, Any]:
    manifest = checkpoint.manifest
    edge = manifest.get("edge", {})
    on_one = times[1]
    macs = edge.get("macs_per_window")
    if macs is None and checkpoint.runtime == "torch":
        macs = count_macs(build_torch_network(checkpoint), manifest)
    return {
        "name": edge.get("variant", "torch eager"),
        "checkpoint_sha256": checkpoint.sha256,
        "runtime": checkpoint.runtime,
        "precision": edge.get("precision", "float32"),
        "model": manifest["model"]["name"],
        "n_parameters": manifest["model"]["n_parameters"],
        "macs_per_window": macs,
        "n_windows": on_one[0]["n_windows"],
        "weights_bytes": manifest["weights"]["bytes"],
        "network_ms": {str(threads): _percentiles([x for one in rounds for x in one["network_ms"]]) for threads, rounds in times.items()},
        "records_per_s": {str(threads): float(np.median([one["records_per_s"] for one in rounds])) for threads, rounds in times.items()},
        "file_to_reading_ms": _percentiles([x for one in on_one for x in one["reading_ms"]]),
        "peak_memory_mb": float(np.median([one["peak_memory_mb"] for one in on_one])),
        "import_s": float(np.median([one["import_s"] for one in on_one])),
        "load_s": float(np.median([one["load_s"] for one in on_one])),
        "gate": edge.get("gate"),
        "accuracy": _accuracy(checkpoint, overrides),
    }


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    return {f"p{q}": float(np.percentile(values, q)) for q in (50, 95, 99)}


def _accuracy(checkpoint: Checkpoint, overrides: Sequence[str]) -> dict[str, Any]:
    reader = EcgClassifier.load(checkpoint.directory)
    own = [text for text in overrides if text.startswith(("data.", "evaluation."))]
    config = export_config(checkpoint, own)
    dataset = open_dataset(config, build_table(config), reader.preprocessor, reader.features)
    return {split: _scores(reader.predict_many(dataset.split(split))) for split in SPLITS}


def _scores(predictions: Predictions) -> dict[str, Any]:
    y_true, y_prob = predictions.y_true, predictions.y_prob
    per_class = zip(predictions.class_names, class_values("macro_auroc", y_true, y_prob), strict=True)
    return {
        "level": predictions.level,
        "n_records": len(predictions),
        "macro_auroc": metric_value("macro_auroc", y_true, y_prob),
        "macro_ece": metric_value("macro_ece", y_true, y_prob),
        "auroc": {name: float(value) if np.isfinite(value) else None for name, value in per_class},
    }


def _machine() -> dict[str, Any]:
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    names = [line.partition(":")[2].strip() for line in cpuinfo.splitlines() if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "architecture": platform.machine(),
        "integer_instruction": dot_product() or None,
        "n_cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 2),
        "versions": installed_versions(("torch", "onnxruntime", "numpy", "scipy")),
    }


Row = Mapping[str, Any]
SPEED_HEAD = (
    "variant", "model", "parameters", "windows", "MACs per ECG", "size", "p50", "p95", "p99", "p50, 2 threads", "ECGs per s",
    "ECGs per s, 2 threads", "file to reading, p50", "peak memory",
)  # fmt: skip
RATIO_HEAD = ("variant", "share of float32 ONNX's size", "times as fast as float32 ONNX", "times as fast as the first row", "gate")
COLORS = {"torch": "#D55E00", "onnx": "#0072B2"}


def to_markdown(stats: Mapping[str, Any]) -> str:
    """Return the tables of a benchmark from the content of ``edge_stats.json``."""
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
            [_accuracy_cells(row, rows[0], classes) for row in rows],
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


def _accuracy_cells(row: Row, first: Row, classes: Sequence[str]) -> tuple[str, ...]:
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
