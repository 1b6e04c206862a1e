# SPDX-License-Identifier: Apache-2.0
"""Makes inputs and outputs of variables, so that to all other passes nothing outlives an inference.

What reads a variable reads an input, or what was assigned before in the same inference; what is assigned
last is an output. These edges follow the model's own, in the order of `Graph.variables`; in the end
`streams.py` takes them away again.
"""

from dataclasses import replace

from edgecnn.compiler.ir import ABSENT, Graph, Operator, Tensor, Variable, short_name
from edgecnn.compiler.ops import concatenation
from edgecnn.compiler.ops import name as op_name
from edgecnn.compiler.reading.variables import ASSIGN, OPS, READ, accesses, states_of
from edgecnn.errors import ModelError

_DTYPES = ("int8", "uint8", "int16", "float32")  # floats where integers are quantized of them alone


def variables_as_edges(graph: Graph) -> Graph:
    """Return `graph` without operators for variables, which are inputs and outputs behind its own.

    Raises:
        ModelError: a variable has no first value, is of a type that is not supported, or of several.
    """
    if not any(operator.op in OPS or states_of(operator) for operator in graph.operators):
        return graph
    edges = _Edges(graph)
    for operator, name in accesses(graph):
        if operator.op == READ:
            edges.read(operator, name)
        else:
            edges.assign(operator, name)
    edges.keep_states()
    return edges.graph()


def tensors_left(graph: Graph) -> dict[str, int]:
    """Return, by a variable's name, the tensor of a graph as read that has what it becomes."""
    left: dict[str, int] = {}
    for operator, name in accesses(graph):
        if operator.op == ASSIGN:
            left[name] = operator.inputs[1]
        else:
            left.setdefault(name, operator.outputs[0])
    return left | {
        variable.name: variable.before for variable in graph.variables if variable.before != ABSENT
    }


class _Edges:
    """The tensors that hold the values of variables, while operators are walked in their order."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._tensors = list(graph.tensors)
        self._operators = [operator for operator in graph.operators if operator.op not in OPS]
        self._initial = {variable.name: variable.initial for variable in graph.variables}
        self._before: dict[str, int] = {}
        self._now: dict[str, int] = {}
        self._renamed: dict[int, int] = {}

    def read(self, operator: Operator, name: str) -> None:
        """Let the tensor that READ_VARIABLE makes stand for the variable's value."""
        made = operator.outputs[0]
        if name in self._now:
            self._check(operator, name, self._tensors[made], self._tensors[self._now[name]])
            self._renamed[made] = self._now[name]
            return
        if name not in self._initial:
            raise ModelError(
                f'{self._graph.describe(operator)} reads variable "{short_name(name)}", which has no value '
                "before the first inference; one that CALL_ONCE assigns is needed"
            )
        initial = self._initial[name]
        self._check(operator, name, self._tensors[made], replace(initial, quantization=None))
        self._before[name] = self._now[name] = made

    def assign(self, operator: Operator, name: str) -> None:
        """Let a tensor be the variable's value from here on."""
        value = self._renamed.get(operator.inputs[1], operator.inputs[1])
        if self._tensors[value].data is not None:
            raise ModelError(
                f'{self._graph.describe(operator)} sets variable "{short_name(name)}" to a constant in each '
                "inference; values that are computed are supported"
            )
        initial = self._initial.get(name, self._tensors[value])
        self._check(operator, name, self._tensors[value], replace(initial, quantization=None))
        self._now[name] = value

    def keep_states(self) -> None:
        """Let operators that keep something make what it becomes, behind their outputs."""
        names = {variable.before: variable.name for variable in self._graph.variables}
        for number, operator in enumerate(self._operators):
            if len(operator.outputs) > 1:
                continue  # it does already
            for tensor in states_of(operator):
                self._tensors.append(replace(self._tensors[tensor], state=False))
                made = (*self._operators[number].outputs, len(self._tensors) - 1)
                self._operators[number] = replace(self._operators[number], outputs=made)
                self._before[names[tensor]], self._now[names[tensor]] = tensor, made[-1]

    def _check(self, operator: Operator, name: str, value: Tensor, other: Tensor) -> None:
        """Check type, shape and, where both have one, quantization of two values of a variable."""
        what = f'{self._graph.describe(operator)} has variable "{short_name(name)}" as {value}'
        if value.dtype not in _DTYPES:
            raise ModelError(
                f"{what}; {' and '.join(_DTYPES)} are supported: convert the model with integers throughout"
            )
        differs = value.quantization != other.quantization and other.quantization is not None
        if (value.dtype, value.shape) != (other.dtype, other.shape) or differs:
            raise ModelError(f"{what}, and elsewhere as {other}; one type, shape and scale needed")

    def graph(self) -> Graph:
        """Return the graph."""
        operators = [
            replace(operator, inputs=tuple(self._renamed.get(i, i) for i in operator.inputs))
            for operator in self._operators
        ]
        outputs = [self._renamed.get(i, i) for i in self._graph.outputs]
        kept = self._kept({i for operator in operators for i in operator.inputs}.union(outputs))
        befores = [self._before[variable.name] for variable in kept]
        made = {i for operator in operators for i in operator.outputs}
        ends = [*outputs, *(self._now[variable.name] for variable in kept)]
        for position, tensor in enumerate(ends):
            given = tensor not in made and (position >= len(outputs) or tensor in befores)
            if given or tensor in ends[:position]:
                ends[position] = self._copied(tensor, operators)
        return replace(
            self._graph,
            tensors=tuple(self._tensors),
            operators=tuple(operators),
            inputs=(*self._graph.inputs, *befores),
            outputs=tuple(ends),
            variables=tuple(kept),
        )

    def _kept(self, read: set[int]) -> list[Variable]:
        """Return the variables that matter: of which somebody reads what the last inference has left."""
        kept = []
        for variable in self._graph.variables:
            before = self._before.get(variable.name)
            if before is not None and before in read.union(self._now.values()):
                initial = replace(self._tensors[before], data=variable.initial.data)
                kept.append(replace(variable, initial=initial))
        return kept

    def _copied(self, tensor: int, operators: list[Operator]) -> int:
        """Append an operator that copies a tensor which is an edge already; return its copy."""
        source = self._tensors[tensor]
        self._tensors.append(replace(source, data=None))
        made = len(self._tensors) - 1
        options = concatenation.ConcatenationOptions(axis=-1, activation="none")
        index = max((operator.index for operator in operators), default=0)
        operators.append(Operator(op_name(concatenation), index, (tensor,), (made,), options))
        return made
