# SPDX-License-Identifier: Apache-2.0
"""SPACE_TO_BATCH_ND: part of a dilated convolution, of which a pass makes one operator."""

from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.ops import _moving
from edgecnn.errors import ModelError

LITERT_STEPS = None  # a pass has made something else of it
macs = _moving.macs


def check(graph: Graph, operator: Operator) -> None:
    """Refuse what the pass has left: a batch has no rows."""
    raise ModelError(
        f"{graph.describe(operator)} is supported only in front of a convolution without stride or padding, "
        "which it makes a dilated one"
    )
