# SPDX-License-Identifier: Apache-2.0
"""AVERAGE_POOL_2D for AVX2 and AVX-512: 16 channels at once."""

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.ops import _pooling
from edgecnn.compiler.steps import Step

_KERNEL = _pooling.AVERAGE_POOL_2D.but(isa="avx2", without="offset")


def faster(graph: Graph, step: Step) -> tuple[Step, ...]:
    """Return a faster way than the portable `step`, or none over uint8."""
    return _pooling.with_kernel(step, _KERNEL)
