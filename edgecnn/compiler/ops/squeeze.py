# SPDX-License-Identifier: Apache-2.0
"""SQUEEZE: a RESHAPE that drops dimensions of 1."""

from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.ops import _moving

macs = _moving.macs


def rewrite(graph: Graph, operator: Operator, tensors: list[Tensor]) -> list[Operator]:
    """Return the RESHAPE."""
    return [_moving.reshaped(operator, operator.inputs[0], operator.outputs[0])]
