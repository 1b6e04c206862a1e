# SPDX-License-Identifier: Apache-2.0
"""TANH, which TFLite too takes from a table, of int8 one of all values."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.ops import _channels, _elementwise, _sigmoid
from edgecnn.compiler.ops._interpolation import sigmoid_at

channels, range_of = _channels.same, _channels.looked_up
macs, needs, lower = _elementwise.macs, _elementwise.needs, _sigmoid.lower
turned = _elementwise.turned


def check(graph: Graph, operator: Operator) -> None:
    """Check types, and over int16 the scales."""
    _elementwise.check(graph, operator, geometry.INT8_OR_INT16)
    if graph.output(operator).dtype == "int16":
        _sigmoid.check(graph, operator)


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does: of int8 in float32, for any output scale."""
    if inputs[0].dtype == np.int16:
        value = _sigmoid.scaled(graph, operator, inputs)
        twice = sigmoid_at(np.abs(value), 8, 65535) - (
            1 << 23
        )  # 2 * sigmoid(2x) - 1 with 23 bits below the point
        return (np.where(value >= 0, twice + 128, 127 - twice) >> 8).astype(np.int16)
    # float64 rounded to float32 is what a good tanhf gives.
    return _elementwise.through_float32(
        graph, operator, inputs, lambda real: np.tanh(real.astype(np.float64)).astype(np.float32)
    )
