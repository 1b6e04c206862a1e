# SPDX-License-Identifier: Apache-2.0
"""A PAD goes into the convolutions that read it, and no byte changes."""

import pytest
from generated_c import check
from tflite_builder import SAME, VALID, Builder


def kernels(builder: Builder, source: int, *outputs: int) -> list[str]:
    """Return the kernels of the model's C, checked against the oracle."""
    compiled = check([builder.build((source,), outputs)])[0]
    return [step.kernel.key for step in compiled.model.schedule.network.steps[1:]]


@pytest.mark.parametrize("padding", [SAME, VALID])
@pytest.mark.parametrize("depthwise", [True, False])
def test_padding_of_all_kinds_is_the_convolutions(padding: int, depthwise: bool) -> None:
    for amounts in ((0, 1, 0, 1), (1, 1, 2, 0), (2, 0, 1, 2)):
        builder = Builder()
        source = builder.input((1, 6, 7, 2), 0.02, 9)
        padded = builder.pad(source, *amounts)
        options = {"padding": padding, "depthwise": depthwise}
        made = builder.conv(padded, 2, stride=(2, 2), **options)
        assert kernels(builder, source, made) == ["depthwise_conv_2d" if depthwise else "conv_2d"]


def test_a_pad_that_others_read_stays() -> None:
    builder = Builder()
    source = builder.input((1, 6, 7, 2))
    padded = builder.pad(source, 1, 1, 1, 1)
    ends = builder.conv(padded, 2), builder.pool(padded, "AVERAGE", (3, 3), (2, 2))
    assert sorted(kernels(builder, source, *ends)) == ["average_pool_2d", "conv_2d", "pad"]


def test_what_is_no_padding_stays() -> None:
    for paddings, value in (
        (((0, 0), (1, 1), (1, 1), (0, 0)), 100),
        (((0, 0), (1, 1), (1, 1), (0, 1)), None),
        (((0, 0), (3, 0), (0, 0), (0, 0)), None),
    ):
        builder = Builder()
        source = builder.input((1, 6, 7, 2))
        made = builder.conv(builder.pad_axes(source, paddings, value), 2)
        assert kernels(builder, source, made) == ["pad", "conv_2d"]


def pooled(zero_point: int, value: int | None, padding: int = VALID, dtype: str = "int8") -> list[str]:
    """Return the kernels of a max pool of a padded convolution."""
    builder = Builder(2, dtype=dtype)
    source = builder.input((1, 9, 8, 3))
    at = builder.conv(source, 4, stride=(2, 1), zero_point=zero_point)
    padded = builder.pad_axes(at, ((0, 0), (1, 0), (1, 1), (0, 0)), value)
    return kernels(builder, source, builder.pool(padded, "MAX", (3, 3), (2, 2), padding))


def test_a_max_pool_leaves_out_what_is_the_lowest() -> None:
    """As PyTorch pads them, or Keras behind a ReLU."""
    assert pooled(-128, None) == ["conv_2d", "max_pool_2d"]
    assert pooled(5, -128) == ["conv_2d", "max_pool_2d"]
    assert pooled(5, None) == ["conv_2d", "pad", "max_pool_2d"]
    assert pooled(5, -127) == ["conv_2d", "pad", "max_pool_2d"]
    assert pooled(-128, None, SAME) == ["conv_2d", "pad", "max_pool_2d"]
    assert pooled(0, None, dtype="int16") == ["conv_2d.s16", "pad", "max_pool_2d.s16"]
