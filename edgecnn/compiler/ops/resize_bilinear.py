# SPDX-License-Identifier: Apache-2.0
"""RESIZE_BILINEAR: each pixel is a mean of four, in fixed point with 10 bits behind the point."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.kernel import Kernel, Line, Params
from edgecnn.compiler.ops import _channels, _resizing
from edgecnn.compiler.steps import Step, Window
from edgecnn.errors import ModelError

RESIZE_BILINEAR = Kernel(
    "resize_bilinear",
    (
        Line.shape("int16_t out_w, channels"),
        Line.shape("int32_t scale_h, offset_h, last_h", "in 1/1024 of a row"),
        Line.shape("int32_t scale_w, offset_w, last_w"),
        Line.shape("int16_t offset", "128 where the model has uint8, whose halves are rounded up"),
    ),
)

channels, range_of = _channels.same, _channels.unchanged
OPTIONS = _resizing.ResizingOptions
rewrite = _resizing.rewrite

_ONE = 1 << 10


def check(graph: Graph, operator: Operator) -> None:
    """Check types, equal quantization, shapes, rules, and that the rounded scale stays inside the input."""
    _resizing.check(graph, operator)
    if _offset(operator):
        _check_unsigned(graph, operator)
    for axis in (1, 2):
        length, wanted = _resizing.lengths(graph, operator, axis)
        scale, offset = _scaling(graph, operator, axis)
        if (wanted - 1) * scale + offset >= length * _ONE:
            raise ModelError(
                f"{graph.describe(operator)} makes {wanted} of {length}, so many that TensorFlow Lite reads "
                "beyond its input; enlarge in two steps"
            )


def _check_unsigned(graph: Graph, operator: Operator) -> None:
    """Check what makes TensorFlow Lite's floats over uint8 exact: shares of a pixel are so many 1/1024."""
    align, half = _resizing.rules(graph, operator)
    for axis in (1, 2):
        length, wanted = _resizing.lengths(graph, operator, axis)
        if align and wanted > 1:
            length, wanted = length - 1, wanted - 1
        if _ONE * length % wanted or (half and _ONE * length // wanted % 2):
            raise ModelError(
                f"{graph.describe(operator)} makes {wanted} of {length} over uint8, for which TensorFlow "
                "Lite rounds floats; sizes that need no rounding are supported, as twice as many"
            )


def _offset(operator: Operator) -> int:
    """Return what is to be added to a value to have the file's."""
    told = operator.options
    return 128 if isinstance(told, _resizing.ResizingOptions) and told.unsigned else 0


def macs(graph: Graph, operator: Operator) -> int:
    """Return the multiplications of one inference: four for each value."""
    return 4 * graph.output(operator).size


def _scaling(graph: Graph, operator: Operator, axis: int) -> tuple[int, int]:
    """Return (scale, offset): where position i lies in the input, i * scale + offset, in 1/1024.

    Source: ResizeBilinearInteger of TensorFlow Lite.
    """
    align, half = _resizing.rules(graph, operator)
    length, wanted = _resizing.lengths(graph, operator, axis)
    if align and wanted > 1:
        length, wanted = length - 1, wanted - 1
    scale = (_ONE * length + wanted // 2) // wanted
    return scale, scale // 2 - _ONE // 2 if half else 0


def _places(graph: Graph, operator: Operator, axis: int, count: int) -> NDArray[np.int64]:
    """Return where the first `count` rows (axis 1) or columns (axis 2) of the output lie, in 1/1024."""
    scale, offset = _scaling(graph, operator, axis)
    last = _resizing.lengths(graph, operator, axis)[0] - 1
    return np.clip(np.arange(count, dtype=np.int64) * scale + offset, 0, last * _ONE)


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input that so many of the output read."""
    rows, columns = (
        int(-(-_places(graph, operator, axis, count)[-1] // _ONE)) + 1
        for axis, count in ((1, height), (2, width))
    )
    return rows, columns


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    output_shape = graph.output(operator).shape
    value: Any = inputs[0].astype(np.int64)
    for axis in (1, 2):
        places = _places(graph, operator, axis, output_shape[axis])
        low, fraction = places // _ONE, places % _ONE
        fraction = fraction.reshape([-1 if one == axis else 1 for one in range(4)])
        near, far = (np.take(value, one, axis) for one in (low, -(-places // _ONE)))
        value = near * (_ONE - fraction) + far * fraction
    value = value + _offset(operator) * _ONE * _ONE
    rounded = value + np.where(value > 0, _ONE * _ONE // 2, -(_ONE * _ONE) // 2)
    # C divides towards zero.
    whole = np.sign(rounded) * (np.abs(rounded) // (_ONE * _ONE))
    return np.asarray(whole - _offset(operator)).astype(np.int8)


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing."""
    _, rows, columns, channels = graph.output(operator).shape
    params: Params = {"out_w": columns, "channels": channels, "offset": _offset(operator)}
    for axis, name in ((1, "h"), (2, "w")):
        scale, offset = _scaling(graph, operator, axis)
        last = (_resizing.lengths(graph, operator, axis)[0] - 1) * _ONE
        params = {**params, f"scale_{name}": scale, f"offset_{name}": offset, f"last_{name}": last}
    above = _places(graph, operator, 1, rows) // _ONE
    window = Window(2, 0, firsts=tuple(above.tolist()))
    return (
        Step(
            operator,
            RESIZE_BILINEAR,
            operator.inputs[:1],
            operator.outputs[0],
            (window,),
            rows,
            params,
            macs=4 * rows * columns * channels,
            arguments=("row",),
        ),
    )
