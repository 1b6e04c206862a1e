# SPDX-License-Identifier: Apache-2.0
"""The kernels for AVX2 and AVX-512: the bytes of TFLite's reference kernels, under sanitizers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import networks
import pytest
from generated_c import check
from hypothesis import given, settings
from test_random_graphs import build
from test_random_graphs import networks as random_networks
from tflite_builder import NONE, RELU, RELU6, SAME, VALID, Builder

from edgecnn.compiler.compile import CompiledModel, compile_tflite
from edgecnn.compiler.targets import find_target
from edgecnn.runtime.host_compiler import HostCompiler
from edgecnn.runtime.shared_library import cpu_features

# Input shape, then what Builder.conv takes: filters, size, stride, padding, activation, dilation, ...
CONVOLUTIONS = [
    ((1, 5, 7, 8), 16, (3, 3), (1, 1), SAME, RELU),
    ((1, 4, 29, 4), 5, (3, 3), (1, 1), VALID, RELU6),  # more columns than at once
    ((1, 5, 8, 12), 34, (3, 3), (2, 2), SAME),
    ((1, 6, 13, 1), 17, (3, 3), (1, 1), SAME, RELU),
    ((1, 6, 10, 3), 7, (3, 3), (2, 2), SAME, RELU6),
    ((1, 4, 1, 8), 4, (1, 1)),  # a single column
    ((1, 3, 2, 20), 33, (1, 1)),
    ((1, 3, 14, 5), 9, (1, 1), (1, 1), VALID, RELU),
    ((1, 9, 9, 5), 4, (3, 3), (1, 1), SAME, NONE, (2, 2)),
    ((1, 3, 3, 160), 4, (3, 3), (1, 1), SAME, RELU),
    ((1, 7, 9, 2), 6, (5, 4), (3, 1), SAME),
    ((1, 4, 6, 4), 4, (2, 3), (1, 1), SAME, NONE, (1, 1), True, True, 0, False, 40.0),  # left shifts
    ((1, 4, 6, 4), 18, (2, 3), (1, 1), SAME, RELU, (1, 1), True, True, 0, False, 1e-3),  # large right shifts
]
DEPTHWISE = [
    ((1, 5, 7, 8), 1, (3, 3), (1, 1), SAME, RELU6),
    ((1, 6, 31, 5), 1, (3, 3), (1, 1), SAME, RELU),
    ((1, 7, 20, 6), 1, (3, 3), (2, 2), SAME),
    ((1, 7, 5, 48), 1, (3, 3), (2, 2), VALID),
    ((1, 3, 3, 16), 1, (3, 3)),
    ((1, 9, 6, 3), 1, (3, 3), (3, 3), SAME, NONE, (1, 1), False),
    ((1, 6, 9, 1), 8, (3, 3), (2, 2), SAME, RELU6),  # one channel: a convolution
    ((1, 5, 6, 4), 2, (3, 3), (1, 1), SAME),  # portable
    ((1, 8, 7, 17), 1, (5, 5), (1, 1), SAME, RELU),
    ((1, 9, 10, 4), 1, (3, 3), (3, 3), SAME, RELU6),
    ((1, 9, 10, 24), 1, (2, 4), (1, 1), SAME, NONE, (2, 2)),
    ((1, 9, 13, 2), 1, (5, 3), (2, 2), SAME, RELU),
    ((1, 1, 1, 3), 1, (3, 3), (1, 1), SAME),  # nothing but padding around
    ((1, 6, 6, 4), 1, (4, 2), (1, 1), SAME, NONE, (1, 1), True, True, 0, True, 40.0),  # left shifts
]
POOLED = [  # input shape, channels, pool
    ((1, 8, 9, 4), 6, (2, 2)),
    ((1, 10, 27, 3), 17, (3, 3)),
    ((1, 11, 12, 4), 4, (4, 5)),
    ((1, 8, 9, 4), 32, (1, 3)),
    ((1, 8, 9, 1), 4, (3, 1)),
    ((1, 2, 28, 2), 3, (2, 14)),  # portable: wider than 12
]
POOLS = [  # input shape, size, stride, padding, activation
    ((1, 7, 9, 4), (3, 3), (2, 2), SAME),
    ((1, 8, 6, 17), (2, 2), (2, 2), VALID, RELU6),
    ((1, 5, 5, 32), (5, 2), (1, 1), SAME, RELU),
    ((1, 16, 16, 20), (16, 16), (1, 1)),
]
DENSE = [
    ((1, 7), 3),
    ((1, 300), 40, RELU),
    ((1, 3, 5, 3), 17, RELU6, True),
    ((1, 64), 1),
    ((1, 5, 1, 70), 16),  # row by row
]


def depthwise(builder: Builder, source: int, *arguments: Any) -> int:
    defaults = (1, (3, 3), (1, 1), VALID, NONE, (1, 1), True, True, 0, True)
    return builder.conv(source, *arguments, *defaults[len(arguments) :])


def pooled(builder: Builder, source: int, channels: int, pool: tuple[int, int]) -> int:
    made = builder.conv(source, channels, padding=SAME, activation=RELU)
    return builder.pool(made, "MAX", pool, pool)


def max_pool(builder: Builder, source: int, *arguments: Any) -> int:
    return builder.pool(source, "MAX", *arguments)


def average_pool(builder: Builder, source: int, *arguments: Any) -> int:
    return builder.pool(source, "AVERAGE", *arguments)


def dense(builder: Builder, source: int, *arguments: Any) -> int:
    flat = builder.flatten(source) if len(builder.tensors[source].shape) == 4 else source
    return builder.fully_connected(flat, *arguments)


def add(builder: Builder, source: int, activation: int) -> int:
    return builder.add(
        source, builder.conv(source, builder.tensors[source].shape[3], padding=SAME), activation
    )


def mobile(builder: Builder, source: int) -> int:
    """What keeps some columns between a depthwise and a 1x1 convolution, then adds."""
    at = builder.conv(source, 8, (3, 3), (1, 1), SAME, RELU6)
    made = builder.conv(depthwise(builder, at, 1, (3, 3), (1, 1), SAME, RELU6), 8, (1, 1), padding=SAME)
    at = builder.add(at, made, RELU)
    return builder.mean(builder.conv(depthwise(builder, at, 1, (3, 3), (2, 2), SAME), 12, (1, 1)))


def models(make: Callable[..., int], cases: list[tuple[Any, ...]]) -> list[bytes]:
    """One model with an input and an output for each case: compilers read the vectors' header slowly."""
    builder = Builder(0)
    sources, made = [], []
    for number, (shape, *arguments) in enumerate(cases):
        sources.append(builder.input(shape, *((0.02, -11) if number % 2 else ())))
        made.append(make(builder, sources[-1], *arguments))
    return [builder.build(tuple(sources), tuple(made))]


