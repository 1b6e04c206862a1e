# SPDX-License-Identifier: Apache-2.0
"""The kernels for AVX2 and AVX-512: the bytes of TFLite's reference kernels, under sanitizers."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import networks
import pytest
from generated_c import Case, check
from hypothesis import given, settings
from kernel_cases import DEPTHWISE_LEFT, LEFT, MAKE, cases, kernels
from random_graphs import build
from random_graphs import networks as random_networks
from tflite_builder import NONE, RELU, RELU6, SAME, VALID, Builder

from edgecnn.compiler.compile import CompiledModel, compile_tflite
from edgecnn.compiler.targets import find_target
from edgecnn.runtime.host_compiler import HostCompiler
from edgecnn.runtime.shared_library import cpu_features

WIDE_POOLS = [
    ((1, 8, 6, 17), (2, 2), (2, 2), VALID, RELU6),
    ((1, 5, 5, 32), (5, 2), (1, 1), SAME, RELU),
    ((1, 16, 16, 20), (16, 16), (1, 1)),
]
# What vectors of 16 channels and 12 columns at once add to the cases of all instruction sets.
CASES = cases(
    {
        "conv_2d": [
            ((1, 5, 7, 8), 16, (3, 3), (1, 1), SAME, RELU),
            ((1, 4, 29, 4), 5, (3, 3), (1, 1), VALID, RELU6),  # more columns than at once
            ((1, 5, 8, 12), 34, (3, 3), (2, 2), SAME),
            ((1, 6, 13, 1), 17, (3, 3), (1, 1), SAME, RELU),
            ((1, 3, 2, 20), 33, (1, 1)),
            ((1, 3, 14, 5), 9, (1, 1), (1, 1), VALID, RELU),
            ((1, 9, 9, 5), 4, (3, 3), (1, 1), SAME, NONE, (2, 2)),
            ((1, 3, 3, 160), 4, (3, 3), (1, 1), SAME, RELU),
            ((1, 7, 9, 2), 6, (5, 4), (3, 1), SAME),
            ((1, 4, 6, 4), 18, (2, 3), (1, 1), SAME, RELU, *LEFT[:5], 1e-3),  # large right shifts
        ],
        "depthwise_conv_2d": [
            ((1, 7, 20, 6), 1, (3, 3), (2, 2), SAME),
            ((1, 7, 5, 48), 1, (3, 3), (2, 2), VALID),
            ((1, 3, 3, 16), 1, (3, 3)),
            ((1, 9, 6, 3), 1, (3, 3), (3, 3), SAME, NONE, (1, 1), False),
            ((1, 8, 7, 17), 1, (5, 5), (1, 1), SAME, RELU),
            ((1, 9, 10, 24), 1, (2, 4), (1, 1), SAME, NONE, (2, 2)),
            ((1, 9, 13, 2), 1, (5, 3), (2, 2), SAME, RELU),
            ((1, 1, 1, 3), 1, (3, 3), (1, 1), SAME),  # nothing but padding around
            ((1, 6, 6, 4), 1, (4, 2), (1, 1), SAME, NONE, *DEPTHWISE_LEFT),
        ],
        "pooled": [
            ((1, 10, 27, 3), 17, (3, 3)),
            ((1, 11, 12, 4), 4, (4, 5)),
            ((1, 8, 9, 4), 32, (1, 3)),
            ((1, 2, 28, 2), 3, (2, 14)),  # portable: wider than 12
        ],
        "max_pool_2d": WIDE_POOLS,
        "average_pool_2d": WIDE_POOLS,
        "fully_connected": [
            ((1, 300), 40, RELU),
            ((1, 3, 5, 3), 17, RELU6, True),
            ((1, 5, 1, 70), 16),  # row by row
        ],
        "columns": [((1, 9, 12, 3),)],
    }
)


def add(builder: Builder, source: int, activation: int) -> int:
    depth = builder.tensors[source].shape[3]
    return builder.add(source, builder.conv(source, depth, padding=SAME), activation)


def one_model(make: Callable[..., int], several: Sequence[Case]) -> bytes:
    """Return a model with an input and an output for each case: compilers read the vectors' header slowly."""
    builder = Builder(0)
    sources, made = [], []
    for number, (shape, *arguments) in enumerate(several):
        sources.append(builder.input(shape, *((0.02, -11) if number % 2 else ())))
        made.append(make(builder, sources[-1], *arguments))
    return builder.build(tuple(sources), tuple(made))


MODELS = {kind: [one_model(MAKE[kind], of_kind)] for kind, of_kind in CASES.items()}
MODELS["add"] = [one_model(add, [((1, 5, width, 3), width % 3) for width in range(1, 14)])]
MODELS["networks"] = [networks.residual(), networks.cainvas(40)]


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
    made = {kernel for of_kind in MODELS.values() for one in of_kind for kernel in kernels(one, "x86-64")}
    portable = {"input", "conv_2d", "depthwise_conv_2d", "mean", "softmax_few"}
    assert {kernel for kernel in made if "." not in kernel} == portable
    assert {kernel.partition(".")[0] for kernel in made - portable} >= {
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
