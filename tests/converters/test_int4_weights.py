# SPDX-License-Identifier: Apache-2.0
"""Weights that four bits hold are stored so, and answers are those of the steps that they stand for."""

import numpy as np
import pytest
from generated_c import random_inputs, run_numpy
from kernel_cases import depthwise
from tflite_builder import RELU, SAME, Builder

from edgecnn.compiler import int4
from edgecnn.compiler.reading.tflite import parse
from edgecnn.converters.int4_weights import with_int4_weights
from edgecnn.runtime.interpreter import LocalInterpreter

STEPS = np.rint(np.arange(-7, 8) * 127 / 7).astype(np.int8)  # what the converter makes of -7 to 7


def network(on_steps: bool) -> bytes:
    """A convolution, a depthwise one and a dense layer, with weights on the steps or all over int8."""
    builder = Builder(2)
    source = builder.input((1, 6, 7, 3))
    at = builder.conv(source, 5, (3, 3), (1, 1), SAME, RELU)
    at = depthwise(builder, at, 1, (3, 3), (1, 1), SAME)
    at = builder.fully_connected(builder.flatten(at), 4, RELU, True)
    rng = np.random.default_rng(0)
    for tensor in builder.tensors:
        if tensor.dtype == "int8" and tensor.data is not None and on_steps:
            tensor.data = rng.choice(STEPS, tensor.data.shape)
    return builder.build((source,), (at,))


def weights(model: bytes) -> list[tuple[str, int]]:
    graph = parse(model)
    found = [graph.tensors[operator.inputs[1]] for operator in graph.operators if operator.op != "RESHAPE"]
    return [(tensor.dtype, 0 if tensor.data is None else tensor.data.nbytes) for tensor in found]


def test_weights_on_the_steps_take_half_the_bytes() -> None:
    wide, narrow = weights(network(True)), weights(with_int4_weights(network(True)))
    assert {dtype for dtype, _ in narrow} == {"int4"}
    assert [size for _, size in narrow] == [(size + 1) // 2 for _, size in wide]


def test_others_stay_as_they_are_unless_all_are_rounded() -> None:
    model = network(False)
    assert weights(with_int4_weights(model)) == weights(model)
    assert {dtype for dtype, _ in weights(with_int4_weights(model, rounded=True))} == {"int4"}


def test_answers_are_nearly_the_same() -> None:
    inputs = random_inputs(network(True), 4)
    before, after = (
        np.concatenate([one[0] for one in run_numpy(model, inputs)]).astype(int)
        for model in (network(True), with_int4_weights(network(True)))
    )
    assert np.abs(before - after).max() <= 3


def test_litert_runs_the_file() -> None:
    pytest.importorskip("ai_edge_litert")
    model = with_int4_weights(network(True))
    graph, inputs = parse(model), random_inputs(model, 2)
    shapes = {number: graph.tensors[number].shape for number in graph.inputs}
    interpreter = LocalInterpreter(model, "ai_edge_litert", "reference", 1, shapes, keep_all=False)
    for values, ours in zip(inputs, run_numpy(model, inputs), strict=True):
        [theirs] = interpreter.run(values)
        assert np.abs(theirs.astype(int) - ours[0]).max() <= 1  # it rounds once in a dense layer


def test_four_bits_are_packed_and_unpacked() -> None:
    values = np.arange(-8, 8, dtype=np.int8)[:15]
    assert int4.packed(values).nbytes == 8
    assert int4.unpacked(int4.packed(values))[:15].tolist() == values.tolist()
    assert int4.holds(values)
    assert not int4.holds(np.array([8]))
