"""From a torch checkpoint to a float32 ONNX checkpoint, behind a parity gate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from heart_reader.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.config import ExperimentConfig, override_config
from heart_reader.edge.graph import write_graph
from heart_reader.edge.parity import measure_parity, simulated_inputs
from heart_reader.errors import ExportParityError
from heart_reader.runtimes import build_torch_network

__all__ = ["export", "export_config"]


def export(directory: Path, out: Path, *, overrides: Sequence[str] = ()) -> str:
    """Write ``out/fp32``, an ONNX checkpoint with the thresholds and calibration of its origin, compared on simulated ECGs.

    :func:`heart_reader.edge.variants.build_variants` compares on real records and writes the smaller variants too.

    Parameters
    ----------
    directory
        A torch checkpoint.
    out
        Directory of the exported variants.
    overrides
        Such as ``["export.parity_limit=1e-4"]``.

    Returns
    -------
    str
        What was written, for a person.

    Raises
    ------
    ExportParityError
        If ONNX Runtime and torch disagree; nothing is left under the final name.
    NotServable
        If the checkpoint is an ONNX one already, or cannot be written as ONNX.
    """
    origin = load_checkpoint(directory)
    limit = export_config(origin, overrides).export.parity_limit
    network = build_torch_network(origin)
    differences: list[float] = []

    def gate(exported: Path) -> None:
        reader = EcgClassifier.load(directory)
        parity = measure_parity(reader, EcgClassifier.load(exported), simulated_inputs(reader))
        differences.append(max(parity.largest, parity.alone))
        if not differences[0] <= limit:
            raise ExportParityError(
                f"{directory}: ONNX Runtime and torch differ by {differences[0]:.1e} in a probability, {limit:.0e} is allowed: "
                "not exported; --set export.parity_limit= changes the limit"
            )

    manifest = {**origin.draft(), "parent": origin.sha256}
    final = save_checkpoint(out / "fp32", manifest, lambda path: write_graph(network, origin.manifest, path), onnx=True, verify=gate)
    size_mb = final.weights_path.stat().st_size / 1e6
    return f"{final.directory}: {size_mb:.2f} MB, probabilities within {differences[0]:.1e} of torch (limit {limit:.0e})"


def export_config(checkpoint: Checkpoint, overrides: Sequence[str]) -> ExperimentConfig:
    """Return the configuration of a checkpoint with overrides.

    Raises
    ------
    ConfigError
        If a key or value is not allowed.
    """
    return override_config(ExperimentConfig.from_json(dict(checkpoint.manifest["config"])), overrides)
