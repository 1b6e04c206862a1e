# SPDX-License-Identifier: Apache-2.0
"""Networks over uint8, as TensorFlow 1 makes them, become such over int8 that compute the same bytes."""

from functools import partial

import numpy as np
import pytest
from generated_c import Case, check, check_numpy, check_operators, random_inputs
from kernel_cases import average_pool, dense, depthwise, kernels, max_pool, pooled
from tflite_builder import NONE, RELU, RELU6, SAME, VALID, Builder

from edgecnn.compiler import compile_tflite
from edgecnn.compiler.compile import run_passes
from edgecnn.compiler.reading.tflite import parse
from edgecnn.errors import ModelError


def concatenation(builder: Builder, source: int, axis: int, count: int) -> int:
    """Inputs that each have a scale of their own, the output that of the first."""
    branches = [builder.conv(source, builder.tensors[source].shape[3], padding=SAME) for _ in range(count)]
    return builder.concat((source, *branches, source), axis)


def resize(builder: Builder, source: int, size: tuple[int, int], rule: str | None) -> int:
    return builder.resize(source, size, "BILINEAR", rule)


def gated(builder: Builder, source: int) -> int:
    gate = builder.unary(
        "LOGISTIC", builder.conv(builder.mean(source), builder.tensors[source].shape[3], (1, 1))
    )
    return builder.add(builder.binary("MUL", source, gate), source, RELU6)


def residual(builder: Builder, source: int) -> int:
    """A constant channel before a convolution with padding, and a pool that is fused."""
    at = builder.conv(source, 5, padding=SAME, activation=RELU, dead=3)
    return builder.pool(builder.conv(at, 4, padding=SAME), "MAX", (2, 2), (2, 2))


def unary(builder: Builder, source: int, op: str) -> int:
    return builder.unary(op, source)


