# SPDX-License-Identifier: Apache-2.0
"""Small and well-known networks with random weights, for tests."""

import numpy as np
from tflite_builder import RELU, RELU6, SAME, VALID, Builder

from edgecnn.compiler.reading.tflite import parse


def cainvas(pixels: int = 64, seed: int = 0, dead: int = 0, classes: int = 3) -> bytes:
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
    return builder.build((source,), (builder.unary("SOFTMAX", builder.fully_connected(at, classes)),))


def small(seed: int = 0, description: str = "", dtype: str = "int8") -> bytes:
    """A depthwise and a residual block of a few channels, one sigmoid at the end."""
    builder = Builder(seed, description, dtype)
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


def float_edges(seed: int = 0, dtype: str = "int8") -> bytes:
    """A convolution between float input and float output."""
    builder = Builder(seed, dtype=dtype)
    source = builder.tensor((1, 6, 5, 2), "float32")
    entry = builder.operator("QUANTIZE", (source,), builder.activation((1, 6, 5, 2), 0.02, -7))
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


def autoencoder(seed: int = 0) -> bytes:
    """Dense layers down to eight values and up again, as for the sound of machines."""
    builder = Builder(seed)
    source = at = builder.input((1, 80))
    for outputs in (32, 32, 8, 32, 32):
        at = builder.fully_connected(at, outputs, RELU)
    return builder.build((source,), (builder.fully_connected(at, 80),))


def ds_cnn(seed: int = 0) -> bytes:
    """Separable convolutions over a spectrogram of 49 x 10, as for keyword spotting."""
    builder = Builder(seed)
    source = builder.input((1, 49, 10, 1))
    at = builder.conv(source, 8, (10, 4), (2, 2), SAME, RELU)
    for _ in range(2):
        at = _separable(builder, at, 8)
    at = builder.pool(at, "AVERAGE", (25, 5), (25, 5))
    at = builder.fully_connected(builder.flatten(at), 12)
    return builder.build((source,), (builder.unary("SOFTMAX", at),))


def wake_word(seed: int = 0) -> bytes:
    """Depthwise and 1x1 convolutions along the height of a spectrogram, of width 1, to a single row."""
    builder = Builder(seed)
    at = source = builder.input((1, 6, 1, 8))
    for taps, outputs in ((3, 16), (2, 16), (2, 16), (2, 8)):
        at = builder.conv(builder.conv(at, 1, (taps, 1), depthwise=True), outputs, (1, 1))
    return builder.build((source,), (builder.fully_connected(builder.flatten(at), 3),))


def mobilenet_v1(seed: int = 0, dtype: str = "int8") -> bytes:
    """Separable convolutions, some with strides behind a PAD, as Keras emits them."""
    builder = Builder(seed, dtype=dtype)
    source = builder.input((1, 32, 32, 3))
    at = builder.conv(builder.pad(source, 0, 1, 0, 1), 4, stride=(2, 2), activation=RELU6)
    for channels, stride in ((6, 1), (8, 2), (8, 1), (12, 2)):
        at = _separable(builder, at, channels, stride)
    return builder.build((source,), (builder.fully_connected(builder.mean(at), 5),))


def mobilenet_v2(seed: int = 0, dtype: str = "int8") -> bytes:
    """Inverted residuals: wide inside, narrow and linear where they are added; as in EfficientNet-Lite."""
    builder = Builder(seed, dtype=dtype)
    source = builder.input((1, 24, 24, 3))
    at = builder.conv(source, 4, stride=(2, 2), padding=SAME, activation=RELU6)
    for channels, size, stride in ((4, 3, 1), (6, 5, 2), (6, 5, 1), (6, 3, 1)):
        deep = builder.conv(at, 16, (1, 1), activation=RELU6)
        deep = builder.conv(deep, 1, (size,) * 2, (stride,) * 2, SAME, RELU6, depthwise=True)
        deep = builder.conv(deep, channels, (1, 1))
        same = builder.tensors[deep].shape == builder.tensors[at].shape
        at = builder.add(deep, at) if same else deep
    return builder.build((source,), (builder.fully_connected(builder.mean(at), 5),))


