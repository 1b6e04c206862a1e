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


def test_what_is_no_dilation_is_refused() -> None:
    builder = Builder()
    source = builder.input((1, 9, 8, 2))
    made = dilated(builder, source, (2, 2))
    builder.tensors[builder.operators[-1][1][1]].data = np.array([2, 1], np.int32)
    with pytest.raises(ModelError, match="supported only in front of a convolution"):
        compile_tflite(builder.build((source,), (made,)), name="net")