CASES: dict[str, tuple[object, list[Case]]] = {
    "CONV_2D": (
        Builder.conv,
        [  # filters, size, stride, padding, activation, dilation
            ((1, 5, 7, 8), 6, (3, 3), (1, 1), SAME, RELU),
            ((1, 6, 10, 3), 7, (3, 3), (2, 2), SAME, RELU6),
            ((1, 3, 4, 5), 9, (1, 1)),
            ((1, 4, 1, 1), 4, (2, 1)),
            ((1, 9, 9, 4), 4, (3, 3), (1, 1), SAME, NONE, (2, 2)),
        ],
    ),
    "DEPTHWISE_CONV_2D": (
        depthwise,
        [
            ((1, 5, 7, 8), 1, (3, 3), (1, 1), SAME, RELU6),
            ((1, 5, 6, 4), 2, (3, 3), (1, 1), SAME),
            ((1, 6, 9, 1), 8, (3, 3), (2, 2), SAME, RELU6),
            ((1, 9, 10, 4), 1, (3, 3), (1, 1), SAME, NONE, (2, 2)),
        ],
    ),
    "TRANSPOSE_CONV": (
        Builder.transpose_conv,
        [((1, 4, 5, 3), 4), ((1, 3, 3, 2), 2, (2, 4), (2, 3), VALID), ((1, 5, 1, 6), 1, (3, 3), (1, 1))],
    ),
    "FULLY_CONNECTED": (
        dense,
        [((1, 7), 3), ((1, 3, 5, 3), 5, RELU6), ((1, 203), 6), ((1, 6), 2, NONE, False, False)],
    ),
    "FULLY_CONNECTED of vectors": (
        partial(Builder.fully_connected, vectors=True, keep_num_dims=True),
        [((1, 3, 4, 5), 6), ((1, 4, 7), 2, RELU)],
    ),
    "AVERAGE_POOL_2D": (
        average_pool,
        [
            ((1, 7, 9, 4), (3, 3), (2, 2), SAME),
            ((1, 8, 6, 8), (2, 2), (2, 2), VALID, RELU6),
            ((1, 8, 8, 3), (4, 2), (1, 1), SAME),
            ((1, 7, 7, 16), (7, 7), (1, 1)),
            ((1, 8, 4, 4), (8, 4), (8, 4)),
        ],
    ),
    "MAX_POOL_2D": (
        max_pool,
        [((1, 7, 9, 4), (3, 3), (2, 2), SAME), ((1, 8, 6, 7), (2, 2), (2, 2), VALID, RELU6)],
    ),
    "a fused pool": (pooled, [((1, 8, 9, 4), 6, (2, 2)), ((1, 10, 12, 3), 5, (3, 3))]),
    "CONCATENATION": (concatenation, [((1, 4, 5, 3), 3, 2), ((1, 4, 5, 3), 1, 1), ((1, 2, 6, 1), 2, 1)]),
    "RESIZE_BILINEAR": (
        resize,
        [
            ((1, 4, 5, 3), (8, 10), None),
            ((1, 4, 5, 3), (8, 10), "half_pixel_centers"),
            ((1, 5, 3, 2), (33, 17), "align_corners"),
            ((1, 1, 1, 3), (5, 7), "align_corners"),
            ((1, 8, 6, 2), (4, 3), None),
            ((1, 8, 6, 2), (2, 6), "half_pixel_centers"),
        ],
    ),
    "MEAN": (Builder.mean, [((1, 5, 7, 3),), ((1, 8, 8, 4), False)]),
    "ADD, MUL, LOGISTIC": (gated, [((1, 5, 7, 3),)]),
    "constant channels": (residual, [((1, 8, 9, 3),), ((1, 6, 6, 1),)]),
    "SOFTMAX, TANH, HARD_SWISH, RELU6": (
        unary,
        [((1, 40), "SOFTMAX"), *(((1, 16, 16, 1), op) for op in ("TANH", "HARD_SWISH", "RELU6", "LOGISTIC"))],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_equal_to_the_oracle(name: str) -> None:
    make, cases = CASES[name]
    check_operators(make, cases, "uint8")  # type: ignore[arg-type]


def test_halves_are_rounded_up() -> None:
    """Of 2 x 2 values every sum there is, so that half of the means lie halfway."""
    builder = Builder(dtype="uint8")
    source = builder.input((1, 64, 64, 1))
    model = builder.build((source,), (builder.pool(source, "AVERAGE", (2, 2), (2, 2)),))
    values = np.full((32, 32, 2, 2), -128).reshape(1024, 4)
    for number, window in enumerate(values[:1021]):
        window += [min(255, max(0, number - 255 * at)) for at in range(4)]
    picture = values.reshape(32, 32, 2, 2).transpose(0, 2, 1, 3).reshape(1, 64, 64, 1).astype(np.int8)
    check_numpy(model, [[picture]])
    check([model])


def test_a_weight_beyond_int8_costs_one_more_channel() -> None:
    builder = Builder(dtype="uint8")
    source = builder.input((1, 6, 6, 4))
    at = builder.conv(source, 8, (1, 1))
    weights = builder.tensors[builder.operators[0][1][1]]
    weights.zero_points, weights.data = (120,), np.full(weights.shape, 130, np.uint8)
    weights.data[5, 0, 0, 2] = 255
    made = builder.conv(at, 1, (3, 3), depthwise=True)
    model = builder.build((source,), (made,))
    check([model])
    assert kernels(model, "c99") == ["gather", "conv_2d", "depthwise_conv_2d.s8w16"]
    graph = run_passes(parse(model))[0]
    assert graph.tensors[graph.operators[1].inputs[1]].shape == (8, 1, 1, 5)


def test_weights_that_int8_holds_need_nothing() -> None:
    builder = Builder(dtype="uint8")
    source = builder.input((1, 6, 6, 4))
    made = builder.conv(builder.conv(source, 8, (1, 1)), 1, (3, 3), depthwise=True)
    for _, inputs, _, _ in builder.operators:
        builder.tensors[inputs[1]].zero_points = (128,)
    model = builder.build((source,), (made,))
    check([model])
    assert kernels(model, "c99") == ["conv_2d", "depthwise_conv_2d"]


def test_a_dense_layer_over_int8_may_have_weights_with_a_zero_point() -> None:
    models = []
    for seed, point in enumerate((-100, 3, 127)):
        builder = Builder(seed)
        source = builder.input((1, 3, 5, 3), 0.02, -11)
        made = builder.fully_connected(builder.flatten(source), 5)
        builder.tensors[builder.operators[1][1][1]].zero_points = (point,)
        models.append(builder.build((source,), (made,)))
    check(models)


def test_what_is_constant_over_uint8_is_removed() -> None:
    builder = Builder(3, dtype="uint8")
    source = builder.input((1, 8, 8, 3))
    at = builder.conv(source, 8, padding=SAME, activation=RELU, zero_point=-128)
    weights = builder.tensors[builder.operators[0][1][1]]
    assert weights.data is not None
    weights.data[:5] = weights.zero_points[0]
    builder.tensors[builder.operators[0][1][2]].data[:5] = [-(10**6), *[10**6] * 4]  # type: ignore[index]
    model = builder.build((source,), (builder.conv(at, 4, padding=SAME),))
    steps = {step["index"]: step for step in check([model])[0].plan["steps"] if step["kernel"] == "conv_2d"}
    assert steps[0]["shape"][2] < 8


def test_the_header_says_what_the_bytes_are() -> None:
    builder = Builder(dtype="uint8")
    source = builder.input((1, 4, 4, 3), 1 / 128, 0)
    compiled = compile_tflite(builder.build((source,), (builder.conv(source, 2),)), name="net")
    assert (
        "input    int8[1][4][4][3]   real = 0.0078125 * (q + 0), the .tflite's uint8 less 128"
        in compiled.header
    )
    assert compiled.header.count("the .tflite's uint8 less 128") == 2


def _convolution(bias_scale: float = 0.0, scales: int = 1, dtype: str = "uint8") -> Builder:
    builder = Builder(dtype="uint8")
    source = builder.input((1, 4, 4, 3))
    builder.conv(source, 2)
    filter_, bias = (builder.tensors[i] for i in builder.operators[0][1][1:])
    filter_.dtype, filter_.scales = dtype, filter_.scales * scales
    filter_.zero_points *= scales
    filter_.data = np.zeros(filter_.shape, dtype)
    bias.scales = (bias.scales[0] + bias_scale,)
    return builder


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bias_scale": 1.0}, "bias of scale 1, and sums of scale .* TensorFlow Lite refuses that"),
        ({"scales": 2}, "has a scale per channel over uint8; one is supported"),
        ({"dtype": "int8"}, "has tensors of uint8 and int8; one type needed"),
        ({"dtype": "int16"}, "has weights of int16; int8 is supported"),
    ],
)
def test_refusals(changes: dict[str, object], message: str) -> None:
    builder = _convolution(**changes)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=message):
        compile_tflite(builder.build((0,), (builder.operators[0][2],)), name="net")


