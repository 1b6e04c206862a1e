# SPDX-License-Identifier: Apache-2.0
"""Networks in which every op occurs, over int8 and over int16: chains of pieces, and what those leave out."""

from functools import cache
from itertools import product

from narrow import narrowed
from networks import dilated
from random_operators import KINDS, Draw
from streaming import Streaming, lstm, mixed
from tflite_builder import SAME, Builder

_PIECES = 7  # of a chain: more would mix every byte until it says little


@cache
def networks_of_every_op() -> tuple[bytes, ...]:
    """Return models that have each op somewhere, but for DEQUANTIZE, which only stands at a model's end."""
    return (*networks_for_weights_apart(), _over_uint8(), _stream(), _recurrent())


@cache
def networks_for_weights_apart() -> tuple[bytes, ...]:
    """Return models that have each op somewhere, and whose weights can lie apart from the code."""
    return (*_chains("int8"), _shapes(), _ends(), *networks_over_int16(), _over_int4())


@cache
def networks_over_int16() -> tuple[bytes, ...]:
    """Return models that have each op somewhere that takes int16."""
    return (*_chains("int16"), _ends_over_int16())


def ops_of(model: Builder) -> set[str]:
    """Return the ops of what has been built."""
    return {operator[0] for operator in model.operators}


def _chains(dtype: str) -> list[bytes]:
    """Chain pieces, each because of an op that no piece before it has."""
    models, seen = [], set[str]()
    builder, at, count = _begin(0, dtype)
    for piece, size, channels, variant in product(KINDS[dtype], (2, 3, 1), (3, 4, 5), range(6)):
        trial = builder.copy()
        made = piece(Draw(trial, at, channels, size, variant))
        if ops_of(trial) - ops_of(builder) - seen:
            seen |= ops_of(trial)
            builder, at, count = trial, made, count + 1
        if count == _PIECES:
            models.append(builder.build((0,), (at,)))
            builder, at, count = _begin(len(models), dtype)
    return [*models, builder.build((0,), (at,))] if count else models


def _begin(seed: int, dtype: str) -> tuple[Builder, int, int]:
    builder = Builder(seed, dtype=dtype)
    return builder, builder.input((1, 9, 8, 3)), 0


def _shapes() -> bytes:
    """What only moves bytes and takes shapes of fewer or more dimensions."""
    builder = Builder(20)
    source = builder.input((1, 4, 3, 2))
    shape = builder.operator("SHAPE", (source,), builder.tensor((4,), "int32"), out_type=2)
    at = builder.operator("RESHAPE", (source, shape), builder.like(source, (1, 4, 3, 2)))
    first, second = builder.split(at, (2, 2), 1)
    parts = tuple(builder.like(second, (1, 2, 2)) for _ in range(3))
    builder.operators.append(("UNPACK", (second,), parts, {"axis": 2, "num": 3}))
    packed = builder.move("PACK", parts[::2], (1, 2, 2, 2), axis=1, values_count=2)
    longer = builder.move("EXPAND_DIMS", (parts[1], builder.integers(1)), (1, 1, 2, 2))
    return builder.build(
        (source,), (first, packed, builder.move("SQUEEZE", (longer,), (1, 2, 2), squeeze_dims=[1]))
    )


def _ends() -> bytes:
    """What is left: gaps, a pool that is not fused, sums, functions of a value, classes and their numbers."""
    builder = Builder(21)
    source = builder.input((1, 8, 7, 3))
    at = builder.pool(dilated(builder, source, (2, 2)), "MAX", (3, 2), (1, 1))
    at = builder.unary("RELU_N1_TO_1", builder.unary("RELU_0_TO_1", builder.unary("ELU", at)))
    many, numbers = builder.unary("SOFTMAX", at), builder.arg_max(at, "int64")
    numbers = builder.operator("CAST", (numbers,), builder.tensor(builder.tensors[numbers].shape, "int32"))
    at = builder.fully_connected(builder.flatten(builder.reduce("SUM", at, (1,))), 6, per_channel=True)
    return builder.build((source,), (numbers, many, builder.unary("SOFTMAX", at)))


def _over_uint8() -> bytes:
    """What has a kernel of its own over uint8, or is brought to one scale there."""
    builder = Builder(23, dtype="uint8")
    source = builder.input((1, 9, 8, 3), 0.02, -11)
    at = builder.conv(builder.conv(source, 4, padding=SAME), 1, padding=SAME, depthwise=True)
    at = builder.concat((at, builder.pool(source, "AVERAGE", (3, 3), (1, 1), SAME)))
    at = builder.fully_connected(builder.flatten(at), 6)
    return builder.build((source,), (builder.unary("SOFTMAX", at),))


def _ends_over_int16() -> bytes:
    """Rows that a matrix takes one by one, sums of 32 bits, as those without a bias have, and classes."""
    builder = Builder(22, dtype="int16")
    source = builder.input((1, 9, 7, 3))
    at = builder.pool(builder.conv(source, 5, padding=SAME), "MAX", (3, 2), (3, 2))
    narrow = builder.fully_connected(builder.flatten(source), 4, bias=False)
    at = builder.fully_connected(builder.flatten(at), 4, per_channel=True)
    return builder.build((source,), (builder.unary("SOFTMAX", builder.add(at, narrow)), narrow))


def _over_int4() -> bytes:
    """What has a kernel of its own over weights of four bits, beside one over int8."""
    builder = Builder(24)
    source = builder.input((1, 9, 8, 3), 0.02, -11)
    at = builder.conv(builder.conv(source, 9, padding=SAME), 6, padding=SAME)
    at = builder.conv(builder.conv(at, 1, padding=SAME, depthwise=True), 5, (1, 1))
    at = builder.fully_connected(builder.flatten(at), 7, per_channel=True)
    at = builder.fully_connected(at, 3, per_channel=True)
    return narrowed(builder.build((source,), (at,)), lambda number: number != 1, least=-7)


def _stream() -> bytes:
    """Return what only networks that keep variables have."""
    builder = Streaming()
    return builder.build(*mixed(builder))


def _recurrent() -> bytes:
    """Return what operators with a state of their own make."""
    builder = Builder()
    source = builder.input((1, 3, 4), 0.02, -3)
    return builder.build((source,), (lstm(builder, source, 5),))
