# SPDX-License-Identifier: Apache-2.0
"""Maps of a single row run along their columns: in a fraction of the RAM, to the same bytes."""

from collections.abc import Callable

import pytest
from generated_c import check
from random_operators import KINDS, Draw
from tflite_builder import NONE, RELU, SAME, Builder

from edgecnn.compiler import compile_tflite


def network(make: Callable[[Builder, int], int], dtype: str = "int8", width: int = 40) -> bytes:
    """What is made of a convolution over time, and another behind it."""
    builder = Builder(width, dtype=dtype)
    source = builder.input((1, 1, width, 3))
    at = make(builder, builder.conv(source, 6, (1, 5), activation=RELU))
    return builder.build((source,), (builder.conv(at, 4, (1, 1)),))


def with_constants(builder: Builder, at: int) -> int:
    """As folded normalizations leave them, and positions."""
    _, _, width, channels = builder.tensors[at].shape
    at = builder.binary("MUL", at, builder.constant((channels,)))
    at = builder.binary("ADD", at, builder.constant((width, channels)))
    return builder.binary("ADD", builder.constant((1, 1, width, 1)), at)


def windows(builder: Builder, at: int) -> int:
    at = builder.conv(at, 1, (1, 3), (1, 2), SAME, depthwise=True)
    at = builder.pool(at, "AVERAGE", (1, 3), (1, 2), SAME)
    return builder.conv(at, 5, (1, 3), (1, 1), SAME, NONE, (1, 2))


def joined(builder: Builder, at: int) -> int:
    other = builder.move("SLICE", (at, *map(builder.integers, ((0, 0, 3, 0), (1, 1, 9, 6)))), (1, 1, 9, 6))
    return builder.concat((builder.pad(at, 0, 0, 2, 1), other), axis=2)


def gathered(builder: Builder, at: int) -> int:
    taken = builder.move("GATHER", (at, builder.integers([5, 1, 7, 7])), (1, 1, 4, 6), axis=2)
    return builder.unary("TANH", builder.unary("HARD_SWISH", taken))


def averaged(builder: Builder, at: int) -> int:
    return builder.binary("MUL", at, builder.unary("LOGISTIC", builder.mean(at)))


MAKE = {
    "constants": with_constants,
    "windows": windows,
    "joined": joined,
    "gathered": gathered,
    "averaged": averaged,
}


def test_equal_to_the_oracle_in_less() -> None:
    models = [network(make) for make in MAKE.values()]
    for compiled in check(models):
        assert all(step["shape"][1] == 1 for step in compiled.plan["steps"])
        assert compiled.plan["arena_bytes"] < compiled.plan["arena_bytes_whole"]


def test_over_int16() -> None:
    for compiled in check([network(MAKE[name], "int16") for name in ("constants", "windows", "joined")]):
        assert compiled.plan["steps"][0]["shape"][0] > 1


def test_a_tenth_of_the_memory() -> None:
    def deep(builder: Builder, at: int) -> int:
        for _ in range(4):
            at = builder.conv(at, 12, (1, 3), activation=RELU)
        return at

    model = network(deep, width=400)
    [compiled] = check([model])
    assert compiled.plan["arena_bytes"] * 10 < compiled.plan["arena_bytes_whole"]
    assert "NET0_LINES 400u" in compiled.header


@pytest.mark.parametrize("part", range(2))
def test_pieces_of_all_kinds_on_one_row(part: int) -> None:
    models = []
    for number, piece in enumerate(KINDS["int8"][part::2]):
        builder = Builder(number)
        source = builder.input((1, 1, 19, 4))
        made = piece(
            Draw(builder, builder.conv(source, 4, (1, 3), padding=SAME), 3, 1 + number % 3, number % 6)
        )
        models.append(builder.build((source,), (made,)))
    check(models, count=2)


def test_images_lie_as_they_did() -> None:
    """So does what takes rows of an image beside one row, and what a TRANSPOSE is made of."""
    models = []
    for last in ("none", "rows", "turned"):
        builder = Builder(1)
        source = builder.input((1, 6, 9, 3))
        at = builder.conv(source, 4)
        if last == "rows":
            row = builder.conv(at, 4, (4, 1))
            at = builder.binary("ADD", at, row)
        if last == "turned":
            row = builder.conv(builder.conv(at, 4, (4, 1)), 4, (1, 2))
            at = builder.move("TRANSPOSE", (row, builder.integers((0, 2, 1, 3))), (1, 6, 1, 4))
        models.append(builder.build((source,), (at,)))
    for compiled in check(models):
        assert compiled.dumps["upright"] == compiled.dumps["as_rows"]


def test_within_a_limit_speed_counts() -> None:
    model = network(windows)
    shapes = [
        compile_tflite(model, name="net", **options).plan["steps"][0]["shape"]
        for options in ({}, {"ram": 4000}, {"ram": 300}, {"rows": False})
    ]
    assert shapes == [[40, 1, 3], [1, 40, 3], [40, 1, 3], [1, 40, 3]]
