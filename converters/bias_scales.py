# SPDX-License-Identifier: Apache-2.0
"""Give biases of an int8 .tflite file the scale that kernels take for granted."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.writing.tflite import tflite_bytes

_INT32 = np.iinfo(np.int32)


def with_bias_scales(model: bytes) -> bytes:
    """Return the model with each int32 bias in units of the input's scale times the filters' scale.

    TensorFlow's converter (2.21) leaves some in other units, where quantization-aware training met a batch
    normalization that it folded into the filters of the layer after it. Kernels add a bias as if it were in
    those units; TFLite refuses a model once the difference is above 2% of the output's scale.
    """
    graph = parse(model)
    tensors = list(graph.tensors)
    for operator in graph.operators:
        found = _bias(graph, operator)
        if found is not None:
            index, right = found
            tensors[index] = _rescaled(tensors[index], right)
    return model if tuple(tensors) == graph.tensors else tflite_bytes(replace(graph, tensors=tuple(tensors)))


def _bias(graph: Graph, operator: Operator) -> tuple[int, npt.NDArray[np.float32]] | None:
    """Return which tensor is the operator's int32 bias, and its right scales; None where it has none."""
    layout = ops.layout(operator)
    if layout is None or max(layout.source, layout.bias) >= len(operator.inputs):
        return None
    image, filters, bias = (operator.inputs[place] for place in (layout.source, 1, layout.bias))
    if bias < 0 or graph.tensors[bias].dtype != "int32" or graph.tensors[bias].quantization is None:
        return None
    scales = [graph.tensors[index].quantization for index in (image, filters)]
    first, second = (np.array(q.scales if q else (0.0,)) for q in scales)
    return bias, np.asarray(first * second, np.float32)


def _rescaled(bias: Tensor, right: npt.NDArray[np.float32]) -> Tensor:
    """Return a bias in units of `right`, as it is where it is in those already."""
    stored, values = bias.quantization, bias.data
    assert stored is not None
    scales = np.array(stored.scales, np.float32)
    if values is None or scales.shape != right.shape or np.allclose(scales, right, rtol=1e-5, atol=0):
        return bias
    whole = np.clip(np.rint(values * scales.astype(np.float64) / right), _INT32.min, _INT32.max)
    quantization = replace(stored, scales=tuple(right.tolist()))
    return replace(bias, data=whole.astype(np.int32), quantization=quantization)