def mobilenet_v3(seed: int = 0) -> bytes:
    """Inverted residuals with squeeze-and-excitation and hard swish."""
    builder = Builder(seed)
    source = builder.input((1, 24, 24, 3))
    at = builder.unary("HARD_SWISH", builder.conv(source, 4, stride=(2, 2), padding=SAME))
    for size in (3, 5):
        deep = builder.unary("HARD_SWISH", builder.conv(at, 12, (1, 1)))
        deep = builder.unary("HARD_SWISH", builder.conv(deep, 1, (size,) * 2, padding=SAME, depthwise=True))
        squeezed = builder.conv(builder.mean(deep), 4, (1, 1), activation=RELU)
        gate = builder.unary("LOGISTIC", builder.conv(squeezed, 12, (1, 1)))
        at = builder.add(builder.conv(builder.binary("MUL", deep, gate), 4, (1, 1)), at)
    return builder.build((source,), (builder.fully_connected(builder.mean(at), 5),))


def attention(seed: int = 0) -> bytes:
    """CBAM: channels weighted by what is in the whole map, pixels by what is in all channels."""
    builder = Builder(seed)
    source = builder.input((1, 18, 18, 3))
    at = builder.conv(source, 8, padding=SAME, activation=RELU)
    pooled = (builder.mean(at), builder.reduce("REDUCE_MAX", at, (1, 2)))
    gates = [builder.conv(builder.conv(one, 2, (1, 1), activation=RELU), 8, (1, 1)) for one in pooled]
    at = builder.binary("MUL", at, builder.unary("LOGISTIC", builder.add(*gates)))
    most = builder.reduce("REDUCE_MAX", at, (3,))
    maps = builder.concat((most, builder.rescaled(builder.reduce("MEAN", at, (3,)), most)))
    gate = builder.unary("LOGISTIC", builder.conv(maps, 1, (7, 7), padding=SAME))
    at = builder.pool(builder.binary("MUL", at, gate), "MAX", (2, 2), (2, 2))
    return builder.build((source,), (builder.fully_connected(builder.mean(at), 1),))


def unet(pixels: int = 32, width: int = 4, levels: int = 3, transposed: bool = True, seed: int = 0) -> bytes:
    """Levels down and up with concatenated skips, enlarged by transposed convolutions or by repeating."""
    builder = Builder(seed)
    source = at = builder.input((1, pixels, pixels, 3))
    skips = []
    for level in range(levels):
        at = _twice(builder, at, width << level)
        skips.append(at)
        at = builder.pool(at, "MAX", (2, 2), (2, 2))
    at = _twice(builder, at, width << levels)
    for level in reversed(range(levels)):
        if transposed:
            at = builder.transpose_conv(at, width << level, (2, 2))
        else:
            _, height, columns, _ = builder.tensors[at].shape
            at = builder.resize(at, (2 * height, 2 * columns), "NEAREST_NEIGHBOR", "half_pixel_centers")
        skip = skips.pop()
        at = _twice(builder, builder.concat((skip, _with_scale(builder, at, skip))), width << level)
    return builder.build((source,), (builder.unary("LOGISTIC", builder.conv(at, 1, (1, 1))),))


