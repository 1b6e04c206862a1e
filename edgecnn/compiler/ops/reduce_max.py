# SPDX-License-Identifier: Apache-2.0
"""REDUCE_MAX: the largest value over rows, columns or channels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.kernel import Kernel, serving
from edgecnn.compiler.ops import _channels, _reduction
from edgecnn.compiler.steps import Step

REDUCE_MAX = Kernel("reduce_max", _reduction.LINES).but(without="parts")
REDUCE_MAX_S16 = REDUCE_MAX.but(_reduction.VALUES, types="s16")

channels, range_of = _channels.same, _channels.cornered
OPTIONS = _reduction.ReductionOptions
rewrite, macs, needs = _reduction.rewrite, _reduction.macs, _reduction.needs
turned = _reduction.turned


def check(graph: Graph, operator: Operator) -> None:
    """Check types, sizes and equal quantization."""
    _reduction.check(graph, operator, geometry.INT8_OR_INT16)
    geometry.check_same_quantization(graph, operator)


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    return _reduction.reduced(graph, operator, inputs, np.max).astype(inputs[0].dtype)


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return the ways of a reduction; what is kept between rows is the output itself."""
    kernel = serving(graph.output(operator).dtype, REDUCE_MAX, REDUCE_MAX_S16)
    return _reduction.lower(graph, operator, kernel, {}, sums=False)
