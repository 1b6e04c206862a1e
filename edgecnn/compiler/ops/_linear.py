# SPDX-License-Identifier: Apache-2.0
"""What CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED share: weights, bias, and scaling per channel."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry, int4, ops, quant
from edgecnn.compiler.ir import ABSENT, Graph, Operator, Quantization, Tensor
from edgecnn.compiler.kernel import PACKED, Kernel, Params
from edgecnn.compiler.traits import Channels, Layout, Range
from edgecnn.errors import ModelError

_BIAS_TOLERANCE = 0.02  # of a step of the output
_WIDE_BITS = 48  # of sums that TensorFlow Lite scales in 64 bits
_MOST_WIDE_SHIFT = 14  # of the 15 bits of their multipliers one is left to round by


@dataclass(frozen=True, eq=False)
class Linear:
    """Sums of weights times (input - zero point), plus bias, and how they become int8 or int16.

    `bias`, `multiplier` and `shift` have one entry for each output channel. `wide` says whether sums have 64
    bits: those of int16 with a bias of int64 do. With one of int32, or in FULLY_CONNECTED without any,
    TensorFlow Lite sums up int16 in 32 bits, which wrap. `narrow` says whether weights have four bits,
    `apart` whether other weights may take the place of these: then no choice may depend on their values.
    Weights are int8, or int16 where that does not hold them.
    """

    weights: NDArray[Any]
    channel_axis: int
    bias: quant.Int64s
    multiplier: quant.Int64s
    shift: quant.Int64s
    input_zero_point: int
    output_zero_point: int
    activation_min: int
    activation_max: int
    dtype: str
    wide: bool
    name: str
    narrow: bool = False
    apart: bool = False

    @staticmethod
    def of(graph: Graph, operator: Operator) -> "Linear":
        """Read weights and quantization of an operator whose op has a layout.

        What was read is kept as long as the graph: references ask at every inference.

        Raises:
            ModelError: weights, bias or scales are not what kernels take.
        """
        known = _KNOWN.setdefault(graph, {})
        if id(operator) not in known:
            known[id(operator)] = operator, Linear._read(graph, operator)
        return known[id(operator)][1]

    @staticmethod
    def _read(graph: Graph, operator: Operator) -> "Linear":
        weights = geometry.constant(graph, operator, 1)
        layout = _layout(operator)
        source = geometry.quantization_of(graph.input(operator, layout.source))
        output = graph.output(operator)
        multipliers = [
            quant.quantize_multiplier(real) for real in _scales(graph, operator, source, weights, layout)
        ]
        low, high = geometry.clamp_range(graph, operator)
        return Linear(
            weights,
            layout.channel_axis,
            _bias(graph, operator, layout, weights.shape[layout.channel_axis]),
            np.array([multiplier for multiplier, _ in multipliers], np.int64),
            np.array([shift for _, shift in multipliers], np.int64),
            source.zero_point,
            geometry.quantization_of(output).zero_point,
            low,
            high,
            output.dtype,
            _bias_type(graph.tensors, operator) == "int64",
            graph.describe(operator),
            graph.input(operator, 1).dtype == int4.DTYPE,
            graph.weights_apart,
        )

    @property
    def wraps(self) -> bool:
        """Whether sums wrap to 32 bits."""
        return self.dtype == "int16" and not self.wide

    def any_weights(self, weights: NDArray[Any]) -> NDArray[Any]:
        """Return weights by which to plan: these, or the largest there are where others may come."""
        return (
            np.full_like(weights, int4.LOWEST if self.narrow else quant.INT8_MIN) if self.apart else weights
        )

    def kernel(self, *kernels: Kernel) -> Kernel:
        """Return that one of a kernel's kinds which is for the types of activations and weights."""
        if self.dtype == "int16":
            types = "s16"
        else:
            types = "s8w16" if self.weights.dtype == np.int16 else PACKED if self.narrow else ""
        return next(kernel for kernel in kernels if kernel.types == types)

    def filter(self, kernel: Kernel) -> NDArray[np.int8]:
        """Return the weights as a portable kernel takes them."""
        return int4.packed(self.weights) if kernel.narrow else self.weights

    def may_choose(self, holds: bool) -> bool:
        """Return `holds`: whether a kernel can take these weights, of which the least may be too large.

        Raises:
            ModelError: it can't, and others may take their place, which have to get the same kernel.
        """
        least = int4.LOWEST if self.narrow else quant.INT8_MIN
        if self.apart and not holds:
            raise ModelError(
                f"{self.name} has a weight of {least}; with weights apart from the code {least + 1} to "
                f"{-least - 1} are allowed "
                "on this target; convert the model anew, or keep the weights inside"
            )
        return holds

    def requantize(self, total: quant.Int64s) -> NDArray[Any]:
        """Return sums, channels last and of any size, as clamped values of the output's type."""
        if self.wide:
            scaled = quant.requantize_wide(total, self.multiplier, self.shift)
        else:
            scaled = quant.requantize(quant.wrap(total), self.multiplier, self.shift)
        scaled = scaled + self.output_zero_point
        return np.clip(scaled, self.activation_min, self.activation_max).astype(self.dtype)

    def weight_sums(self, magnitude: bool = False) -> quant.Int64s:
        """Return for each channel the sum of its weights, or of their magnitudes."""
        wide = self.weights.astype(np.int64)
        others = tuple(axis for axis in range(wide.ndim) if axis != self.channel_axis)
        return np.asarray((np.abs(wide) if magnitude else wide).sum(axis=others))

    def folded_bias(self) -> quant.Int64s:
        """Return the bias with the input's zero point folded in: sums then take the input as it is."""
        return np.asarray(self.bias - self.input_zero_point * self.weight_sums())

    def bound(self) -> quant.Int64s:
        """Return for each channel what no partial sum can exceed in magnitude, whatever the input.

        In whatever order values are taken, a sum lies between what these weights make of the least favourable
        values of the input and what they make of the most favourable ones.
        """
        least, most = quant.limits(self.dtype)
        total, magnitude = self.weight_sums(), self.weight_sums(magnitude=True)
        positive, negative = (magnitude + total) // 2, (magnitude - total) // 2
        high = self.folded_bias() + most * positive - least * negative
        low = self.folded_bias() + least * positive - most * negative
        return np.asarray(np.maximum(np.abs(high), np.abs(low)))

    def params(self) -> Params:
        """Return the parameters that all linear kernels have over the type.

        Raises:
            ModelError: a sum can leave the bits that it has.
        """
        self._check_sums()
        over_int16, multiplier = self.dtype == "int16", self.multiplier
        if self.wide:
            multiplier = quant.reduced(multiplier)
        own: Params = {
            "input_zero_point": self.input_zero_point,
            "output_zero_point": self.output_zero_point,
        }
        return {
            **({"wide": int(self.wide)} if over_int16 else own),
            "activation_min": self.activation_min,
            "activation_max": self.activation_max,
            "filter": self.weights,
            "bias": self.folded_bias().astype(np.int64 if over_int16 else np.int32),
            "multiplier": multiplier.astype(np.int32),
            "shift": self.shift.astype(np.int8),
        }

    def _check_sums(self) -> None:
        bits, bound = _WIDE_BITS if self.wide else 32, self.bound()
        if not self.wraps and (bound >= 1 << (bits - 1)).any():
            channel = int(bound.argmax())
            raise ModelError(
                f"{self.name}: with these weights the sum of channel {channel} can reach "
                f"{int(bound[channel])}, which {bits} bits don't hold; its bias or size is too large: "
                "convert the model anew, or split the layer"
            )
        # Of a sum that wraps no shift can make more than there are bits; C knows none beyond them.
        reach = np.asarray(1 << np.maximum(self.shift, 0)) if self.wraps else self.reach(bound)
        if (reach > quant.INT32_MAX + quant.INT8_MIN).any():
            raise ModelError(
                f"{self.name}: the scale of channel {int(reach.argmax())} takes its sum beyond 32 bits; "
                "the scales are out of proportion: convert the model anew"
            )

    def reach(self, magnitude: quant.Int64s) -> quant.Int64s:
        """Return what 32 bits must hold of sums of at most such a magnitude for each channel.

        Sums of 32 bits are shifted left before they are scaled, those of 64 bits are scaled at once.
        """
        if not self.wide:
            return np.asarray(magnitude << np.maximum(self.shift, 0))
        possible = np.minimum(magnitude, 1 << (_WIDE_BITS - 1))
        scaled = quant.requantize_wide(possible, self.multiplier, np.minimum(self.shift, _MOST_WIDE_SHIFT))
        return np.where(self.shift > _MOST_WIDE_SHIFT, quant.INT32_MAX + 1, scaled)


