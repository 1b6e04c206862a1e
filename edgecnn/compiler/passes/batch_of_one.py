# SPDX-License-Identifier: Apache-2.0
"""Makes a model that takes several inputs of a kind at once take one: the C computes one after the other.

Only the shapes say how many there are, and lists of sides that reshape. Where something mixes them, the
shapes that follow are others than those of the file, and the model is refused as it is.
"""

from dataclasses import replace

import numpy as np

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Graph, Tensor
from edgecnn.compiler.ops import reshape, strided_slice, transpose_conv
from edgecnn.compiler.ops import slice as slice_

_NUMBERS = ("int32", "int64", "bool")
_VECTORS = 2  # dimensions, of which the first counts what a matrix multiplies one by one
# Where operators have the number of inputs as the first of a list.
_SIDES = ((reshape, 1), (transpose_conv, 0), (slice_, 2), (strided_slice, 2))


def batch_of_one(graph: Graph) -> Graph:
    """Return `graph`, as read from its file, for one of several inputs, or as it is; vectors stay several."""
    shapes = [graph.tensors[i].shape for i in graph.inputs]
    batches = {shape[0] if len(shape) > _VECTORS else 1 for shape in shapes}
    if len(batches) != 1 or (batch := batches.pop()) < 2:
        return graph
    computed = {*graph.inputs, *(i for operator in graph.operators for i in operator.outputs)}
    tensors = list(graph.tensors)
    for number in computed:
        tensor = tensors[number]
        if tensor.shape[:1] == (batch,):
            tensors[number] = replace(tensor, shape=(1, *tensor.shape[1:]), shape_signature=())
        elif tensor.dtype not in _NUMBERS:
            return graph
    for number in _lists_of_sides(graph):
        tensors[number] = _with_one(tensors[number], batch)
    return replace(graph, tensors=tuple(tensors))


def _lists_of_sides(graph: Graph) -> set[int]:
    return {
        operator.inputs[position]
        for operator in graph.operators
        for module, position in _SIDES
        if ops.is_a(operator, module) and position < len(operator.inputs)
    }


def _with_one(tensor: Tensor, batch: int) -> Tensor:
    if tensor.data is None or tensor.data.ndim != 1 or tensor.dtype not in _NUMBERS:
        return tensor
    sides = np.array(tensor.data)
    sides[:1] = np.where(sides[:1] == batch, 1, sides[:1])
    return replace(tensor, data=sides)
