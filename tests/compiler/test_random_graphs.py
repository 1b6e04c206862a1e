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
from random_graphs import build, networks

from edgecnn.compiler import reference
from edgecnn.compiler.compile import compile_tflite, run_passes
from edgecnn.compiler.reading.tflite import parse


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


@pytest.mark.slow(seconds=40)
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
