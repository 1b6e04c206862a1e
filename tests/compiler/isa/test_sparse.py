# SPDX-License-Identifier: Apache-2.0
"""Dense layers with many weights of zero: what is stored, when, and what it costs beside all weights."""

from pathlib import Path

import numpy as np
import pytest
from kernel_cases import kernels
from numpy.typing import NDArray
from tflite_builder import NONE, Builder

from edgecnn.compiler import CompiledModel, compile_tflite
from edgecnn.compiler.isa.scalar.fully_connected_sparse import pack
from edgecnn.pipeline.verify.compiled import verify

GROUP = np.dtype([("distances", "<u2"), ("weights", "i1", 4)])


def unpacked(groups: NDArray[np.uint16], size: int) -> NDArray[np.int64]:
    """The weights that a kernel finds, which stops at the last input and not before."""
    weights, at = np.zeros(size, np.int64), 0
    for number, group in enumerate(groups.view(GROUP)):
        assert number == 0 or at < size - 1
        for place in range(4):
            at += int(group["distances"]) >> 4 * place & 15
            weights[at] += group["weights"][place]
    assert at == size - 1
    return weights


def network(zeros: float, outputs: int = 64, inputs: int = 512) -> bytes:
    builder = Builder(0)
    source = builder.input((1, inputs))
    made = builder.fully_connected(source, outputs, NONE, True, zeros=zeros)
    return builder.build((source,), (made,))


def filter_bytes(compiled: CompiledModel) -> int:
    step = compiled.model.schedule.network.steps[-1]
    return sum(np.asarray(step.params[name]).nbytes for name in ("filter", "starts") if name in step.params)


@pytest.mark.parametrize("zeros", [0.0, 0.3, 0.8, 0.97, 1.0])
@pytest.mark.parametrize("size", [1, 2, 4, 15, 16, 17, 31, 64, 513])
def test_what_is_packed_is_found(size: int, zeros: float) -> None:
    rng = np.random.default_rng(size)
    weights = rng.integers(-128, 128, size).astype(np.int8)
    weights[rng.random(size) < zeros] = 0
    np.testing.assert_array_equal(unpacked(pack(weights), size), weights)


def test_sparse_weights_are_stored_where_a_quarter_is_saved() -> None:
    for target in ("cortex-m0plus", "cortex-m4", "rv32"):
        for zeros, kernel in ((0.45, "fully_connected"), (0.6, "fully_connected_sparse")):
            assert kernels(network(zeros), target)[-1].split(".")[0] == kernel
    assert kernels(network(0.9), "cortex-m55") == ["fully_connected.mve"]  # whose vectors take all in no time


def test_another_training_may_have_no_zeros() -> None:
    external = compile_tflite(network(0.9), target="cortex-m4", weights_version=1)
    step = external.model.schedule.network.steps[-1]
    assert step.kernel.name == "fully_connected"


@pytest.mark.needs_tool("arm-none-eabi-gcc", package="gcc-arm-none-eabi")
@pytest.mark.needs_tool("qemu-system-arm", package="qemu-system-arm")
def test_a_fifth_of_the_weights_costs_a_third_of_the_bytes_and_no_instruction(tmp_path: Path) -> None:
    files = {zeros: tmp_path / f"zeros{zeros}.tflite" for zeros in (0.0, 0.8)}
    for zeros, file in files.items():
        file.write_bytes(network(zeros))
    dense, sparse = (compile_tflite(file, target="cortex-m4") for file in files.values())
    assert filter_bytes(sparse) <= 0.35 * filter_bytes(dense)
    costs = [verify(file, "cortex-m4", 2) for file in files.values()]
    assert [cost.bytes_different for cost in costs] == [0, 0]
    assert costs[1].instructions is not None
    assert costs[0].instructions is not None
    assert costs[1].instructions <= costs[0].instructions
