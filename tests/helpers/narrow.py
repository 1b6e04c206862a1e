# SPDX-License-Identifier: Apache-2.0
"""Makes weights of four bits of those of eight, and what of a model's sums goes with them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from edgecnn.compiler import int4, ops
from edgecnn.compiler.ir import ABSENT, Graph, Operator, Quantization, Tensor
from edgecnn.compiler.passes.widen_weights import widen_weights
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.writing.tflite import tflite_bytes
from edgecnn.converters.int4_weights import OPS


def narrowed(
    model: bytes, which: Callable[[int], bool] = lambda number: True, least: int = int4.LOWEST
) -> bytes:
    """Return a .tflite file with a sixteenth of the weights of an int8 one's operators, or some, as int4."""
    graph = parse(model)
    tensors = list(graph.tensors)
    for number, operator in enumerate(graph.operators):
        if which(number) and has_weights(graph, operator):
            weights, layout = operator.inputs[1], ops.layout(operator)
            assert layout is not None, "only such have weights"
            tensors[weights] = _narrow(graph.tensors[weights], least)
            bias = operator.inputs[layout.bias] if layout.bias < len(operator.inputs) else ABSENT
            if bias != ABSENT:
                tensors[bias] = _scaled(graph.tensors[bias])
    return tflite_bytes(replace(graph, tensors=tuple(tensors)))


def has_weights(graph: Graph, operator: Operator) -> bool:
    """Whether an operator has weights of int8 to itself, and an op that TFLite knows over int4."""
    if operator.op not in OPS:
        return False
    weights = graph.tensors[operator.inputs[1]]
    alone = len(graph.consumers(operator.inputs[1])) == 1
    return alone and weights.data is not None and weights.dtype == "int8"


def _narrow(tensor: Tensor, least: int) -> Tensor:
    assert tensor.data is not None, "weights are constants"
    values: Any = tensor.data
    return replace(
        _wider(tensor), dtype="int4", data=int4.packed(np.maximum(values >> np.int8(4), np.int8(least)))
    )


def _scaled(tensor: Tensor) -> Tensor:
    values: Any = tensor.data
    return replace(_wider(tensor), data=values // 16)


def _wider(tensor: Tensor) -> Tensor:
    """The tensor with scales that are 16 times as large."""
    stored = tensor.quantization
    if stored is None:
        return tensor
    scales = tuple(16 * scale for scale in stored.scales)
    return replace(tensor, quantization=Quantization(scales, stored.zero_points, stored.axis))


def widened(model: bytes) -> bytes:
    """Return the same .tflite file with weights of int8 that have the values of int4 ones."""
    graph = widen_weights(parse(model))
    wide = (replace(tensor, dtype="int8") if tensor.dtype == "int4" else tensor for tensor in graph.tensors)
    return tflite_bytes(replace(graph, tensors=tuple(wide)))