_KNOWN: WeakKeyDictionary[Graph, dict[int, tuple[Operator, Linear]]] = WeakKeyDictionary()


def range_of(graph: Graph, operator: Operator, inputs: Sequence[Range]) -> Range:
    """Return what each channel of the output can be, given that of the input."""
    linear = Linear.of(graph, operator)
    least, most = _products(graph, operator, linear, inputs[0])
    if ops.reads_padding(graph, operator):  # there a product is 0
        least, most = np.minimum(least, 0), np.maximum(most, 0)
    axes = tuple(axis for axis in range(least.ndim) if axis != linear.channel_axis)
    least, most = least.sum(axis=axes) + linear.bias, most.sum(axis=axes) + linear.bias
    ends = [linear.requantize(end).astype(np.int64) for end in (least, most)]
    sure = linear.reach(np.maximum(np.abs(least), np.abs(most))) <= quant.INT32_MAX
    low, high = linear.activation_min, linear.activation_max
    return Range(np.where(sure, ends[0], low), np.where(sure, ends[1], high))


def _products(
    graph: Graph, operator: Operator, linear: Linear, source: Range
) -> tuple[quant.Int64s, quant.Int64s]:
    """Return the least and the largest product of each weight with what it can meet."""
    weights = linear.weights.astype(np.int64)
    ends = [end - linear.input_zero_point for end in (source.low, source.high)]
    times = weights.shape[-1] // source.low.size
    grouped = ops.channels(graph, operator) is Channels.GROUPED
    low, high = (np.repeat(end, times) if grouped else np.tile(end, times) for end in ends)
    return np.minimum(weights * low, weights * high), np.maximum(weights * low, weights * high)


