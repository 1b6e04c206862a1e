# SPDX-License-Identifier: Apache-2.0
"""Give biases of an int8 .tflite file the scale that kernels take for granted."""

from typing import Any

import numpy as np
import numpy.typing as npt
import tflite

from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.reading.tflite import parse

# Which inputs are the image, the filters and the bias.
_INPUTS = {
    "CONV_2D": (0, 1, 2),
    "DEPTHWISE_CONV_2D": (0, 1, 2),
    "FULLY_CONNECTED": (0, 1, 2),
    "TRANSPOSE_CONV": (2, 1, 3),
}
_INT32 = np.iinfo(np.int32)


def with_bias_scales(model: bytes) -> bytes:
    """Return the model with each int32 bias in units of the input's scale times the filters' scale.

    TensorFlow's converter (2.21) leaves some in other units, where quantization-aware training met a batch
    normalization that it folded into the filters of the layer after it. Kernels add a bias as if it were in
    those units; TFLite refuses a model once the difference is above 2% of the output's scale.
    """
    repaired, graph = bytearray(model), parse(model)
    root = tflite.Model.GetRootAs(repaired, 0)
    for operator in graph.operators:
        found = _bias(graph, operator)
        if found is not None:
            index, right = found
            tensor = root.Subgraphs(0).Tensors(index)
            stored, values = tensor.Quantization().ScaleAsNumpy(), root.Buffers(tensor.Buffer()).DataAsNumpy()
            _rescale(values.view("<i4"), stored, right)
    return bytes(repaired)


def _bias(graph: Graph, operator: Operator) -> tuple[int, npt.NDArray[np.float32]] | None:
    """Return which tensor is the operator's int32 bias, and its right scales; None where it has none."""
    places = _INPUTS.get(operator.op, ())
    if not places or max(places) >= len(operator.inputs):
        return None
    image, filters, bias = (operator.inputs[place] for place in places)
    if bias < 0 or graph.tensors[bias].dtype != "int32" or graph.tensors[bias].quantization is None:
        return None
    scales = [graph.tensors[index].quantization for index in (image, filters)]
    first, second = (np.array(q.scales if q else (0.0,)) for q in scales)
    return bias, np.asarray(first * second, np.float32)


def _rescale(values: Any, stored: Any, right: npt.NDArray[np.float32]) -> None:
    """Change integers and scales in place, where the scales aren't right already."""
    if stored.shape == right.shape and not np.allclose(stored, right, rtol=1e-5, atol=0):
        values[:] = np.clip(np.rint(values * np.float64(stored) / right), _INT32.min, _INT32.max)
        stored[:] = right
