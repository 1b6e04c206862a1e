# SPDX-License-Identifier: Apache-2.0
"""A TRANSPOSE between views of up to six dimensions becomes basic operators that compute the same bytes."""

import pytest
from generated_c import check
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError

Shape = tuple[int, ...]
# The shape of a map, as what it is seen, the order in which that is turned, the shape that comes of it, and
# the kernels that do it.
CASES: list[tuple[Shape, Shape, Shape, Shape, list[str]]] = [
    ((1, 4, 5, 6), (1, 4, 5, 2, 3), (0, 1, 2, 4, 3), (1, 4, 5, 6), ["gather"]),
    ((1, 4, 5, 6), (4, 5, 3, 2), (0, 1, 3, 2), (1, 4, 5, 6), ["gather"]),  # rows are no batch
    ((1, 4, 5, 12), (1, 4, 5, 2, 2, 3), (0, 1, 3, 2, 4, 5), (1, 8, 10, 3), ["depth_to_space"]),
    ((1, 4, 5, 12), (1, 4, 5, 3, 2, 2), (0, 1, 4, 2, 5, 3), (1, 8, 10, 3), ["gather", "depth_to_space"]),
    ((1, 6, 4, 3), (1, 3, 2, 2, 2, 3), (0, 1, 3, 2, 4, 5), (1, 3, 2, 12), ["space_to_depth"]),
    ((1, 6, 4, 3), (1, 3, 2, 2, 2, 3), (0, 1, 3, 5, 2, 4), (1, 3, 2, 12), ["space_to_depth", "gather"]),
    ((1, 4, 6, 5), (1, 4, 2, 3, 5), (0, 2, 1, 3, 4), (1, 2, 12, 5), ["transpose"]),
    ((1, 4, 6, 5), (1, 2, 2, 6, 5), (0, 4, 3, 1, 2), (1, 5, 6, 4), ["transpose"]),
    ((1, 4, 6, 5), (24, 5), (1, 0), (1, 5, 24), ["transpose"]),
    ((1, 4, 6, 5), (1, 4, 6, 5), (1, 0, 2, 3), (4, 1, 6, 5), []),
]


def model(before: Shape, seen: Shape, order: Shape, after: Shape) -> bytes:
    builder = Builder()
    source = builder.input(before)
    at = builder.conv(source, before[3], (1, 1))
    at = builder.reshape(at, seen) if seen != before else at
    turned = tuple(seen[axis] for axis in order)
    at = builder.move("TRANSPOSE", (at, builder.integers(order)), turned)
    at = builder.reshape(at, after) if after != turned else at
    if len(after) < 4 or after[0] != 1:
        at = builder.reshape(at, (1, 1, 1, 120))
    return builder.build((source,), (builder.conv(at, 2, (1, 1)),))


@pytest.mark.parametrize(("before", "seen", "order", "after", "kernels"), CASES)
def test_equal_to_the_oracle(
    before: Shape, seen: Shape, order: Shape, after: Shape, kernels: list[str]
) -> None:
    [compiled] = check([model(before, seen, order, after)])
    found = [step.kernel.name for step in compiled.model.schedule.network.steps[2:-1]]
    assert set(kernels) <= set(found)
    if kernels and "transpose" not in kernels:
        assert found == kernels  # no rows are copied by a RESHAPE


def test_views_of_views_are_one() -> None:
    builder = Builder()
    source = builder.input((1, 4, 5, 6))
    at = builder.reshape(builder.conv(source, 6, (1, 1)), (1, 4, 5, 2, 3))
    at = builder.reshape(builder.reshape(at, (1, 2, 2, 5, 2, 3)), (1, 4, 5, 6))
    [compiled] = check([builder.build((source,), (builder.conv(at, 2, (1, 1)),))])
    assert [step["op"] for step in compiled.plan["steps"]] == ["INPUT", "CONV_2D", "CONV_2D"]


def test_what_else_has_five_dimensions_is_refused() -> None:
    builder = Builder()
    source = builder.input((1, 4, 5, 6))
    at = builder.unary("RELU", builder.reshape(source, (1, 4, 5, 2, 3)))
    with pytest.raises(ModelError, match="up to 4 dimensions are supported"):
        compile_tflite(builder.build((source,), (builder.reshape(at, (1, 120)),)), name="net")


def test_more_axes_than_a_kernel_turns_are_refused() -> None:
    with pytest.raises(ModelError, match=r"into the order \[0, 4, 3, 2, 1\]; one of up to 4"):
        compile_tflite(model((1, 4, 6, 5), (1, 2, 2, 6, 5), (0, 4, 3, 2, 1), (1, 5, 6, 4)), name="net")


def test_steps_of_time_are_taken_apart_and_put_together() -> None:
    """As Keras's unrolled layers have them, whose first axis is time."""
    builder = Builder(3)
    source = builder.input((1, 5, 4))
    turned = builder.reshape(source, (5, 1, 4))
    steps = tuple(builder.like(source, (1, 4)) for _ in range(5))
    builder.operators.append(("UNPACK", (turned,), steps, {"axis": 0, "num": 5}))
    answers = tuple(builder.unary("LOGISTIC", step) for step in steps)
    packed = builder.operator("PACK", answers, builder.like(answers[0], (5, 1, 4)), axis=0, values_count=5)
    check([builder.build((source,), (builder.reshape(packed, (1, 5, 4)), steps[2]))])
