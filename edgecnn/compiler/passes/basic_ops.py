# SPDX-License-Identifier: Apache-2.0
"""Puts basic operators in place of those made of others, and computes what depends on constants only.

So SPLIT becomes SLICEs, and the shapes that converters compute from shapes become constants.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.errors import ModelError

_MOST = 1024  # integers: no list that stands for shapes has more


def basic_ops(graph: Graph) -> Graph:
    """Return the same graph with basic operators only; one that has nothing else comes back as it is.

    Raises:
        ModelError: an option of an operator that is replaced makes no sense.
    """
    kept = []
    for operator in graph.operators:
        tensors = list(graph.tensors)
        rewrite = getattr(ops.find(operator.op), "rewrite", None)
        parts = rewrite(graph, operator, tensors) if rewrite else [operator]
        graph = replace(graph, tensors=tuple(tensors))
        for part in parts:
            if _is_constant(graph, part):
                output = part.outputs[0]
                tensors[output] = replace(tensors[output], data=_value(graph, part))
                graph = replace(graph, tensors=tuple(tensors))
            else:
                kept.append(part)
    return replace(graph, operators=tuple(kept))


def _is_constant(graph: Graph, operator: Operator) -> bool:
    output = graph.output(operator)
    return output.dtype in ("int32", "int64") and output.size <= _MOST and ops.known(graph, operator)


def _value(graph: Graph, operator: Operator) -> NDArray[Any]:
    """Return what an operator makes of constants, in the shape and type that the file says."""
    output = graph.output(operator)
    inputs = [graph.tensors[i].data for i in operator.inputs]
    try:
        value = ops.require(graph, operator).reference(graph, operator, inputs)  # type: ignore[arg-type]
    except (IndexError, ValueError) as error:
        raise ModelError(f"{graph.describe(operator)} can't be computed of its constants: {error}") from error
    if value.shape != output.shape:
        raise ModelError(
            f"{graph.describe(operator)} makes {value.shape} of its constants; the file says {output.shape}"
        )
    return np.asarray(value, output.dtype)
