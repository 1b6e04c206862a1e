# SPDX-License-Identifier: Apache-2.0
"""DEQUANTIZE: int8 to float32, which is supported where the model ends."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from edgecnn.compiler import geometry, quant
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.ops import _elementwise
from edgecnn.compiler.steps import Step
from edgecnn.errors import ModelError

LITERT_STEPS = None  # a pass has removed it
macs, needs = _elementwise.macs, _elementwise.needs


def check(graph: Graph, operator: Operator) -> None:
    """Refuse the operator: where the model ends, a pass has removed what makes float32 of the same shape."""
    source, output = graph.input(operator, 0), graph.output(operator)
    geometry.check_shape(graph, operator, source.shape)
    if operator.outputs[0] in graph.outputs:
        geometry.check_types(graph, operator, (source,), geometry.INT8_OR_INT16)
        if output.dtype != "float32":
            raise ModelError(f"{graph.describe(operator)} makes {output.dtype}; only float32 is supported")
    raise ModelError(
        f"{graph.describe(operator)} makes floats inside the model; only its outputs may be float: "
        "convert the model that it was made from, to int8 throughout"
    )


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    return quant.dequantize(inputs[0], geometry.quantization_of(graph.input(operator, 0)))


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Refuse the operator, as `check` does."""
    check(graph, operator)
    raise AssertionError("check has refused")
