# SPDX-License-Identifier: Apache-2.0
"""What kernels need that note where the taps of a window lie (taps.h)."""

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.kernel import Line
from edgecnn.compiler.steps import Step

PADDING = Line.shape("int16_t padding", "bytes of a column of it; 0: no window reaches beyond its rows")

_POINTER = 8  # bytes where C runs on a PC; half of it is used on cores of 32 bits


def padding(graph: Graph, step: Step) -> int:
    """Return how many bytes of padding a tap may be taken from."""
    return int(step.params["in_c"]) if ops.reads_padding(graph, step.operator) else 0


def noted_bytes(taps: int, padding: int) -> int:
    """Return the bytes of working memory for where taps lie and for padding."""
    return _POINTER * taps + -(-padding // 4) * 4
