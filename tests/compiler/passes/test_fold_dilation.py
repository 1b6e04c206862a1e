# SPDX-License-Identifier: Apache-2.0
"""SPACE_TO_BATCH_ND, a convolution and BATCH_TO_SPACE_ND become one, and no byte changes."""

import numpy as np
import pytest
from generated_c import check
from networks import dilated
from tflite_builder import Builder

from edgecnn.compiler import compile_tflite
from edgecnn.errors import ModelError


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


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("causal", [False, True])
def test_of_one_dimension(axis: int, causal: bool) -> None:
    """A Conv1D, for which TensorFlow adds a dimension between what splits and what joins."""
    models = []
    for gap, length in ((2, 12), (3, 13), (4, 9)):
        builder = Builder()
        source = builder.input((1, length, 3), 0.02, 5)
        before = 2 * gap if causal else 0
        more = -(length + before) % gap
        paddings, crops = [(before, more)], [(0, more)]
        parts = (length + before + more) // gap
        inputs = (source, builder.integers([gap]), builder.integers(paddings))
        at = builder.move("SPACE_TO_BATCH_ND", inputs, (gap, parts, 3))
        seen = (gap, 1, parts, 3) if axis == 1 else (gap, parts, 1, 3)
        at = builder.move("EXPAND_DIMS", (at, builder.integers(axis)), seen)
        at = builder.conv(at, 4, (1, 3) if axis == 1 else (3, 1))
        builder.tensors[at].shape = (gap, *builder.tensors[at].shape[1:])
        at = builder.reshape(at, (gap, parts - 2, 4))
        inputs = (at, builder.integers([gap]), builder.integers(crops))
        made = builder.move("BATCH_TO_SPACE_ND", inputs, (1, (parts - 2) * gap - more, 4))
        models.append(builder.build((source,), (made,)))
    for compiled in check(models):
        assert "conv_2d" in [step["kernel"] for step in compiled.plan["steps"]]


def test_what_is_no_dilation_is_refused() -> None:
    builder = Builder()
    source = builder.input((1, 9, 8, 2))
    made = dilated(builder, source, (2, 2))
    builder.tensors[builder.operators[-1][1][1]].data = np.array([2, 1], np.int32)
    with pytest.raises(ModelError, match="supported only in front of a convolution"):
        compile_tflite(builder.build((source,), (made,)), name="net")