def test_refused_apart_from_the_code() -> None:
    model = _convolution().build((0,), (3,))
    with pytest.raises(ModelError, match="has weights of uint8, which can't lie apart from the code"):
        compile_tflite(model, name="net", weights_version=1)


def test_sizes_for_which_floats_are_rounded_are_refused() -> None:
    builder = Builder(dtype="uint8")
    source = builder.input((1, 4, 6, 3))
    made = builder.resize(source, (8, 10), "BILINEAR")
    with pytest.raises(ModelError, match="makes 10 of 6 over uint8, for which TensorFlow Lite rounds floats"):
        compile_tflite(builder.build((source,), (made,)), name="net")


def test_values_of_other_types_beside_uint8_are_refused() -> None:
    builder = Builder(dtype="uint8")
    source = builder.input((1, 4, 6, 3))
    made = builder.operator("RELU", (source,), builder.tensor((1, 4, 6, 3), "int8", 0.1))
    with pytest.raises(ModelError, match=r"RELU .* has tensors of uint8 and int8; one type needed"):
        compile_tflite(builder.build((source,), (made,)), name="net")


def test_inputs_are_as_the_c_takes_them() -> None:
    builder = Builder(dtype="uint8")
    source = builder.input((1, 4, 6, 3))
    model = builder.build((source,), (builder.conv(source, 2),))
    assert {value.dtype for one in random_inputs(model) for value in one} == {np.dtype("int8")}


def test_a_convolution_without_a_bias_is_refused_as_tflite_does() -> None:
    builder = Builder(dtype="uint8")
    source = builder.input((1, 4, 6, 3))
    made = builder.conv(source, 2, bias=False)
    with pytest.raises(ModelError, match="has no bias; TFLite needs one for uint8"):
        compile_tflite(builder.build((source,), (made,)), name="net")
