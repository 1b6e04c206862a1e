# SPDX-License-Identifier: Apache-2.0
"""What random networks are made of: one function for each kind of piece, listed by its decorator."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations

from tflite_builder import NONE, RELU, RELU6, SAME, VALID, Builder

# Ops that take int16, too.
INT16 = frozenset(
    (
        *(
            "ADD",
            "AVERAGE_POOL_2D",
            "CONCATENATION",
            "CONV_2D",
            "DEPTHWISE_CONV_2D",
            "FULLY_CONNECTED",
            "GATHER",
        ),
        *(
            "LEAKY_RELU",
            "LOGISTIC",
            "MAXIMUM",
            "MAX_POOL_2D",
            "MEAN",
            "MINIMUM",
            "MUL",
            "PAD",
            "QUANTIZE",
            "REDUCE_MAX",
            "REDUCE_MIN",
        ),
        *(
            "RESHAPE",
            "RESIZE_NEAREST_NEIGHBOR",
            "SLICE",
            "SOFTMAX",
            "SUB",
            "TANH",
            "TRANSPOSE",
            "TRANSPOSE_CONV",
        ),
    )
)
# Ops that TFLite's kernels don't take over uint8, or not of all sizes.
NOT_UINT8 = frozenset(("ABS", "SQUARED_DIFFERENCE", "RESIZE_BILINEAR", "RSQRT", "LOG_SOFTMAX"))
LOOKUPS = ("LOGISTIC", "QUANTIZE", "HARD_SWISH", "LEAKY_RELU", "TANH", "RELU", "RELU6", "GELU", "ABS")
REDUCTIONS = ("REDUCE_MAX", "REDUCE_MIN", "MEAN")
LARGEST = 24  # rows or columns that are still enlarged


@dataclass(frozen=True)
class Draw:
    """The tensor that a piece goes on from, and three numbers, each of which decides something."""

    builder: Builder
    at: int
    channels: int  # 1 to 7
    size: int  # 1 to 3
    variant: int  # 0 to 5

    @property
    def shape(self) -> tuple[int, ...]:
        return self.builder.tensors[self.at].shape

    @property
    def height(self) -> int:
        return self.builder.tensors[self.at].shape[1]

    @property
    def width(self) -> int:
        return self.builder.tensors[self.at].shape[2]

    @property
    def depth(self) -> int:
        return self.builder.tensors[self.at].shape[3]

    @property
    def window(self) -> tuple[int, int]:
        return self.size, self.size

    @property
    def padding(self) -> int:
        return VALID if self.variant % 2 == 0 and min(self.height, self.width) >= self.size else SAME

    @property
    def activation(self) -> int:
        return (NONE, RELU, RELU6)[self.variant // 2]

    def one_of(self, number: int, *ops: str) -> str:
        """Return an op by its number, of those that take the network's type."""
        over = {"int8": frozenset(ops), "int16": INT16, "uint8": frozenset(ops) - NOT_UINT8}[
            self.builder.dtype
        ]
        possible = [op for op in ops if op in over]
        return possible[number % len(possible)]

    @property
    def stride(self) -> tuple[int, int]:
        return 1 + self.variant % 3 // 2, 1 + self.variant % 2


Piece = Callable[[Draw], int]
KINDS: dict[str, list[Piece]] = {"int8": [], "int16": [], "uint8": []}  # by the network's type


def kind(int16: bool = False) -> Callable[[Piece], Piece]:
    """Put a function among the kinds, those for int16 included where its ops take that."""

    def put(piece: Piece) -> Piece:
        KINDS["int8"].append(piece)
        KINDS["uint8"].append(piece)
        if int16:
            KINDS["int16"].append(piece)
        return piece

    return put


def _ignoring(d: Draw, dead: int, ignored: int) -> int:
    """A convolution with filters of zero, and input channels that it ignores."""
    made = d.builder.conv(d.at, d.channels, d.window, (1, 1), d.padding, d.activation, dead=dead)
    filters = d.builder.tensors[d.builder.operators[-1][1][1]].data
    assert filters is not None
    filters[..., d.depth - ignored :] = 0
    return made


@kind(int16=True)
def convolution(d: Draw) -> int:
    return _ignoring(d, dead=0, ignored=0)


