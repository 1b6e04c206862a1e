# SPDX-License-Identifier: Apache-2.0
"""A model for several inputs at once is compiled for one; the C computes what TFLite does for each."""

from pathlib import Path

import numpy as np
import pytest
from generated_c import random_inputs, run_c, run_oracle
from tflite_builder import RELU, SAME, Builder

from edgecnn.compiler import compile_tflite
from edgecnn.compiler.compile import CompiledModel
from edgecnn.compiler.ir import Graph
from edgecnn.compiler.passes.batch_of_one import batch_of_one
from edgecnn.compiler.reading.tflite import parse
from edgecnn.errors import ModelError
from edgecnn.pipeline.verify import verify

BATCH = 3


def model(batch: int = BATCH) -> bytes:
    """A network with lists of sides, and a map for several at once."""
    builder = Builder()
    source = builder.input((batch, 6, 6, 2))
    at = builder.conv(source, 3, padding=SAME, activation=RELU)
    at = builder.transpose_conv(builder.pool(at, "MAX", (2, 2), (2, 2)), 2)
    flat = builder.reshape(at, (batch, 72))
    made = builder.unary("SOFTMAX", builder.fully_connected(flat, 4, vectors=True))
    for tensor in builder.tensors:  # the builder counts one
        if tensor.data is None and tensor.shape[0] != batch:
            tensor.shape = (batch, *tensor.shape[1:])
    for tensor in builder.tensors:
        if tensor.dtype == "int32" and tensor.shape == (4,) and not tensor.scales:
            tensor.data = np.array([batch, *tensor.data[1:]], np.int32)  # type: ignore[index]
    return builder.build((source,), (made,))


def compiled(data: bytes) -> CompiledModel:
    return compile_tflite(data, name="net")


def test_each_of_several_is_computed_as_tflite_does_all() -> None:
    net = compiled(model())
    assert net.model.inputs[0].shape == (1, 6, 6, 2)
    [values] = random_inputs(model(), 2)[0]
    [[wanted]] = run_oracle(model(), [[values]])
    for one, answer in zip(values, wanted, strict=True):
        [[got]] = run_c([net], [[[one[np.newaxis]]]])
        np.testing.assert_array_equal(got, answer)


def test_it_is_verified(tmp_path: Path) -> None:
    (tmp_path / "net.tflite").write_bytes(model())
    verified = verify(tmp_path / "net.tflite", "c99", 2)
    assert (verified.equal, verified.bytes_compared) == (True, 8)


def test_a_batch_of_one_stays_as_it_is() -> None:
    graph = parse(model(1))
    assert batch_of_one(graph) is graph


def test_what_mixes_them_is_refused() -> None:
    builder = Builder()
    source = builder.input((BATCH, 4, 4, 2))
    positions = builder.integers([0])
    made = builder.operator(
        "MEAN", (source, positions), builder.activation((1, 4, 4, 2), 0.1, 0), keep_dims=True
    )
    graph: Graph = parse(builder.build((source,), (made,)))
    assert batch_of_one(graph) is graph
    with pytest.raises(ModelError, match="batch"):
        compiled(builder.build((source,), (made,)))
