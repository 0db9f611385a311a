"""8-bit integers and 16-bit floats in place of 32-bit floats.

Static quantisation writes a QDQ graph: every quantised tensor passes a pair of nodes that say scale
and zero point, and ONNX Runtime runs what lies between in integers. Weights have a scale per output
channel, activations one per tensor, from training records.

References
----------
Jacob B. et al. Quantization and training of neural networks for efficient integer-arithmetic-only
inference. CVPR (2018) 2704-2713. Nagel M. et al. A white paper on neural network quantization.
arXiv:2106.08295 (2021): a sensitivity analysis per layer.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from heart_reader.config import QuantizationConfig
from heart_reader.data.batch import Batch
from heart_reader.data.dataset import EcgDataset
from heart_reader.data.labels import sigmoid
from heart_reader.errors import DataError, LeakageError
from heart_reader.runtimes import open_session

__all__ = ["CalibrationRecords", "Sensitivity", "choose_calibration_records", "shrink", "write_dynamic", "write_float16", "write_static"]

WEIGHTED = ("Conv", "Gemm", "MatMul")
# Operators between weighted layers with an 8-bit kernel. Products (gates) and means keep more bits.
BETWEEN = ("Relu", "MaxPool", "Concat", "Reshape", "Transpose", "Split", "Squeeze", "Unsqueeze", "Add")
RANGES = {"minmax": CalibrationMethod.MinMax, "percentile": CalibrationMethod.Percentile}
TYPES = {"uint8": QuantType.QUInt8, "int8": QuantType.QInt8}
# Constants of this size that no weighted layer reads are tables, such as the thresholds of trees.
TABLE_SIZE = 1024
# Batches that the effect of a layer is measured on.
SENSITIVITY_BATCHES = 4


@dataclass(frozen=True)
class Sensitivity:
    """How quantisation changes the probabilities of training records.

    Parameters
    ----------
    shift
        Mean change of a probability in the graph that was written.
    shift_all
        The same with every layer in 8 bits.
    per_layer
        The same with one layer in 8 bits; empty where ``shift_all`` was small enough.
    float_layers
        Layers that stay in float.
    """

    shift: float
    shift_all: float
    per_layer: dict[str, float]
    float_layers: tuple[str, ...]


def write_static(source: Path, path: Path, records: CalibrationRecords, config: QuantizationConfig) -> Sensitivity:
    """Write an INT8 graph; the few layers that change the probabilities most stay in float.

    All weighted layers are quantised first. If that shifts the probabilities of the calibration
    records by more than ``config.max_shift`` on average, each layer is quantised on its own, and
    they go back to float in the order of the harm they do. What follows the last weighted layer
    (and so the mean of an ensemble) and what precedes the first one are always float.

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
        outside = [*_outside(nodes), *_lone_additions(nodes)]
        feeds = records.feeds[:SENSITIVITY_BATCHES]
        expected = _probabilities(source, feeds)

        def shift(keep: Sequence[str], target: Path) -> float:
            _quantize(prepared, target, ranges, None if ranges.exists() else records.rewound(), [*outside, *keep], config=config)
            shrink(target)
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
    """Return the names of nodes that lie before the first weighted layer or behind the last."""
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


def _lone_additions(nodes: Sequence[onnx.NodeProto]) -> list[str]:
    """Return the names of additions whose sum no 8-bit operator reads, such as under a root.

    In 8 bits the variance of a normalisation, and what keeps it above zero, would be zero or one
    of few values.
    """
    readers: dict[str, set[str]] = {}
    for node in nodes:
        for name in node.input:
            readers.setdefault(name, set()).add(node.op_type)
    in_integers = {*WEIGHTED, *BETWEEN}
    return [node.name for node in nodes if node.op_type == "Add" and not readers.get(node.output[0], set()) & in_integers]


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


def shrink(path: Path) -> None:
    """Store the tables of a graph as narrow as they may be, and its names as short."""
    model = onnx.load(path)
    readers = {name: node for node in model.graph.node for name in node.input}
    kept = (*WEIGHTED, "DequantizeLinear")
    tables = {
        tensor.name: tensor
        for tensor in model.graph.initializer
        if np.prod(tensor.dims) >= TABLE_SIZE and tensor.name in readers and readers[tensor.name].op_type not in kept
    }
    for name, tensor in tables.items():
        narrow, widen = _narrow(tensor, _largest_leaf(readers[name], tables))
        model.graph.initializer.remove(tensor)
        model.graph.initializer.extend(narrow)
        for node in reversed(widen):
            model.graph.node.insert(0, node)
    del model.graph.value_info[:]
    _rename(model.graph)
    onnx.save(model, path)


def _largest_leaf(reader: onnx.NodeProto, tables: Mapping[str, onnx.TensorProto]) -> float | None:
    """Return the largest absolute value of the tables that a node chooses from, for one scale."""
    if reader.op_type != "Where":
        return None
    return max(float(np.abs(numpy_helper.to_array(tables[name])).max()) for name in reader.input if name in tables)


