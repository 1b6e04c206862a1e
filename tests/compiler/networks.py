# SPDX-License-Identifier: Apache-2.0
"""Small and well-known networks with random weights, for tests."""

import numpy as np
from tflite_builder import RELU, RELU6, SAME, VALID, Builder

from edgecnn.compiler.flatbuffer import parse


def cainvas(pixels: int = 64, seed: int = 0, dead: int = 0) -> bytes:
    """The lung CT network of the project: three convolutions with max pools, four dense layers.

    Of each convolution `dead` filters are zero; those of the second are constants that the third, which
    has padding, reads.
    """
    builder = Builder(seed)
    source = builder.input((1, pixels, pixels, 1))
    at = builder.pool(builder.conv(source, 32, activation=RELU, dead=dead), "MAX", (2, 2), (2, 2))
    at = builder.pool(builder.conv(at, 64, activation=RELU, dead=dead), "MAX", (3, 3), (3, 3))
    at = builder.pool(builder.conv(at, 32, activation=RELU, padding=SAME, dead=dead), "MAX", (2, 2), (2, 2))
    at = builder.flatten(at)
    for outputs in (32, 64, 32):
        at = builder.fully_connected(at, outputs, RELU)
    return builder.build((source,), (builder.unary("SOFTMAX", builder.fully_connected(at, 3)),))


def small(seed: int = 0, description: str = "") -> bytes:
    """A depthwise and a residual block of a few channels, one sigmoid at the end."""
    builder = Builder(seed, description)
    source = builder.input((1, 10, 12, 1))
    at = builder.conv(source, 4, stride=(2, 2), padding=SAME, activation=RELU)
    at = builder.conv(builder.conv(at, 1, padding=SAME, activation=RELU6, depthwise=True), 4, (1, 1))
    at = builder.add(at, builder.conv(at, 4, padding=SAME), RELU)
    at = builder.fully_connected(builder.mean(at), 1)
    return builder.build((source,), (builder.unary("LOGISTIC", at),))


def residual(pixels: int = 16, seed: int = 0) -> bytes:
    """Two residual blocks, the second with strides and a 1x1 convolution on the short branch."""
    builder = Builder(seed)
    source = builder.input((1, pixels, pixels, 3))
    at = builder.conv(source, 8, padding=SAME, activation=RELU)
    at = builder.add(builder.conv(builder.conv(at, 8, padding=SAME), 8, padding=SAME), at, RELU)
    long = builder.conv(builder.conv(at, 16, padding=SAME, stride=(2, 2)), 16, padding=SAME)
    at = builder.add(builder.conv(at, 16, (1, 1), (2, 2), SAME), long, RELU)
    at = builder.pool(at, "AVERAGE", (pixels // 2,) * 2, (pixels // 2,) * 2, VALID)
    return builder.build((source,), (builder.fully_connected(builder.flatten(at), 4),))


def float_edges(seed: int = 0) -> bytes:
    """A convolution between float input and float output."""
    builder = Builder(seed)
    source = builder.tensor((1, 6, 5, 2), "float32")
    entry = builder.operator("QUANTIZE", (source,), builder.tensor((1, 6, 5, 2), "int8", 0.02, -7))
    return builder.build((source,), (builder.dequantize(builder.conv(entry, 3)),))


def two_heads(seed: int = 0) -> bytes:
    """One image, and two outputs of which the first is read on."""
    builder = Builder(seed)
    source = builder.input((1, 8, 7, 2))
    first = builder.conv(source, 3, activation=RELU)
    return builder.build((source,), (first, builder.fully_connected(builder.flatten(first), 4)))


def two_ends(seed: int = 0) -> bytes:
    """Two inputs that are added, and two outputs: a map and a vector."""
    builder = Builder(seed)
    first, second = builder.input((1, 6, 6, 2)), builder.input((1, 6, 6, 2), 0.03, 5)
    at = builder.add(builder.conv(first, 2, padding=SAME), second)
    return builder.build((first, second), (builder.conv(at, 3), builder.mean(at, keep_dims=False)))


def retrained(model: bytes) -> bytes:
    """Return the same network with other weights: those of each filter and matrix in reverse."""
    for tensor in parse(model).tensors:
        if tensor.data is not None and tensor.data.dtype == np.int8 and tensor.data.ndim >= 2:
            data = tensor.data.tobytes()
            assert model.count(data) == 1
            model = model.replace(data, data[::-1])
    return model


def uint8_edges(seed: int = 0, shift: int = 0) -> bytes:
    """A convolution between uint8 edges, whose zero points are not 128 more where `shift` is set."""
    builder = Builder(seed)
    source = builder.tensor((1, 6, 5, 2), "uint8", 0.02, 121)
    entry = builder.tensor((1, 6, 5, 2), "int8", 0.02, -7 + shift)
    made = builder.conv(builder.operator("QUANTIZE", (source,), entry), 3)
    inner = builder.tensors[made]
    end = builder.tensor(inner.shape, "uint8", inner.scales, inner.zero_points[0] + 128 - shift)
    return builder.build((source,), (builder.operator("QUANTIZE", (made,), end),))
