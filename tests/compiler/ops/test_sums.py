# SPDX-License-Identifier: Apache-2.0
"""Sums of 32 bits: a layer is refused where its own weights can leave them, not for how many it has."""

from collections.abc import Callable

import numpy as np
import pytest
from generated_c import check
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.compiler.ops._linear import Linear
from edgecnn.compiler.reading.tflite import parse
from edgecnn.errors import ModelError

SIDE = 190  # times itself: 127 * 255 as often is beyond 32 bits only with a bias
LAYERS: dict[str, tuple[tuple[int, ...], Callable[[Builder, int], int]]] = {
    "CONV_2D": ((1, SIDE, 19, 10), lambda b, x: b.conv(x, 1, (SIDE, 19), per_channel=False)),
    "DEPTHWISE_CONV_2D": (
        (1, SIDE, SIDE, 1),
        lambda b, x: b.conv(x, 1, (SIDE, SIDE), depthwise=True, per_channel=False),
    ),
    "FULLY_CONNECTED": ((1, 2 * SIDE * SIDE), lambda b, x: b.fully_connected(x, 1)),
    "TRANSPOSE_CONV": (
        (1, 1, 1, 30_000),
        lambda b, x: b.transpose_conv(x, 1, (1, 1), (1, 1), per_channel=False),
    ),
}


def network(op: str, least: int, most: int, bias: int = 0) -> bytes:
    """A model of one output channel whose weights lie between two numbers."""
    shape, make = LAYERS[op]
    builder = Builder(0)
    source = builder.input(shape, 0.01, -128)
    made = make(builder, source)
    inputs = builder.operators[-1][1]
    weights, biases = builder.tensors[inputs[1]], builder.tensors[inputs[-1]]
    weights.data = np.random.default_rng(0).integers(least, most + 1, weights.shape, np.int8)
    biases.data = np.full(biases.shape, bias, np.int32)
    return builder.build((source,), (made,))


@pytest.mark.parametrize("op", LAYERS)
def test_what_its_weights_make_is_what_counts(op: str) -> None:
    check([network(op, -128, 127, 1 << 30), network(op, 1, 1, -(1 << 31) + 1000)], count=2)
    with pytest.raises(ModelError, match=rf"{op} .*with these weights .* can reach \d{{10}},"):
        compile_tflite(network(op, 127, 127, (1 << 31) - 10), name="net")


@pytest.mark.parametrize("op", ["CONV_2D", "FULLY_CONNECTED"])
@pytest.mark.parametrize(("least", "most"), [(-128, 127), (0, 90), (-90, 0)])
def test_the_bound_is_reached(op: str, least: int, most: int) -> None:
    """Some input makes such a sum: at each place its least favourable or its most favourable value."""
    graph = parse(network(op, least, most, 1000))
    linear = Linear.of(graph, graph.operators[0])
    weights = linear.weights.astype(np.int64)
    ends = [
        int((weights * (np.where(weights > 0, up, down) + 128)).sum()) + 1000
        for up, down in ((127, -128), (-128, 127))
    ]
    assert linear.bound().tolist() == [max(map(abs, ends))]
