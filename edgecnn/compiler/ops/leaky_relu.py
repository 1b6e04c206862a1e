# SPDX-License-Identifier: Apache-2.0
"""LEAKY_RELU: x, or alpha times x below zero."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, quant
from edgecnn.compiler.ir import Graph, Operator, Options
from edgecnn.compiler.kernel import MULTIPLIER, SHIFT, Kernel, Line, Params
from edgecnn.compiler.ops import _channels, _elementwise
from edgecnn.compiler.steps import Step, Window
from edgecnn.errors import ModelError

LEAKY_RELU_S16 = Kernel(
    "leaky_relu",
    (
        Line.shape("int32_t size"),
        Line.trained("int32_t multiplier, below_multiplier", "of values from 0 on, and below", MULTIPLIER),
        Line.trained("int16_t shift, below_shift", limits=SHIFT),
    ),
    types="s16",
)


@dataclass(frozen=True, kw_only=True)
class LeakyReluOptions(Options):
    """What values below zero are multiplied by."""

    alpha: float


OPTIONS = LeakyReluOptions
channels, range_of = _channels.same, _channels.looked_up
macs, needs = _elementwise.macs, _elementwise.needs
turned = _elementwise.turned


def check(graph: Graph, operator: Operator) -> None:
    """Check types, shapes, scales, and that alpha is a number."""
    alpha = _alpha(graph, operator)
    if not math.isfinite(alpha):
        raise ModelError(f"{graph.describe(operator)} has alpha {alpha}; a finite number needed")
    for factors in ((), (alpha,)):
        _elementwise.check_rescaled(graph, operator, *factors, dtypes=geometry.INT8_OR_INT16)


def _alpha(graph: Graph, operator: Operator) -> float:
    return geometry.options(graph, operator, LeakyReluOptions).alpha


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    value = _elementwise.centred(graph, operator, inputs)
    scaled = np.where(
        value >= 0,
        _elementwise.rescaled(graph, operator, value),
        _elementwise.rescaled(graph, operator, value, _alpha(graph, operator)),
    )
    dtype = graph.output(operator).dtype
    return np.clip(scaled, *quant.limits(dtype)).astype(dtype)


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing; over int8 it takes a table of all values."""
    if graph.input(operator, 0).dtype == "int8":
        return _elementwise.lower(graph, operator)
    _, rows, columns, channels = graph.output(operator).shape
    params: Params = {"size": columns * channels}
    for prefix, factors in (("", ()), ("below_", (_alpha(graph, operator),))):
        multiplier, shift = _elementwise.scaling(graph, operator, *factors)
        params = {**params, f"{prefix}multiplier": multiplier, f"{prefix}shift": shift}
    source, output = operator.inputs[:1], operator.outputs[0]
    return (Step(operator, LEAKY_RELU_S16, source, output, (Window(1, 1),), rows, params),)
