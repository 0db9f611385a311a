"""From a torch network to one ONNX file, as lean as a device wants it."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import nn

from heart_reader.data.batch import INPUT_NAMES
from heart_reader.errors import NotServable

__all__ = ["count_macs", "example_inputs", "fold_batch_norms", "lift_convolutions", "write_graph"]

OPSET = 18
# Facts of the manifest that the file holds too, so that a model.onnx alone shows what it is.
METADATA = ("model", "preprocessor", "leads", "label_rule", "seed")


def example_inputs(manifest: Mapping[str, Any], n: int) -> tuple[torch.Tensor, ...]:
    """Return zeros in the shape of a network's inputs, for ``n`` windows of ``n`` records."""
    preprocessor = manifest["preprocessor"]
    inputs = [torch.zeros(n, len(preprocessor["leads"]), round(preprocessor["window_s"] * preprocessor["fs"]))]
    if manifest["features"] is not None:
        inputs.append(torch.zeros(n, sum(len(item["names"]) for item in manifest["features"]["sets"])))
        inputs.append(torch.zeros(n, dtype=torch.int64))
    return tuple(inputs)


def write_graph(network: nn.Module, manifest: Mapping[str, Any], path: Path) -> None:
    """Write an ONNX graph from (n, n_leads, n_times) mV to (n, n_outputs) logits, with dynamic n.

    Batch normalisation is folded: by the exporter into convolutions, by :func:`fold_batch_norms`
    into linear layers. :func:`lift_convolutions` makes convolutions two-dimensional.

    Parameters
    ----------
    network
        In evaluation mode.
    manifest
        The manifest of its checkpoint.

    Raises
    ------
    NotServable
        If an operator of the network has no counterpart in ONNX.
    """
    inputs = example_inputs(manifest, 2)
    n_windows, n_records = (torch.export.Dim(name, min=1) for name in ("n", "n_records"))
    # The exporter warns of its own deprecations and of a missing torchvision; the gate checks what
    # comes out.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                network,
                inputs,
                path,
                input_names=list(INPUT_NAMES[: len(inputs)]),
                output_names=["logits"],
                opset_version=OPSET,
                dynamo=True,
                external_data=False,
                dynamic_shapes=tuple({0: size} for size in (n_windows, n_records, n_windows)[: len(inputs)]),
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        reason = " ".join(str(error).split())[:300]
        name = manifest["model"]["name"]
        raise NotServable(
            f"{name}: an operator of it cannot be written as ONNX: use its torch checkpoint, or replace the operator: {reason}"
        ) from error
    model = onnx.load(path)
    fold_batch_norms(model)
    lift_convolutions(model)
    _forget_sources(model)
    onnx.helper.set_model_props(model, {key: _plain(manifest[key]) for key in METADATA})
    onnx.save(model, path)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _forget_sources(model: onnx.ModelProto) -> None:
    """Remove the exporter's notes on source code: folder names of this machine, and many bytes."""
    for item in (*model.graph.node, *model.graph.input, *model.graph.output, *model.graph.initializer):
        del item.metadata_props[:]
        item.doc_string = ""
    # Shapes in between follow from the rest, and are wrong once a quantizer transposes a weight.
    del model.graph.value_info[:]


def fold_batch_norms(model: onnx.ModelProto) -> int:
    """Fold each batch normalisation that only a linear layer reads into its weights, in place.

    A normalisation is ``a x + b`` per feature, so ``W (a x + b) + c`` is ``(W a) x + (W b + c)``.

    Returns
    -------
    int
        How many were folded.
    """
    graph = model.graph
    values = {item.name: item for item in graph.initializer}
    n_folded = 0
    for norm in [node for node in graph.node if node.op_type == "BatchNormalization"]:
        readers = [node for node in graph.node if norm.output[0] in node.input]
        if len(readers) != 1 or readers[0].op_type != "Gemm" or readers[0].input[0] != norm.output[0] or not _is_linear(readers[0]):
            continue
        linear = readers[0]
        if any(name not in values for name in (*norm.input[1:5], *linear.input[1:])):
            continue
        gain, shift = _affine(norm, values)
        weight = numpy_helper.to_array(values[linear.input[1]])
        bias = numpy_helper.to_array(values[linear.input[2]])
        # Under new names, for another layer may share the weights.
        for place, array in ((1, weight * gain), (2, bias + weight @ shift)):
            name = f"{linear.input[place]}.{norm.name or norm.output[0]}"
            graph.initializer.append(numpy_helper.from_array(array.astype(np.float32), name))
            linear.input[place] = name
        linear.input[0] = norm.input[0]
        graph.node.remove(norm)
        n_folded += 1
    used = {name for node in graph.node for name in node.input}
    for item in [item for item in graph.initializer if item.name not in used]:
        graph.initializer.remove(item)
    return n_folded


def _is_linear(node: onnx.NodeProto) -> bool:
    """Return whether a Gemm is x W^T + c and nothing else."""
    usual = {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0}
    given = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
    return len(node.input) == 3 and {**usual, **given} == {**usual, "transB": 1}


