# SPDX-License-Identifier: Apache-2.0
"""Random chains and graphs with ADD and dead filters: both schedules compute what TFLite's kernels do."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from generated_c import check, random_inputs, run_numpy, run_oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from on_target import check_on_target
from random_operators import KINDS, Draw
from tflite_builder import RELU, Builder

from edgecnn.compiler import reference
from edgecnn.compiler.compile import compile_tflite, run_passes
from edgecnn.compiler.reading.tflite import parse

# What a network is made of, by number, so that a failing one shrinks to few and small numbers.
Choice = tuple[int, int, int, int]
choices = st.tuples(
    st.integers(0, len(KINDS["int8"]) - 1), st.integers(1, 7), st.integers(1, 3), st.integers(0, 5)
)
networks = st.tuples(
    st.tuples(st.integers(1, 17), st.integers(1, 17), st.integers(1, 4)),
    st.lists(choices, max_size=9),
    st.integers(0, 4),
    st.sampled_from(("int8", "int8", "int16")),
)


def build(network: tuple[tuple[int, int, int], list[Choice], int, str], seed: int = 0) -> bytes:
    """Return a model: `network` is an input's shape, an operator for each choice, an end and a type."""
    shape, body, end, dtype = network
    builder, kinds = Builder(seed, dtype=dtype), KINDS[dtype]
    source = at = builder.input((1, *shape))
    for kind, channels, size, variant in body:
        at = kinds[kind % len(kinds)](Draw(builder, at, channels, size, variant))
    return builder.build((source,), (_end(builder, at, end),))


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
def test_generated_c_agrees_by_rows(request: pytest.FixtureRequest) -> None:
    # `make soak` asks for more graphs than the tests.
    @settings(max_examples=request.config.getoption("--graphs") // 4)
    @given(st.lists(networks, min_size=4, max_size=4))
    def agrees(several) -> None:  # type: ignore[no-untyped-def]
        check([build(network, seed) for seed, network in enumerate(several)], count=2)

    agrees()


@pytest.mark.slow
@settings(max_examples=4)
@given(st.lists(networks, min_size=4, max_size=4))
def test_generated_c_agrees_tensor_by_tensor(several) -> None:  # type: ignore[no-untyped-def]
    check([build(network, seed) for seed, network in enumerate(several)], count=2, rows=False)


@settings(max_examples=2)
@given(st.lists(networks, min_size=3, max_size=3))
def test_generated_c_agrees_on_a_few(several) -> None:  # type: ignore[no-untyped-def]
    check([build(network, seed) for seed, network in enumerate(several)], count=2)


@pytest.mark.parametrize("target", ["cortex-m3", "cortex-m4", "cortex-m55", "rv32", "aarch64", "wasm32"])
@settings(max_examples=2)
@given(several=st.lists(networks, min_size=3, max_size=3))
def test_other_machines_agree_on_a_few(target: str, several) -> None:  # type: ignore[no-untyped-def]
    with tempfile.TemporaryDirectory() as folder:
        models = [build(network, seed) for seed, network in enumerate(several)]
        check_on_target(models, target, Path(folder))


@settings(max_examples=40)
@given(networks)
def test_rows_never_need_more_than_whole_tensors(network) -> None:  # type: ignore[no-untyped-def]
    model = build(network)
    assert (
        compile_tflite(model, name="net").plan["arena_bytes"]
        <= compile_tflite(model, name="net", rows=False).plan["arena_bytes"]
    )
