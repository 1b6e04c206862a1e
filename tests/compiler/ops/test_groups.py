# SPDX-License-Identifier: Apache-2.0
"""CONV_2D in groups: TFLite's reference kernel = NumPy reference = C; of one channel each it is depthwise."""

import numpy as np
import pytest
from generated_c import check
from tflite_builder import RELU, SAME, Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError


def network(groups: int, channels: int, dtype: str = "int8", **options: object) -> bytes:
    """A grouped convolution over 12 channels, and another behind it."""
    builder = Builder(groups + channels, dtype=dtype)
    source = builder.input((1, 6, 7, 12), 0.02, 5)
    at = builder.conv(source, channels, padding=SAME, activation=RELU, **options)  # type: ignore[arg-type]
    filters = builder.tensors[builder.operators[-1][1][1]]
    assert filters.data is not None
    filters.data = np.ascontiguousarray(filters.data[..., : 12 // groups])
    filters.shape = filters.data.shape
    return builder.build((source,), (builder.conv(at, 3, (1, 1)),))


def test_equal_to_the_oracle() -> None:
    models = [
        network(2, 6),
        network(3, 9, per_channel=False),
        network(4, 4, stride=(2, 1)),
        network(12, 12),
        network(12, 24, dilation=(2, 2)),
        network(2, 4, "int16"),
        network(2, 4, "uint8"),
        network(12, 12, "int16"),
    ]
    ops = [[step["op"] for step in model.plan["steps"]] for model in check(models)]
    assert ops[0] == ["INPUT", "SLICE", "CONV_2D", "SLICE", "CONV_2D", "CONCATENATION", "CONV_2D"]
    assert ops[3] == ["INPUT", "DEPTHWISE_CONV_2D + CONV_2D"]  # a column at a time


def test_what_is_no_group_is_refused() -> None:
    with pytest.raises(
        ModelError, match="the filter's last dimension must be the input's channels, or those"
    ):
        compile_tflite(network(2, 5), name="net")