def with_parameters(
    operator: Operator,
    tensors: list[Tensor],
    weights: NDArray[Any],
    bias: quant.Int64s,
    scales: Quantization,
) -> Operator:
    """Return `operator` with other weights and biases, which are appended to `tensors`.

    Biases wrap to 32 bits where the sums they belong to do.
    """
    first = len(tensors)
    name = tensors[operator.inputs[1]].name
    kept = np.ascontiguousarray(weights)
    narrow = tensors[operator.inputs[1]].dtype == int4.DTYPE and int4.holds(weights)
    tensors.append(Tensor(name, weights.shape, int4.DTYPE if narrow else kept.dtype.name, scales, kept))
    dtype = _bias_type(tensors, operator)
    tensors.append(Tensor(f"{name}: bias", bias.shape, dtype, None, bias.astype(dtype)))
    return replace(operator, inputs=(operator.inputs[0], first, first + 1))


def turned(graph: Graph, operator: Operator, tensors: list[Tensor]) -> Operator:
    """Return the same convolution of rows in the place of columns."""
    weights = graph.input(operator, 1)
    data = np.ascontiguousarray(geometry.constant(graph, operator, 1).swapaxes(1, 2))
    tensors.append(replace(weights, shape=data.shape, data=data))
    told = geometry.turned(geometry.options(graph, operator, geometry.Windowed))
    inputs = (operator.inputs[0], len(tensors) - 1, *operator.inputs[2:])
    return replace(operator, inputs=inputs, options=told)


def widened(graph: Graph, operator: Operator) -> Graph:
    """Return `graph` with weights of an operator that have four bits stored in eight."""
    tensors = list(graph.tensors)
    tensors[operator.inputs[1]] = replace(tensors[operator.inputs[1]], dtype="int8")
    return replace(graph, tensors=tuple(tensors))


