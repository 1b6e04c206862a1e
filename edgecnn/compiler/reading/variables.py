# SPDX-License-Identifier: Apache-2.0
"""The variables of a .tflite file, and their values before the first inference.

VAR_HANDLE names a variable; CALL_ONCE runs a subgraph before the first inference, which assigns constants.
Operators like UNIDIRECTIONAL_SEQUENCE_LSTM have variables of their own, which begin with zeros.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edgecnn.compiler import ops
from edgecnn.compiler.ir import Graph, Operator, Tensor, Variable, short_name
from edgecnn.errors import ModelError

CALL_ONCE, VAR_HANDLE, READ, ASSIGN = "CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"
OPS = (CALL_ONCE, VAR_HANDLE, READ, ASSIGN)  # those that say something of variables, and compute nothing


def with_variables(subgraphs: Sequence[Graph]) -> Graph:
    """Return the first subgraph with the variables that it has handles of and that have a first value.

    Raises:
        ModelError: something else than constants sets them, or too late.
    """
    main = subgraphs[0]
    values: dict[str, Tensor] = {}
    touched = ""
    for operator in main.operators:
        if operator.op in (READ, ASSIGN):
            touched = main.describe(operator)
        elif operator.op == CALL_ONCE:
            if touched:
                raise ModelError(f"{main.describe(operator)} comes behind {touched}; it must come first")
            values |= _assigned(main, operator, subgraphs)
    names = dict.fromkeys(handles(main).values())
    variables = [Variable(name, values[name]) for name in names if name in values]
    return replace(main, variables=(*variables, *_states(main)))


def states_of(operator: Operator) -> tuple[int, ...]:
    """Return the tensors that an operator keeps from one inference to the next, and writes itself."""
    positions: tuple[int, ...] = getattr(ops.find(operator.op), "STATES", ())
    return tuple(operator.inputs[position] for position in positions if position < len(operator.inputs))


def _states(graph: Graph) -> Iterator[Variable]:
    """Yield what operators keep, which is zeros at first.

    Raises:
        ModelError: an operator has no tensor for it, or several share one.
    """
    seen: set[int] = set()
    for operator in graph.operators:
        for tensor in states_of(operator):
            if not 0 <= tensor < len(graph.tensors) or not graph.tensors[tensor].state or tensor in seen:
                raise ModelError(
                    f"{graph.describe(operator)} has tensor {tensor} for its state; a variable one of its "
                    "own is needed"
                )
            seen.add(tensor)
            held = graph.tensors[tensor]
            zero = held.quantization.zero_point if held.quantization else 0
            value = replace(held, data=np.full(held.shape, zero, _plain(held.dtype)))
            yield Variable(f"{held.name} {tensor}", value, before=tensor)


def _plain(dtype: str) -> "np.dtype[Any]":
    """Return a type of NumPy's; of what NumPy doesn't know, and a check refuses later, bytes."""
    try:
        return np.dtype(dtype)
    except TypeError:
        return np.dtype("int8")


def called_once(graph: Graph) -> set[int]:
    """Return the numbers of the subgraphs that CALL_ONCE runs."""
    return {_subgraph(operator) for operator in graph.operators if operator.op == CALL_ONCE}


def handles(graph: Graph) -> dict[int, str]:
    """Return the names of variables by the tensors that stand for them."""
    return {operator.outputs[0]: _name(operator) for operator in graph.operators if _is_handle(operator)}


def accesses(graph: Graph) -> Iterator[tuple[Operator, str]]:
    """Yield the operators that read or assign a variable, in their order, each with its name.

    Raises:
        ModelError: an operator lacks a handle or a tensor.
    """
    names = handles(graph)
    for operator in graph.operators:
        if operator.op in (READ, ASSIGN):
            ends = (len(operator.inputs), len(operator.outputs))
            if ends != ((1, 1) if operator.op == READ else (2, 0)) or operator.inputs[0] not in names:
                raise ModelError(
                    f"{graph.describe(operator)} has tensors {operator.inputs} and {operator.outputs}; "
                    "a handle that VAR_HANDLE makes, and a value, are needed"
                )
            yield operator, names[operator.inputs[0]]


def _is_handle(operator: Operator) -> bool:
    return operator.op == VAR_HANDLE and len(operator.outputs) == 1


def _name(operator: Operator) -> str:
    container, name = (
        operator.stored.lists.get(field, ("", b""))[1] for field in ("container", "shared_name")
    )
    return (container + b"/" + name if container else name).decode("utf-8", errors="replace")


def _subgraph(operator: Operator) -> int:
    return int(operator.options.told().get("init_subgraph_index", 0))


def _assigned(main: Graph, once: Operator, subgraphs: Sequence[Graph]) -> dict[str, Tensor]:
    """Return the values that a subgraph of constants assigns, by the names of variables."""
    number, what = _subgraph(once), main.describe(once)
    if not 0 < number < len(subgraphs):
        raise ModelError(f"{what} runs subgraph {number}; 1 to {len(subgraphs) - 1} are there")
    first = subgraphs[number]
    for operator in first.operators:
        if operator.op not in (VAR_HANDLE, ASSIGN):
            raise ModelError(
                f"{what} sets variables by {short_name(operator.op)}; constants are supported: give the "
                "variables initial values of zeros, say, and convert the model anew"
            )
    values = {}
    for operator, name in accesses(first):
        values[name] = _constant(first, operator.inputs[1])
        if values[name].data is None:
            raise ModelError(f'{what} gives variable "{short_name(name)}" a value that is no plain constant')
    return values


def _constant(graph: Graph, number: int) -> Tensor:
    """Return a tensor, without data where it is no constant that NumPy holds."""
    tensor = graph.tensors[number] if 0 <= number < len(graph.tensors) else Tensor("", (), "")
    plain = tensor.data is not None and tensor.data.shape == tensor.shape
    return tensor if plain and tensor.size else replace(tensor, data=None)
