# SPDX-License-Identifier: Apache-2.0
"""Windows, shapes and checks that several ops share."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler.ir import Graph, Operator, Options, Quantization, Tensor, short_name
from edgecnn.compiler.quant import ACTIVATIONS, INT8_MIN, INT32_MAX, activation_range, limits
from edgecnn.errors import ModelError

MOST = 32767  # what the C's parameters hold
INT8, INT8_OR_INT16 = ("int8",), ("int8", "int16")  # what the activations of an op may be
_MOST_STEPS = (1 << 31) - (1 << 16)  # of a bound: float32 rounds it, and zero points come to it
_FLOAT_MODEL = ("float32", "int32", "int64", "bool")  # the types in one that nothing quantized yet
_Kind = TypeVar("_Kind", bound=Options)
_Window = TypeVar("_Window", bound="Windowed")
MOST_VALUES = 1 << 26  # of one tensor: four times a 4,096 x 4,096 image


@dataclass(frozen=True, kw_only=True)
class Fused(Options):
    """Of an op with an activation fused into it; `clamp` is its range where a pass has fused more."""

    activation: str  # "none", "relu", "relu_n1_to_1", "relu6", or what the file says
    clamp: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class Windowed(Fused):
    """Of an op with windows; `pads` are rows above and columns to the left, where a pass has set them.

    `unsigned` says that the file has uint8, which TensorFlow Lite rounds and scales in another way.
    """

    padding: str  # "same", "valid", or what the file says
    stride_h: int
    stride_w: int
    pads: tuple[int, int] | None = None
    unsigned: bool = False

    @property
    def strides(self) -> tuple[int, int]:
        """How far windows lie apart, (h, w)."""
        return self.stride_h, self.stride_w

    @property
    def dilations(self) -> tuple[int, int]:
        """How far the elements of a window lie apart, (h, w)."""
        return 1, 1


@dataclass(frozen=True, kw_only=True)
class Dilated(Windowed):
    """Of a convolution with gaps in its windows; its padding stands for zero points."""

    dilation_h: int
    dilation_w: int

    @property
    def dilations(self) -> tuple[int, int]:
        """How far the elements of a window lie apart, (h, w)."""
        return self.dilation_h, self.dilation_w


_SIDES = (("stride_h", "stride_w"), ("dilation_h", "dilation_w"), ("filter_h", "filter_w"))


def turned(options: _Window) -> _Window:
    """Return options of windows with rows and columns exchanged."""
    known = [pair for pair in _SIDES if hasattr(options, pair[0])]
    changes: dict[str, Any] = {}
    for h, w in known:
        changes |= {h: getattr(options, w), w: getattr(options, h)}
    pads = options.pads and (options.pads[1], options.pads[0])
    return replace(options, pads=pads, **changes)


@dataclass(frozen=True)
class Axis:
    """How windows lie along one axis: position i covers `start(i) + k * dilation` for k < size."""

    size: int
    stride: int
    dilation: int
    pad: int  # before the first element

    @property
    def extent(self) -> int:
        """The length of a window, gaps of the dilation included."""
        return (self.size - 1) * self.dilation + 1

    def start(self, position: int) -> int:
        """Return the first element of a window, negative in the padding."""
        return position * self.stride - self.pad

    def needed(self, count: int, length: int) -> int:
        """Return how many of `length` elements the first `count` windows reach into."""
        return min(length, self.start(count - 1) + self.extent)


def axes(
    options: Windowed, sizes: tuple[int, int], in_shape: Sequence[int], out_shape: Sequence[int]
) -> tuple[Axis, Axis]:
    """Return the vertical and the horizontal axis of windows of `sizes` (h, w).

    Padding is what a pass has set, or what SAME and VALID mean in TFLite (ComputePaddingHeightWidth).
    """
    result = []
    for size, stride, dilation, length, count in zip(
        sizes, options.strides, options.dilations, in_shape[1:3], out_shape[1:3], strict=True
    ):
        extent = (size - 1) * dilation + 1
        same = max((count - 1) * stride + extent - length, 0) // 2
        result.append(Axis(size, stride, dilation, same if options.padding == "same" else 0))
    if options.pads is not None:
        result = [replace(axis, pad=pad) for axis, pad in zip(result, options.pads, strict=True)]
    return result[0], result[1]


def taps(axis: Axis, count: int, length: int) -> list[tuple[int, slice, slice]]:
    """Return for each tap of a window: its number, the positions where it lies inside, the elements there."""
    result = []
    for tap in range(axis.size):
        offset = tap * axis.dilation - axis.pad
        first = max(0, -(offset // axis.stride))
        last = min(count, (length - 1 - offset) // axis.stride + 1)
        if last > first:
            begin = first * axis.stride + offset
            end = (last - 1) * axis.stride + offset + 1
            result.append((tap, slice(first, last), slice(begin, end, axis.stride)))
    return result


def clamp_range(graph: Graph, operator: Operator) -> tuple[int, int]:
    """Return (activation_min, activation_max): those a pass has set, else the fused activation's."""
    told = options(graph, operator, Fused)
    if told.clamp is not None:
        return told.clamp
    output = graph.output(operator)
    return activation_range(told.activation, quantization_of(output), output.dtype)


