# SPDX-License-Identifier: Apache-2.0
"""RESHAPE: the same bytes in another shape.

A pass removes those that need no copy: into a FULLY_CONNECTED, or between shapes of the same rows.
"""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.kernel import ANY, Kernel, Line
from edgecnn.compiler.ops import _moving
from edgecnn.compiler.steps import Step, Window
from edgecnn.errors import ModelError

RESHAPE = Kernel(
    "reshape", (Line.shape("int32_t rows, size", "of the input, and the bytes of each"),), over=ANY
)

_NUMBERS = ("int32", "int64")  # of classes, which have no scale
MAKES_WHOLE = True  # it copies bytes, and knows no columns
macs, known = _moving.macs, _moving.known


def rewrite(graph: Graph, operator: Operator, tensors: list[Tensor]) -> list[Operator]:
    """Return the operator as it is, unless its list of sides contradicts its output's shape.

    TensorFlow Lite goes by the list; a -1 in it stands for what is left.

    Raises:
        ModelError: it does.
    """
    if len(operator.inputs) > 1 and graph.input(operator, 1).data is not None:
        output_shape, sides = graph.output(operator).shape, _moving.integers(graph, operator, 1)
        if not _agree(sides, output_shape):
            raise ModelError(
                f"{graph.describe(operator)} has output shape {output_shape}, but asks for {tuple(sides)}"
                f"{geometry.open_shapes(graph) or ': convert the model anew'}"
            )
    return [operator]


def _agree(sides: Sequence[int], shape: Sequence[int]) -> bool:
    if len(sides) != len(shape) or list(sides).count(-1) > 1:
        return False
    return all(side in (-1, length) for side, length in zip(sides, shape, strict=True))


def check(graph: Graph, operator: Operator) -> None:
    """Check types, equal quantization and equal size."""
    source, output = graph.input(operator, 0), graph.output(operator)
    if source.dtype not in _NUMBERS or source.dtype != output.dtype or source.data is not None:
        # A flattened map may be longer than what kernels can count.
        _moving.check(graph, operator, geometry.INT8_OR_INT16, geometry.MOST_VALUES)
    if source.size != output.size:
        raise ModelError(
            f"{graph.describe(operator)} makes {output.shape} of {source.shape}; equal sizes needed"
            f"{geometry.open_shapes(graph)}"
        )


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input: all of them."""
    _, in_h, in_w, _ = graph.input(operator, 0).shape
    return in_h, in_w


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return the input's bytes in the output's shape."""
    return inputs[0].reshape(graph.output(operator).shape)


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that copies the whole tensor once all of its rows are there."""
    source, output = graph.input(operator, 0), graph.output(operator)
    rows = source.shape[1]
    params = {"rows": rows, "size": source.itemsize * source.size // rows}
    window = Window(rows, 0)
    step = Step(
        operator,
        RESHAPE,
        operator.inputs[:1],
        operator.outputs[0],
        (window,),
        1,
        params,
        rows_per_group=output.shape[1],
    )
    return (step,)
