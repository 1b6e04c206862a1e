# SPDX-License-Identifier: Apache-2.0
"""Ops over int16: TFLite's reference kernel = NumPy reference = C, over awkward shapes."""

import numpy as np
import pytest
from generated_c import check, check_operands, check_operators, check_reductions
from tflite_builder import NONE, RELU, RELU6, RELU_N1_TO_1, SAME, VALID, Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError

# Shape, filters, size, stride, padding, activation, dilation, per channel, bias, dead filters.
CONVOLUTIONS = [
    ((1, 1, 1, 1), 1, (1, 1)),
    ((1, 2, 2, 3), 4, (5, 5), (1, 1), SAME),
    ((1, 9, 8, 2), 3, (3, 3), (2, 1), SAME, RELU_N1_TO_1),
    ((1, 11, 10, 2), 3, (2, 2), (3, 3), SAME),
    ((1, 6, 6, 4), 6, (1, 1), (1, 1), VALID, RELU, (1, 1), False),
    ((1, 12, 12, 2), 3, (3, 3), (1, 1), SAME, NONE, (2, 2)),
    ((1, 6, 5, 3), 7, (3, 3), (1, 1), SAME, RELU6, (1, 1), True, True, 3),
    ((1, 4, 17, 133), 2, (3, 3), (1, 1), SAME),  # more products than 32 bits hold the sum of
    ((1, 6, 6, 2), 4, (3, 3), (1, 1), SAME, NONE, (1, 1), True, True, 0, False, 2000.0),  # left shifts
]
DEPTHWISE = [
    ((1, 7, 9, 3), 1),
    ((1, 1, 1, 1), 1, (1, 1)),
    ((1, 8, 5, 3), 2, (3, 3), (2, 2), SAME, RELU),
    ((1, 6, 6, 1), 4, (3, 3), (1, 1), SAME, NONE, (2, 2)),
    ((1, 6, 5, 3), 1, (3, 3), (1, 1), SAME, RELU6, (1, 1), False),
    ((1, 6, 5, 3), 1, (3, 3), (1, 1), SAME, RELU, (1, 1), True, False),
]
# Shape, outputs, activation, per channel, bias.
DENSE = [
    ((1, 1), 1),
    ((1, 33), 17, RELU6),
    ((1, 100), 10, NONE, True),
    ((1, 100), 10, NONE, False, False),
    ((1, 640), 128, RELU, True, False),
    ((1, 5, 4, 3), 6, RELU, True),
    ((1, 9, 9, 1), 2),
    ((1, 12, 30, 3), 2, NONE, False, False),
]
POOLS = [
    ((1, 7, 9, 3), kind, size, stride, padding, activation)
    for kind in ("MAX", "AVERAGE")
    for size, stride, padding, activation in (
        ((2, 2), (2, 2), VALID, NONE),
        ((3, 3), (2, 2), SAME, RELU6),
        ((3, 2), (1, 3), VALID, RELU_N1_TO_1),
        ((7, 9), (7, 9), VALID, RELU),
    )
]


def depthwise(builder: Builder, source: int, *arguments: object) -> int:
    return builder.conv(source, *arguments, depthwise=True)


def fused(builder: Builder, source: int, *arguments: object) -> int:
    """A convolution and a max pool that becomes part of it."""
    return builder.pool(builder.conv(source, *arguments), "MAX", (2, 2), (2, 2))


def dense(builder: Builder, source: int, *arguments: object) -> int:
    if len(builder.tensors[source].shape) == 4:
        source = builder.flatten(source)
    return builder.fully_connected(source, *arguments)


def narrow(builder: Builder, source: int, *arguments: object) -> int:
    """A convolution with a bias of 32 bits: its sums have as many."""
    made = builder.conv(source, *arguments)
    bias = builder.tensors[builder.operators[-1][1][2]]
    bias.dtype, bias.data = "int32", bias.data.astype(np.int32)
    return made


def test_convolutions() -> None:
    check_operators(Builder.conv, CONVOLUTIONS, "int16")


def test_convolutions_that_sum_in_32_bits() -> None:
    check_operators(narrow, CONVOLUTIONS[5:8], "int16")


def test_convolutions_with_a_max_pool() -> None:
    check_operators(fused, [CONVOLUTIONS[at] for at in (3, 5, 6)], "int16")


