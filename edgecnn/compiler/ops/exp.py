# SPDX-License-Identifier: Apache-2.0
"""EXP, which TFLite takes from a table of all 256 values."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.ops import _channels, _elementwise

channels, range_of = _channels.same, _channels.looked_up
macs, needs, lower = _elementwise.macs, _elementwise.needs, _elementwise.lower
turned = _elementwise.turned


def check(graph: Graph, operator: Operator) -> None:
    """Check types, and that 32 bits hold every value."""
    _elementwise.check(graph, operator)
    reference(graph, operator, [np.zeros(1, np.int8)])


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""

    def exponential(real: _elementwise.Float32s) -> _elementwise.Float32s:
        return np.exp(real.astype(np.float64)).astype(np.float32)

    return _elementwise.through_float32(graph, operator, inputs, exponential)
