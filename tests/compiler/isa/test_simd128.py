# SPDX-License-Identifier: Apache-2.0
"""The kernels for WebAssembly's vectors, and the plain C beside them: the reference kernels' bytes."""

from pathlib import Path

import pytest
from generated_c import check
from kernel_cases import kernel_models, kernels
from on_target import check_on_target
from tflite_builder import NONE, RELU, RELU6, SAME

KINDS = kernel_models(
    {
        "conv_2d": [
            ((1, 5, 8, 3), 17, (3, 3), (2, 2), SAME, RELU6),  # taps and channels fill no vector
            ((1, 4, 1, 8), 8, (1, 1)),
            ((1, 9, 13, 8), 5, (1, 1)),
        ],
        "depthwise_conv_2d": [
            ((1, 6, 9, 13), 1, (3, 3), (2, 2), SAME, RELU),  # channels fill no vector
            ((1, 9, 10, 24), 1, (2, 4), (1, 1), SAME, NONE, (2, 2)),
            ((1, 5, 6, 4), 1, (3, 3), (1, 1), SAME),  # portable
            ((1, 5, 6, 8), 2, (3, 3), (1, 1), SAME),  # portable
        ],
        "pooled": [((1, 10, 12, 3), 9, (3, 3)), ((1, 11, 12, 4), 8, (4, 5))],
        "columns": [((1, 9, 13, 3),)],
    }
)
MODELS = [model for of_kind in KINDS.values() for model in of_kind]


def test_the_kernels_are_taken() -> None:
    made = {kind: [kernels(one, "wasm32") for one in of_kind] for kind, of_kind in KINDS.items()}
    assert made["conv_2d"] == [["conv_2d.simd128"]] * len(KINDS["conv_2d"])
    assert made["depthwise_conv_2d"] == [
        ["depthwise_conv_2d.simd128"],
        *[["depthwise_conv_2d"]] * 4,
        *[["depthwise_conv_2d.simd128"]] * 2,
        *[["depthwise_conv_2d"]] * 2,
    ]
    assert made["pooled"] == [["conv_2d.simd128"]] * len(KINDS["pooled"])
    assert {"conv_2d.simd128", "depthwise_conv_2d.simd128"} < set(made["columns"][0])


def test_plain_c_equals_the_oracle() -> None:
    check(MODELS, target="wasm32")


@pytest.mark.needs_tool("node", package="nodejs")
@pytest.mark.needs_tool("wasm-ld", package="lld")
def test_vectors_equal_the_oracle(tmp_path: Path) -> None:
    check_on_target(MODELS, "wasm32", tmp_path)
