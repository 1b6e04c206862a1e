# SPDX-License-Identifier: Apache-2.0
"""What ops say of their channels holds: no input makes a value outside of the range that they give."""

import numpy as np
from every_op import networks_of_every_op
from tflite_builder import RELU, Builder

from edgecnn.compiler import ops, quant, supported_ops
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.passes import PASSES
from edgecnn.compiler.passes._channel_ranges import channel_ranges
from edgecnn.compiler.passes.as_rows import as_rows
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.traits import Channels


def pairs() -> bytes:
    """Ops of two images, and extremes over rows and columns."""
    builder = Builder()
    source = builder.input((1, 6, 5, 2))
    first, second, third = (builder.conv(source, 4, activation=RELU, dead=dead) for dead in (0, 1, 2))
    at = builder.binary("SUB", builder.binary("MINIMUM", first, second), third)
    at = builder.binary("MAXIMUM", at, builder.rescaled(first, at))
    return builder.build(
        (source,), (builder.reduce("REDUCE_MIN", builder.reduce("REDUCE_MAX", at, (1,)), (2,)),)
    )


def rows(model: bytes) -> Graph:
    """A model as the passes see it that ask for ranges."""
    graph = parse(model)
    for one in PASSES[: PASSES.index(as_rows) + 1]:
        graph = one(graph)
    return graph


def values(graph: Graph, seed: int) -> dict[int, np.ndarray]:
    """What each tensor holds after noise from all that an input can be, or from a part of it."""
    rng, held = np.random.default_rng(seed), {}
    for number in graph.inputs:
        low, high = quant.limits(graph.tensors[number].dtype)
        ends = np.sort(rng.integers(low, high + 1, 2)) if seed else (low, high)
        noise = rng.integers(ends[0], ends[1] + 1, graph.tensors[number].shape)
        held[number] = noise.astype(graph.tensors[number].dtype)
    for operator in graph.operators:
        inputs = [held[i] for i in operator.inputs if i in held]
        held[operator.outputs[0]] = ops.require(graph, operator).reference(graph, operator, inputs)
    return held


def test_values_keep_within_ranges() -> None:
    seen, narrower = set(), 0
    for graph in map(rows, (*networks_of_every_op(), pairs())):
        if graph.variables:  # which come from one inference into the next
            continue
        ranges = channel_ranges(graph)
        seen |= {o.op for o in graph.operators if ops.channels(graph, o) is not Channels.MIXED}
        for seed in range(4):
            for number, value in values(graph, seed).items():
                channels = value.reshape(-1, value.shape[-1])
                assert (channels >= ranges[number].low).all(), graph.tensors[number]
                assert (channels <= ranges[number].high).all(), graph.tensors[number]
        narrower += sum((of.high - of.low).min() < 250 for of in ranges.values())
    assert narrower > 20
    assert seen == {op for op in supported_ops() if hasattr(ops.find(op), "channels")}


def test_each_op_that_says_on_which_channels_its_own_depend_says_what_they_can_be() -> None:
    modules = [ops.find(op) for op in supported_ops()]
    assert [hasattr(one, "channels") for one in modules] == [hasattr(one, "range_of") for one in modules]