def _narrow(tensor: onnx.TensorProto, largest_leaf: float | None) -> tuple[list[onnx.TensorProto], list[onnx.NodeProto]]:
    """Return a table in fewer bits, and the nodes that widen it once, when a session is opened.

    Leaves of trees, which are chosen and added, get 8 bits and one scale. What is compared keeps
    the 11 bits of a half float. Numbers of features fit 16 bits.

    Parameters
    ----------
    largest_leaf
        The largest absolute value of the leaves that it belongs to; None for other tables.
    """
    values, name = numpy_helper.to_array(tensor), f"{tensor.name}.narrow"
    if values.dtype == np.float32 and largest_leaf is not None:
        # Trees that have not grown are zero throughout.
        scale = np.asarray(largest_leaf / 127 or 1.0, dtype=np.float32)
        parts = [numpy_helper.from_array(np.rint(values / scale).astype(np.int8), name), numpy_helper.from_array(scale, f"{name}.scale")]
        # (Not DequantizeLinear, which every call of the network would repeat.)
        cast = onnx.helper.make_node("Cast", [name], [f"{name}.cast"], to=tensor.data_type)
        return parts, [cast, onnx.helper.make_node("Mul", [f"{name}.cast", f"{name}.scale"], [tensor.name])]
    half = np.finfo(np.float16)
    narrow = values.clip(half.min, half.max).astype(np.float16) if values.dtype == np.float32 else values.astype(np.int16)
    if narrow.dtype == np.int16 and (narrow != values).any():
        narrow = values
    return [numpy_helper.from_array(narrow, name)], [onnx.helper.make_node("Cast", [name], [tensor.name], to=tensor.data_type)]


def _rename(graph: onnx.GraphProto) -> None:
    """Number the names between inputs and outputs: long ones fill much of the file."""
    kept = {item.name for item in (*graph.input, *graph.output)}
    names = {name for node in graph.node for name in (*node.input, *node.output) if name} | {item.name for item in graph.initializer}
    short = {name: name if name in kept else f"{number:x}" for number, name in enumerate(sorted(names))}
    for tensor in graph.initializer:
        tensor.name = short[tensor.name]
    for node in graph.node:
        node.name = node.name if node.op_type in WEIGHTED else ""
        node.input[:] = [short.get(name, name) for name in node.input]
        node.output[:] = [short.get(name, name) for name in node.output]


def write_dynamic(source: Path, path: Path) -> None:
    """Write a graph that finds the ranges of its activations anew at every call, for comparison."""
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
    session = open_session(path, threads=1)
    return [sigmoid(session.run(None, feed)[0].astype(np.float64)) for feed in feeds]


def _mean_difference(first: Sequence[NDArray[np.floating]], second: Sequence[NDArray[np.floating]]) -> float:
    return float(np.mean([np.abs(a - b).mean() for a, b in zip(first, second, strict=True)]))


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the quantizer's advice, and NumPy's on ranges of features that are missing."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with np.errstate(invalid="ignore"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="invalid value encountered in cast")
            yield
    finally:
        root.setLevel(level)


Feed = dict[str, NDArray[Any]]
# Records whose windows run through the network together.
RECORDS_PER_BATCH = 8


@dataclass(frozen=True, eq=False)
class CalibrationRecords(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """Batches of inputs that ``onnxruntime`` reads through :meth:`get_next`.

    Parameters
    ----------
    record_ids
        Which training records they are.
    feeds
        Inputs by name, for each batch.
    """

    record_ids: tuple[str, ...]
    feeds: tuple[Feed, ...]
    _position: list[int]

    def get_next(self) -> Feed | None:
        """Return the next batch, and None after the last."""
        self._position[0] += 1
        return self.feeds[self._position[0] - 1] if self._position[0] <= len(self.feeds) else None

    def rewound(self) -> CalibrationRecords:
        """Return the same records, to be read from the beginning."""
        return CalibrationRecords(self.record_ids, self.feeds, [0])

    def to_json(self) -> dict[str, Any]:
        """Return the facts for the manifest."""
        digest = hashlib.sha256("\n".join(sorted(self.record_ids)).encode()).hexdigest()
        return {"split": "train", "n_records": len(self.record_ids), "record_ids_sha256": digest}


def choose_calibration_records(dataset: EcgDataset, n_records: int, seed: int) -> CalibrationRecords:
    """Draw training records that set the ranges of the activations of an 8-bit network.

    Parameters
    ----------
    dataset
        The training records.
    n_records
        How many to draw; fewer if there are not as many.

    Raises
    ------
    DataError
        If there is no record.
    LeakageError
        If one belongs to another split: a variant is judged on records that may not set its ranges.
    """
    splits = sorted(set(dataset.table.splits.tolist()))
    if not len(dataset):
        raise DataError("calibration: no records; training records are needed: set data.root to where they are")
    if splits != ["train"]:
        raise LeakageError(f"calibration: records of split {', '.join(splits)}; only training records may set the ranges: pass those")
    chosen = np.random.default_rng([seed, len(dataset)]).permutation(len(dataset))[:n_records]
    starts = range(0, len(chosen), RECORDS_PER_BATCH)
    batches = [Batch.of([dataset.inputs(int(row)) for row in chosen[start : start + RECORDS_PER_BATCH]]) for start in starts]
    feeds = tuple(batch.arrays() for batch in batches)
    return CalibrationRecords(tuple(dataset.table.record_ids[chosen].tolist()), feeds, [0])
