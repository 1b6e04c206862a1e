# SPDX-License-Identifier: Apache-2.0
"""L2_NORMALIZATION over the channels: each vector over its length, as embeddings end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, quant
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.kernel import INT8, Kernel, Line, Params
from edgecnn.compiler.ops import _elementwise
from edgecnn.compiler.steps import Step, Window
from edgecnn.errors import ModelError

L2_NORMALIZATION = Kernel(
    "l2_normalization",
    (
        Line.shape("int16_t columns, channels"),
        Line.shape("int16_t before", "bits by which values are enlarged before they are scaled: 7 for uint8"),
        Line.trained("int16_t input_zero_point", limits=INT8),
    ),
)

macs, needs = _elementwise.macs, _elementwise.needs
turned = _elementwise.turned

_STEPS = 7  # bits of the output below the point


@dataclass(frozen=True, kw_only=True)
class L2NormalizationOptions(geometry.Fused):
    """`unsigned` says that the file has uint8, which TensorFlow Lite rounds in another way."""

    unsigned: bool = False


OPTIONS = L2NormalizationOptions


def check(graph: Graph, operator: Operator) -> None:
    """Check types, the output's fixed scale of 1/128, and that there is no fused activation."""
    _elementwise.check(graph, operator)
    output, what = graph.output(operator), graph.describe(operator)
    quantization = geometry.quantization_of(output)
    if (quantization.scale, quantization.zero_point) != (1 / (1 << _STEPS), 0):
        raise ModelError(
            f"{what} has output scale {quantization.scale:.9g} and zero point {quantization.zero_point}; "
            "TFLite fixes them to 1/128 and 0"
        )
    if geometry.options(graph, operator, L2NormalizationOptions).activation != "none":
        raise ModelError(f"{what} has a fused activation; none is supported here")


def _before(graph: Graph, operator: Operator) -> int:
    return _STEPS if geometry.options(graph, operator, L2NormalizationOptions).unsigned else 0


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    value, before = _elementwise.centred(graph, operator, inputs), _before(graph, operator)
    multiplier, shift = quant.inverse_sqrt((value * value).sum(axis=-1, keepdims=True))
    scaled = quant.requantize(value << before, multiplier, shift + _STEPS - before)
    return np.clip(scaled, quant.INT8_MIN, quant.INT8_MAX).astype(np.int8)


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing."""
    _, rows, columns, channels = graph.output(operator).shape
    params: Params = {
        "columns": columns,
        "channels": channels,
        "before": _before(graph, operator),
        "input_zero_point": geometry.quantization_of(graph.input(operator, 0)).zero_point,
    }
    window = (Window(1, 1),)
    return (Step(operator, L2_NORMALIZATION, operator.inputs[:1], operator.outputs[0], window, rows, params),)
