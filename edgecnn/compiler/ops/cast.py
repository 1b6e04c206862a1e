# SPDX-License-Identifier: Apache-2.0
"""CAST of numbers of classes, or of shapes that are known when compiling, to integers of another type.

What an ARG_MAX makes it makes in the other type at once: a pass sees to that.
"""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.ops import _moving
from edgecnn.errors import ModelError

LITERT_STEPS = None  # a pass has removed it
macs, known = _moving.macs, _moving.known


def check(graph: Graph, operator: Operator) -> None:
    """Refuse what no pass has removed."""
    source, output = graph.input(operator, 0), graph.output(operator)
    raise ModelError(
        f"{graph.describe(operator)} makes {output.dtype} of {source.dtype}; only of class numbers, which an "
        "ARG_MAX makes for nothing else, or of shapes int32 or int64 can be made: convert the model to int8 "
        "throughout"
    )


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return the same integers in the other type."""
    return inputs[0].astype(graph.output(operator).dtype)