def test_depthwise_convolutions() -> None:
    check_operators(depthwise, DEPTHWISE, "int16")


def test_dense_layers() -> None:
    check_operators(dense, DENSE, "int16")


def test_dense_layers_on_maps() -> None:
    cases = [((1, 5, 4, 3), 6, NONE, False), ((1, 1, 7, 9), 1, RELU, False, False), ((6, 5), 3, NONE, True)]

    def make(builder: Builder, source: int, *arguments: object) -> int:
        return builder.fully_connected(source, *arguments, vectors=True)

    check_operators(make, cases, "int16")


def test_transposed_convolutions() -> None:
    cases = [
        ((1, 5, 4, 3), 4),
        ((1, 3, 6, 2), 2, (2, 2), (2, 2), VALID, False),
        ((1, 4, 4, 2), 3, (4, 3), (1, 2)),
    ]
    check_operators(
        Builder.transpose_conv, [*cases, ((1, 5, 4, 3), 2, (3, 3), (2, 2), SAME, True, False)], "int16"
    )


def test_leaky_relus() -> None:
    def make(builder: Builder, source: int, alpha: float) -> int:
        return builder.unary("LEAKY_RELU", source, alpha=alpha)

    check_operators(make, [((1, 256, 256, 1), alpha) for alpha in (0.01, -0.5, 1.7)], "int16")


@pytest.mark.parametrize(("op", "part"), [("REDUCE_MAX", 1), ("REDUCE_MIN", 2)])
def test_extremes(op: str, part: int) -> None:
    check_reductions(op, part, dtype="int16")


def test_pools() -> None:
    check_operators(Builder.pool, POOLS, "int16")


@pytest.mark.parametrize("op", ["ADD", "MUL", "SUB"])
def test_operands(op: str) -> None:
    check_operands(op, 1, (NONE, RELU, RELU6, RELU_N1_TO_1), "int16")


@pytest.mark.parametrize("op", ["MAXIMUM", "MINIMUM"])
def test_larger_and_smaller(op: str) -> None:
    for part in (1, 3):
        check_operands(op, part, dtype="int16")


def powers_of_two(op: str, first: float, second: float, shape: tuple[int, ...], **options: int) -> bytes:
    """Return a model of two operands whose scales, like the output's of 1/4096, are powers of two."""
    builder = Builder(dtype="int16")
    pair = builder.tensor((1, 5, 7, 3), "int16", first), builder.tensor(shape, "int16", second)
    made = builder.operator(op, pair, builder.tensor((1, 5, 7, 3), "int16", 1 / 4096), **options)
    return builder.build(pair, (made,))


def test_scales_that_are_powers_of_two() -> None:
    shape, fine = (1, 5, 7, 3), 1 / 16384
    asked = {"pot_scale_int16": True, "fused_activation_function": RELU_N1_TO_1}
    check(
        [
            powers_of_two("ADD", 1.0005 / 4096, fine, shape, pot_scale_int16=True),
            powers_of_two("ADD", fine, 1 / 4096, shape, **asked),
            powers_of_two("SUB", 2**-27, 1 / 4096, shape, pot_scale_int16=True),
            powers_of_two("SUB", 1 / 4096, fine, shape, **asked),
            powers_of_two("ADD", 1 / 4096, fine, shape, pot_scale_int16=False),
        ]
    )
    for scale, other in ((1 / 2048, shape), (fine, shape), (1 / 4096, (1, 1, 1, 3))):
        with pytest.raises(ModelError, match="scales that are powers of two, for which TFLite needs"):
            compile_tflite(powers_of_two("ADD", fine, scale, other, pot_scale_int16=True), name="net")


def test_means() -> None:
    check_reductions("MEAN", 0, dtype="int16")


@pytest.mark.parametrize("op", ["LOGISTIC", "TANH"])
def test_sigmoids_of_all_values(op: str) -> None:
    def make(builder: Builder, source: int, scale: float) -> int:
        builder.tensors[source].scales = (float(np.float32(scale)),)
        return builder.unary(op, source)

    # One a little off a power of two is taken for it.
    scales = (1e-7, 1.0005 / 4096, 1.0005 / 2048, 0.0003, 1.7)
    check_operators(make, [((1, 256, 256, 1), scale) for scale in scales], "int16")


