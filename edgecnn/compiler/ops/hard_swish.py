# SPDX-License-Identifier: Apache-2.0
"""HARD_SWISH: x * clamp(x + 3, 0, 6) / 6, in fixed point of 16 bits."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, quant
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.ops import _channels, _elementwise
from edgecnn.errors import ModelError

channels, range_of = _channels.same, _channels.looked_up
macs, needs, lower = _elementwise.macs, _elementwise.needs, _elementwise.lower
turned = _elementwise.turned

_FRACTION_BITS = 7  # below the point of an input step
_RAMP_SCALE = 3 / 32768  # 3, where the ramp ends, is 2**15
_MOST_RIGHT, _MOST_LEFT = 15, 30  # bits by which 16 can be shifted and rounded, or saturated
_INT16_MIN, _INT16_MAX = -(1 << 15), (1 << 15) - 1


def check(graph: Graph, operator: Operator) -> None:
    """Check types, shapes, and that the output's scale is coarse enough for TFLite's fixed point."""
    _elementwise.check(graph, operator)
    what, ((_, exponent), (_, ramp_exponent)) = graph.describe(operator), _scalings(graph, operator)
    if exponent > 0:
        raise ModelError(
            f"{what} has an output scale of less than 1/128 of its input's; "
            "TFLite refuses it too: calibrate the model anew"
        )
    if min(exponent, ramp_exponent) < -_MOST_RIGHT or ramp_exponent > _MOST_LEFT:
        raise ModelError(
            f"{what} has an input scale so small or large, by itself or beside the output's, that TFLite's "
            "fixed point of 16 bits doesn't hold it; the scales are out of proportion: convert the model anew"
        )


def _scalings(graph: Graph, operator: Operator) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return (16-bit multiplier, exponent) to the output's scale and to the ramp's: HardSwishPrepare."""
    fine = geometry.quantization_of(graph.input(operator, 0)).scale / (1 << _FRACTION_BITS)
    output_scale = geometry.quantization_of(graph.output(operator)).scale
    return _in_16_bits(fine, output_scale), _in_16_bits(fine, _RAMP_SCALE)


def _in_16_bits(scale: float, output_scale: float) -> tuple[int, int]:
    multiplier, exponent = quant.quantize_multiplier(quant.float32_ratio(scale, output=output_scale))
    return min((multiplier + (1 << 15)) >> 16, _INT16_MAX), exponent


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    (multiplier, exponent), (ramp_multiplier, ramp_exponent) = _scalings(graph, operator)
    value = _elementwise.centred(graph, operator, inputs) << _FRACTION_BITS
    left = min(max(ramp_exponent, 0), 16)  # more saturates everything, too
    # The last bit of a left shift comes after the product, so that it alone saturates the result.
    ramp = np.clip(value << max(left - 1, 0), _INT16_MIN, _INT16_MAX)
    ramp = np.clip(quant.high_mul_16(ramp, ramp_multiplier) << min(left, 1), _INT16_MIN, _INT16_MAX)
    ramp = quant.divide_by_power_of_two(ramp, max(-ramp_exponent, 0))
    product = ((ramp + (1 << 15)) >> 1) * quant.high_mul_16(value, multiplier)
    product = quant.shift_towards_zero(product, 15)
    scaled = quant.divide_by_power_of_two(product, -exponent)
    output = geometry.quantization_of(graph.output(operator))
    return np.clip(scaled + output.zero_point, quant.INT8_MIN, quant.INT8_MAX).astype(np.int8)