def options(graph: Graph, operator: Operator, kind: type[_Kind]) -> _Kind:
    """Return the options of an operator, which must be of its op's kind.

    Raises:
        ModelError: the file stores none, or those of another op.
    """
    if not isinstance(operator.options, kind):
        raise ModelError(
            f"{graph.describe(operator)} lacks the options of its op, or has those of another; "
            "convert the model anew"
        )
    return operator.options


def check_shape(graph: Graph, operator: Operator, expected: Sequence[int]) -> None:
    """Check the shape of an operator's output.

    Raises:
        ModelError: the file says another shape than follows from the inputs.
    """
    shape = graph.output(operator).shape
    if shape != tuple(expected):
        raise ModelError(
            f"{graph.describe(operator)} has output shape {shape}; {tuple(expected)} follows from its inputs"
        )


def check_windows(graph: Graph, operator: Operator, sizes: tuple[int, int], channels: int) -> None:
    """Check the options of an operator with windows of `sizes` (h, w), and the output shape that follows.

    Raises:
        ModelError: a size, stride, dilation or padding makes no sense, or the shape is another.
    """
    what, told = graph.describe(operator), options(graph, operator, Windowed)
    if told.padding not in ("same", "valid"):
        raise ModelError(f"{what} has padding {told.padding}; only SAME and VALID are supported")
    lengths, counts = graph.input(operator, 0).shape[1:3], []
    for size, length, stride, dilation in zip(sizes, lengths, told.strides, told.dilations, strict=True):
        if not (0 < size <= MOST and 0 < stride <= MOST and 0 < dilation <= MOST // size):
            raise ModelError(
                f"{what} has window {size}, stride {stride}, dilation {dilation}; 1 to {MOST} supported"
            )
        extent = (size - 1) * dilation + 1
        counts.append(-(-length // stride) if told.padding == "same" else (length - extent) // stride + 1)
    if min(counts) < 1:
        raise ModelError(
            f"{what} has windows larger than its input {graph.input(operator, 0).shape}; use SAME padding"
        )
    check_shape(graph, operator, (1, *counts, channels))


def quantization_of(tensor: Tensor) -> Quantization:
    """Return the quantization of a tensor that has one.

    Raises:
        ModelError: it has none.
    """
    if tensor.quantization is None:
        raise ModelError(f'tensor "{short_name(tensor.name)}" is not quantized; convert the model to int8')
    return tensor.quantization


def check_types(
    graph: Graph,
    operator: Operator,
    tensors: Sequence[Tensor],
    dtypes: Sequence[str] = INT8,
    constants: bool = False,
    most: int = MOST,
) -> None:
    """Check that tensors are of one type that an op takes, quantized as a whole, and of batch 1.

    Args:
        graph: the graph.
        operator: whose tensors they are.
        tensors: what to check.
        dtypes: the types that its op takes.
        constants: whether a tensor may be one.
        most: how long each dimension may be.

    Raises:
        ModelError: naming the operator, the tensor, and what is allowed.
    """
    for tensor in tensors:
        what = f'{graph.describe(operator)}: tensor "{short_name(tensor.name)}"'
        if tensor.dtype not in dtypes:
            raise ModelError(
                f"{what} is {tensor.dtype}; only {' and '.join(dtypes)} "
                f"{'is' if len(dtypes) == 1 else 'are'} supported{_remedy(graph, tensor.dtype)}"
            )
        if tensor.dtype != tensors[0].dtype:
            raise ModelError(
                f"{what} is {tensor.dtype} beside {tensors[0].dtype}; tensors of one type needed"
            )
        _check_quantization(what, tensor)
        if len(tensor.shape) == 4 and tensor.shape[0] != 1:
            raise ModelError(
                f"{what} has batch {tensor.shape[0]}; only batch 1 is supported: convert with batch 1"
            )
        if tensor.data is not None and not constants:
            raise ModelError(
                f"{what} is a constant; it must be made by an operator or be an input of the model"
            )
        if not 0 < tensor.size <= MOST_VALUES or max(tensor.shape, default=1) > most:
            raise ModelError(f"{what} has shape {tensor.shape}; 1 to {most} in each dimension are supported")


def _remedy(graph: Graph, dtype: str) -> str:
    """Return what to do about a tensor of a type that isn't supported, after a colon; nothing if unknown."""
    images = [graph.tensors[i].shape[3:] in ((1,), (3,)) for i in graph.inputs] == [True]
    if dtype == "float32" and images and all(tensor.dtype in _FLOAT_MODEL for tensor in graph.tensors):
        return ": quantize the model with edgecnn export --data"
    if dtype.startswith("float") or dtype == "uint8":
        return ": convert the model that it was made from, to int8 throughout"
    return ""


def open_shapes(graph: Graph) -> str:
    """Return what to do where a file computes shapes because its batch is open, after a semicolon, or ""."""
    if not any(-1 in graph.tensors[i].shape_signature for i in graph.inputs):
        return ""
    return (
        "; the batch is left open, and shapes are computed: convert the model with a batch of 1, as 'edgecnn "
        "export' does, or by keras.Input(..., batch_size=1)"
    )


def _check_quantization(what: str, tensor: Tensor) -> None:
    if tensor.quantization is None:
        raise ModelError(f"{what} is {tensor.dtype} without a scale; convert the model anew")
    if quantization_of(tensor).per_channel:
        raise ModelError(f"{what} has a scale per channel; activations need a single one")
    zero_point = quantization_of(tensor).zero_point
    lowest, highest = limits("int8") if tensor.dtype == "int8" else (0, 0)
    if not lowest <= zero_point <= highest:
        raise ModelError(
            f"{what} is {tensor.dtype} with zero point {zero_point}; {lowest} to {highest} are possible"
        )


def check_activation(graph: Graph, operator: Operator) -> None:
    """Check that the fused activation is one that clamps, at bounds that are in proportion.

    Raises:
        ModelError: it is another, such as TANH, or the output's scale is out of proportion.
    """
    activation = options(graph, operator, Fused).activation
    if activation not in ACTIVATIONS:
        raise ModelError(
            f"{graph.describe(operator)} has fused activation {activation.upper()}; "
            "only NONE, RELU, RELU_N1_TO_1 and RELU6 are supported"
        )
    check_bounds(graph, operator, *ACTIVATIONS[activation])


def check_bounds(graph: Graph, operator: Operator, *bounds: float | None) -> None:
    """Check that 32 bits hold real bounds of the output in its steps.

    Raises:
        ModelError: they don't: TensorFlow Lite refuses the model, or its result is undefined.
    """
    scale = quantization_of(graph.output(operator)).scale
    if any(bound is not None and abs(bound) >= scale * _MOST_STEPS for bound in bounds):
        raise out_of_proportion(graph, operator)


def check_same_quantization(graph: Graph, operator: Operator) -> None:
    """Check that an operator that only moves or compares values keeps scale and zero point.

    Raises:
        ModelError: input and output differ in them.
    """
    before, after = quantization_of(graph.input(operator, 0)), quantization_of(graph.output(operator))
    if (before.scales, before.zero_points) != (after.scales, after.zero_points):
        raise ModelError(
            f"{graph.describe(operator)} has input and output of different scale "
            "or zero point; equal ones needed"
        )


def check_scaled(graph: Graph, operator: Operator, largest: int, shift: int) -> None:
    """Check that 32 bits hold a value of at most `largest` scaled by less than 2**shift, and a zero point.

    Raises:
        ModelError: they don't: TensorFlow Lite's own result is undefined then.
    """
    if largest << max(shift, 0) > INT32_MAX + INT8_MIN:
        raise out_of_proportion(graph, operator)


def float32_product(graph: Graph, operator: Operator, first: float, second: float) -> float:
    """Return the product of two scales as TensorFlow Lite computes it, in float32.

    Raises:
        ModelError: float32 does not hold it.
    """
    with np.errstate(over="ignore"):
        product = float(np.float32(first) * np.float32(second))
    if product == float("inf"):
        raise out_of_proportion(graph, operator)
    return product


def out_of_proportion(graph: Graph, operator: Operator) -> ModelError:
    """Return what to say where 32 bits don't hold what an operator makes: TensorFlow Lite doesn't check."""
    return ModelError(
        f"{graph.describe(operator)} has an output scale so small that 32 bits don't hold its results; "
        "the scales are out of proportion: convert the model anew"
    )


def constant(graph: Graph, operator: Operator, position: int) -> NDArray[Any]:
    """Return the value of an input that must be part of the model.

    Raises:
        ModelError: it is made by another operator.
    """
    tensor = graph.input(operator, position)
    if tensor.data is None:
        raise ModelError(
            f'{graph.describe(operator)} needs input {position} "{short_name(tensor.name)}" as a constant'
        )
    return np.asarray(tensor.data)


def cropped(graph: Graph, operator: Operator, value: NDArray[Any]) -> NDArray[Any]:
    """Return what an elementwise operator reads of an input, where a pass has cut its output."""
    shape = graph.output(operator).shape
    return value[:, : shape[1], : shape[2]] if value.ndim == len(shape) == 4 else value
