"""From a torch checkpoint to an ONNX checkpoint, behind a parity gate."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from heart_reader.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from heart_reader.classifier import EcgClassifier
from heart_reader.config import ExperimentConfig, override_config
from heart_reader.data.labels import SUPERCLASSES
from heart_reader.data.synthetic import random_parameters, simulate
from heart_reader.errors import ExportParityError
from heart_reader.runtimes import build_torch_network

__all__ = ["export", "largest_difference", "write_onnx"]

PARITY_RECORDS_PER_CLASS = 4
OPSET = 18


def export(directory: Path, out: Path, *, overrides: Sequence[str] = ()) -> str:
    """Write ``out/fp32``, an ONNX checkpoint with the thresholds and calibration of its origin.

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
        If the checkpoint is an ONNX one already.
    """
    origin = load_checkpoint(directory)
    limit = override_config(ExperimentConfig.from_json(origin.manifest["config"]), overrides).export.parity_limit
    manifest = {**origin.draft(), "parent": origin.sha256}
    differences: list[float] = []

    def gate(exported: Path) -> None:
        differences.append(largest_difference(EcgClassifier.load(directory), EcgClassifier.load(exported)))
        if not differences[0] <= limit:
            raise ExportParityError(
                f"{directory}: ONNX Runtime and torch differ by {differences[0]:.1e} in a probability, {limit:.0e} is allowed: "
                "not exported; --set export.parity_limit= changes the limit"
            )

    final = save_checkpoint(out / "fp32", manifest, lambda path: write_onnx(origin, path), onnx=True, verify=gate)
    size_mb = final.weights_path.stat().st_size / 1e6
    return f"{final.directory}: {size_mb:.2f} MB, probabilities within {differences[0]:.1e} of torch (limit {limit:.0e})"


def write_onnx(origin: Checkpoint, path: Path) -> None:
    """Write one ONNX file with a dynamic batch; its input is (n, n_leads, n_times) mV, its output (n, n_outputs) logits.

    Raises
    ------
    NotServable
        If ``origin`` is an ONNX checkpoint already.
    """
    network = build_torch_network(origin)
    preprocessor = origin.manifest["preprocessor"]
    example = torch.zeros(2, len(preprocessor["leads"]), round(preprocessor["window_s"] * preprocessor["fs"]))
    # The exporter's own deprecations, and its regrets that torchvision is absent; the gate looks at the result.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (example,),
            path,
            input_names=["signal_mv"],
            output_names=["logits"],
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            dynamic_shapes=({0: torch.export.Dim("n", min=1)},),
            verbose=False,
        )


def largest_difference(origin: EcgClassifier, exported: EcgClassifier) -> float:
    """Return the largest difference of a probability on simulated ECGs of every superclass, in batches of one and of many."""
    windows = _parity_windows(origin)
    expected = origin.space.probabilities(origin.logits(windows))
    together = exported.space.probabilities(exported.logits(windows))
    alone = exported.space.probabilities(exported.logits(windows[:1]))
    return max(
        float(max(np.abs(together[level] - values).max(), np.abs(alone[level] - values[:1]).max())) for level, values in expected.items()
    )


def _parity_windows(classifier: EcgClassifier) -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    people = [random_parameters(name, rng) for name in SUPERCLASSES for _ in range(PARITY_RECORDS_PER_CLASS)]
    return np.concatenate([classifier.preprocessor(simulate(person, rng=rng, fs=500.0, duration_s=10.0)) for person in people])