@kind(int16=True)
def convolution_with_a_dead_filter(d: Draw) -> int:
    return _ignoring(d, dead=min(1, d.channels - 1), ignored=1)


@kind(int16=True)
def convolution_with_one_filter_alive(d: Draw) -> int:
    return _ignoring(d, dead=d.channels - 1, ignored=1)


@kind(int16=True)
def strided_convolution(d: Draw) -> int:
    return d.builder.conv(d.at, d.channels, d.window, d.stride, d.padding, d.activation)


@kind(int16=True)
def separable_convolution(d: Draw) -> int:
    multiplier, stride = 1 + d.channels % 2, d.stride[:1] * 2
    deep = d.builder.conv(d.at, multiplier, d.window, stride, d.padding, d.activation, depthwise=True)
    return d.builder.conv(deep, d.channels, (1, 1)) if d.size > 1 else deep


@kind(int16=True)
def max_pool_that_may_be_fused(d: Draw) -> int:
    if min(d.height, d.width) < 2:
        return lookup(d)
    return d.builder.pool(d.at, "MAX", (2, 2), (2, 2), VALID, d.activation)


@kind(int16=True)
def max_pool(d: Draw) -> int:
    return d.builder.pool(d.at, "MAX", d.window, d.stride, d.padding)


@kind(int16=True)
def average_pool(d: Draw) -> int:
    return d.builder.pool(d.at, "AVERAGE", d.window, d.stride, d.padding)


@kind(int16=True)
def residual(d: Draw) -> int:
    return d.builder.add(d.at, d.builder.conv(d.at, d.depth, d.window, padding=SAME), d.activation)


@kind(int16=True)
def residual_of_two_strided_branches(d: Draw) -> int:
    long = d.builder.conv(d.at, d.channels, padding=SAME, stride=(2, 2))
    long = d.builder.conv(long, d.channels, padding=SAME)
    short = d.builder.conv(d.at, d.channels, (1, 1), (2, 2), SAME)
    return d.builder.add(short, long, d.activation)


@kind(int16=True)
def pad(d: Draw) -> int:
    return d.builder.pad(d.at, d.variant, d.size, d.channels % 3, 1)


@kind(int16=True)
def lookup(d: Draw) -> int:
    return d.builder.unary(d.one_of(6 * d.channels + d.variant, *LOOKUPS), d.at)


