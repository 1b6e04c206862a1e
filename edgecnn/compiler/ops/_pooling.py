# SPDX-License-Identifier: Apache-2.0
"""What MAX_POOL_2D and AVERAGE_POOL_2D share."""

from dataclasses import dataclass, replace

from edgecnn.compiler import geometry
from edgecnn.compiler.geometry import Axis
from edgecnn.compiler.ir import Graph, Operator, Tensor
from edgecnn.compiler.kernel import INT8, INT16, Kernel, Line, Params
from edgecnn.compiler.steps import Step
from edgecnn.errors import ModelError

_LINES = (
    Line.shape("int16_t in_w, channels, out_w"),
    Line.shape("int16_t filter_h, filter_w, stride_w, pad_w"),
    Line.trained("int16_t activation_min, activation_max", limits=INT8),
)
_INT16 = Line.trained("int16_t activation_min, activation_max", limits=INT16)
MAX_POOL_2D = Kernel("max_pool_2d", _LINES)
MAX_POOL_2D_S16 = MAX_POOL_2D.but(_INT16, types="s16")
AVERAGE_POOL_2D = Kernel(
    "average_pool_2d",
    (
        *_LINES,
        Line.shape("int16_t parts"),
        Line.shape("int16_t offset", "128 where the model has uint8, whose halves are rounded up"),
    ),
)
AVERAGE_POOL_2D_S16 = AVERAGE_POOL_2D.but(_INT16, types="s16", without="offset")


@dataclass(frozen=True, kw_only=True)
class PoolingOptions(geometry.Windowed):
    """Of both ops."""

    filter_h: int
    filter_w: int


def check(graph: Graph, operator: Operator) -> None:
    """Check types, equal quantization and the fused activation."""
    source = graph.input(operator, 0)
    geometry.check_types(graph, operator, (source, graph.output(operator)), geometry.INT8_OR_INT16)
    geometry.check_same_quantization(graph, operator)
    geometry.check_activation(graph, operator)
    if len(source.shape) != 4:
        raise ModelError(f"{graph.describe(operator)} has input {source.shape}; 4 dimensions needed")
    geometry.check_windows(graph, operator, _sizes(graph, operator), source.shape[3])


def _sizes(graph: Graph, operator: Operator) -> tuple[int, int]:
    told = geometry.options(graph, operator, PoolingOptions)
    return told.filter_h, told.filter_w


def axes(graph: Graph, operator: Operator) -> tuple[Axis, Axis]:
    """Return the vertical and the horizontal axis of the windows."""
    told, sizes = geometry.options(graph, operator, PoolingOptions), _sizes(graph, operator)
    return geometry.axes(told, sizes, graph.input(operator, 0).shape, graph.output(operator).shape)


def turned(graph: Graph, operator: Operator, tensors: list[Tensor]) -> Operator:
    """Return the same pool of rows in the place of columns."""
    return replace(operator, options=geometry.turned(geometry.options(graph, operator, PoolingOptions)))


def needs(graph: Graph, operator: Operator, height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of the input that so many of the output read."""
    _, in_h, in_w, _ = graph.input(operator, 0).shape
    vertical, horizontal = axes(graph, operator)
    return vertical.needed(height, in_h), horizontal.needed(width, in_w)


def with_kernel(step: Step, kernel: Kernel, scratch: int | None = None) -> tuple[Step, ...]:
    """Return an average pool with a faster kernel; none over uint8, which only the portable one rounds."""
    if step.params["offset"]:
        return ()
    kept = step.scratch if scratch is None else scratch
    return (replace(step, kernel=kernel, params=kernel.take(step.params), scratch=kept),)


def params(graph: Graph, operator: Operator) -> Params:
    """Return the parameters that both have, but `filter_h`."""
    _, horizontal = axes(graph, operator)
    _, _, out_w, channels = graph.output(operator).shape
    low, high = geometry.clamp_range(graph, operator)
    return {
        "in_w": graph.input(operator, 0).shape[2],
        "channels": channels,
        "out_w": out_w,
        "filter_w": horizontal.size,
        "stride_w": horizontal.stride,
        "pad_w": horizontal.pad,
        "activation_min": low,
        "activation_max": high,
    }
