# SPDX-License-Identifier: Apache-2.0
"""SUM over rows, columns or channels, with a scale of its own.

The reference kernel of TensorFlow Lite 2.14 lets sums wrap around 8 bits, up to 255 steps from the truth.
This is the optimized kernel's arithmetic, which is right: float32, halves away from zero.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, quant
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.kernel import Kernel, Line
from edgecnn.compiler.ops import _channels, _reduction
from edgecnn.compiler.steps import Step

REDUCE_SUM = Kernel(
    "reduce_sum",
    (
        *_reduction.LINES,
        Line.trained("const int32_t *thresholds", "the least sums that give -127, -126, ... 127"),
    ),
)

DEFINED_BY = "optimized"
LITERT_STEPS = None  # whose reference kernel is another one

channels, range_of = _channels.same, _channels.cornered
OPTIONS = _reduction.ReductionOptions
rewrite, check, macs, needs = _reduction.rewrite, _reduction.check, _reduction.macs, _reduction.needs
turned = _reduction.turned


def unlike_reference(graph: Graph, operator: Operator) -> str:
    """Return why TFLite's reference kernel isn't followed."""
    return "its reference kernel in 2.14 lets sums wrap around 8 bits"


def _quantized(graph: Graph, operator: Operator, total: quant.Int64s) -> quant.Int64s:
    """Return sums of the input's values, zero points and all, as the output's int8."""
    source = geometry.quantization_of(graph.input(operator, 0))
    output = geometry.quantization_of(graph.output(operator))
    scale = np.float32(quant.float32_ratio(source.scale, output=output.scale))
    with np.errstate(over="ignore", invalid="ignore"):  # the ratio may be near the end of float32
        bias = np.float32(-source.zero_point) * scale * np.float32(_reduction.count(graph, operator))
        real = np.nan_to_num(total.astype(np.float32) * scale + bias).astype(np.float64)
    rounded = quant.round_all(real) + output.zero_point
    return np.clip(rounded, quant.INT8_MIN, quant.INT8_MAX).astype(np.int64)


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's optimized kernel does."""
    total = _reduction.reduced(graph, operator, inputs, np.sum)
    return _quantized(graph, operator, total).astype(np.int8)


def _thresholds(graph: Graph, operator: Operator) -> quant.Int64s:
    """Return the least sums that give -127, -126, ... 127, found by halving: C then needs no floats."""
    count = _reduction.count(graph, operator)
    wanted = np.arange(quant.INT8_MIN + 1, quant.INT8_MAX + 1)
    low = np.full(wanted.size, count * quant.INT8_MIN, np.int64)
    high = np.full(wanted.size, count * quant.INT8_MAX + 1, np.int64)  # one more than there can be
    while (low < high).any():
        middle = (low + high) // 2
        enough = _quantized(graph, operator, middle) >= wanted
        low, high = np.where(enough, low, np.minimum(middle + 1, high)), np.where(enough, middle, high)
    return low


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return the ways of a reduction."""
    params = {"thresholds": _thresholds(graph, operator).astype(np.int32)}
    return _reduction.lower(graph, operator, REDUCE_SUM, params, sums=True)
