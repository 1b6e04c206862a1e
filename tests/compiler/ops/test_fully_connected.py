# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED: TFLite's reference kernel = NumPy reference = C, over awkward shapes."""

import numpy as np
import pytest
from generated_c import check, check_operators, random_inputs, run_c, run_oracle
from tflite_builder import NONE, RELU, RELU6, RELU_N1_TO_1, Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError

# Shape, outputs, activation, per channel, bias; shapes with rows go through a RESHAPE.
CASES = [
    ((1, 1), 1),
    ((1, 7), 3),
    ((1, 8), 1, RELU),
    ((1, 33), 17, RELU6),
    ((1, 100), 10, RELU_N1_TO_1),
    ((1, 100), 10, NONE, True),
    ((1, 100), 10, RELU, True),
    ((1, 100), 10, NONE, False, False),
    ((1, 100), 10, NONE, True, False),
    ((1, 640), 128, RELU),
    ((1, 1, 1, 5), 4),
    ((1, 1, 5, 2), 4),
    ((1, 5, 1, 2), 4, RELU),
    ((1, 5, 4, 3), 6),
    ((1, 5, 4, 3), 6, RELU, True),
    ((1, 5, 4, 3), 6, RELU, True, False),
    ((1, 9, 9, 1), 2),
    ((1, 2, 3, 17), 31, RELU6),
    ((1, 16, 1, 1), 3),
    ((1, 3, 3, 3), 1),
    ((1, 4, 4, 32), 32, RELU),
    ((1, 30, 40, 32), 2),
]


def make(builder: Builder, source: int, *arguments: object) -> int:
    if len(builder.tensors[source].shape) == 4:
        source = builder.flatten(source)
    return builder.fully_connected(source, *arguments)


@pytest.mark.parametrize("part", range(4))
def test_equal_to_the_oracle(part: int) -> None:
    check_operators(make, CASES[part::4])


# Shape, whose last dimension is a vector, and outputs.
SEVERAL = [
    ((1, 5, 4, 3), 6),
    ((1, 1, 7, 9), 1),
    ((1, 7, 1, 2), 4),
    ((1, 9, 5), 3),
    ((6, 5), 3),
    ((1, 8, 8, 17), 33),
]


def several(number: int, per_channel: bool, keep_num_dims: bool) -> bytes:
    shape, outputs = SEVERAL[number]
    builder = Builder(number)
    source = builder.input(shape, 0.02, -11)
    activation = (NONE, RELU, RELU6, RELU_N1_TO_1)[number % 4]
    made = builder.fully_connected(
        source, outputs, activation, per_channel, number % 2 == 0, vectors=True, keep_num_dims=keep_num_dims
    )
    return builder.build((source,), (made,))


def test_several_vectors() -> None:
    check([several(number, False, bool(number % 3)) for number in range(len(SEVERAL))])
    check([several(number, True, False) for number in range(len(SEVERAL))])


def test_several_vectors_per_channel_that_keep_their_dimensions() -> None:
    """The reference kernel goes astray there: the same values in two dimensions are the oracle."""
    models = [several(number, True, True) for number in range(len(SEVERAL))]
    inputs = [random_inputs(model) for model in models]
    compiled = [compile_tflite(model, name=f"net{number}") for number, model in enumerate(models)]
    for number, (got, given) in enumerate(zip(run_c(compiled, inputs), inputs, strict=True)):
        wanted = run_oracle(several(number, True, False), given)
        np.testing.assert_array_equal(got, [one[0].ravel() for one in wanted])


def test_what_does_not_fit_is_refused() -> None:
    builder = Builder()
    source = builder.input((1, 5, 4, 3))
    made = builder.fully_connected(source, 6, vectors=True)
    builder.tensors[made].shape = (1, 5, 3, 6)
    with pytest.raises(
        ModelError, match=r"weights \(6, 3\) on input \(1, 5, 4, 3\) and output \(1, 5, 3, 6\)"
    ):
        compile_tflite(builder.build((source,), (made,)), name="net")
