# SPDX-License-Identifier: Apache-2.0
"""Operands that broadcast: what is refused, and that attention runs by rows."""

import pytest
from tflite_builder import SAME, Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError


def refusal(builder: Builder, made: int) -> str:
    outputs = {output for _, _, output, *_ in builder.operators}
    given = tuple(
        number
        for number, tensor in enumerate(builder.tensors)
        if tensor.data is None and number not in outputs
    )
    with pytest.raises(ModelError) as error:
        compile_tflite(builder.build(given, (made,)), name="net")
    return str(error.value)


def test_shapes_that_do_not_broadcast() -> None:
    builder = Builder()
    made = builder.binary("MUL", builder.input((1, 4, 4, 3)), builder.input((1, 4, 4, 3)))
    builder.tensors[1].shape = (1, 4, 2, 3)
    assert "operands (1, 4, 4, 3) and (1, 4, 2, 3); equal lengths or 1 needed" in refusal(builder, made)
    builder.tensors[1].shape = (1, 1, 4, 4, 3)
    assert "4 dimensions at most" in refusal(builder, made)
    builder.tensors[1].shape = (1, 1, 1, 3)
    builder.tensors[made].shape = (1, 1, 1, 3)
    assert "(1, 4, 4, 3) follows from its inputs" in refusal(builder, made)


def test_constants_where_none_can_be() -> None:
    builder = Builder()
    both = builder.binary("ADD", builder.constant((3,)), builder.constant((1, 4, 4, 3)))
    source = builder.input((1, 4, 4, 3))
    made = builder.binary("ADD", both, source)
    assert "has two constants" in refusal(builder, made)
    builder = Builder()
    made = builder.binary("PRELU", builder.constant((1, 4, 4, 3)), builder.input((1, 4, 4, 3)))
    assert "has a constant input; only alpha may be one" in refusal(builder, made)


def test_extremes_of_different_scales() -> None:
    builder = Builder()
    made = builder.binary("MAXIMUM", builder.input((1, 4, 4, 3)), builder.input((1, 4, 4, 3)))
    builder.tensors[made].scales = (0.5,)
    assert "operands and output of different scale or zero point" in refusal(builder, made)


def arena(builder: Builder, source: int, made: int) -> int:
    """Return the bytes of a network that ends in a convolution of `made`."""
    model = builder.build((source,), (builder.conv(made, 2),))
    return int(compile_tflite(model, name="net").plan["arena_bytes"])


def test_only_what_global_attention_weighs_is_whole() -> None:
    builder = Builder()
    source = builder.input((1, 16, 16, 3))
    first = builder.conv(source, 8, padding=SAME)
    gate = builder.unary("LOGISTIC", builder.conv(builder.mean(first), 8, (1, 1)))
    whole, row = 16 * 16 * 8, 16 * 8
    assert arena(builder, source, builder.binary("MUL", first, gate)) < whole + 2 * row


def test_attention_over_positions_keeps_rows_only() -> None:
    builder = Builder()
    source = builder.input((1, 16, 16, 3))
    first = builder.conv(source, 8, padding=SAME)
    gate = builder.unary("LOGISTIC", builder.reduce("REDUCE_MAX", first, (3,)))
    row = 16 * 8
    assert arena(builder, source, builder.binary("MUL", first, gate)) < 6 * row
