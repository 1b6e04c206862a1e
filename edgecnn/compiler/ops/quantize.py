# SPDX-License-Identifier: Apache-2.0
"""QUANTIZE: float32 to int8 at the model's edge, or int8 to int8 of another scale."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import elementwise, geometry, quant
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.steps import Step

macs, needs = elementwise.macs, elementwise.needs


def check(graph: Graph, operator: Operator) -> None:
    """Check types; floats are only known at the model's edges, where a pass removes the operator."""
    geometry.check_int8(graph, operator, (graph.input(operator, 0), graph.output(operator)))
    geometry.check_shape(graph, operator, graph.input(operator, 0).shape)


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    made = geometry.quantization_of(graph.output(operator))
    value = geometry.cropped(graph, operator, inputs[0])
    if value.dtype == np.float32:
        return quant.quantize(value, made)
    source = geometry.quantization_of(graph.input(operator, 0))
    scaling = quant.quantize_multiplier(source.scale / made.scale)
    scaled = quant.requantize(value.astype(np.int64) - source.zero_point, *scaling)
    return np.clip(scaled + made.zero_point, -128, 127).astype(np.int8)


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing."""
    return elementwise.lower(graph, operator, reference)
