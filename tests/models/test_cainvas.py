# SPDX-License-Identifier: Apache-2.0
"""`cainvas` is exactly the network of its authors."""

import pytest

from edgecnn.errors import ModelError
from edgecnn.models import architecture

LAYERS = [  # name, output shape, parameters
    ("conv1", (62, 62, 32), 320),
    ("pool1", (31, 31, 32), 0),
    ("conv2", (29, 29, 64), 18_496),
    ("pool2", (9, 9, 64), 0),
    ("conv3", (9, 9, 32), 18_464),
    ("pool3", (4, 4, 32), 0),
    ("flatten", (512,), 0),
    ("dense1", (32,), 16_416),
    ("dense2", (64,), 2_112),
    ("dense3", (32,), 2_080),
    ("probabilities", (3,), 99),
]


def test_shapes_and_parameters() -> None:
    model = architecture("cainvas").build((64, 64, 1), 3, 1)
    assert [(la.name, la.output_shape[1:], la.count_params()) for la in model.layers] == LAYERS
    assert model.count_params() == 57_987


def test_too_small_an_input_is_refused_and_the_smallest_works() -> None:
    assert architecture("cainvas").build((22, 22, 3), 2, 1).output_shape == (None, 2)
    with pytest.raises(ModelError, match="22x22 or more"):
        architecture("cainvas").build((21, 64, 1), 3, 1)