def inception_v3(pixels: int = 75, part: int = 16, seed: int = 0) -> bytes:
    """InceptionV3 up to mixed7, with one of every `part` channels, and a dense layer."""
    builder = Builder(seed)

    def conv(
        at: int, channels: int, size: int | tuple[int, int] = 1, stride: int = 1, padding: int = SAME
    ) -> int:
        window = (size, size) if isinstance(size, int) else size
        return builder.conv(at, -(-channels // part), window, (stride, stride), padding, RELU)

    def join(*branches: int) -> int:
        return builder.concat(tuple(_with_scale(builder, one, branches[0]) for one in branches))

    def pooled(at: int, channels: int) -> int:
        return conv(builder.pool(at, "AVERAGE", (3, 3), (1, 1), SAME), channels)

    source = builder.input((1, pixels, pixels, 3))
    at = conv(conv(conv(source, 32, 3, 2, VALID), 32, 3, 1, VALID), 64, 3)
    at = builder.pool(at, "MAX", (3, 3), (2, 2))
    at = builder.pool(conv(conv(at, 80), 192, 3, 1, VALID), "MAX", (3, 3), (2, 2))
    for last in (32, 64, 64):
        deep = conv(conv(conv(at, 64), 96, 3), 96, 3)
        at = join(conv(at, 64), conv(conv(at, 48), 64, 5), deep, pooled(at, last))
    deep = conv(conv(conv(at, 64), 96, 3), 96, 3, 2, VALID)
    at = join(builder.pool(at, "MAX", (3, 3), (2, 2)), conv(at, 384, 3, 2, VALID), deep)
    for inside in (128, 160, 160, 192):
        deep = conv(at, inside)
        for channels, size in ((inside, (7, 1)), (inside, (1, 7)), (inside, (7, 1)), (192, (1, 7))):
            deep = conv(deep, channels, size)
        wide = conv(conv(conv(at, inside), inside, (1, 7)), 192, (7, 1))
        at = join(conv(at, 192), wide, deep, pooled(at, 192))
    return builder.build((source,), (builder.fully_connected(builder.mean(at), 3),))


def _separable(builder: Builder, at: int, channels: int, stride: int = 1) -> int:
    if stride > 1:
        at = builder.pad(at, 0, 1, 0, 1)
    deep = builder.conv(at, 1, (3, 3), (stride,) * 2, SAME if stride == 1 else VALID, RELU6, depthwise=True)
    return builder.conv(deep, channels, (1, 1), activation=RELU6)


def _twice(builder: Builder, at: int, channels: int) -> int:
    for _ in range(2):
        at = builder.conv(at, channels, padding=SAME, activation=RELU)
    return at


def _with_scale(builder: Builder, at: int, like: int) -> int:
    """Return a tensor with another's scale: a convolution makes it so, as a converter would have it."""
    maker = next(op for op, _, made, _ in builder.operators if made == at)
    if maker not in ("CONV_2D", "TRANSPOSE_CONV"):
        return at if at == like else builder.rescaled(at, like)
    builder.tensors[at].scales = builder.tensors[like].scales
    builder.tensors[at].zero_points = builder.tensors[like].zero_points
    return at


def dilated(
    builder: Builder, source: int, block: tuple[int, int], same: bool = True, depthwise: bool = False
) -> int:
    """What TensorFlow makes of a convolution of 3x2 with gaps: sides padded to multiples of the block."""
    _, height, width, depth = builder.tensors[source].shape
    paddings, crops, large = [], [], []
    for length, size, gap in zip((height, width), (3, 2), block, strict=True):
        total = (size - 1) * gap if same else 0
        more = -(length + total) % gap
        paddings.append((total // 2, total - total // 2 + more))
        crops.append((0, more))
        large.append((length + total + more) // gap)
    batch = block[0] * block[1]
    inputs = (source, builder.integers(block), builder.integers(paddings))
    parts = builder.move("SPACE_TO_BATCH_ND", inputs, (batch, *large, depth))
    made = builder.conv(parts, 2 if depthwise else 3, (3, 2), (1, 1), VALID, RELU, depthwise=depthwise)
    _, rows, columns, channels = builder.tensors[made].shape
    builder.tensors[made].shape = (batch, rows, columns, channels)
    shape = (
        1,
        *(n * gap - c for n, gap, (_, c) in zip((rows, columns), block, crops, strict=True)),
        channels,
    )
    return builder.move("BATCH_TO_SPACE_ND", (made, builder.integers(block), builder.integers(crops)), shape)
