"""A model of an ONNX checkpoint for Triton Inference Server, in the layout of its model repository.

.. code-block:: text

    DIRECTORY/NAME/
      config.pbtxt     tensors, batching, instances, threads
      labels.txt       level and class of each logit
      1/model.onnx     the graph

Triton opens graphs with ONNX Runtime and passes it few of its options. What the others would do is
done in the graph: weights of 8 bits are written unsigned (see :func:`with_unsigned_weights`), and
each window brings its own features (see :func:`with_features_per_window`), so that Triton may join
windows of several clients.

References
----------
Triton Inference Server, docs/user_guide/model_repository.md and model_configuration.md.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from heart_reader.checkpoint import Checkpoint, load_checkpoint
from heart_reader.classifier import BATCH_WINDOWS
from heart_reader.data.batch import INPUT_NAMES
from heart_reader.data.labels import LabelSpace
from heart_reader.errors import NotServable
from heart_reader.folders import atomic_directory, write_text
from heart_reader.open_inference import VERSION, Tensor, network_inputs, network_output

__all__ = ["with_features_per_window", "with_unsigned_weights", "write_triton_model"]

CHECKPOINT_FOLDER = "checkpoint"
_, FEATURES, RECORD = INPUT_NAMES
# Instances and how long a window waits for others: two cores, and a tenth of what they take.
INSTANCES = 2
DELAY_US = 500


def write_triton_model(directory: Path, out: Path) -> Path:
    """Write a model that Triton serves as it is.

    Parameters
    ----------
    directory
        An ONNX checkpoint.
    out
        The model repository; its folder of this model is replaced as a whole.

    Returns
    -------
    pathlib.Path
        Folder of the model, named after the checkpoint's. It may be renamed: no file states it.

    Raises
    ------
    CheckpointError
        If the checkpoint cannot be used, or holds no ONNX graph.
    """
    checkpoint = load_checkpoint(directory)
    if checkpoint.runtime != "onnx":
        raise NotServable(f"{directory}: Triton serves ONNX: export this checkpoint with --out first, then one of its variants")
    graph = onnx.load(checkpoint.weights_path)
    with_features_per_window(graph)
    with_unsigned_weights(graph)
    folder = checkpoint.directory.resolve()
    final = out / (folder.parent.name if folder.name == CHECKPOINT_FOLDER else folder.name)
    with atomic_directory(final) as new:
        (new / VERSION).mkdir()
        onnx.save(graph, new / VERSION / "model.onnx")
        write_text(new / "config.pbtxt", _config(checkpoint))
        write_text(new / "labels.txt", "\n".join(_labels(checkpoint)) + "\n")
    return final


def with_features_per_window(model: onnx.ModelProto) -> bool:
    """Take the input away that says which record a window is from, in place.

    A reading computes what follows from the features of a record once for all of its windows.
    Triton joins requests along the first dimension of every input and knows nothing of records.

    Returns
    -------
    bool
        Whether there was such an input.
    """
    graph = model.graph
    inputs = {item.name: item for item in graph.input}
    if RECORD not in inputs:
        return False
    graph.input.remove(inputs[RECORD])
    n = inputs[INPUT_NAMES[0]].type.tensor_type.shape.dim[0].dim_param
    inputs[FEATURES].type.tensor_type.shape.dim[0].dim_param = n
    constants = {f"{RECORD}.{name}": np.array(value, np.int64) for name, value in (("axis", 0), ("start", 0), ("step", 1))}
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    shape, size = f"{RECORD}.shape", f"{RECORD}.size"
    made = [
        onnx.helper.make_node("Shape", [FEATURES], [shape], name=shape),
        onnx.helper.make_node("Gather", [shape, f"{RECORD}.axis"], [size], name=size),
        onnx.helper.make_node("Range", [f"{RECORD}.start", size, f"{RECORD}.step"], [RECORD], name=RECORD),
    ]
    nodes = [*made, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return True


def with_unsigned_weights(model: onnx.ModelProto) -> int:
    """Write signed 8-bit weights as unsigned ones with another zero point, in place.

    On x86 without VNNI, sums of products of signed weights overflow, silently and by much; ONNX
    Runtime has an option that does the same when it opens a graph (``session.x64quantprecision``,
    which :func:`heart_reader.runtimes.open_session` sets), and Triton does not pass it. The values
    that the integers stand for stay the same.

    Returns
    -------
    int
        How many weights were written anew.
    """
    graph = model.graph
    values = {item.name: item for item in graph.initializer}
    written: set[str] = set()
    for node in graph.node:
        if node.op_type != "DequantizeLinear" or node.input[0] not in values:
            continue
        name, scale = node.input[:2]
        if values[name].data_type != onnx.TensorProto.INT8:
            continue
        zero = numpy_helper.to_array(values[node.input[2]]) if len(node.input) > 2 else np.zeros(list(values[scale].dims), np.int8)
        weight, zero_point = f"{name}.unsigned", f"{name}.unsigned.zero"
        if name not in written:
            written.add(name)
            graph.initializer.append(numpy_helper.from_array(_unsigned(numpy_helper.to_array(values[name])), weight))
            graph.initializer.append(numpy_helper.from_array(_unsigned(zero), zero_point))
        del node.input[:]
        node.input.extend([weight, scale, zero_point])
    used = {name for node in graph.node for name in node.input}
    for item in [item for item in graph.initializer if item.name not in used]:
        graph.initializer.remove(item)
    return len(written)


def _unsigned(values: np.ndarray) -> np.ndarray:
    return (values.astype(np.int16) + 128).astype(np.uint8)


def _labels(checkpoint: Checkpoint) -> list[str]:
    space = LabelSpace.from_json(checkpoint.manifest["levels"])
    # Levels may share a name: NORM is a statement and a superclass.
    return [f"{head}/{name}" for head in space.heads for name in space.levels[head].class_names]


def _config(checkpoint: Checkpoint) -> str:
    """Return the configuration, in the text format of protocol buffers."""
    inputs, output = network_inputs(checkpoint.manifest), network_output(checkpoint.manifest)
    warm = " ".join(f'inputs {{ key: "{one.name}" value {{ {_type(one)} zero_data: true }} }}' for one in inputs)
    return f"""# Written by heart_reader: the network alone. Inputs are windows that heart_reader has prepared, in mV.
platform: "onnxruntime_onnx"
max_batch_size: {BATCH_WINDOWS}
{_listed("input", inputs)}
output [
  {{ name: "{output.name}" {_type(output)} label_filename: "labels.txt" }}
]
# Windows of several clients are joined.
dynamic_batching {{ max_queue_delay_microseconds: {DELAY_US} }}
# As many as there are cores, each of one thread: threads within a window only fight.
instance_group [ {{ kind: KIND_CPU count: {INSTANCES} }} ]
parameters {{ key: "intra_op_thread_count" value {{ string_value: "1" }} }}
parameters {{ key: "inter_op_thread_count" value {{ string_value: "1" }} }}
parameters {{ key: "checkpoint_sha256" value {{ string_value: "{checkpoint.sha256}" }} }}
model_warmup [ {{ name: "one window" batch_size: 1 {warm} }} ]
"""


def _listed(kind: str, tensors: tuple[Tensor, ...]) -> str:
    lines = ",\n".join(f'  {{ name: "{one.name}" {_type(one)} }}' for one in tensors)
    return f"{kind} [\n{lines}\n]"


def _type(tensor: Tensor) -> str:
    """Return datatype and shape; the number of windows is not part of it."""
    return f"data_type: TYPE_{tensor.datatype} dims: [ {', '.join(map(str, tensor.shape[1:]))} ]"
