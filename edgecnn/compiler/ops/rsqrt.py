# SPDX-License-Identifier: Apache-2.0
"""RSQRT: 1 / sqrt(x), to a scale of its own, of values from 0 on, as variances are."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, quant
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.ops import _channels, _elementwise
from edgecnn.errors import ModelError

_FRACTION = 20  # bits that are kept of the root

channels, range_of = _channels.same, _channels.looked_up
macs, needs, lower = _elementwise.macs, _elementwise.needs, _elementwise.lower
turned = _elementwise.turned


def check(graph: Graph, operator: Operator) -> None:
    """Check types, that no value is below 0, where TFLite fails, and that 32 bits hold the results."""
    _elementwise.check(graph, operator)
    zero_point = geometry.quantization_of(graph.input(operator, 0)).zero_point
    if zero_point != quant.INT8_MIN:
        raise ModelError(
            f"{graph.describe(operator)} has input zero point {zero_point}, with which values may be below "
            f"0, where there is no root: {quant.INT8_MIN} is supported"
        )
    geometry.check_scaled(graph, operator, 1 << _FRACTION, _scaling(graph, operator)[1] - _FRACTION)


def _scaling(graph: Graph, operator: Operator) -> tuple[int, int]:
    source, output = (
        geometry.quantization_of(tensor).scale
        for tensor in (graph.input(operator, 0), graph.output(operator))
    )
    return quant.quantize_multiplier(1 / float(np.float32(math.sqrt(source)) * np.float32(output)))


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does; of 0 it makes the largest value."""
    value = _elementwise.centred(graph, operator, inputs)
    multiplier, shift = quant.inverse_sqrt(value)
    root = quant.requantize(np.ones_like(value), multiplier, shift + _FRACTION)
    scale, of_scale = _scaling(graph, operator)
    output = quant.requantize(root, scale, of_scale - _FRACTION)
    output = output + geometry.quantization_of(graph.output(operator)).zero_point
    output = np.where(value == 0, quant.INT8_MAX, np.clip(output, quant.INT8_MIN, quant.INT8_MAX))
    return output.astype(np.int8)
