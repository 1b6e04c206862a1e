# SPDX-License-Identifier: Apache-2.0
"""ELU: x, or exp(x) - 1 below zero; TFLite takes it from a table of all 256 values."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.ops import _channels, _elementwise

DEFINED_BY = "optimized"
LITERT_STEPS = None  # whose reference kernel is another one

channels, range_of = _channels.same, _channels.looked_up
check, macs, needs, lower = _elementwise.check, _elementwise.macs, _elementwise.needs, _elementwise.lower
turned = _elementwise.turned


def unlike_reference(graph: Graph, operator: Operator) -> str:
    """Return why no reference kernel of TFLite's is followed."""
    return "2.14 has no reference kernel for it"


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's optimized kernel does: its reference resolver lacks int8 ELU."""

    def elu(real: _elementwise.Float32s) -> _elementwise.Float32s:
        below = np.expm1(np.minimum(real, 0).astype(np.float64)).astype(np.float32)
        return np.where(real < 0, below, real)

    return _elementwise.through_float32(graph, operator, inputs, elu)