def _scales(
    graph: Graph, operator: Operator, source: Quantization, weights: NDArray[Any], layout: Layout
) -> list[float]:
    """Return the real multiplier of each channel, computed as TensorFlow Lite does."""
    output = geometry.quantization_of(graph.output(operator))
    what, stored = graph.describe(operator), graph.input(operator, 1).quantization
    if stored is None:
        raise ModelError(f"{what} has weights of {weights.dtype} without a scale; convert the model anew")
    if weights.dtype not in (np.int8, np.int16) or set(stored.zero_points) != {0}:
        points = sorted(set(stored.zero_points))[:3]
        raise ModelError(
            f"{what} has weights of {weights.dtype} with zero point {', '.join(map(str, points))}; "
            "int8 with 0 is supported"
        )
    channel_axis = layout.channel_axis
    channels = weights.shape[channel_axis]
    if stored.per_channel and stored.axis != channel_axis:
        raise ModelError(f"{what} has scales along axis {stored.axis} of its weights; {channel_axis} needed")
    if len(stored.scales) not in (1, channels):
        raise ModelError(
            f"{what} has {len(stored.scales)} scales for {channels} channels; 1 or {channels} needed"
        )
    if layout.float32_scales and not stored.per_channel:
        # GetQuantizedConvolutionMultipler multiplies these two in float32.
        product = geometry.float32_product(graph, operator, source.scale, stored.scale)
        return [product / output.scale] * channels
    scales = stored.scales if stored.per_channel else stored.scales * channels
    return [source.scale * scale / output.scale for scale in scales]


def is_unsigned(operator: Operator) -> bool:
    """Tell whether the file has uint8 where an operator with windows has int8."""
    return isinstance(operator.options, geometry.Windowed) and operator.options.unsigned


def check_scales(graph: Graph, operator: Operator) -> None:
    """Check what TensorFlow Lite asks of an operator where it multiplies scales in float32.

    Where a step of the bias isn't one of the sums, they may differ by 2% of one of the output; a bias without
    a scale counts as one of 0. Over uint8 there has to be one scale.

    Source: GetQuantizedConvolutionMultipler and PopulateConvolutionQuantizationParams of TensorFlow Lite.
    """
    layout, stored = _layout(operator), graph.input(operator, 1).quantization
    if stored is None or not layout.float32_scales:
        return
    if stored.per_channel:
        if is_unsigned(operator):
            raise ModelError(
                f"{graph.describe(operator)} has a scale per channel over uint8; one is supported"
            )
        return
    bias = graph.optional_input(operator, layout.bias)
    if bias is None:
        return
    source = geometry.quantization_of(graph.input(operator, layout.source)).scale
    output_scale = geometry.quantization_of(graph.output(operator)).scale
    sums = geometry.float32_product(graph, operator, source, stored.scale)
    scale = bias.quantization.scale if bias.quantization else 0.0
    if abs(sums - scale) / output_scale > _BIAS_TOLERANCE:
        raise ModelError(
            f"{graph.describe(operator)} has a bias of scale {scale:.3g}, and sums of scale {sums:.3g} "
            "(input times weights); TensorFlow Lite refuses that: convert the model anew"
        )


def _layout(operator: Operator) -> Layout:
    layout = ops.layout(operator)
    assert layout is not None, "only ops that have one ask"
    return layout


def _bias_type(tensors: Sequence[Tensor], operator: Operator) -> str:
    """Return the type of an operator's bias, or what stands for it where there is none."""
    layout = _layout(operator)
    position = layout.bias
    if position < len(operator.inputs) and operator.inputs[position] != ABSENT:
        return tensors[operator.inputs[position]].dtype
    return _bias_types(tensors[operator.outputs[0]].dtype, layout)[0]


def _bias_types(dtype: str, layout: Layout) -> tuple[str, ...]:
    """Return what biases may be, first the one that an absent one counts as."""
    if dtype == "int8":
        return ("int32",)
    return ("int64",) if layout.wide_bias else ("int32", "int64")


def _bias(graph: Graph, operator: Operator, layout: Layout, channels: int) -> quant.Int64s:
    position = layout.bias
    if graph.optional_input(operator, position) is None:
        return np.zeros(channels, np.int64)
    bias, what = geometry.constant(graph, operator, position), graph.describe(operator)
    allowed = _bias_types(graph.output(operator).dtype, layout)
    if bias.dtype not in allowed or bias.size != channels:
        raise ModelError(
            f"{what} has bias {bias.dtype}{bias.shape}; {' or '.join(allowed)} ({channels},) needed"
        )
    bias = bias.reshape(-1).astype(np.int64)
    most = 1 << (_WIDE_BITS - 1)
    if bias.min() <= -most or bias.max() >= most:
        raise ModelError(f"{what} has a bias beyond {_WIDE_BITS} bits; convert the model anew")
    return bias
