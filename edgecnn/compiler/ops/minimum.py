# SPDX-License-Identifier: Apache-2.0
"""MINIMUM of two operands of one scale."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.kernel import Kernel, serving
from edgecnn.compiler.ops import _broadcast, _channels
from edgecnn.compiler.steps import Step

MINIMUM = Kernel("minimum", _broadcast.LINES)
MINIMUM_S16 = MINIMUM.but(types="s16")

channels, range_of = _channels.same, _channels.cornered
check, macs, needs = _broadcast.check_same_quantization, _broadcast.macs, _broadcast.needs
turned = _broadcast.turned


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    output = np.minimum(*_broadcast.operands(graph, operator, inputs))
    return output.astype(graph.output(operator).dtype)


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing."""
    kernel = serving(graph.output(operator).dtype, MINIMUM, MINIMUM_S16)
    return (_broadcast.step(graph, operator, kernel, {}),)
