# SPDX-License-Identifier: Apache-2.0
"""Stores weights of an int8 .tflite file in four bits, where those hold them.

Ops keep their versions: LiteRT 2.3 and tflite-runtime 2.14 run weights of four bits under those of int8, and
don't know all of the later ones that were made for int4.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.compiler import int4, ops
from edgecnn.compiler.ir import ABSENT, Graph, Operator, Quantization, Tensor
from edgecnn.compiler.ops import conv_2d, depthwise_conv_2d, fully_connected
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.writing.tflite import tflite_bytes

# For which TFLite has weights of four bits.
OPS = tuple(map(ops.name, (conv_2d, depthwise_conv_2d, fully_connected)))
_MOST = 7  # symmetric: -8 stays unused
_STEP = 127 / _MOST  # of int8, where the largest weight of a channel is 127 there and 7 here


def with_int4_weights(model: bytes, rounded: bool = False) -> bytes:
    """Return the model with weights of four bits for those operators whose weights they hold.

    Training with four bits imitated makes weights that are -7 to 7 times the step of a channel, and the
    converter makes of them int8 with 127 in the place of 7.

    Args:
        model: an int8 .tflite file.
        rounded: store weights of all such operators so, whatever is lost.

    Raises:
        ModelError: the file holds what can't be written anew.
    """
    graph = parse(model)
    tensors = list(graph.tensors)
    for operator in graph.operators:
        if operator.op in OPS and _may_change(graph, operator):
            weights = np.asarray(graph.tensors[operator.inputs[1]].data)
            narrow = np.asarray(np.rint(weights / _STEP), np.int8)
            if rounded or np.array_equal(np.rint(narrow * _STEP), weights):
                _store(tensors, operator, narrow)
    return tflite_bytes(replace(graph, tensors=tuple(tensors)))


def _may_change(graph: Graph, operator: Operator) -> bool:
    """Tell whether an operator's weights are constants of int8, and its biases of int32, for it alone."""
    layout = ops.layout(operator)
    assert layout is not None, "only such ops have weights of four bits"
    places = [1, *([layout.bias] if operator.inputs[layout.bias : layout.bias + 1] != (ABSENT,) else [])]
    held = [operator.inputs[place] for place in places if place < len(operator.inputs)]
    types = ("int8", "int32")
    return all(
        graph.tensors[index].data is not None
        and graph.tensors[index].dtype == dtype
        and graph.tensors[index].quantization is not None
        and len(graph.consumers(index)) == 1
        for index, dtype in zip(held, types, strict=False)
    )


def _store(tensors: list[Tensor], operator: Operator, narrow: npt.NDArray[np.int8]) -> None:
    """Put weights in the place of an operator's, and biases in units of their scales."""
    weights = operator.inputs[1]
    tensors[weights] = replace(_scaled(tensors[weights]), dtype=int4.DTYPE, data=int4.packed(narrow))
    layout = ops.layout(operator)
    assert layout is not None, "only such ops have weights of four bits"
    bias = operator.inputs[layout.bias] if layout.bias < len(operator.inputs) else ABSENT
    if bias != ABSENT:
        values: Any = tensors[bias].data
        whole = np.asarray(np.rint(values / _STEP), np.int32)
        tensors[bias] = replace(_scaled(tensors[bias]), data=whole)


def _scaled(tensor: Tensor) -> Tensor:
    """Return a tensor whose scales are as much larger as its numbers become smaller."""
    stored = tensor.quantization
    assert stored is not None, "only such come here"
    scales = (np.array(stored.scales, np.float64) * _STEP).astype(np.float32)
    return replace(tensor, quantization=Quantization(tuple(scales.tolist()), stored.zero_points, stored.axis))
