# SPDX-License-Identifier: Apache-2.0
"""Random chains and graphs of all ops that can be compiled, with ADD and dead filters."""

from hypothesis import strategies as st
from narrow import narrowed
from random_operators import KINDS, Draw
from tflite_builder import RELU, Builder

# What a network is made of, by number, so that a failing one shrinks to few and small numbers.
Choice = tuple[int, int, int, int]
choices = st.tuples(
    st.integers(0, len(KINDS["int8"]) - 1), st.integers(1, 7), st.integers(1, 3), st.integers(0, 5)
)
networks = st.tuples(
    st.tuples(st.integers(1, 17), st.integers(1, 17), st.integers(1, 4)),
    st.lists(choices, max_size=9),
    st.integers(0, 4),
    st.sampled_from(("int8", "int8", "int4", "int16", "uint8")),
)


def build(network: tuple[tuple[int, int, int], list[Choice], int, str], seed: int = 0) -> bytes:
    """Return a model: `network` is an input's shape, an operator for each choice, an end and a type.

    Of type int4 are the weights of two in three operators, between int8.
    """
    shape, body, end, types = network
    dtype = "int8" if types == "int4" else types
    builder, kinds = Builder(seed, dtype=dtype), KINDS[dtype]
    source = at = builder.input((1, *shape))
    for kind, channels, size, variant in body:
        at = kinds[kind % len(kinds)](Draw(builder, at, channels, size, variant))
    model = builder.build((source,), (_end(builder, at, end),))
    return narrowed(model, lambda number: number % 3 < 2) if types == "int4" else model


def _end(builder: Builder, at: int, end: int) -> int:
    if end == 0:
        return builder.conv(at, 2, (1, 1))
    if end == 1:
        return builder.mean(at)
    if end == 2:
        return builder.unary("SOFTMAX", builder.fully_connected(builder.flatten(at), 3))
    if end == 3:
        return builder.unary("LOGISTIC", builder.fully_connected(builder.flatten(at), 1, RELU))
    return builder.fully_connected(builder.fully_connected(builder.flatten(at), 5, RELU), 4)