@kind(int16=True)
def concatenation(d: Draw) -> int:
    branch = d.builder.conv(d.at, d.channels, d.window, padding=SAME)
    parts = (d.at, d.builder.rescaled(branch, d.at), d.at)
    return d.builder.concat(parts[d.variant % 2 : 2 + d.variant // 3])


@kind(int16=True)
def transposed_convolution(d: Draw) -> int:
    if max(d.height, d.width) > LARGEST:
        return strided_convolution(d)
    return d.builder.transpose_conv(d.at, d.channels, (d.size, 1 + d.variant % 4), d.stride, d.padding)


@kind(int16=True)
def enlarged_image(d: Draw) -> int:
    if max(d.height, d.width) > LARGEST:
        return max_pool(d)
    size = (d.height * (1 + d.variant % 2), d.width + d.channels)
    rule = (None, "align_corners", "half_pixel_centers")[d.size - 1]
    op = d.one_of(d.variant // 3, "RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR")
    return d.builder.resize(d.at, size, op.removeprefix("RESIZE_"), rule)


@kind()
def pad_of_channels(d: Draw) -> int:
    paddings = ((0, 0), (0, d.variant % 2), (0, 0), (d.channels % 3, d.variant // 3))
    return d.builder.pad_axes(d.at, paddings, value=-5 if d.size == 1 else None)


@kind(int16=True)
def squeeze_and_excitation(d: Draw) -> int:
    gate = d.builder.unary("LOGISTIC", d.builder.conv(d.builder.mean(d.at), d.depth, (1, 1)))
    return d.builder.binary("MUL", d.at, gate)


@kind(int16=True)
def operand_that_is_a_constant(d: Draw) -> int:
    op = d.one_of(d.variant, "ADD", "SUB", "MUL", "MINIMUM", "MAXIMUM", "PRELU")
    constant = d.builder.constant(((), (d.depth,), (d.height, d.width, 1))[d.size - 1])
    return d.builder.binary(op, *((d.at, constant) if d.channels % 2 or d.variant > 2 else (constant, d.at)))


@kind(int16=True)
def two_operands(d: Draw) -> int:
    op = d.one_of(d.variant, "SUB", "MUL", "MINIMUM", "MAXIMUM", "SQUARED_DIFFERENCE")
    branch = d.builder.conv(d.at, (1, d.depth)[d.channels % 2], (1, d.size), padding=SAME)
    return d.builder.binary(op, d.at, branch)


@kind()
def attention(d: Draw) -> int:
    if d.builder.dtype != "int8" or max(d.width, d.depth) > LARGEST:
        return max_pool(d)
    other = d.builder.conv(d.at, d.depth, d.window, padding=SAME)
    turned = bool(d.variant % 2)
    return d.builder.batch_matmul(d.at, other, adj_x=not turned, adj_y=turned)


@kind(int16=True)
def spatial_attention(d: Draw) -> int:
    best = d.builder.reduce(d.one_of(d.size - 1, *REDUCTIONS), d.at, (3,))
    gate = d.builder.unary("LOGISTIC", d.builder.conv(best, 1, d.window, padding=SAME))
    return d.builder.binary("MUL", d.at, gate)


@kind(int16=True)
def reduction(d: Draw) -> int:
    axes = ((1,), (2,), (3,), (1, 2), (2, 3), (1, 3))[d.variant]
    return d.builder.reduce(d.one_of(d.size - 1, *REDUCTIONS), d.at, axes)


@kind(int16=True)
def dense_layer_on_a_map(d: Draw) -> int:
    return d.builder.fully_connected(d.at, d.channels, d.activation, vectors=True, keep_num_dims=True)


@kind(int16=True)
def crop(d: Draw) -> int:
    begin = (0, d.height // 3, d.variant % d.width, d.channels % d.depth)
    size = (1, *(length - first for length, first in zip(d.shape[1:], begin[1:], strict=True)))
    return d.builder.move("SLICE", (d.at, *map(d.builder.integers, (begin, size))), size)


@kind(int16=True)
def every_second(d: Draw) -> int:
    """Every row, column or channel or every second one, from either end."""
    begin, end, steps, counts = [0], [1], [1], [1]
    for axis, length in enumerate(d.shape[1:]):
        step = (1, 2, -1, -2)[(d.variant + axis * d.size) % 4]
        steps.append(step)
        begin.append(0 if step > 0 else -1)
        end.append(length if step > 0 else -length - 1)
        counts.append(-(-length // abs(step)))
    inputs = (d.at, *map(d.builder.integers, (begin, end, steps)))
    return d.builder.move("STRIDED_SLICE", inputs, tuple(counts))


@kind(int16=True)
def transposed(d: Draw) -> int:
    order = (0, *list(permutations((1, 2, 3)))[d.variant])
    shape = tuple(d.shape[axis] for axis in order)
    return d.builder.move("TRANSPOSE", (d.at, d.builder.integers(order)), shape)


@kind()
def blocks(d: Draw) -> int:
    side, channels = d.size, d.depth * d.size**2
    if d.variant % 2 and d.height % side == d.width % side == 0:
        shape = (1, d.height // side, d.width // side, channels)
        return d.builder.move("SPACE_TO_DEPTH", (d.at,), shape, block_size=side)
    if max(d.height, d.width) > LARGEST:
        return max_pool(d)
    deep = d.builder.conv(d.at, channels, (1, 1))
    shape = (1, d.height * side, d.width * side, d.depth)
    return d.builder.move("DEPTH_TO_SPACE", (deep,), shape, block_size=side)


@kind(int16=True)
def two_halves(d: Draw) -> int:
    """Channels, split in two that change places, one of them convolved."""
    if d.depth == 1:
        return convolution(d)
    sizes = (d.depth // 2, d.depth - d.depth // 2)
    first, second = d.builder.split(d.at, sizes, 3, equal=sizes[0] == sizes[1])
    first = d.builder.rescaled(d.builder.conv(first, d.channels, d.window, padding=SAME), second)
    return d.builder.concat((second, first))


@kind(int16=True)
def channels_in_reverse(d: Draw) -> int:
    """Channels unpacked, the first of them expanded and squeezed, packed again from the last to the first."""
    if d.depth > 7:
        return lookup(d)
    whole, flat = (*d.shape[:3], 1), d.shape[:3]
    parts = tuple(d.builder.like(d.at, flat) for _ in range(d.depth))
    d.builder.operators.append(("UNPACK", (d.at,), parts, {"axis": 3, "num": d.depth}))
    first = d.builder.move("EXPAND_DIMS", (parts[0], d.builder.integers(3)), whole)
    first = d.builder.move("SQUEEZE", (first,), flat, squeeze_dims=[3])
    return d.builder.move("PACK", (*parts[:0:-1], first), d.shape, axis=3, values_count=d.depth)


@kind(int16=True)
def shuffled(d: Draw) -> int:
    """Rows, columns or channels in another order, of which some come twice or not at all."""
    axis = (3, 3, 2, 1)[d.variant % 4]
    length = d.shape[axis]
    indices = [(d.size * i + d.variant) % length for i in range(max(1, length + d.channels % 3 - 1))]
    shape = (*d.shape[:axis], len(indices), *d.shape[axis + 1 :])
    return d.builder.move("GATHER", (d.at, d.builder.integers(indices)), shape, axis=axis)


@kind()
def reversed_or_broadcast(d: Draw) -> int:
    """Rows, columns or channels from the last to the first, a mean everywhere, or exponentials."""
    if d.builder.dtype != "int8":
        return max_pool(d)
    if d.variant % 3 == 0:
        axes = d.builder.integers([1 + (d.size + d.variant) % 3])
        return d.builder.move("REVERSE_V2", (d.at, axes), d.shape)
    if d.variant % 3 == 1:
        return d.builder.move("BROADCAST_TO", (d.builder.mean(d.at), d.builder.integers(d.shape)), d.shape)
    finer = d.builder.tensor(d.shape, "int8", 0.01 * d.size, -d.variant)
    return d.builder.unary("EXP", d.builder.operator("QUANTIZE", (d.at,), finer))


@kind()
def mirrored_or_repeated(d: Draw) -> int:
    """Rows, columns and channels, mirrored at the edges, or so many times."""
    if max(d.height, d.width) > LARGEST:
        return shuffled(d)
    if d.variant % 2:
        times = (1, 1 + d.size // 3, 1 + d.size % 2, 1 + d.channels % 2)
        shape = tuple(length * count for length, count in zip(d.shape, times, strict=True))
        return d.builder.move("TILE", (d.at, d.builder.integers(times)), shape)
    mode = d.variant // 4
    most = [length - 1 + mode for length in d.shape]
    pairs = ((0, 0), (min(d.size, most[1]), min(1, most[1])), (0, min(d.size, most[2])), (0, min(1, most[3])))
    shape = tuple(length + sum(pair) for length, pair in zip(d.shape, pairs, strict=True))
    return d.builder.move("MIRROR_PAD", (d.at, d.builder.integers(pairs)), shape, mode=mode)


@kind(int16=True)
def shuffled_by_views(d: Draw) -> int:
    """Channels in groups, turned, or rows and columns that change places in a view of five dimensions."""
    groups = next(count for count in (3, 2, 1) if d.depth % count == 0)
    order = (0, 1, 2, 4, 3) if d.variant % 2 else (0, 2, 1, 3, 4)
    seen = (1, d.height, d.width, groups, d.depth // groups)
    turned = tuple(seen[axis] for axis in order)
    at = d.builder.reshape(d.at, seen)
    at = d.builder.move("TRANSPOSE", (at, d.builder.integers(order)), turned)
    return d.builder.reshape(at, (*turned[:3], d.depth))


@kind()
def by_a_root_or_logarithm(d: Draw) -> int:
    """Vectors over their length, one over the root of values from 0 on, or logarithms of a softmax."""
    op = d.one_of(d.variant, "L2_NORMALIZATION", "RSQRT", "LOG_SOFTMAX")
    if op == "LOG_SOFTMAX":
        return d.builder.operator(op, (d.at,), d.builder.activation(d.shape, 1 / 16, 127))
    if op == "L2_NORMALIZATION":
        return d.builder.operator(op, (d.at,), d.builder.activation(d.shape, 1 / 128, 0))
    positive = d.builder.operator("QUANTIZE", (d.at,), d.builder.activation(d.shape, 0.01 * d.channels, -128))
    return d.builder.unary(op, positive)
