# SPDX-License-Identifier: Apache-2.0
"""LOGISTIC: 1 / (1 + exp(-x)), which TFLite too takes from a table, of int8 one of all values."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.ops import _channels, _elementwise, _sigmoid
from edgecnn.compiler.ops._interpolation import sigmoid_at
from edgecnn.errors import ModelError

channels, range_of = _channels.same, _channels.looked_up
macs, needs, lower = _elementwise.macs, _elementwise.needs, _sigmoid.lower
turned = _elementwise.turned


def check(graph: Graph, operator: Operator) -> None:
    """Check types and the output's fixed scale of 1/256, or over int16 of 1/32768."""
    _elementwise.check(graph, operator, geometry.INT8_OR_INT16)
    if graph.output(operator).dtype == "int16":
        _sigmoid.check(graph, operator)
        return
    quantization = geometry.quantization_of(graph.output(operator))
    if quantization.scale != 1 / 256 or quantization.zero_point != -128:
        raise ModelError(
            f"{graph.describe(operator)} has output scale {quantization.scale:.9g} and zero point "
            f"{quantization.zero_point}; TFLite fixes them to 1/256 and -128"
        )


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does: of int8 in float32."""
    if inputs[0].dtype == np.int16:
        value = _sigmoid.scaled(graph, operator, inputs)
        output = sigmoid_at(np.abs(value), 9, 65534)  # with 25 bits below the point
        return (np.where(value >= 0, output + 512, (1 << 25) - output + 511) >> 10).astype(np.int16)

    def logistic(real: _elementwise.Float32s) -> _elementwise.Float32s:
        # float64 rounded to float32 is what a good expf gives.
        exponential = np.exp(-real.astype(np.float64)).astype(np.float32)
        return np.float32(1) / (np.float32(1) + exponential)

    return _elementwise.through_float32(graph, operator, inputs, logistic)
