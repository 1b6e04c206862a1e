# SPDX-License-Identifier: Apache-2.0
"""RESIZE_NEAREST_NEIGHBOR: each pixel is the one of the input that lies nearest, by three rules."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator
from edgecnn.compiler.kernel import ANY, Kernel, Line, Params
from edgecnn.compiler.ops import _channels, _moving, _resizing
from edgecnn.compiler.steps import Step, Window

RESIZE_NEAREST_NEIGHBOR = Kernel(
    "resize_nearest_neighbor",
    (
        Line.shape("int16_t out_w"),
        Line.shape("int32_t size", "bytes of a column"),
        Line.table("const int16_t *columns", "of the input, for each column of the output"),
    ),
    over=ANY,
)

channels, range_of = _channels.same, _channels.unchanged
OPTIONS = _resizing.ResizingOptions
macs, rewrite = _moving.macs, _resizing.rewrite
check = partial(_resizing.check, dtypes=geometry.INT8_OR_INT16)


def _sources(graph: Graph, operator: Operator, axis: int) -> NDArray[np.int64]:
    """Return which row (axis 1) or column (axis 2) of the input each of the output is.

    Source: GetNearestNeighbor of TensorFlow Lite, which computes in float32.
    """
    align, half = _resizing.rules(graph, operator)
    length, wanted = _resizing.lengths(graph, operator, axis)
    scale = np.float32(length) / np.float32(wanted)
    if align and wanted > 1:
        scale = np.float32(length - 1) / np.float32(wanted - 1)
    count = graph.output(operator).shape[axis]
    places = (np.arange(count, dtype=np.float32) + np.float32(0.5 if half else 0)) * scale
    nearest = np.floor(places + np.float32(0.5)) if align else np.floor(places)
    return np.asarray(np.minimum(nearest.astype(np.int64), length - 1))


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input that so many of the output read."""
    rows, columns = (_sources(graph, operator, axis) for axis in (1, 2))
    return int(rows[height - 1]) + 1, int(columns[width - 1]) + 1


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's reference kernel does."""
    rows, columns = (_sources(graph, operator, axis) for axis in (1, 2))
    return np.asarray(inputs[0][:, rows][:, :, columns])


def lower(graph: Graph, operator: Operator) -> tuple[Step, ...]:
    """Return one step that makes one row per firing."""
    rows, columns = (_sources(graph, operator, axis) for axis in (1, 2))
    output = graph.output(operator)
    params: Params = {
        "out_w": columns.size,
        "size": output.shape[3] * output.itemsize,
        "columns": columns.astype(np.int16),
    }
    window = Window(1, 0, firsts=tuple(rows.tolist()))
    return (
        Step(
            operator,
            RESIZE_NEAREST_NEIGHBOR,
            operator.inputs[:1],
            operator.outputs[0],
            (window,),
            rows.size,
            params,
        ),
    )