def _affine(norm: onnx.NodeProto, values: Mapping[str, onnx.TensorProto]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    scale, bias, mean, variance = (numpy_helper.to_array(values[name]).astype(np.float64) for name in norm.input[1:5])
    epsilon = next((item.f for item in norm.attribute if item.name == "epsilon"), 1e-5)
    gain = scale / np.sqrt(variance + epsilon)
    return gain, bias - mean * gain


def count_macs(network: nn.Module, manifest: Mapping[str, Any]) -> int:
    """Return the multiply-accumulates of convolutions and linear layers for one window."""
    total = 0

    def hook(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal total
        weight: torch.Tensor = module.weight  # type: ignore[assignment]
        total += output.numel() * weight[0].numel()

    handles = [module.register_forward_hook(hook) for module in network.modules() if isinstance(module, nn.Conv1d | nn.Linear)]
    try:
        with torch.inference_mode():
            network(*example_inputs(manifest, 1))
    finally:
        for handle in handles:
            handle.remove()
    return total


# Between samples and channels: (n, channels, times) becomes (n, channels, 1, times).
AXIS = 2
AXIS_NAME = "lifted_axis"
POOLS = ("MaxPool", "AveragePool")
# What gives the same in both shapes where all of its inputs are lifted; a concatenation only along
# the channels.
ALIKE = ("Relu", "Sigmoid", "Add", "Mul", "Concat", "BatchNormalization")
# What lists one number per dimension, and the number for the new one; pads list begins, then ends.
SPATIAL = {"kernel_shape": 1, "strides": 1, "dilations": 1, "pads": 0}


def lift_convolutions(model: onnx.ModelProto) -> int:
    """Turn 1-D convolutions, and what lies between them, into 2-D ones of height 1, in place.

    ONNX Runtime has blocked kernels (NCHWc), and kernels for few channels per group, for two
    dimensions only: they give the same numbers much faster.

    Returns
    -------
    int
        How many convolutions were turned.
    """
    graph = model.graph
    weights = {item.name: item for item in graph.initializer}
    lifting = _Lifting(weights)
    nodes = [made for node in graph.node for made in lifting.nodes(node)]
    nodes += list(lifting.lowered([item.name for item in graph.output]))
    if lifting.n_turned:
        graph.initializer.append(numpy_helper.from_array(np.array([AXIS], dtype=np.int64), AXIS_NAME))
        del graph.node[:]
        graph.node.extend(nodes)
        del graph.value_info[:]
    return lifting.n_turned


class _Lifting:
    """Goes through the nodes in order and knows which tensors exist in which shape."""

    def __init__(self, weights: dict[str, onnx.TensorProto]) -> None:
        self.weights = weights
        self.n_turned = 0
        self._turned: set[str] = set()
        self._lifted: dict[str, str] = {}
        # Made in the lifted shape only, until a node needs the flat one.
        self._only_lifted: set[str] = set()

    def nodes(self, node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
        """Yield what stands for a node."""
        if node.op_type == "Conv" and self._turn_weight(node.input[1]):
            yield from self._lift(node.input[0])
            self.n_turned += 1
            yield self._in_lifted_shape(node, 1)
        elif node.op_type in POOLS and node.input[0] in self._lifted and len(node.output) == 1:
            yield self._in_lifted_shape(node, 1)
        elif self._alike(node):
            yield self._in_lifted_shape(node, 1 if node.op_type == "BatchNormalization" else len(node.input))
        else:
            yield from self.lowered(node.input)
            yield node

    def lowered(self, names: list[str]) -> Iterator[onnx.NodeProto]:
        """Yield the nodes that make the flat shape of tensors that exist in the lifted one only."""
        for name in names:
            if name in self._only_lifted:
                self._only_lifted.remove(name)
                yield onnx.helper.make_node("Squeeze", [self._lifted[name], AXIS_NAME], [name], name=f"{name}.flat")

    def _alike(self, node: onnx.NodeProto) -> bool:
        tensors = node.input[:1] if node.op_type == "BatchNormalization" else node.input
        along_channels = node.op_type != "Concat" or node.attribute[0].i == 1
        return node.op_type in ALIKE and len(node.output) == 1 and along_channels and all(name in self._lifted for name in tensors)

    def _lift(self, name: str) -> Iterator[onnx.NodeProto]:
        if name not in self._lifted:
            self._lifted[name] = f"{name}.lifted"
            yield onnx.helper.make_node("Unsqueeze", [name, AXIS_NAME], [self._lifted[name]], name=f"{name}.lift")

    def _in_lifted_shape(self, node: onnx.NodeProto, n_tensors: int) -> onnx.NodeProto:
        turned = onnx.NodeProto()
        turned.CopyFrom(node)
        turned.input[:n_tensors] = [self._lifted[name] for name in node.input[:n_tensors]]
        name = node.output[0]
        turned.output[0] = self._lifted[name] = f"{name}.lifted"
        self._only_lifted.add(name)
        for item in turned.attribute:
            if item.name in SPATIAL:
                half = len(item.ints) // 2
                new = SPATIAL[item.name]
                item.ints[:] = [new, item.ints[0], new, item.ints[1]] if item.name == "pads" and half else [new, *item.ints]
        return turned

    def _turn_weight(self, name: str) -> bool:
        """Give a weight its new dimension once; return whether it has it."""
        if name in self.weights and len(self.weights[name].dims) == 3:
            self.weights[name].dims.insert(AXIS, 1)
            self._turned.add(name)
        return name in self._turned
