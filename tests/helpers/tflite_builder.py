# SPDX-License-Identifier: Apache-2.0
"""Writes .tflite files without TensorFlow: random integer networks for tests, one call for each operator."""

from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import tflite
from tflite_writer import BuiltTensor, written

NONE, RELU, RELU_N1_TO_1, RELU6 = range(4)
SAME, VALID = range(2)
_FIXED = ("SOFTMAX", "LOGISTIC")  # ops whose output scale is


@dataclass
class Builder:
    """A network under construction: methods add an operator and return the number of the tensor it makes.

    `dtype` is that of all activations; with int16 their zero points are 0, and scales 256 times finer. With
    uint8 weights are of that type, too, and have one scale and a zero point.
    """

    seed: int = 0
    description: str = ""
    dtype: str = "int8"
    tensors: list[BuiltTensor] = field(default_factory=list)
    # What both fields of an op code hold: the deprecated one, and the one that has replaced it.
    codes: dict[str, tuple[int, int]] = field(default_factory=dict)
    # A key, the tensors of inputs and outputs by their names, and the subgraph, where it is not the first.
    signatures: list[tuple[Any, ...]] = field(default_factory=list)
    # Further subgraphs, each with its inputs and outputs.
    more: list[tuple["Builder", tuple[int, ...], tuple[int, ...]]] = field(default_factory=list)
    # The output is a number, or several.
    operators: list[tuple[str, tuple[int, ...], Any, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def copy(self) -> "Builder":
        """Return a builder that goes on from here by itself; the data of tensors are not copied."""
        tensors = [replace(tensor) for tensor in self.tensors]
        twin = replace(
            self,
            tensors=tensors,
            codes=dict(self.codes),
            signatures=[*self.signatures],
            more=[*self.more],
            operators=[*self.operators],
        )
        twin.rng = deepcopy(self.rng)
        return twin

    def tensor(
        self,
        shape: tuple[int, ...],
        dtype: str = "int8",
        scales: tuple[float, ...] | float = (),
        zero_points: tuple[int, ...] | int = 0,
        axis: int = 0,
        data: npt.NDArray[Any] | None = None,
        name: str = "",
    ) -> int:
        scales = (scales,) if isinstance(scales, float) else scales
        scales = tuple(float(np.float32(scale)) for scale in scales)
        zero_points = (zero_points,) * len(scales) if isinstance(zero_points, int) else zero_points
        name = name or f"tensor{len(self.tensors)}"
        self.tensors.append(BuiltTensor(tuple(shape), dtype, scales, zero_points, axis, data, name))
        return len(self.tensors) - 1

    def activation(
        self, shape: tuple[int, ...], scale: float, zero_point: int, data: npt.NDArray[Any] | None = None
    ) -> int:
        """A tensor of the network's type, whose scale, zero point and data are given as for int8."""
        if self.dtype == "int16":
            scale, zero_point = scale / 256, 0
        if self.dtype == "uint8":
            zero_point, data = zero_point + 128, data if data is None else _unsigned(data)
        return self.tensor(shape, self.dtype, scale, zero_point, 0, data)

    def input(self, shape: tuple[int, ...], scale: float = 1 / 255, zero_point: int = -128) -> int:
        return self.activation(shape, scale, zero_point)

    def operator(self, op: str, inputs: tuple[int, ...], output: int, **options: Any) -> int:
        self.operators.append((op, inputs, output, options))
        return output

    def conv(  # noqa: PLR0917
        self,
        source: int,
        channels: int,
        size: tuple[int, int] = (3, 3),
        stride: tuple[int, int] = (1, 1),
        padding: int = VALID,
        activation: int = NONE,
        dilation: tuple[int, int] = (1, 1),
        per_channel: bool = True,
        bias: bool = True,
        dead: int = 0,
        depthwise: bool = False,
        gain: float = 1.0,
        zero_point: int | None = None,
    ) -> int:
        """`channels` is the multiplier of a depthwise convolution; `dead` filters get weights of zero."""
        _, height, width, depth = self.tensors[source].shape
        made = depth * channels if depthwise else channels
        shape = (1, *size, made) if depthwise else (made, *size, depth)
        weights = self.rng.integers(-127, 128, shape, np.int8)
        weights[..., :dead] *= np.int8(0 if depthwise else 1)
        if not depthwise:
            weights[:dead] = 0
        scales = self._weight_scales(made, per_channel)
        filter_ = self._weights(scales, weights, 3 if depthwise else 0)
        rows = _positions(height, size[0], stride[0], dilation[0], padding)
        columns = _positions(width, size[1], stride[1], dilation[1], padding)
        taps = size[0] * size[1] * (1 if depthwise else depth)
        output = self._output((1, rows, columns, made), source, scales, taps, activation, gain, zero_point)
        inputs = (source, filter_, self._bias(source, scales, made, taps)) if bias else (source, filter_)
        options = {"padding": padding, "stride_h": stride[0], "stride_w": stride[1]}
        options |= {"fused_activation_function": activation}
        options |= {"dilation_h_factor": dilation[0], "dilation_w_factor": dilation[1]}
        if depthwise:
            options["depth_multiplier"] = channels
        return self.operator("DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", inputs, output, **options)

    def transpose_conv(
        self,
        source: int,
        channels: int,
        size: tuple[int, int] = (3, 3),
        stride: tuple[int, int] = (2, 2),
        padding: int = SAME,
        per_channel: bool = True,
        bias: bool = True,
        more: tuple[int, int] = (0, 0),
    ) -> int:
        """`more` rows and columns than the input's times the strides: Keras calls them output_padding."""
        _, height, width, depth = self.tensors[source].shape
        weights = self.rng.integers(-127, 128, (channels, *size, depth), np.int8)
        scales = self._weight_scales(channels, per_channel)
        filter_ = self._weights(scales, weights)
        extra = [
            max(one - step, 0) if padding == VALID else 0 for one, step in zip(size, stride, strict=True)
        ]
        shape = (
            1,
            height * stride[0] + extra[0] + more[0],
            width * stride[1] + extra[1] + more[1],
            channels,
        )
        taps = max(size[0] * size[1] * depth // (stride[0] * stride[1]), 1)
        output = self._output(shape, source, scales, taps, NONE, 1.0, None)
        inputs: tuple[int, ...] = (self.integers(shape), filter_, source)
        if bias:
            inputs += (self._bias(source, scales, channels, taps),)
        options = {"padding": padding, "stride_h": stride[0], "stride_w": stride[1]}
        return self.operator("TRANSPOSE_CONV", inputs, output, **options)

    def concat(self, sources: tuple[int, ...], axis: int = 3) -> int:
        """All `sources` have the scale of the first."""
        first = self.tensors[sources[0]]
        shape = list(first.shape)
        shape[axis] = sum(self.tensors[source].shape[axis] for source in sources)
        output = self.like(sources[0], tuple(shape))
        return self.operator("CONCATENATION", sources, output, axis=axis)

    def rescaled(self, source: int, like: int) -> int:
        """Return `source` brought to the scale and zero point of another tensor."""
        output = self.like(like, self.tensors[source].shape)
        return self.operator("QUANTIZE", (source,), output)

    def fully_connected(
        self,
        source: int,
        outputs: int,
        activation: int = NONE,
        per_channel: bool = False,
        bias: bool = True,
        vectors: bool = False,
        keep_num_dims: bool = False,
        zeros: float = 0.0,
    ) -> int:
        """Over the whole of `source`, or over each of its `vectors`, which lie along the last dimension.

        `zeros` is the share of the weights that are zero.
        """
        shape = self.tensors[source].shape
        size = shape[-1] if vectors else int(np.prod(shape))
        weights = self.rng.integers(-127, 128, (outputs, size), np.int8)
        if zeros:
            weights[self.rng.random(weights.shape) < zeros] = 0
        scales = self._weight_scales(outputs, per_channel)
        matrix = self._weights(scales, weights)
        made = (*shape[:-1], outputs) if keep_num_dims else (int(np.prod(shape)) // size, outputs)
        output = self._output(made, source, scales, size, activation, 1.0, None)
        inputs = (source, matrix, self._bias(source, scales, outputs, size)) if bias else (source, matrix, -1)
        options = {"fused_activation_function": activation, "keep_num_dims": keep_num_dims}
        return self.operator("FULLY_CONNECTED", inputs, output, **options)

    def pool(
        self,
        source: int,
        kind: str,
        size: tuple[int, int],
        stride: tuple[int, int],
        padding: int = VALID,
        activation: int = NONE,
    ) -> int:
        _, height, width, channels = self.tensors[source].shape
        shape = (
            1,
            _positions(height, size[0], stride[0], 1, padding),
            _positions(width, size[1], stride[1], 1, padding),
            channels,
        )
        output = self.like(source, shape)
        options = {"padding": padding, "stride_h": stride[0], "stride_w": stride[1]}
        options |= {
            "filter_height": size[0],
            "filter_width": size[1],
            "fused_activation_function": activation,
        }
        return self.operator(f"{kind}_POOL_2D", (source,), output, **options)

    def add(self, first: int, second: int, activation: int = NONE) -> int:
        return self.binary("ADD", first, second, fused_activation_function=activation)

    def binary(self, op: str, first: int, second: int, **options: Any) -> int:
        """An op of two operands of one shape, or of such that broadcast; both may be one's own `constant`."""
        pair = self.tensors[first], self.tensors[second]
        shape = tuple(np.broadcast_shapes(pair[0].shape, pair[1].shape))
        scales = [self._coarse(number) for number in (first, second)]
        scale = 90 * scales[0] * scales[1] if op in ("MUL", "PRELU") else max(scales)
        scale = 250 * max(scales) ** 2 if op == "SQUARED_DIFFERENCE" else scale
        scale *= float(self.rng.uniform(0.7, 2.5))
        zero_point = int(self.rng.integers(-128, 100))
        if op in ("MINIMUM", "MAXIMUM"):
            pair[1].scales, pair[1].zero_points = pair[0].scales, pair[0].zero_points
            scale, zero_point = scales[0], self._zero_point(first)
        return self.operator(op, (first, second), self.activation(shape, scale, zero_point), **options)

    def batch_matmul(self, first: int, second: int, adj_x: bool = False, adj_y: bool = False) -> int:
        """The product of two matrices, each turned or not; one may be a constant."""
        shapes = [self.tensors[number].shape for number in (first, second)]
        (height, taps), width = shapes[0][-2:][:: -1 if adj_x else 1], shapes[1][-2 if adj_y else -1]
        shape = (*np.broadcast_shapes(shapes[0][:-2], shapes[1][:-2]), height, width)
        scales = [self._coarse(number) for number in (first, second)]
        scale = 80 * scales[0] * scales[1] * np.sqrt(taps) * float(self.rng.uniform(0.7, 2.5))
        output = self.activation(shape, float(scale), int(self.rng.integers(-60, 60)))
        return self.operator("BATCH_MATMUL", (first, second), output, adj_x=adj_x, adj_y=adj_y)

    def constant(self, shape: tuple[int, ...]) -> int:
        scale, zero_point = float(self.rng.uniform(0.002, 0.02)), int(self.rng.integers(-128, 128))
        dtype = np.int16 if self.dtype == "int16" else np.int8
        limits = np.iinfo(dtype)
        data = self.rng.integers(limits.min, limits.max + 1, shape, dtype)
        return self.activation(shape, scale, zero_point, data)

    def mean(self, source: int, keep_dims: bool = True) -> int:
        return self.reduce("MEAN", source, (1, 2), keep_dims)

    def reduce(self, op: str, source: int, axes: tuple[int, ...], keep_dims: bool = True) -> int:
        before = self.tensors[source]
        positions = self.tensor((len(axes),), "int32", data=np.array(axes, np.int32))
        every = np.empty(before.shape, bool)
        shape = every.any(axis=axes, keepdims=keep_dims).shape
        scale, zero_point = self._coarse(source), self._zero_point(source)
        if op in ("MEAN", "SUM"):
            scale *= float(self.rng.uniform(0.3, 1.2))
            scale *= np.sqrt(every.size / np.prod(shape)) if op == "SUM" else 1
            zero_point = int(self.rng.integers(-128, 100))
        output = self.activation(shape, float(scale), zero_point)
        return self.operator(op, (source, positions), output, keep_dims=keep_dims)

    def pad(self, source: int, top: int, bottom: int, left: int, right: int) -> int:
        return self.pad_axes(source, ((0, 0), (top, bottom), (left, right), (0, 0)))

    def pad_axes(self, source: int, paddings: tuple[tuple[int, int], ...], value: int | None = None) -> int:
        """PAD, or PADV2 where there is a value."""
        before = self.tensors[source]
        inputs: tuple[int, ...] = (source, self.integers(paddings))
        if value is not None:
            data = np.array([value], np.int8)
            inputs += (self.activation((1,), before.scales[0], self._zero_point(source), data),)
        shape = tuple(size + sum(amounts) for size, amounts in zip(before.shape, paddings, strict=True))
        return self.operator("PAD" if value is None else "PADV2", inputs, self.like(source, shape))

    def resize(
        self, source: int, size: tuple[int, int], kind: str = "NEAREST_NEIGHBOR", rule: str | None = None
    ) -> int:
        """`rule` is "align_corners" or "half_pixel_centers" or None."""
        shape = (1, *size, self.tensors[source].shape[3])
        options = {rule: True} if rule else {}
        inputs = (source, self.integers(size))
        return self.operator(f"RESIZE_{kind}", inputs, self.like(source, shape), **options)

    def move(self, op: str, inputs: tuple[int, ...], shape: tuple[int, ...], **options: Any) -> int:
        """An op that moves values of its first tensor that is no constant; `options` are the file's."""
        source = next(i for i in inputs if self.tensors[i].data is None)
        return self.operator(op, inputs, self.like(source, shape), **options)

    def split(self, source: int, sizes: tuple[int, ...], axis: int, equal: bool = True) -> tuple[int, ...]:
        """SPLIT, or SPLIT_V where the parts aren't `equal`."""
        shape = self.tensors[source].shape
        shapes = [(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes]
        made = tuple(self.like(source, one) for one in shapes)
        inputs: tuple[int, ...] = (self.integers(axis), source)
        if not equal:
            inputs = (source, self.integers(sizes), self.integers(axis))
        self.operators.append(("SPLIT" if equal else "SPLIT_V", inputs, made, {"num_splits": len(sizes)}))
        return made

    def integers(self, values: Any) -> int:
        """Return a constant of int32."""
        data = np.array(values, np.int32)
        return self.tensor(data.shape, "int32", data=data)

    def like(self, source: int, shape: tuple[int, ...]) -> int:
        """Return a tensor of another shape with the scale of `source`."""
        before = self.tensors[source]
        return self.tensor(shape, before.dtype, before.scales, before.zero_points)

    def reshape(self, source: int, shape: tuple[int, ...]) -> int:
        return self.operator("RESHAPE", (source, self.integers(shape)), self.like(source, shape))

    def flatten(self, source: int) -> int:
        return self.reshape(source, (1, int(np.prod(self.tensors[source].shape))))

    def unary(self, op: str, source: int, **options: Any) -> int:
        """SOFTMAX and LOGISTIC, and TANH of int16, have a fixed output scale; others get a random one.

        TFLite's multiplier of an int16 LOGISTIC or TANH overflows at input scales above 2.66, SOFTMAX's
        above 5, where products of products may get to: the operator then has a QUANTIZE before it.
        """
        if (
            self.dtype == "int16"
            and op in ("LOGISTIC", "TANH", "SOFTMAX")
            and self.tensors[source].scales[0] > 2.66
        ):
            finer = self.tensor(self.tensors[source].shape, "int16", 2.0)
            source = self.operator("QUANTIZE", (source,), finer)
        before = self.tensors[source]
        scale, zero_point = 1 / 128 if self.dtype == "int16" else 1 / 256, -128
        if op not in (*_FIXED, *(("TANH",) if self.dtype == "int16" else ())):
            scale = (self._coarse(source) if before.scales else 1 / 64) * float(self.rng.uniform(0.4, 3))
            zero_point = int(self.rng.integers(-128, 128))
        output = self.activation(before.shape, scale, zero_point)
        if op == "SOFTMAX":
            options.setdefault("beta", 1.0)
        return self.operator(op, (source,), output, **options)

    def arg_max(self, source: int, dtype: str = "int32", axis: int = -1) -> int:
        position = self.tensor((), "int32", data=np.array(axis, np.int32))
        shape = list(self.tensors[source].shape)
        del shape[axis]
        output = self.tensor(tuple(shape), dtype)
        kind = tflite.TensorType.INT64 if dtype == "int64" else tflite.TensorType.INT32
        return self.operator("ARG_MAX", (source, position), output, output_type=kind)

    def dequantize(self, source: int) -> int:
        return self.operator("DEQUANTIZE", (source,), self.tensor(self.tensors[source].shape, "float32"))

    def _weight_scales(self, channels: int, per_channel: bool) -> tuple[float, ...]:
        several = per_channel and self.dtype != "uint8"
        return tuple(self.rng.uniform(0.002, 0.02, channels if several else 1))

    def _weights(self, scales: tuple[float, ...], weights: npt.NDArray[np.int8], axis: int = 0) -> int:
        """Weights of int8, or uint8 that are the same up to a zero point, and some that int8 doesn't hold."""
        if self.dtype != "uint8":
            return self.tensor(weights.shape, "int8", scales, 0, axis, weights)
        zero_point = int(self.rng.integers(90, 166))
        values = np.clip(weights.astype(np.int64) + zero_point, 0, 255)
        farthest = self.rng.random(weights.shape) < min(0.1, 3 / weights.size)
        values[farthest & (weights != 0)] = 255 if zero_point < 128 else 0
        return self.tensor(weights.shape, "uint8", scales, zero_point, axis, values.astype(np.uint8))

    def _zero_point(self, tensor: int) -> int:
        """Return what the zero point of a tensor would be as int8."""
        return self.tensors[tensor].zero_points[0] - (128 if self.tensors[tensor].dtype == "uint8" else 0)

    def _output(self, shape, source, scales, taps, activation, gain, zero_point) -> int:  # type: ignore[no-untyped-def]
        spread = 73 * 73 * np.sqrt(taps) * float(np.mean(scales)) * self._coarse(source)
        scale = float(spread / (60 * gain) * self.rng.uniform(0.7, 1.5))
        if zero_point is None:
            zero_point = -128 if activation in (RELU, RELU6) else int(self.rng.integers(-60, 60))
        return self.activation(shape, scale, zero_point)

    def _coarse(self, tensor: int) -> float:
        """Return what the scale of a tensor would be as int8."""
        return self.tensors[tensor].scales[0] * (256 if self.dtype == "int16" else 1)

    def _bias(self, source: int, scales: tuple[float, ...], channels: int, taps: int) -> int:
        limit = int(73 * 73 * np.sqrt(taps))
        values = self.rng.integers(-limit, limit + 1, channels).astype(np.int32)
        if self.dtype == "int16":
            values = 256 * values.astype(np.int64) + self.rng.integers(256, size=channels)
        scale = tuple(self.tensors[source].scales[0] * scale for scale in scales)
        return self.tensor((channels,), values.dtype.name, scale, 0, 0, values)

    def build(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> bytes:
        """Return the bytes of the .tflite file."""
        return written(self, inputs, outputs)


def _unsigned(data: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    return data.view(np.uint8) ^ np.uint8(128)


def _positions(length: int, size: int, stride: int, dilation: int, padding: int) -> int:
    extent = (size - 1) * dilation + 1
    return -(-length // stride) if padding == SAME else (length - extent) // stride + 1
