# SPDX-License-Identifier: Apache-2.0
"""Runs a graph with the ops' NumPy references: the definition of what the C must compute."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import ops, quant
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.passes.basic_ops import basic_ops
from edgecnn.compiler.passes.fold_cast import fold_cast
from edgecnn.compiler.passes.fold_dilation import fold_dilation
from edgecnn.compiler.passes.fold_views import fold_views
from edgecnn.compiler.passes.widen_weights import widen_weights


def random_values(rng: np.random.Generator, shape: Sequence[int], dtype: str) -> NDArray[Any]:
    """Return random values from all that an integer type holds."""
    return np.asarray(rng.integers(*quant.limits(dtype), tuple(shape), cast(Any, dtype), endpoint=True))


def basic(graph: Graph) -> Graph:
    """Return `graph` made of ops that have a reference; tensors keep their numbers, and some are gone."""
    return basic_ops(fold_views(fold_cast(fold_dilation(widen_weights(graph)))))


class Session:
    """A graph that runs again and again: what its variables are goes on from one inference to the next.

    Attributes:
        graph: it, with inputs and outputs for its variables behind its own.
        variables: their values.
    """

    def __init__(self, graph: Graph) -> None:
        """Take a graph whose variables, if it has any, have inputs and outputs, and initial values."""
        self.graph, self._basic = graph, basic(graph)
        self.variables: list[NDArray[Any]] = [np.asarray(one.initial.data) for one in graph.variables]

    def run(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Return the outputs for one value of each of the model's own inputs, then what variables become."""
        outputs = _run(self._basic, [*inputs, *self.variables])
        self.variables = outputs[len(outputs) - len(self.variables) :]
        return outputs


def run(graph: Graph, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Return the outputs of `graph` for one value of each input, in the flatbuffer's order.

    Variables have their first values, and what they become follows.

    Raises:
        ModelError: an operator is not supported.
    """
    return Session(graph).run(inputs)


def _run(graph: Graph, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    values: dict[int, NDArray[Any]] = dict(zip(graph.inputs, inputs, strict=True))
    for operator in graph.operators:
        read = [values[i] for i in operator.inputs if i in values]
        results: Any = ops.require(graph, operator).reference(graph, operator, read)
        several = results if isinstance(results, tuple) else (results,)
        values |= dict(zip(operator.outputs, several, strict=True))
    return [np.asarray(values[i]) for i in graph.outputs]
