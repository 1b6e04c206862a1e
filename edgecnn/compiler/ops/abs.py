# SPDX-License-Identifier: Apache-2.0
"""ABS, to a scale of its own."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import quant
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.ops import _channels, _elementwise

channels, range_of = _channels.same, _channels.looked_up
check, macs, needs, lower = (
    _elementwise.check_rescaled,
    _elementwise.macs,
    _elementwise.needs,
    _elementwise.lower,
)
turned = _elementwise.turned


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's kernel does."""
    magnitude = np.abs(_elementwise.centred(graph, operator, inputs))
    scaled = _elementwise.rescaled(graph, operator, magnitude)
    return np.clip(scaled, quant.INT8_MIN, quant.INT8_MAX).astype(np.int8)
