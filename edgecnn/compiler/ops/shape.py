# SPDX-License-Identifier: Apache-2.0
"""SHAPE: known when compiling, as every tensor's shape is, and so a constant."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.ops import _moving
from edgecnn.errors import ModelError

LITERT_STEPS = None  # a pass has made something else of it
macs = _moving.macs


def check(graph: Graph, operator: Operator) -> None:
    """Refuse what no pass has made a constant of."""
    raise ModelError(f"{graph.describe(operator)} makes {graph.output(operator)}; int32 or int64 needed")


def known(graph: Graph, operator: Operator) -> bool:
    """Say that what it makes is known when compiling."""
    return True


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return the shape of the input."""
    return np.array(graph.input(operator, 0).shape)
