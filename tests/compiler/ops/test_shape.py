# SPDX-License-Identifier: Apache-2.0
"""SHAPE, and what converters compute from it, are constants."""

import pytest
from generated_c import check
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError


def test_a_chain_from_shape_to_reshape_leaves_no_operator() -> None:
    """What a dense layer on a map becomes where the batch is not known: SHAPE, STRIDED_SLICE, PACK."""
    builder = Builder()
    source = builder.input((1, 4, 3, 2))
    shape = builder.operator("SHAPE", (source,), builder.tensor((4,), "int32"), out_type=2)
    ends = (builder.integers([0]), builder.integers([1]), builder.integers([1]))
    batch = builder.operator("STRIDED_SLICE", (shape, *ends), builder.tensor((), "int32"), shrink_axis_mask=1)
    wanted = (batch, builder.integers(6), builder.integers(4))
    packed = builder.operator("PACK", wanted, builder.tensor((3,), "int32"), axis=0, values_count=3)
    made = builder.operator("RESHAPE", (source, packed), builder.like(source, (1, 6, 4)))
    compiled = check([builder.build((source,), (builder.unary("LOGISTIC", made),))])[0]
    assert [step["op"] for step in compiled.plan["steps"]] == ["INPUT", "RESHAPE", "LOGISTIC"]


def test_a_transposed_convolution_whose_size_is_computed_by_its_strides() -> None:
    """What Conv2DTranspose becomes where the batch is not known, with padding and without."""
    models = []
    for valid in (False, True):
        builder = Builder()
        source = builder.input((1, 4, 3, 2))
        made = builder.transpose_conv(source, 3, padding=int(valid))
        kind, (_, *inputs), output, options = builder.operators.pop()
        shape = builder.operator("SHAPE", (source,), builder.tensor((4,), "int32"), out_type=2)
        sides = []
        for axis in range(3):
            ends = (builder.integers([axis]), builder.integers([axis + 1]), builder.integers([1]))
            side = builder.tensor((), "int32")
            sides.append(builder.operator("STRIDED_SLICE", (shape, *ends), side, shrink_axis_mask=1))
        for axis in (1, 2):
            for op, number in (("MUL", 2), ("ADD", 1), ("SUB", 0 if valid else 1)):
                pair = (sides[axis], builder.integers(number))
                sides[axis] = builder.operator(
                    op, pair, builder.tensor((), "int32"), fused_activation_function=0
                )
        wanted = (*sides, builder.integers(3))
        packed = builder.operator("PACK", wanted, builder.tensor((4,), "int32"), axis=0, values_count=4)
        builder.operator(kind, (packed, *inputs), output, **options)
        models.append(builder.build((source,), (made,)))
    for compiled in check(models):
        assert [step["op"] for step in compiled.plan["steps"]] == ["INPUT", "TRANSPOSE_CONV"]


def test_a_transposed_convolution_whose_size_is_computed() -> None:
    builder = Builder()
    source = builder.input((1, 4, 3, 2))
    made = builder.transpose_conv(source, 3)
    kind, (_, *inputs), output, options = builder.operators.pop()
    batch = builder.operator("SHAPE", (source,), builder.tensor((4,), "int32"), out_type=2)
    batch = builder.operator(
        "SLICE", (batch, builder.integers([0]), builder.integers([1])), builder.tensor((1,), "int32")
    )
    joined = builder.tensor((4,), "int32")
    builder.operator("CONCATENATION", (batch, builder.integers([8, 6, 3])), joined, axis=0)
    builder.operator(kind, (joined, *inputs), output, **options)
    check([builder.build((source,), (made,))])


def test_constants_that_do_not_fit_are_refused() -> None:
    builder = Builder()
    source = builder.input((1, 4, 3, 2))
    shape = builder.operator("SHAPE", (source,), builder.tensor((3,), "int32"), out_type=2)
    made = builder.operator("RESHAPE", (source, shape), builder.like(source, (1, 4, 3, 2)))
    with pytest.raises(ModelError, match=r"makes \(4,\) of its constants; the file says \(3,\)"):
        compile_tflite(builder.build((source,), (made,)), name="net")
