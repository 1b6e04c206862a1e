# SPDX-License-Identifier: Apache-2.0
"""Random chains and graphs with ADD and dead filters: both schedules compute what TFLite's kernels do."""

import numpy as np
import pytest
from generated_c import check, random_inputs, run_numpy, run_oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from tflite_builder import NONE, RELU, RELU6, SAME, VALID, Builder

from edgecnn.compiler import reference
from edgecnn.compiler.compile import compile_tflite, run_passes
from edgecnn.compiler.flatbuffer import parse

# What a network is made of, by number, so that a failing one shrinks to few and small numbers.
Choice = tuple[int, int, int, int]
choices = st.tuples(st.integers(0, 11), st.integers(1, 7), st.integers(1, 3), st.integers(0, 5))
networks = st.tuples(
    st.tuples(st.integers(1, 17), st.integers(1, 17), st.integers(1, 4)),
    st.lists(choices, max_size=9),
    st.integers(0, 4),
)
LOOKUPS = ("LOGISTIC", "QUANTIZE", "HARD_SWISH", "LEAKY_RELU", "TANH", "RELU", "RELU6", "GELU", "ABS")


def build(network: tuple[tuple[int, int, int], list[Choice], int], seed: int = 0) -> bytes:
    """Return a model: `network` is the input's shape, an operator for each choice, and how the model ends."""
    shape, body, end = network
    builder = Builder(seed)
    source = at = builder.input((1, *shape))
    for kind, channels, size, variant in body:
        at = _operator(builder, at, kind, channels, size, variant)
    return builder.build((source,), (_end(builder, at, end),))


def _operator(builder: Builder, at: int, kind: int, channels: int, size: int, variant: int) -> int:  # noqa: PLR0911
    _, height, width, depth = builder.tensors[at].shape
    padding = VALID if variant % 2 == 0 and min(height, width) >= size else SAME
    activation = (NONE, RELU, RELU6)[variant // 2]
    stride = (1 + variant % 3 // 2, 1 + variant % 2)
    if kind <= 2:  # the commonest: a convolution; filters of zero, an input channel that it ignores
        dead = (0, min(1, channels - 1), channels - 1)[kind]
        made = builder.conv(at, channels, (size, size), (1, 1), padding, activation, dead=dead)
        filters = builder.tensors[builder.operators[-1][1][1]].data
        filters[..., depth - (kind > 0) :] = 0
        return made
    if kind == 3:
        return builder.conv(at, channels, (size, size), stride, padding, activation)
    if kind == 4:
        deep = builder.conv(
            at, 1 + channels % 2, (size, size), stride[:1] * 2, padding, activation, depthwise=True
        )
        return builder.conv(deep, channels, (1, 1)) if size > 1 else deep
    if kind == 5 and min(height, width) >= 2:
        return builder.pool(at, "MAX", (2, 2), (2, 2), VALID, activation)
    if kind == 6:
        return builder.pool(at, "MAX", (size, size), stride, padding)
    if kind == 7:
        return builder.pool(at, "AVERAGE", (size, size), stride, padding)
    if kind == 8:
        return builder.add(at, builder.conv(at, depth, (size, size), padding=SAME), activation)
    if kind == 9:  # both branches stride, as in ResNet
        long = builder.conv(builder.conv(at, channels, padding=SAME, stride=(2, 2)), channels, padding=SAME)
        return builder.add(builder.conv(at, channels, (1, 1), (2, 2), SAME), long, activation)
    if kind == 10:
        return builder.pad(at, *(variant, size, channels % 3, 1)[:4])
    return builder.unary(LOOKUPS[(6 * channels + variant) % len(LOOKUPS)], at)


def _end(builder: Builder, at: int, end: int) -> int:
    if end == 0:
        return builder.conv(at, 2, (1, 1))
    if end == 1:
        return builder.mean(at)
    if end == 2:
        return builder.unary("SOFTMAX", builder.fully_connected(builder.flatten(at), 3))
    if end == 3:
        return builder.unary("LOGISTIC", builder.fully_connected(builder.flatten(at), 1, RELU))
    return builder.fully_connected(builder.fully_connected(builder.flatten(at), 5, RELU), 4)


@settings(max_examples=100)
@given(networks)
def test_passes_and_schedules_keep_every_byte(network) -> None:  # type: ignore[no-untyped-def]
    model = build(network)
    inputs = random_inputs(model, 2)
    expected = run_oracle(model, inputs)
    for ours, theirs in zip(run_numpy(model, inputs), expected, strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
    graph, _ = run_passes(parse(model))
    _, height, width, _ = graph.tensors[graph.inputs[0]].shape
    for one, theirs in zip(inputs, expected, strict=True):
        got = reference.run(graph, [one[0][:, :height, :width]])[0]
        np.testing.assert_array_equal(got.ravel(), theirs[0].ravel())


@pytest.mark.slow
@settings(max_examples=8)
@given(st.lists(networks, min_size=4, max_size=4))
def test_generated_c_agrees_by_rows(several) -> None:  # type: ignore[no-untyped-def]
    check([build(network, seed) for seed, network in enumerate(several)], count=2)


@pytest.mark.slow
@settings(max_examples=4)
@given(st.lists(networks, min_size=4, max_size=4))
def test_generated_c_agrees_tensor_by_tensor(several) -> None:  # type: ignore[no-untyped-def]
    check([build(network, seed) for seed, network in enumerate(several)], count=2, rows=False)


@settings(max_examples=2)
@given(st.lists(networks, min_size=3, max_size=3))
def test_generated_c_agrees_on_a_few(several) -> None:  # type: ignore[no-untyped-def]
    check([build(network, seed) for seed, network in enumerate(several)], count=2)


@settings(max_examples=40)
@given(networks)
def test_rows_never_need_more_than_whole_tensors(network) -> None:  # type: ignore[no-untyped-def]
    model = build(network)
    assert (
        compile_tflite(model, name="net").plan["arena_bytes"]
        <= compile_tflite(model, name="net", rows=False).plan["arena_bytes"]
    )
