# SPDX-License-Identifier: Apache-2.0
"""Filters of zero go, with their taps in the next layer, and no byte changes."""

import numpy as np
import pytest
from generated_c import check, random_inputs, run_oracle
from tflite_builder import RELU, SAME, VALID, Builder

from edgecnn.compiler import reference
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.passes.as_rows import as_rows
from edgecnn.compiler.passes.basic_ops import basic_ops
from edgecnn.compiler.passes.fold_constant_channels import fold_constant_channels
from edgecnn.compiler.reading.tflite import parse


def folded(model: bytes) -> Graph:
    """Return the graph after the pass, checked against the oracle."""
    graph = fold_constant_channels(as_rows(basic_ops(parse(model))))
    graph.verify()
    inputs = random_inputs(model)
    for one, expected in zip(inputs, run_oracle(model, inputs), strict=True):
        np.testing.assert_array_equal(reference.run(graph, one)[0].ravel(), expected[0].ravel())
    return graph


def channels(graph: Graph) -> list[int]:
    return [graph.output(operator).shape[3] for operator in graph.operators]


def silence(builder: Builder, tensor: int) -> None:
    """Set the biases of a layer's dead filters to -1000, so that RELU makes them the zero point."""
    _, inputs, _, _ = next(operator for operator in builder.operators if operator[2] == tensor)
    weights, bias = builder.tensors[inputs[1]].data, builder.tensors[inputs[2]].data
    bias[~weights.reshape(len(bias), -1).any(axis=1)] = -1000


@pytest.mark.parametrize("padding", [SAME, VALID])
def test_dead_filters_behind_relu_go_whatever_the_padding(padding: int) -> None:
    builder = Builder()
    source = builder.input((1, 9, 9, 2))
    first = builder.conv(source, 8, activation=RELU, dead=3)
    silence(builder, first)
    pooled = builder.pool(first, "MAX", (2, 2), (2, 2))
    second = builder.conv(pooled, 4, padding=padding)
    model = builder.build((source,), (second,))
    assert channels(folded(model)) == [5, 5, 4]
    check([model])


def test_a_constant_that_is_not_the_zero_point_stays_where_padding_is_read() -> None:
    builder = Builder()
    source = builder.input((1, 9, 9, 2))
    first = builder.conv(source, 8, dead=3)  # constants of the biases
    same = builder.build((source,), (builder.conv(first, 4, padding=SAME),))
    assert channels(folded(same)) == [8, 4]
    builder.operators.pop()
    valid = builder.build((source,), (builder.conv(first, 4, padding=VALID),))
    assert channels(folded(valid)) == [5, 4]
    check([same, valid])


def test_channels_go_through_depthwise_add_and_dense_layers() -> None:
    builder = Builder()
    source = builder.input((1, 8, 8, 2))
    first = builder.conv(source, 6, activation=RELU, dead=2, padding=SAME)
    silence(builder, first)
    second = builder.conv(source, 6, activation=RELU, dead=3, padding=SAME)
    silence(builder, second)
    added = builder.add(first, second)
    wide = builder.conv(added, 2, depthwise=True)
    dense = builder.fully_connected(builder.flatten(wide), 5)
    model = builder.build((source,), (dense,))
    assert channels(folded(model)) == [4, 4, 4, 8, 5]
    check([model])


def test_a_layer_that_is_all_constant_keeps_one_channel() -> None:
    builder = Builder()
    source = builder.input((1, 6, 6, 2))
    model = builder.build((source,), (builder.conv(builder.conv(source, 4, dead=4), 3),))
    assert channels(folded(model)) == [1, 3]
    check([model])


def test_what_the_caller_sees_is_never_removed() -> None:
    builder = Builder()
    source = builder.input((1, 6, 6, 2))
    model = builder.build((source,), (builder.conv(source, 4, dead=3),))
    assert channels(folded(model)) == [4]


def test_channels_go_through_a_function_of_each_value() -> None:
    builder = Builder()
    source = builder.input((1, 6, 6, 2))
    first = builder.conv(source, 5, dead=2)  # constants of the biases
    swished = builder.unary("HARD_SWISH", first)
    model = builder.build((source,), (builder.conv(swished, 3),))
    assert channels(folded(model)) == [3, 3, 3]
    check([model])


def test_dead_filters_go_through_a_concatenation_and_an_enlarged_image() -> None:
    builder = Builder()
    source = builder.input((1, 6, 5, 2))
    first = builder.conv(source, 4, activation=RELU, padding=SAME, dead=2)
    silence(builder, first)
    second = builder.conv(source, 3, activation=RELU, padding=SAME, dead=1)
    silence(builder, second)
    builder.tensors[second].scales = builder.tensors[first].scales
    joined = builder.resize(builder.concat((first, second)), (12, 10))
    graph = folded(builder.build((source,), (builder.conv(joined, 2, padding=SAME),)))
    assert channels(graph) == [2, 2, 4, 4, 2]
