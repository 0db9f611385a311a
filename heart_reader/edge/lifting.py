"""Convolutions of a signal as convolutions of an image of height 1: the same numbers from much
faster kernels.

ONNX Runtime has blocked kernels (NCHWc), and kernels for few channels per group, for two dimensions
only.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import numpy_helper

__all__ = ["lift_convolutions"]

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
    """Turn 1-D convolutions, and what lies between them, into 2-D ones, in place.

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
    """Goes through the nodes in order and knows which tensors exist in which shape.

    Parameters
    ----------
    weights
        Constants of the graph by name; those of turned convolutions are changed.
    """

    def __init__(self, weights: dict[str, onnx.TensorProto]) -> None:
        self.weights = weights
        self.n_turned = 0
        self._turned: set[str] = set()
        self._lifted: dict[str, str] = {}
        # Made in the lifted shape alone, until somebody asks for the flat one.
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
        """Yield the nodes that make the flat shape of tensors which exist in the lifted one alone."""
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
        """Give a weight its new dimension, unless another convolution with the same weight has done
        so; tell whether it has it.
        """
        if name in self.weights and len(self.weights[name].dims) == 3:
            self.weights[name].dims.insert(AXIS, 1)
            self._turned.add(name)
        return name in self._turned
