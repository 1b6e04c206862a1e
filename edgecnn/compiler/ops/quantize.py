# SPDX-License-Identifier: Apache-2.0
"""QUANTIZE: float32 to int8 at the model's edge, or int8 to int8 of another scale."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import elementwise, geometry, quant
from edgecnn.compiler.ir import Graph, Operator

# Floats are only known at the model's edges, where a pass removes the operator.
check, macs, needs, lower = elementwise.check, elementwise.macs, elementwise.needs, elementwise.lower


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    made = geometry.quantization_of(graph.output(operator))
    if inputs[0].dtype == np.float32:
        return quant.quantize(inputs[0], made)
    # In float64, unlike the scalings of other ops.
    real = geometry.quantization_of(graph.input(operator, 0)).scale / made.scale
    value = elementwise.centred(graph, operator, inputs)
    scaled = quant.requantize(value, *quant.quantize_multiplier(real)) + made.zero_point
    return np.clip(scaled, quant.INT8_MIN, quant.INT8_MAX).astype(np.int8)
