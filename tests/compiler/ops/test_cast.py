# SPDX-License-Identifier: Apache-2.0
"""CAST and RESHAPE of class numbers, behind an ARG_MAX: TFLite's reference kernel = NumPy reference = C."""

import pytest
from generated_c import check
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError


def numbers(dtype: str, *steps: str) -> Builder:
    """Class numbers of each pixel, and what is done with them."""
    builder = Builder()
    at = builder.arg_max(builder.conv(builder.input((1, 5, 6, 3)), 4, (1, 1)), dtype)
    for step in steps:
        before = builder.tensors[at]
        if step == "RESHAPE":
            shape: tuple[int, ...] = (1, 30)
            at = builder.operator(step, (at, builder.integers(shape)), builder.tensor(shape, before.dtype))
        elif step == "EXPAND_DIMS":
            made = builder.tensor((*before.shape, 1), before.dtype)
            at = builder.operator(step, (at, builder.integers(-1)), made)
        else:
            at = builder.operator("CAST", (at,), builder.tensor(before.shape, step))
    builder.signatures = [("serving_default", {"image": 0}, {"numbers": at})]
    return builder


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_numbers_in_another_shape(dtype: str) -> None:
    models = [numbers(dtype, step) for step in ("RESHAPE", "EXPAND_DIMS")]
    check([model.build((0,), (model.operators[-1][2],)) for model in models])


@pytest.mark.parametrize("steps", [("int32",), ("RESHAPE", "int32"), ("int32", "EXPAND_DIMS")])
def test_numbers_of_another_type(steps: tuple[str, ...]) -> None:
    model = numbers("int64", *steps)
    [compiled] = check([model.build((0,), (model.operators[-1][2],))])
    assert compiled.model.outputs[0].dtype == "int32"


def test_of_shapes() -> None:
    builder = Builder()
    source = builder.input((1, 4, 3, 2))
    shape = builder.operator("SHAPE", (source,), builder.tensor((4,), "int64"), out_type=4)
    narrow = builder.operator("CAST", (shape,), builder.tensor((4,), "int32"))
    made = builder.operator("RESHAPE", (source, narrow), builder.like(source, (1, 4, 3, 2)))
    check([builder.build((source,), (builder.conv(made, 2),))])


def test_what_else_is_cast_is_refused() -> None:
    builder = Builder()
    source = builder.input((1, 4, 3, 2))
    made = builder.operator("CAST", (builder.conv(source, 2),), builder.tensor((1, 2, 1, 2), "int32"))
    with pytest.raises(ModelError, match=r"CAST .* makes int32 of int8; only of class numbers"):
        compile_tflite(builder.build((source,), (made,)), name="net")
