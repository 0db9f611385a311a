"""From a torch network to one ONNX file, as lean as a device wants it."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import nn

from heart_reader.data.batch import INPUT_NAMES
from heart_reader.edge.lifting import lift_convolutions
from heart_reader.errors import NotServable

__all__ = ["count_macs", "example_inputs", "fold_batch_norms", "write_graph"]

OPSET = 18
# Facts of the manifest that also travel in the file, so that a model.onnx on its own says what it
# is.
METADATA = ("model", "preprocessor", "leads", "label_rule", "seed")


def example_inputs(manifest: Mapping[str, Any], n: int) -> tuple[torch.Tensor, ...]:
    """Return zeros in the shape of a network's inputs, see ``EcgNetwork``: ``n`` windows and, where
    it takes features, of ``n`` records.
    """
    preprocessor = manifest["preprocessor"]
    inputs = [torch.zeros(n, len(preprocessor["leads"]), round(preprocessor["window_s"] * preprocessor["fs"]))]
    if manifest["features"] is not None:
        inputs.append(torch.zeros(n, sum(len(item["names"]) for item in manifest["features"]["sets"])))
        inputs.append(torch.zeros(n, dtype=torch.int64))
    return tuple(inputs)


def write_graph(network: nn.Module, manifest: Mapping[str, Any], path: Path) -> None:
    """Write one ONNX file with a dynamic batch, from (n, n_leads, n_times) mV to (n, n_outputs)
    logits.

    Batch normalisation is gone from it: the exporter folds it into convolutions,
    :func:`fold_batch_norms` into linear layers. Convolutions are two-dimensional in it, see
    :mod:`heart_reader.edge.lifting`.

    Parameters
    ----------
    network
        In evaluation mode.
    manifest
        Of its checkpoint.

    Raises
    ------
    NotServable
        If an operator of the network has no counterpart in ONNX.
    """
    inputs = example_inputs(manifest, 2)
    n_windows, n_records = (torch.export.Dim(name, min=1) for name in ("n", "n_records"))
    # The exporter's own deprecations, and its regrets that torchvision is absent; the gate looks at
    # the result.
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
        raise NotServable(f"{name}: an operator of it cannot be written as ONNX: use its torch checkpoint, or mend it: {reason}") from error
    model = onnx.load(path)
    fold_batch_norms(model)
    lift_convolutions(model)
    _forget_sources(model)
    onnx.helper.set_model_props(model, {key: _plain(manifest[key]) for key in METADATA})
    onnx.save(model, path)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _forget_sources(model: onnx.ModelProto) -> None:
    """Remove what the exporter says of where in the code each node is from: folder names of this
    machine, and many bytes.
    """
    for item in (*model.graph.node, *model.graph.input, *model.graph.output, *model.graph.initializer):
        del item.metadata_props[:]
        item.doc_string = ""
    # Shapes in between follow from the rest, and are wrong as soon as a quantizer transposes a
    # weight.
    del model.graph.value_info[:]


def fold_batch_norms(model: onnx.ModelProto) -> int:
    """Fold each batch normalisation whose only reader is a linear layer into that layer's weights,
    in place.

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
    """Tell a Gemm that is x W^T + c, with nothing else to it."""
    given = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
    return len(node.input) == 3 and {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0, **given} == {
        "alpha": 1.0,
        "beta": 1.0,
        "transA": 0,
        "transB": 1,
    }


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
