"""8-bit integers and 16-bit floats in place of 32-bit floats.

Static quantisation writes a QDQ graph: every quantised tensor passes a pair of nodes that say scale and zero point, and ONNX Runtime
runs what lies between in integers. Weights have a scale per output channel, activations one per tensor, from training records.

References
----------
Jacob B. et al. Quantization and training of neural networks for efficient integer-arithmetic-only inference. CVPR (2018) 2704-2713.
Nagel M. et al. A white paper on neural network quantization. arXiv:2106.08295 (2021): a sensitivity analysis per layer.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from heart_reader.config import QuantizationConfig
from heart_reader.data.labels import sigmoid
from heart_reader.edge.calibration import CalibrationRecords

__all__ = ["Sensitivity", "write_dynamic", "write_float16", "write_static"]

WEIGHTED = ("Conv", "Gemm", "MatMul")
# What lies between weighted layers and has an 8-bit kernel. A product (a gate) or a mean keeps more than 8 bits.
BETWEEN = ("Relu", "MaxPool", "Concat", "Reshape", "Transpose", "Split", "Squeeze", "Unsqueeze", "Add")
RANGES = {"minmax": CalibrationMethod.MinMax, "percentile": CalibrationMethod.Percentile}
TYPES = {"uint8": QuantType.QUInt8, "int8": QuantType.QInt8}
# Batches that the effect of a layer is measured on.
SENSITIVITY_BATCHES = 4


@dataclass(frozen=True)
class Sensitivity:
    """What quantisation does to the probabilities of training records.

    Parameters
    ----------
    shift
        Mean change of a probability by the graph that was written.
    shift_all
        The same with every layer in 8 bits.
    per_layer
        The same with this layer alone in 8 bits; empty where ``shift_all`` was small enough.
    float_layers
        Layers that stay in float.
    """

    shift: float
    shift_all: float
    per_layer: dict[str, float]
    float_layers: tuple[str, ...]


def write_static(source: Path, path: Path, records: CalibrationRecords, config: QuantizationConfig) -> Sensitivity:
    """Write an INT8 graph; layers that change the probabilities most stay in float, as few as needed.

    All weighted layers are quantised first. If that shifts the probabilities of the calibration records by more than
    ``config.max_shift`` on average, each layer is quantised on its own, and they go back to float in the order of the harm they do.
    What follows the last weighted layer (and so the mean of an ensemble) and what precedes the first one are always float.

    Parameters
    ----------
    source
        A float32 graph.
    path
        Where the INT8 graph is written.
    records
        Training records.

    Returns
    -------
    Sensitivity
        What was measured and decided.
    """
    with tempfile.TemporaryDirectory() as folder, _quiet():
        prepared, ranges = Path(folder, "prepared.onnx"), Path(folder, "ranges.json")
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        nodes = list(onnx.load(prepared).graph.node)
        weighted = [node.name for node in nodes if node.op_type in WEIGHTED]
        outside = _outside(nodes)
        feeds = records.feeds[:SENSITIVITY_BATCHES]
        expected = _probabilities(source, feeds)

        def shift(keep: Sequence[str], target: Path) -> float:
            _quantize(prepared, target, ranges, None if ranges.exists() else records.rewound(), [*outside, *keep], config=config)
            return _mean_difference(expected, _probabilities(target, feeds))

        shift_all = shift((), path)
        if shift_all <= config.max_shift:
            return Sensitivity(shift_all, shift_all, {}, ())
        return _keep_in_float(weighted, shift, shift_all, path, config.max_shift)


def _keep_in_float(
    weighted: Sequence[str], shift: Callable[[Sequence[str], Path], float], shift_all: float, path: Path, limit: float
) -> Sensitivity:
    alone = {name: shift([other for other in weighted if other != name], path) for name in weighted}
    order = sorted(weighted, key=lambda name: -alone[name])
    remaining, n_kept = shift_all, 0
    while remaining > limit and n_kept < len(order):
        n_kept += 1
        remaining = shift(order[:n_kept], path)
    return Sensitivity(remaining, shift_all, alone, tuple(order[:n_kept]))


def _outside(nodes: Sequence[onnx.NodeProto]) -> list[str]:
    """Names of nodes that no weighted layer lies before, or none lies behind."""
    before, behind = set(), set()
    for node in nodes:
        if node.op_type in WEIGHTED or any(name in before for name in node.input):
            before.update(node.output)
    for node in reversed(nodes):
        if node.op_type in WEIGHTED or any(name in behind for name in node.output):
            behind.update(node.input)
    return [
        node.name
        for node in nodes
        if node.op_type not in WEIGHTED and not (before.intersection(node.output) and behind.intersection(node.output))
    ]


def _quantize(
    prepared: Path, path: Path, ranges: Path, reader: CalibrationRecords | None, keep: Sequence[str], *, config: QuantizationConfig
) -> None:
    quantize_static(
        str(prepared),
        str(path),
        reader,
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=[*WEIGHTED, *BETWEEN],
        per_channel=True,
        reduce_range=config.reduce_range,
        activation_type=TYPES[config.activations],
        weight_type=QuantType.QInt8,
        nodes_to_exclude=list(keep),
        calibrate_method=RANGES[config.ranges],
        # The logits stay in float: 256 steps over their range would be too coarse for rare classes.
        extra_options={"ActivationSymmetric": config.activations == "int8", "OpTypesToExcludeOutputQuantization": ["Gemm", "MatMul"]},
        calibration_cache_path=str(ranges),
    )


def write_dynamic(source: Path, path: Path) -> None:
    """Write a graph that finds the ranges of its activations anew at every call; it exists to be compared with."""
    with tempfile.TemporaryDirectory() as folder, _quiet():
        prepared = Path(folder, "prepared.onnx")
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        quantize_dynamic(str(prepared), str(path), per_channel=True, weight_type=QuantType.QInt8)


def write_float16(source: Path, path: Path) -> None:
    """Write a graph of half the size, whose inputs and outputs stay float32."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = onnx.load(source)
    outside = _outside(list(model.graph.node))
    with _quiet():
        onnx.save(convert_float_to_float16(model, keep_io_types=True, node_block_list=outside), path)


def _probabilities(path: Path, feeds: Sequence[dict[str, NDArray[np.float32]]]) -> list[NDArray[np.floating]]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return [sigmoid(session.run(None, feed)[0].astype(np.float64)) for feed in feeds]


def _mean_difference(first: Sequence[NDArray[np.floating]], second: Sequence[NDArray[np.floating]]) -> float:
    return float(np.mean([np.abs(a - b).mean() for a, b in zip(first, second, strict=True)]))


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back the quantizer's advice on the root logger; what it wrote is measured instead."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)
