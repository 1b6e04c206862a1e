# SPDX-License-Identifier: Apache-2.0
"""Gives every tensor 4 dimensions, makes padding explicit, and removes what only renames bytes.

A RESHAPE goes where both sides have the same rows, and into FULLY_CONNECTED, which takes rows as they come.
"""

from dataclasses import replace

from edgecnn.compiler import geometry, ops
from edgecnn.compiler.ir import Graph, Operator, Tensor, short_name
from edgecnn.compiler.ops import reshape
from edgecnn.errors import ModelError


def as_rows(graph: Graph) -> Graph:
    """Check every operator and return the same graph over tensors of shape (1, rows, columns, channels).

    Raises:
        ModelError: an operator, type, shape or option is not supported.
    """
    for operator in graph.operators:
        ops.require(graph, operator).check(graph, operator)
    operators = tuple(_explicit(graph, operator) for operator in graph.operators)
    activations = {i for op in operators for i in (*op.inputs, *op.outputs)} | {*graph.inputs, *graph.outputs}
    tensors = tuple(
        _four_dimensions(tensor) if i in activations and tensor.data is None else tensor
        for i, tensor in enumerate(graph.tensors)
    )
    if not (graph.inputs and graph.operators and graph.outputs):
        raise ModelError("the model lacks inputs, operators or outputs; it needs at least one of each")
    for number in (*graph.inputs, *graph.outputs):
        _check_edge(graph, number)
    return without_reshapes(replace(graph, tensors=tensors, operators=operators))


def _check_edge(graph: Graph, number: int) -> None:
    """Check that an input is read and an output made by an operator: no other has a place in the C."""
    what = f'tensor "{short_name(graph.tensors[number].name)}"'
    if number in graph.outputs and graph.producer(number) is None:
        raise ModelError(f"{what} is an output that no operator makes; only made ones are supported")
    if number in graph.inputs and graph.tensors[number].data is not None:
        raise ModelError(f"{what} is an input and a constant; remove its buffer, or take it from the inputs")
    if number in graph.inputs and not graph.consumers(number):
        raise ModelError(f"{what} is an input that no operator reads; remove it from the model")
    if (*graph.inputs, *graph.outputs).count(number) > 1:
        raise ModelError(f"{what} is an input or output twice; once is supported")


def _explicit(graph: Graph, operator: Operator) -> Operator:
    axes = ops.axes(graph, operator)
    if axes is None:
        return operator
    told, pads = geometry.options(graph, operator, geometry.Windowed), (axes[0].pad, axes[1].pad)
    return replace(operator, options=replace(told, pads=pads))


def _four_dimensions(tensor: Tensor) -> Tensor:
    """Return a tensor whose last dimensions are the same; of two the first may count vectors."""
    if len(tensor.shape) > 4 or (len(tensor.shape) > 2 and tensor.shape[0] != 1):
        raise ModelError(
            f'tensor "{short_name(tensor.name)}" has shape {tensor.shape}; '
            "up to 4 dimensions are supported, of which the first, the batch, must be 1"
        )
    return replace(tensor, shape=(1,) * (4 - len(tensor.shape)) + tensor.shape)


def without_reshapes(graph: Graph) -> Graph:
    """Return a graph over such tensors without what only renames bytes."""
    renamed: dict[int, int] = {}
    edges = {*graph.inputs, *graph.outputs}
    kept = []
    for original in graph.operators:
        operator = replace(original, inputs=tuple(renamed.get(i, i) for i in original.inputs))
        if ops.is_a(operator, reshape) and _only_renames(graph, operator, edges):
            renamed[operator.outputs[0]] = operator.inputs[0]
            edges |= {operator.inputs[0]} if operator.outputs[0] in graph.outputs else set()
        else:
            kept.append(operator)
    return replace(graph, operators=tuple(kept), outputs=tuple(renamed.get(i, i) for i in graph.outputs))


def _only_renames(graph: Graph, operator: Operator, edges: set[int]) -> bool:
    if graph.input(operator, 0).shape == graph.output(operator).shape:
        # The caller's buffers are no part of the arena: an output needs an operator that writes it.
        return operator.outputs[0] not in graph.outputs or operator.inputs[0] not in edges
    output = operator.outputs[0]
    return output not in graph.outputs and all(map(ops.takes_any_rows, graph.consumers(output)))
