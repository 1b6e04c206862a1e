# SPDX-License-Identifier: Apache-2.0
"""Constants that are read beside padding become few, with weights that add the same at every tap."""

import numpy as np
import pytest
from generated_c import check, random_inputs, run_oracle
from tflite_builder import NONE, RELU, RELU6, RELU_N1_TO_1, SAME, Builder

from edgecnn.compiler import reference
from edgecnn.compiler.compile import compile_tflite
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.passes._channel_ranges import channel_ranges
from edgecnn.compiler.passes.as_rows import as_rows
from edgecnn.compiler.passes.fold_constant_channels import fold_constant_channels
from edgecnn.compiler.passes.merge_constant_channels import merge_constant_channels
from edgecnn.compiler.reading.tflite import parse


def channels(model: bytes) -> list[int]:
    """Return how many channels each operator makes after the passes, each checked against the oracle."""
    graph, inputs = as_rows(parse(model)), random_inputs(model)
    expected = run_oracle(model, inputs)
    for make in (merge_constant_channels, fold_constant_channels):
        graph = make(graph)
        graph.verify()
        for one, wanted in zip(inputs, expected, strict=True):
            for ours, theirs in zip(reference.run(graph, one), wanted, strict=True):
                np.testing.assert_array_equal(ours.ravel(), theirs.ravel())
    return [graph.output(operator).shape[3] for operator in graph.operators]


def constants(model: bytes, tensor: int) -> int:
    """Return how many channels of a tensor can't be folded into a bias beside padding."""
    graph: Graph = as_rows(parse(model))
    found, quantization = channel_ranges(graph)[tensor], graph.tensors[tensor].quantization
    assert quantization is not None
    return int((found.constant & (found.low != quantization.zero_point)).sum())


def set_constants(builder: Builder, tensor: int, offsets: list[int]) -> None:
    """Make the first filters of a layer zero, with biases that bring them so far from the zero point."""
    _, inputs, _, _ = next(operator for operator in builder.operators if operator[2] == tensor)
    source, filter_, made = (builder.tensors[i] for i in (inputs[0], inputs[1], tensor))
    count = len(offsets)
    by_channel = filter_.data if filter_.axis == 0 else np.moveaxis(filter_.data, filter_.axis, 0)
    by_channel[:count] = 0
    scales = np.broadcast_to(filter_.scales, len(by_channel))[:count]
    bias = np.rint(np.array(offsets) * made.scales[0] / (source.scales[0] * scales))
    builder.tensors[inputs[2]].data[:count] = bias


@pytest.mark.parametrize(
    ("offsets", "left"),
    [
        ([1, 2, 0, 0, 3], 2),  # sums within 8 bits would need one; random weights need two
        ([40, 90, 17, 120, 5, 63, 1], 2),
        ([200, 255, 180, 240, 220, 190, 170, 250, 210], 5),
    ],
)
def test_many_become_few(offsets: list[int], left: int) -> None:
    builder = Builder()
    source = builder.input((1, 9, 7, 2))
    first = builder.conv(source, 12, activation=RELU)
    set_constants(builder, first, offsets)
    model = builder.build((source,), (builder.conv(first, 5, padding=SAME),))
    assert constants(model, first) > left
    assert channels(model)[0] <= 12 - len(offsets) + left
    check([model])


def test_one_and_two_stay_where_merging_saves_none() -> None:
    builder = Builder()
    source = builder.input((1, 9, 7, 2))
    first = builder.conv(source, 6, activation=RELU)
    set_constants(builder, first, [99, 120])
    model = builder.build((source,), (builder.conv(first, 5, padding=SAME),))
    before = as_rows(parse(model))
    assert merge_constant_channels(before) is before
    assert channels(model) == [6, 5]


@pytest.mark.parametrize("activation", [NONE, RELU, RELU6, RELU_N1_TO_1])
def test_constants_below_and_above_the_zero_point(activation: int) -> None:
    builder = Builder(3)
    source = builder.input((1, 8, 8, 3))
    first = builder.conv(source, 12, activation=activation, per_channel=False, zero_point=-20)
    set_constants(builder, first, [-90, 44, 12, -7, 100, 60, 31])
    model = builder.build((source,), (builder.conv(first, 4, padding=SAME, stride=(2, 2)),))
    made = channels(model)
    assert made[0] < 12 or constants(model, first) <= 2
    check([model])


def test_through_pools_and_to_several_readers() -> None:
    builder = Builder()
    source = builder.input((1, 12, 12, 2))
    first = builder.conv(source, 10, activation=RELU, padding=SAME)
    set_constants(builder, first, [30, 60, 20, 10, 70])
    pooled = builder.pool(builder.pool(first, "MAX", (2, 2), (2, 2)), "AVERAGE", (2, 2), (1, 1), SAME)
    long = builder.conv(builder.conv(pooled, 8, padding=SAME, stride=(2, 2)), 6, padding=SAME)
    short = builder.conv(pooled, 6, (1, 1), (2, 2))
    dense = builder.fully_connected(builder.flatten(pooled), 3)
    model = builder.build((source,), (builder.add(long, short), dense))
    assert channels(model)[:3] == [7, 7, 7]
    check([model])


def test_out_of_a_depthwise_convolution() -> None:
    builder = Builder()
    source = builder.input((1, 8, 8, 2))
    wide = builder.conv(source, 8, (1, 1), activation=RELU)
    deep = builder.conv(wide, 1, activation=RELU, padding=SAME, depthwise=True)
    set_constants(builder, deep, [50, 60, 20, 9, 33])
    model = builder.build((source,), (builder.conv(deep, 4, padding=SAME),))
    assert channels(model)[:2] == [5, 5]
    check([model])


def test_what_others_read_stays() -> None:
    builder = Builder()
    source = builder.input((1, 8, 8, 2))
    first = builder.conv(source, 8, activation=RELU)
    set_constants(builder, first, [50, 60, 20, 9, 33])
    second = builder.conv(first, 8, padding=SAME)
    added = builder.build((source,), (builder.add(first, second),))
    builder.operators.pop()
    shown = builder.build((source,), (second, first))
    for model in (added, shown):
        assert channels(model)[0] == 8
    check([added, shown])


def test_fewer_multiplications_are_planned() -> None:
    builder = Builder()
    source = builder.input((1, 16, 16, 3))
    first = builder.conv(source, 16, activation=RELU, padding=SAME)
    set_constants(builder, first, [10 + 7 * i for i in range(8)])
    model = builder.build((source,), (builder.conv(first, 8, padding=SAME),))
    assert compile_tflite(model, name="net").plan["macs_computed"] == 256 * 9 * (3 * 10 + 10 * 8)
