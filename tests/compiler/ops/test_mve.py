# SPDX-License-Identifier: Apache-2.0
"""The kernels for MVE, in assembly and in plain C: the bytes of TFLite's reference kernels."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated_c import check, joined, random_inputs, run_oracle
from tflite_builder import NONE, RELU, RELU6, SAME, VALID, Builder

from edgecnn.compiler import compile_tflite
from edgecnn.compiler.targets import find_target
from edgecnn.pipeline.verify import program
from edgecnn.runtime.emulated_core import EmulatedCore

# What Builder.conv takes for multipliers above one.
LEFT = (NONE, (1, 1), True, True, 0, False, 40.0)
# Input shape, then what Builder.conv takes: filters, size, stride, padding, activation, dilation, ...
CONVOLUTIONS = [
    ((1, 5, 7, 8), 6, (3, 3), (1, 1), SAME, RELU),  # 72 taps: 3, 2 and 2 columns
    ((1, 4, 9, 4), 5, (3, 3), (1, 1), VALID, RELU6),
    ((1, 5, 8, 12), 35, (3, 3), (2, 2), SAME),  # more channels than at once
    ((1, 6, 10, 1), 8, (3, 3), (1, 1), SAME, RELU),  # first layers: taps stay in registers
    ((1, 6, 10, 3), 7, (3, 3), (2, 2), SAME, RELU6),
    ((1, 5, 7, 2), 3, (4, 4), (1, 1), SAME),  # 32 taps
    ((1, 4, 1, 8), 4, (1, 1)),  # a single column
    ((1, 4, 1, 40), 7, (1, 1)),
    ((1, 3, 2, 20), 3, (1, 1)),
    ((1, 3, 4, 5), 9, (1, 1), (1, 1), VALID, RELU),
    ((1, 3, 7, 33), 2, (1, 1), (2, 2), VALID),  # columns in the row, one byte beyond two vectors
    ((1, 2, 3, 16), 1, (1, 1)),  # a single channel
    ((1, 9, 9, 4), 4, (3, 3), (1, 1), SAME, NONE, (2, 2)),
    ((1, 3, 3, 310), 4, (3, 3), (1, 1), SAME, RELU),  # two columns at once take less memory, one even less
    ((1, 4, 6, 4), 4, (2, 3), (1, 1), SAME, *LEFT),
]
POOLED = [  # input shape, channels, pool
    ((1, 8, 9, 4), 6, (2, 2)),
    ((1, 10, 12, 3), 5, (3, 3)),
    ((1, 11, 12, 4), 35, (4, 5)),
    ((1, 8, 9, 4), 4, (1, 3)),
    ((1, 8, 9, 1), 34, (2, 2)),
    ((1, 8, 9, 1), 4, (3, 1)),
    ((1, 4, 8, 310), 3, (2, 2)),
]
DENSE = [
    ((1, 7), 3),
    ((1, 300), 45, RELU),
    ((1, 3, 5, 3), 6, RELU6, True),
    ((1, 64), 1),
]


def model(make: Any, shape: tuple[int, ...], seed: int) -> bytes:
    builder = Builder(seed)
    source = builder.input(shape, *((0.02, -11) if seed % 2 else ()))
    return builder.build((source,), (make(builder, source),))


def models(make: Any, cases: list[Any]) -> list[bytes]:
    return [
        model(lambda b, s, a=arguments: make(b, s, *a), shape, seed)
        for seed, (shape, *arguments) in enumerate(cases)
    ]


def pooled(builder: Builder, source: int, channels: int, pool: tuple[int, int]) -> int:
    made = builder.conv(source, channels, padding=SAME, activation=RELU)
    return builder.pool(made, "MAX", pool, pool)


def dense(builder: Builder, source: int, *arguments: Any) -> int:
    flat = builder.flatten(source) if len(builder.tensors[source].shape) == 4 else source
    return builder.fully_connected(flat, *arguments)


MODELS = {
    "conv": models(Builder.conv, CONVOLUTIONS),
    "pooled": models(pooled, POOLED),
    "dense": models(dense, DENSE),
}


@pytest.mark.parametrize("kind", MODELS)
def test_plain_c_equals_the_oracle(kind: str) -> None:
    check(MODELS[kind], target="cortex-m55")


@pytest.mark.needs_tool("arm-none-eabi-gcc", package="gcc-arm-none-eabi")
@pytest.mark.needs_tool("qemu-system-arm", package="qemu-system-arm")
@pytest.mark.parametrize(("optimize", "level"), [("speed", "-O2"), ("size", "-Os"), ("speed", "-O0")])
def test_assembly_equals_the_oracle(optimize: str, level: str) -> None:
    every = [one for kind in MODELS.values() for one in kind]
    inputs = [random_inputs(one, 2, seed) for seed, one in enumerate(every)]
    with tempfile.TemporaryDirectory() as name:
        folder, programs = Path(name), []
        for number, one in enumerate(every):
            compiled = compile_tflite(one, name=f"net{number}", target="cortex-m55", optimize=optimize)
            compiled.write(folder)
            programs.append(program(compiled.model, folder, both_ways=True, pointer=4))
        emulated = EmulatedCore(find_target("cortex-m55"), level)
        given = [b"".join(v.tobytes() for one in ones for v in one) for ones in zip(*inputs, strict=True)]
        result = emulated.run(emulated.build(joined(programs, folder), folder), given)
    expected = [run_oracle(one, ones) for one, ones in zip(every, inputs, strict=True)]
    for output, wanted in zip(result.outputs, zip(*expected, strict=True), strict=True):
        flat = np.concatenate([value.ravel() for one in wanted for value in one])
        np.testing.assert_array_equal(np.frombuffer(output, np.int8), flat)
