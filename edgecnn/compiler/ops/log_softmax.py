# SPDX-License-Identifier: Apache-2.0
"""LOG_SOFTMAX over the channels, in fixed point: the logarithm of what SOFTMAX makes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, quant
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.kernel import MULTIPLIER, Kernel, Line, Params
from edgecnn.compiler.ops import _elementwise
from edgecnn.compiler.steps import Step, Window
from edgecnn.errors import ModelError

LOG_SOFTMAX = Kernel(
    "log_softmax",
    (
        Line.shape("int16_t columns, channels"),
        Line.trained("int32_t multiplier", "of differences, then with 26 bits below the point", MULTIPLIER),
        Line.trained("int32_t reverse_multiplier", "from there back to differences", limits=MULTIPLIER),
        Line.trained("int16_t shift", limits=(1, 30)),
        Line.trained("int16_t reverse_shift", limits=(-31, 0)),
        Line.trained("int16_t farthest", "difference that counts", (0, 32767)),
        Line.trained(
            "const int32_t *table",
            "exp(-scale * d) with 31 bits below the point, for d = 0, 1, ... 255",
            holds="exponentials",
        ),
    ),
)

macs, needs = _elementwise.macs, _elementwise.needs
turned = _elementwise.turned

_BITS, _SUM_BITS = 5, 12  # integer bits of a scaled difference, and of the sum of exponentials
_STEPS = 4  # bits of the output below the point


def check(graph: Graph, operator: Operator) -> None:
    """Check types, the output's fixed scale of 1/16, how many classes there are, and the input's scale."""
    _elementwise.check(graph, operator)
    output, what = graph.output(operator), graph.describe(operator)
    quantization = geometry.quantization_of(output)
    if (quantization.scale, quantization.zero_point) != (1 / (1 << _STEPS), quant.INT8_MAX):
        raise ModelError(
            f"{what} has output scale {quantization.scale:.9g} and zero point {quantization.zero_point}; "
            f"TFLite fixes them to 1/16 and {quant.INT8_MAX}"
        )
    if output.shape[-1] >= 1 << _SUM_BITS:
        raise ModelError(f"{what} has {output.shape[-1]} classes; less than {1 << _SUM_BITS} needed")
    shift = _scaling(graph, operator)[1]
    if not 1 <= shift <= 30:
        scale = geometry.quantization_of(graph.input(operator, 0)).scale
        raise ModelError(f"{what} has input scale {scale:.3g}; 2**-26 to 8 are supported")


def _scaling(graph: Graph, operator: Operator) -> tuple[int, int]:
    """Return (multiplier, shift) of differences; source: PreprocessSoftmaxScaling of TensorFlow Lite."""
    scale = geometry.quantization_of(graph.input(operator, 0)).scale
    return quant.quantize_multiplier(min(scale * (1 << (31 - _BITS)), (1 << 31) - 1.0))


def _reverse(graph: Graph, operator: Operator) -> tuple[int, int]:
    """Return (multiplier, shift) from scaled differences back; source: PreprocessLogSoftmaxScalingExp."""
    multiplier, shift = _scaling(graph, operator)
    return quant.quantize_multiplier((1 << (31 - shift)) / multiplier)


def _farthest(graph: Graph, operator: Operator) -> int:
    return min(quant.input_radius(_BITS, _scaling(graph, operator)[1]), 32766)


def _exponentials(graph: Graph, operator: Operator) -> quant.Int64s:
    """Return exp(-scale * d) as 0.31 fixed point for d = 0, 1, ... 255; 0 beyond those that count."""
    every = np.arange(256, dtype=np.int64)
    scaled = quant.requantize(-every, *_scaling(graph, operator))
    counting = every <= _farthest(graph, operator)
    return np.where(counting, quant.exp_on_negative_values(np.where(counting, scaled, 0), _BITS), 0)


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    source = geometry.cropped(graph, operator, inputs[0]).astype(np.int64)
    distance = source.max(axis=-1, keepdims=True) - source
    exponential = quant.divide_by_power_of_two(_exponentials(graph, operator)[distance], _SUM_BITS)
    log = quant.log_of_sum(exponential.sum(axis=-1, keepdims=True))
    farthest = -quant.requantize(log + quant.INT32_MIN, *_reverse(graph, operator))
    farthest = np.minimum(farthest, _farthest(graph, operator) + 1)
    scaled = quant.requantize(-distance, *_scaling(graph, operator))
    output = quant.divide_by_power_of_two(scaled - log, 31 - _BITS - _STEPS) + quant.INT8_MAX
    counted = np.where(distance < farthest, output, quant.INT8_MIN)
    return np.clip(counted, quant.INT8_MIN, quant.INT8_MAX).astype(np.int8)


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing."""
    _, rows, columns, channels = graph.output(operator).shape
    multiplier, shift = _scaling(graph, operator)
    reverse_multiplier, reverse_shift = _reverse(graph, operator)
    params: Params = {
        "columns": columns,
        "channels": channels,
        "multiplier": multiplier,
        "shift": shift,
        "reverse_multiplier": reverse_multiplier,
        "reverse_shift": reverse_shift,
        "farthest": _farthest(graph, operator),
        "table": _exponentials(graph, operator).astype(np.int32),
    }
    window = (Window(1, 1),)
    return (Step(operator, LOG_SOFTMAX, operator.inputs[:1], operator.outputs[0], window, rows, params),)
