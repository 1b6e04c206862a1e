# SPDX-License-Identifier: Apache-2.0
"""SPACE_TO_BATCH_ND, a convolution and BATCH_TO_SPACE_ND become one, and no byte changes."""

import numpy as np
import pytest
from generated_c import check
from tflite_builder import RELU, VALID, Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError


def dilated(
    builder: Builder, source: int, block: tuple[int, int], same: bool = True, depthwise: bool = False
) -> int:
    """What TensorFlow makes of a convolution of 3x2 with gaps: sides padded to multiples of the block."""
    _, height, width, depth = builder.tensors[source].shape
    paddings, crops, large = [], [], []
    for length, size, gap in zip((height, width), (3, 2), block, strict=True):
        total = (size - 1) * gap if same else 0
        more = -(length + total) % gap
        paddings.append((total // 2, total - total // 2 + more))
        crops.append((0, more))
        large.append((length + total + more) // gap)
    batch = block[0] * block[1]
    inputs = (source, builder.integers(block), builder.integers(paddings))
    parts = builder.move("SPACE_TO_BATCH_ND", inputs, (batch, *large, depth))
    made = builder.conv(parts, 2 if depthwise else 3, (3, 2), (1, 1), VALID, RELU, depthwise=depthwise)
    _, rows, columns, channels = builder.tensors[made].shape
    builder.tensors[made].shape = (batch, rows, columns, channels)
    shape = (
        1,
        *(n * gap - c for n, gap, (_, c) in zip((rows, columns), block, crops, strict=True)),
        channels,
    )
    return builder.move("BATCH_TO_SPACE_ND", (made, builder.integers(block), builder.integers(crops)), shape)


@pytest.mark.parametrize("depthwise", [False, True])
@pytest.mark.parametrize("same", [False, True])
def test_one_convolution_stays(same: bool, depthwise: bool) -> None:
    models = []
    for block in ((2, 2), (1, 3), (3, 2)):
        builder = Builder()
        source = builder.input((1, 9, 8, 2), 0.02, 5)
        models.append(builder.build((source,), (dilated(builder, source, block, same, depthwise),)))
    for compiled in check(models):
        assert len(compiled.plan["steps"]) == 2
        assert compiled.plan["macs"] >= compiled.plan["macs_computed"]  # what was cropped is not computed


def test_what_is_no_dilation_is_refused() -> None:
    builder = Builder()
    source = builder.input((1, 9, 8, 2))
    made = dilated(builder, source, (2, 2))
    builder.tensors[builder.operators[-1][1][1]].data = np.array([2, 1], np.int32)
    with pytest.raises(ModelError, match="supported only in front of a convolution"):
        compile_tflite(builder.build((source,), (made,)), name="net")
