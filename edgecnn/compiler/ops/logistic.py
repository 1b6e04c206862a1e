# SPDX-License-Identifier: Apache-2.0
"""LOGISTIC: 1 / (1 + exp(-x)), which TFLite too takes from a table of all 256 values."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import elementwise, geometry
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.errors import ModelError

macs, needs, lower = elementwise.macs, elementwise.needs, elementwise.lower


def check(graph: Graph, operator: Operator) -> None:
    """Check types and the output's fixed scale of 1/256."""
    elementwise.check(graph, operator)
    quantization = geometry.quantization_of(graph.output(operator))
    if quantization.scale != 1 / 256 or quantization.zero_point != -128:
        raise ModelError(
            f"{graph.describe(operator)} has output scale {quantization.scale:.9g} and zero point "
            f"{quantization.zero_point}; TFLite fixes them to 1/256 and -128"
        )


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does: in float32."""

    def logistic(real: elementwise.Float32s) -> elementwise.Float32s:
        # float64 rounded to float32 is what a good expf gives.
        exponential = np.exp(-real.astype(np.float64)).astype(np.float32)
        return np.float32(1) / (np.float32(1) + exponential)

    return elementwise.through_float32(graph, operator, inputs, logistic)