def test_softmax() -> None:
    def make(builder: Builder, source: int, scale: float, beta: float) -> int:
        builder.tensors[source].scales = (float(np.float32(scale)),)
        return builder.unary("SOFTMAX", source, beta=beta)

    shapes, scales = ((1, 1), (1, 100), (1, 4, 5, 3), (1, 2048, 2)), (1e-5, 0.0003, 0.001, 1.7)
    cases = [(shape, scale, 1.0) for shape, scale in zip(shapes, scales, strict=True)]
    check_operators(make, [*cases, ((1, 1000, 7), 0.0003, 0.5), ((1, 1000, 2), 0.0003, 1.0)], "int16")


def test_other_scales_and_int8() -> None:
    models = []
    for dtype, factor, zero_point in (
        ("int16", 1.3, 0),
        ("int16", 0.3, 0),
        ("int8", 256, 0),
        ("int8", 90, -11),
    ):
        builder = Builder(dtype="int16")
        source = builder.input((1, 256, 256, 1))
        scale = factor * builder.tensors[source].scales[0]
        made = builder.tensor((1, 256, 256, 1), dtype, scale, zero_point)
        models.append(builder.build((source,), (builder.operator("QUANTIZE", (source,), made),)))
    check(models)


def test_what_moves_values() -> None:
    cases = [
        lambda b, s: b.pad(s, 1, 2, 3, 4),
        lambda b, s: b.pad_axes(s, ((0, 0), (1, 0), (0, 2), (2, 1))),
        lambda b, s: b.reshape(s, (1, 4, 5, 3)),
        *(lambda b, s, axis=axis: b.concat((s, b.unary("TANH", s), s), axis) for axis in (1, 2, 3)),
        lambda b, s: b.resize(s, (7, 9), "NEAREST_NEIGHBOR", "align_corners"),
        lambda b, s: b.move("TRANSPOSE", (s, b.integers((0, 3, 1, 2))), (1, 3, 5, 4)),
        lambda b, s: b.move("SLICE", (s, *map(b.integers, ((0, 1, 0, 1), (1, 3, 4, 2)))), (1, 3, 4, 2)),
        lambda b, s: b.move(
            "STRIDED_SLICE",
            (s, *map(b.integers, ((0, 4, 0, -1), (1, -6, 4, -4), (1, -2, 2, -1)))),
            (1, 3, 2, 3),
        ),
    ]

    def make(builder: Builder, source: int, number: int) -> int:
        builder.tensors[source].scales = (1 / 32768,)
        return cases[number](builder, source)

    check_operators(make, [((1, 5, 4, 3), number) for number in range(len(cases))], "int16")


def refused(make, **changes: object) -> str:  # type: ignore[no-untyped-def]
    """Return why a model is refused whose last tensor has `changes`."""
    builder = Builder(dtype="int16")
    source = builder.input((1, 6, 6, 2))
    made = make(builder, source)
    for name, value in changes.items():
        setattr(builder.tensors[made], name, value)
    with pytest.raises(ModelError) as error:
        compile_tflite(builder.build((source,), (made,)), name="net")
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_is_refused() -> None:
    assert "is int16; only int8 is supported" in refused(lambda b, s: b.unary("HARD_SWISH", s))
    assert "is int16 with zero point 3; 0 to 0 are possible" in refused(Builder.mean, zero_points=(3,))
    assert "has no bias; TFLite needs one" in refused(lambda b, s: b.conv(s, 2, bias=False))
    assert "is int8 beside int16; tensors of one type needed" in refused(Builder.mean, dtype="int8")
    assert "has output scale 0.5" in refused(lambda b, s: b.unary("TANH", s), scales=(0.5,))
    assert "TFLite fixes those of int16 to 1/32768 and 0" in refused(
        lambda b, s: b.unary("SOFTMAX", s), scales=(0.5,)
    )
    assert "scales are out of proportion" in refused(lambda b, s: b.conv(s, 2), scales=(1e-20,))
    assert "scales are out of proportion" in refused(lambda b, s: b.add(s, s), scales=(1e-10,))

    def large(builder: Builder, source: int) -> int:
        made = builder.conv(source, 2)
        builder.tensors[builder.operators[-1][1][2]].data[1] = -(2**63)
        return made

    assert "has a bias beyond 48 bits" in refused(large)
