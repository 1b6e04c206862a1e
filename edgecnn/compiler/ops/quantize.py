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
    if inputs[0].dtype == np.float32:
        return quant.quantize(inputs[0], geometry.quantization_of(graph.output(operator)))
    scaled = elementwise.rescaled(graph, operator, elementwise.centred(graph, operator, inputs))
    return np.clip(scaled, quant.INT8_MIN, quant.INT8_MAX).astype(np.int8)
