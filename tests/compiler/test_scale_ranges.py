# SPDX-License-Identifier: Apache-2.0
"""Scales far out of proportion: what is compiled equals TFLite's reference kernels, all else is refused.

Where multipliers or bounds leave the bits that they have, TensorFlow Lite refuses a model, ends the process,
or computes what C++ does not define; so the oracle runs in a process of its own.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from importlib import import_module

import numpy as np
import pytest
from generated_c import random_inputs, run_numpy
from tflite_builder import RELU6, Builder

from edgecnn.compiler import isa
from edgecnn.compiler.compile import run_passes
from edgecnn.compiler.reading.tflite import parse
from edgecnn.compiler.steps import Step
from edgecnn.errors import ModelError
from edgecnn.runtime.isolation import Remote

Make = Callable[[Builder, int], int]
SHAPE = (1, 4, 4, 3)
# The powers of two by which scales are multiplied: all that float32 has, and where kernels have a limit.
POWERS = (-130, -100, -44, -31, -26, -23, -22, -16, 14, 18, 19, 20, 31, 100, 133)
SAME_SCALES = ("pool", "reduce", "resize")
UNLIMITED = ("reduce", "resize", "LOGISTIC")  # over int8
UNARY = ("RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "ABS", "GELU", "HARD_SWISH", "EXP")
INT8_ONLY = (*UNARY, "PRELU", "SQUARED_DIFFERENCE", "BATCH_MATMUL")


def dense(builder: Builder, source: int, **options: bool) -> int:
    return builder.fully_connected(builder.flatten(source), 5, **options)


def with_constant(builder: Builder, source: int, op: str) -> int:
    return builder.binary(op, source, builder.constant((3,)))


OPERATORS: dict[str, Make] = {
    "conv": partial(Builder.conv, channels=4, activation=RELU6),
    "depthwise": partial(Builder.conv, channels=1, activation=RELU6, depthwise=True),
    "transpose_conv": partial(Builder.transpose_conv, channels=3),
    "dense": partial(dense, per_channel=True),
    "dense without bias": partial(dense, bias=False),
    "dense over vectors": partial(Builder.fully_connected, outputs=5, vectors=True),
    "pool": partial(Builder.pool, kind="AVERAGE", size=(2, 2), stride=(2, 2), activation=RELU6),
    "mean": Builder.mean,
    "reduce": lambda builder, source: builder.reduce("REDUCE_MAX", source, (1, 2)),
    "resize": partial(Builder.resize, size=(8, 8)),
    **{op: partial(with_constant, op=op) for op in ("ADD", "SUB", "MUL", "PRELU", "SQUARED_DIFFERENCE")},
    **{
        op: partial(lambda builder, source, op: builder.unary(op, source), op=op)
        for op in (*UNARY, "SOFTMAX", "LOGISTIC", "TANH", "QUANTIZE")
    },
    "BATCH_MATMUL": lambda builder, source: builder.batch_matmul(source, source, adj_y=True),
    "LEAKY_RELU": lambda builder, source: builder.unary("LEAKY_RELU", source, alpha=0.1),
    "LEAKY_RELU of a large alpha": lambda builder, source: builder.unary("LEAKY_RELU", source, alpha=1e6),
}


def scaled(make: Make, name: str, dtype: str, powers: tuple[int, int, int]) -> bytes:
    """Return a model of one operator whose scales are multiplied by powers of two."""
    builder = Builder(7, dtype=dtype)
    source = builder.input(SHAPE, 0.02, 3)
    made = make(builder, source)
    if name in SAME_SCALES:
        powers = (powers[0],) * 3
    fixed = name in ("SOFTMAX", "LOGISTIC") or (name == "TANH" and dtype == "int16")
    for number, tensor in enumerate(builder.tensors):
        power = powers[0 if number == source else 2 if number == made else 1]
        if tensor.dtype in ("int8", "int16") and not (number == made and fixed):
            tensor.scales = tuple(np.clip(np.ldexp(tensor.scales, power), 1e-45, 3e38).tolist())
    if builder.operators[0][0] == "RESHAPE":  # keeps its input's
        builder.tensors[builder.operators[0][2]].scales = builder.tensors[source].scales
    for tensor in builder.tensors:  # TFLite looks whether a bias has the scale of the sums
        if tensor.dtype in ("int32", "int64") and tensor.scales:
            tensor.scales = tuple(
                np.clip(np.ldexp(tensor.scales, powers[0] + powers[1]), 1.5e-45, 3e38).tolist()
            )
    return builder.build((source,), (made,))


@pytest.fixture
def oracle() -> Remote:
    return Remote(import_module, "generated_c")


@pytest.mark.parametrize(
    ("name", "dtype"),
    [(name, "int8") for name in OPERATORS] + [(name, "int16") for name in OPERATORS if name not in INT8_ONLY],
)
def test_scales_out_of_proportion(name: str, dtype: str, oracle: Remote) -> None:
    outcomes: Counter[str] = Counter()
    for power in POWERS:
        for powers in ((power, 0, 0), (0, 0, -power), (power, 0, power)):
            model = scaled(OPERATORS[name], name, dtype, powers)
            try:
                lowered(model)
            except ModelError:
                outcomes["refused"] += 1
                continue
            outcomes["compiled"] += 1
            inputs = random_inputs(model, 2)
            expected = oracle.call("run_oracle", model, inputs)
            for (ours,), (theirs,) in zip(run_numpy(model, inputs), expected, strict=True):
                np.testing.assert_array_equal(ours, theirs, err_msg=str(powers))
    assert outcomes["compiled"] >= len(POWERS)
    assert outcomes["refused"] > 0 or name in UNLIMITED


def lowered(model: bytes) -> list[tuple[Step, ...]]:
    """Do what compiling does but for the schedule and the text."""
    graph, _ = run_passes(parse(model))
    return [isa.lower(graph, operator, "c99") for operator in graph.operators]