MODELS = {
    "conv_2d": models(Builder.conv, CONVOLUTIONS),
    "depthwise_conv_2d": models(depthwise, DEPTHWISE),
    "conv_2d, pooled": models(pooled, POOLED),
    "max_pool_2d": models(max_pool, POOLS),
    "average_pool_2d": models(average_pool, POOLS),
    "fully_connected": models(dense, DENSE),
    "add": models(add, [((1, 5, width, 3), width % 3) for width in range(1, 14)]),
    "columns": models(mobile, [((1, 9, width, 3),) for width in (1, 12, 29)]),
    "networks": [networks.residual(), networks.cainvas(40)],
}


def check_here(kinds: list[bytes], target: str, **options: object) -> list[CompiledModel]:
    """Check models on this machine, or skip: nothing emulates these instructions."""
    missing = set(find_target(target).features) - cpu_features()
    if missing:
        pytest.skip(f"this processor lacks {', '.join(sorted(missing))}")
    return check(kinds, target=target, **options)


@pytest.mark.parametrize("target", ["x86-64", "x86-64-vnni"])
@pytest.mark.parametrize("kind", MODELS)
def test_kernels_equal_the_oracle(kind: str, target: str) -> None:
    check_here(MODELS[kind], target)


@pytest.mark.parametrize("target", ["x86-64", "x86-64-vnni"])
def test_one_copy_for_each_operator_and_whole_tensors(target: str) -> None:
    check_here(MODELS["columns"], target, optimize="speed", rows=False)


@pytest.mark.parametrize("target", ["x86-64", "x86-64-vnni"])
@settings(max_examples=2)
@given(several=random_networks)
def test_random_graphs(several: Any, target: str) -> None:
    check_here([build(several)], target)


def test_what_has_no_faster_kernel_stays_portable() -> None:
    made = [compile_tflite(one, name="net", target="x86-64") for kind in MODELS for one in MODELS[kind]]
    kernels = {step.kernel for one in made for step in one.model.schedule.network.steps}
    portable = {"input", "conv_2d", "depthwise_conv_2d", "mean", "softmax"}
    assert {kernel for kernel in kernels if "." not in kernel} == portable
    assert {kernel.partition(".")[0] for kernel in kernels - portable} >= {
        "conv_2d",
        "add",
        "fully_connected",
    }


@pytest.mark.needs_tool("clang", package="clang")
@pytest.mark.parametrize("target", ["x86-64", "x86-64-vnni"])
@pytest.mark.parametrize("cc", ["gcc", "clang"])
def test_no_compiler_warns(tmp_path: Path, cc: str, target: str) -> None:
    for optimize in ("speed", "size"):
        compile_tflite(networks.residual(), name="net", target=target, optimize=optimize).write(tmp_path)
        host = HostCompiler(cc, flags=("-O2", *find_target(target).cflags))
        host.compile([tmp_path / "net.c"], tmp_path / "net.o", ["-c"])
