# SPDX-License-Identifier: Apache-2.0
"""TANH, which TFLite too takes from a table of all 256 values."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import elementwise
from edgecnn.compiler.ir import Graph, Operator

check, macs, needs, lower = elementwise.check, elementwise.macs, elementwise.needs, elementwise.lower


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does: in float32, for any output scale."""
    # float64 rounded to float32 is what a good tanhf gives.
    return elementwise.through_float32(
        graph, operator, inputs, lambda real: np.tanh(real.astype(np.float64)).astype(np.float32)
    )
