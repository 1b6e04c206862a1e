# SPDX-License-Identifier: Apache-2.0
"""RELU_0_TO_1 as an operator of its own, to a scale of its own."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.ops import _channels, _elementwise

channels, range_of = _channels.same, _channels.looked_up
macs, needs, lower = _elementwise.macs, _elementwise.needs, _elementwise.lower
turned = _elementwise.turned


def check(graph: Graph, operator: Operator) -> None:
    """Check types, shapes and scales."""
    _elementwise.check_rescaled(graph, operator, bounds=(1.0,))


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    return _elementwise.clamped(graph, operator, inputs, 0.0, 1.0)
