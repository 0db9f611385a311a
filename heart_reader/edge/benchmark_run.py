"""The recipe behind ``heart-reader benchmark``: checkpoints measured side by side in
one run.

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
from tqdm import tqdm

from heart_reader.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.data.build import build_table
from heart_reader.data.synthetic import random_parameters, simulate
from heart_reader.data.synthetic.files import write_wfdb
from heart_reader.edge.benchmark_table import draw_figure, to_markdown
from heart_reader.edge.cpu import dot_product
from heart_reader.edge.graph import count_macs
from heart_reader.edge.quantize import write_dynamic
from heart_reader.edge.settings import export_config
from heart_reader.errors import HeartReaderError
from heart_reader.evaluation.figures import save_figure
from heart_reader.features.build import open_dataset
from heart_reader.folders import write_whole
from heart_reader.manifest import installed_versions
from heart_reader.metrics import class_values, metric_value
from heart_reader.predictions import Predictions
from heart_reader.runtimes import build_torch_network

__all__ = ["benchmark"]

THREADS = (1, 2)
ROUNDS = 3
SPLITS = ("val", "test")
SCRIPT = "import time; started = time.perf_counter(); from heart_reader.edge.measure import main; main(started)"


def benchmark(directories: Sequence[Path], out: Path, *, overrides: Sequence[str] = ()) -> str:
    """Measure checkpoints and write the table.

    A checkpoint in float32 ONNX gets a second row, quantised dynamically, which is there to be
    compared with.

    Parameters
    ----------
    directories
        Checkpoints of either runtime; the first is what the others are compared with.
    out
        Directory of the table and the figure.
    overrides
        Of ``data.*`` and ``evaluation.*``, where the records are elsewhere.

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
    write_whole(out / "edge_stats.json", lambda path: path.write_text(json.dumps(stats, indent=2) + "\n", encoding="utf-8"))
    write_whole(out / "edge_stats.md", lambda path: path.write_text(table, encoding="utf-8"))
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
    """Ten seconds at 500 Hz, as an ECG machine writes them."""
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
    macs = edge["macs_per_window"] if "macs_per_window" in edge else _macs(checkpoint)
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


def _macs(checkpoint: Checkpoint) -> int | None:
    """Count them where there is a network to count in."""
    return count_macs(build_torch_network(checkpoint), checkpoint.manifest) if checkpoint.runtime == "torch" else None


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
