# SPDX-License-Identifier: Apache-2.0
"""Every network is found by its file, has the parameters that it says, and becomes int8 operators."""

import pytest

from edgecnn.errors import ModelError
from edgecnn.models import architecture, architectures

NAMES = (
    "cainvas", "cbam", "ds-cnn", "inception-transfer", "melanoma-v1", "melanoma-v2", "melanoma-v3",
    "mobilenet-v1", "mobilenet-v2", "resnet8", "unet",
)  # fmt: skip


def test_architectures_are_found_by_their_files() -> None:
    assert tuple(architectures()) == NAMES
    with pytest.raises(ModelError, match='model "resnet" does not exist; choose one of: cainvas, cbam'):
        architecture("resnet")


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_as_declared(name: str) -> None:
    found = architecture(name)
    model = found.build(found.input_shape, found.classes, 1)
    assert model.count_params() == found.parameters
    assert model.input_shape == (None, *found.input_shape)


def test_the_parameters_of_the_authors() -> None:
    """Those of MLPerf Tiny among them."""
    named = [name for name in NAMES if name.startswith(("melanoma", "cainvas", "ds-", "resnet"))]
    assert {name: architecture(name).parameters for name in named} == {
        "cainvas": 57_987,
        "ds-cnn": 24_908,
        "resnet8": 78_666,
        "melanoma-v1": 11_354_369,
        "melanoma-v2": 14_714_753,
        "melanoma-v3": 10_535_809,
    }


@pytest.mark.parametrize("name", ["cbam", "melanoma-v2"])
def test_two_classes_end_in_a_sigmoid_and_three_in_a_softmax(name: str) -> None:
    for classes, outputs, activation in ((2, 1, "sigmoid"), (3, 3, "softmax")):
        model = architecture(name).build((64, 64, 1), classes, 0.25)
        assert model.output_shape == (None, outputs)
        assert model.layers[-1].activation.__name__ == activation


def test_a_smaller_input_leaves_out_the_last_stages_of_melanoma() -> None:
    names = [layer.name for layer in architecture("melanoma-v2").build((96, 96, 3), 2, 1).layers]
    assert names[-6:] == ["conv5", "pool5", "flatten", "dense", "dropout", "probabilities"]


def test_width_scales_every_layer_but_the_last() -> None:
    for name in ("cainvas", "cbam", "unet", "melanoma-v1", "resnet8"):
        narrow = architecture(name).build((64, 64, 3), 3, 0.5)
        whole = architecture(name).build((64, 64, 3), 3, 1)
        assert 0.2 < narrow.count_params() / whole.count_params() < 0.3


@pytest.mark.parametrize(
    ("name", "side", "allowed"),
    [
        ("cbam", 31, "32x32 or more"),
        ("inception-transfer", 74, "75x75 or more"),
        ("mobilenet-v1", 31, "32x32 or more"),
        ("mobilenet-v2", 31, "32x32 or more"),
        ("resnet8", 7, "8x8 or more"),
        ("ds-cnn", 7, "8x8 or more"),
        ("melanoma-v3", 13, "14x14 or more"),
        ("unet", 36, "8x8 or more, in multiples of 8"),
    ],
)
def test_an_input_that_is_too_small_or_no_multiple_is_refused(name: str, side: int, allowed: str) -> None:
    with pytest.raises(
        ModelError, match=f'model "{name}" can\'t take an input of {side}x{side}; use {allowed}'
    ):
        architecture(name).build((side, side, 3), 2, 1)
