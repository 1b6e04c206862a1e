# SPDX-License-Identifier: Apache-2.0
"""What LOGISTIC and TANH share over int16: one table, as tanh(x) is 2 * sigmoid(2 * x) - 1."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, quant
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.kernel import Kernel, Line, Params
from edgecnn.compiler.ops import _elementwise
from edgecnn.compiler.ops._interpolation import sigmoid_table
from edgecnn.compiler.steps import Step, Window
from edgecnn.errors import ModelError

LOGISTIC_S16 = Kernel(
    "logistic",
    (
        Line.shape("int32_t size"),
        Line.trained("int32_t multiplier", limits=(0, 32767)),
        Line.trained("int16_t shift", "to the right", limits=(0, 31)),
        Line.table("const uint16_t *table"),
    ),
    types="s16",
)
TANH_S16 = LOGISTIC_S16.but(name="tanh")

_MOST_MULTIPLIER = 32767
_WHOLE_STEPS = {
    "LOGISTIC": (-12,),
    "TANH": (-12, -11),
}  # exponents of scales that are taken for powers of two


def check(graph: Graph, operator: Operator) -> None:
    """Check the scales of an operator over int16: TensorFlow Lite fixes the output's."""
    what, output = graph.describe(operator), geometry.quantization_of(graph.output(operator))
    if output.scale != 1 / 32768:
        raise ModelError(f"{what} has output scale {output.scale:.9g}; TFLite fixes that of int16 to 1/32768")
    if not 0 < _scaling(graph, operator)[0] <= _MOST_MULTIPLIER:
        scale = geometry.quantization_of(graph.input(operator, 0)).scale
        raise ModelError(
            f"{what} has input scale {scale:.9g}; 4e-14 to 2.66 is supported for int16, "
            "as TFLite's multiplier holds no other: convert the model anew"
        )


def _scaling(graph: Graph, operator: Operator) -> tuple[int, int]:
    """Return (multiplier, right shift) to steps of 1/12288, of which 512 are one of the table's for LOGISTIC.

    Source: LogisticPrepare and TanhPrepare of TensorFlow Lite.
    """
    scale = geometry.quantization_of(graph.input(operator, 0)).scale
    exponent = quant.power_of_two(scale)
    if exponent in _WHOLE_STEPS[operator.op]:
        return 3 << (exponent + 12), 0
    multiplier, right = scale * 4096 * 3, 0
    while multiplier <= _MOST_MULTIPLIER / 2 and right <= 30:
        multiplier, right = 2 * multiplier, right + 1
    return int(multiplier), right


def scaled(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> quant.Int64s:
    """Return the input in those steps."""
    multiplier, right = _scaling(graph, operator)
    value = geometry.cropped(graph, operator, inputs[0]).astype(np.int64)
    return np.asarray((value * multiplier + ((1 << right) >> 1)) >> right)


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing; over int8 it takes a table of all values."""
    if graph.input(operator, 0).dtype == "int8":
        return _elementwise.lower(graph, operator)
    _, rows, columns, channels = graph.output(operator).shape
    multiplier, right = _scaling(graph, operator)
    params: Params = {
        "size": columns * channels,
        "multiplier": multiplier,
        "shift": right,
        "table": sigmoid_table(),
    }
    kernel = LOGISTIC_S16 if operator.op == "LOGISTIC" else TANH_S16
    return (Step(operator, kernel, operator.inputs[:1], operator.outputs[0], (Window(1, 1),), rows, params),)
