# SPDX-License-Identifier: Apache-2.0
"""LEAKY_RELU: x, or alpha times x below zero."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import elementwise, quant
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.errors import ModelError

macs, needs, lower = elementwise.macs, elementwise.needs, elementwise.lower


def check(graph: Graph, operator: Operator) -> None:
    """Check types, shapes, and that alpha is a number."""
    elementwise.check(graph, operator)
    alpha = operator.options.get("alpha", 0.0)
    if not math.isfinite(alpha):
        raise ModelError(f"{graph.describe(operator)} has alpha {alpha}; a finite number needed")


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    alpha = float(operator.options.get("alpha", 0.0))
    value = elementwise.centred(graph, operator, inputs)
    scaled = np.where(
        value >= 0,
        elementwise.rescaled(graph, operator, value),
        elementwise.rescaled(graph, operator, value, alpha),
    )
    return np.clip(scaled, quant.INT8_MIN, quant.INT8_MAX).astype(np.int8)
