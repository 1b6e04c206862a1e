# SPDX-License-Identifier: Apache-2.0
"""MEAN over rows, columns or channels, with a scale of its own: global average pooling, for one."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, quant
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.kernel import INT8, MULTIPLIER, SHIFT, Kernel, Limits, Line, Params, serving
from edgecnn.compiler.ops import _channels, _reduction
from edgecnn.compiler.steps import Step


def _offsets(params: Params) -> Limits:
    """Return between which values the zero points of all values of a mean lie."""
    over = ("rows", "parts", "over_columns", "over_channels")
    most = 128 * math.prod(int(params.get(name, 1)) for name in over)
    return -most, most


MEAN = Kernel(
    "mean",
    (
        *_reduction.LINES,
        Line.trained("int16_t output_zero_point", limits=INT8),
        Line.trained("int16_t shift", limits=SHIFT),
        Line.trained(
            "int32_t multiplier", "the division by the number of values is in it", limits=MULTIPLIER
        ),
        Line.trained("int32_t bias", "the input's zero point, as often as there are values", limits=_offsets),
    ),
)
MEAN_S16 = MEAN.but(_reduction.VALUES, without="output_zero_point bias", types="s16")

_FARTHEST = {"int8": 255, "int16": 1 << 15}  # from the zero point

channels, range_of = _channels.same, _channels.cornered
OPTIONS = _reduction.ReductionOptions
rewrite, macs, needs = _reduction.rewrite, _reduction.macs, _reduction.needs
turned = _reduction.turned


def check(graph: Graph, operator: Operator) -> None:
    """Check types and sizes, and that 32 bits hold the results."""
    _reduction.check(graph, operator, geometry.INT8_OR_INT16)
    _, shift = _scaling(graph, operator)
    farthest = _FARTHEST[graph.output(operator).dtype]
    geometry.check_scaled(graph, operator, farthest * _reduction.count(graph, operator), shift)


def _scaling(graph: Graph, operator: Operator) -> tuple[int, int]:
    """Return multiplier and shift, with the division by the number of values in them.

    Source: QuantizedMeanOrSum of TensorFlow Lite.
    """
    source, output = graph.input(operator, 0), graph.output(operator)
    real = geometry.quantization_of(source).scale / geometry.quantization_of(output).scale
    multiplier, shift = quant.quantize_multiplier(real)
    count = _reduction.count(graph, operator)
    extra = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << extra) // count, shift - extra


def _bias(graph: Graph, operator: Operator) -> int:
    zero_point = geometry.quantization_of(graph.input(operator, 0)).zero_point
    return -zero_point * _reduction.count(graph, operator)


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    total = _reduction.reduced(graph, operator, inputs, np.sum) + _bias(graph, operator)
    scaled = quant.requantize(total, *_scaling(graph, operator))
    output = graph.output(operator)
    scaled = scaled + geometry.quantization_of(output).zero_point
    return np.clip(scaled, *quant.limits(output.dtype)).astype(output.dtype)


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return the ways of a reduction."""
    multiplier, shift = _scaling(graph, operator)
    params = {
        "bias": _bias(graph, operator),
        "multiplier": multiplier,
        "shift": shift,
        "output_zero_point": geometry.quantization_of(graph.output(operator)).zero_point,
    }
    kernel = serving(graph.output(operator).dtype, MEAN, MEAN_S16)
    return _reduction.lower(graph, operator, kernel, params, sums=True)
